"""What a fault run is judged on, and what the judgement finds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from dispatch.services.ports import Processes


@dataclass
class Findings:
    """What must be empty, and figures beside it. Each finding is told in words, the first ones are shown."""

    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    facts: dict[str, float | int | str] = field(default_factory=dict)
    lateness: list[float] = field(default_factory=list)
    """Of each rung, from its due time until it was decided, in seconds on the installation's clock."""
    rungs: list[tuple[datetime, datetime]] = field(default_factory=list)
    """Of each rung, when it was decided and when it was due."""
    overdue: list[tuple[datetime, datetime, str]] = field(default_factory=list)
    """Of each watch that was overdue when its order took a step: when that was, when the rung was due, in words."""

    def add(self, what: str, told: str) -> None:
        self.wrong[what].append(told)


@dataclass(frozen=True)
class Ground:
    """What the judgement is made on."""

    ledgers: Sequence[Path]
    log: Path
    processes: Processes
    now: datetime
    passed: timedelta
    """A rung is forgotten when one that was due so much later, on the installation's clock, was decided before it."""
    lease: timedelta
    """How long after an acknowledgement a call that was prepared before it may still begin."""
    tolerance: timedelta
    """What the clocks of two processes may differ by, on the installation's clock."""


LOST, DOUBLED = "orders lost or steps lost", "decisions doubled"
AFTER, FORGOTTEN = "rungs or calls begun after a committed acknowledgement", "rungs forgotten"
CALLS, MINUTE = "calls in the exchange's log without one outbox call", "numbers rung twice within a minute"
CLOCKS, TRAIL = "clocks that differ from the core's", "rows that the audit trail does not vouch for"
OUT = "outbox rows that never ended"
EVERYTHING = (LOST, DOUBLED, AFTER, FORGOTTEN, CALLS, MINUTE, CLOCKS, TRAIL, OUT)

Answers = Mapping[tuple[str, int], datetime]
"""When each dispatch of each order was answered."""
