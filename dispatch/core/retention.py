"""How long positions are kept: whole days (UTC), never into the life of an order that is still open."""

from __future__ import annotations

from datetime import datetime
from math import floor

DAY_S = 86_400.0
QUIET_HOURS = range(1, 5)
"""Local hours in which the fewest faults are reported."""
PATIENT_S = 2 * DAY_S
"""What is older than allowed by more than this goes at any hour: the machine may be off at night."""


def gone_before(now: float, keep_days: int, open_since: float | None) -> float | None:
    """The midnight (seconds since 1970-01-01 UTC) before which positions may go; None: all are kept.

    `open_since`: when the oldest open order was reported.
    """
    if keep_days <= 0:
        return None
    last = now - keep_days * DAY_S
    return floor(min(last, last if open_since is None else open_since) / DAY_S) * DAY_S


def is_time(oldest: float, before: float, local: datetime) -> bool:
    """Whether to delete now, where `oldest` is the age of what is there and `before` what may go."""
    return oldest < before and (local.hour in QUIET_HOURS or oldest < before - PATIENT_S)
