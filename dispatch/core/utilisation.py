"""How much of a crew's shift went into orders.

Busy is a crew from its acknowledgement of an order until that is restored (or ended, or now); several orders at once
count once. The shift is that of the roster; what was worked outside it counts as busy too, so more than 100 % says
overtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from dispatch.core.figures import percent_of
from dispatch.core.sheet import SECOND, Column, Sheet, ticks_of


@dataclass(frozen=True, slots=True)
class Used:
    """One crew in a period."""

    crew: str
    orders: int
    busy_s: float
    shift_s: float
    used_pct: float | None


def utilisation(
    sheet: Sheet, shift_s: Mapping[str, float], since: datetime, until: datetime
) -> tuple[Used, ...]:
    """Each crew of `shift_s` (its shift's seconds from `since` to `until`), with its orders' time between the two."""
    first, last = ticks_of(since), ticks_of(until)
    held = sheet["busy_from"] >= 0
    start = np.maximum(sheet["busy_from"], first)
    end = np.minimum(np.where(sheet["busy_to"] >= 0, sheet["busy_to"], last), last)
    found = []
    for crew, shift in sorted(shift_s.items()):
        mine = held & (sheet["crew"] == sheet.number("crew", crew)) & (end > start)
        busy = covered(start[mine], end[mine]) / SECOND
        percent = percent_of(round(busy), round(shift))
        found.append(
            Used(crew, int((sheet["crew"] == sheet.number("crew", crew)).sum()), busy, shift, percent)
        )
    return tuple(found)


def covered(start: Column, end: Column) -> int:
    """How much of the axis these spans cover together."""
    if not len(start):
        return 0
    order = np.argsort(start, kind="stable")
    start, end = start[order], end[order]
    reached = np.concatenate(([start[0]], np.maximum.accumulate(end)[:-1]))
    return int(np.maximum(end - np.maximum(start, reached), 0).sum())
