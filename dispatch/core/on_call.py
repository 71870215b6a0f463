"""Who is on call: a small schedule of duties, each a person with a number, for some days and a part of the day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

HOTLINE = "hotline"
"""The unit whose schedule is the hotline's; all others are ids of centres and departments."""
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


@dataclass(frozen=True, slots=True)
class Duty:
    """One line of the schedule, in local wall time. A duty that goes over midnight belongs to the day on which it
    begins; equal ends mean round the clock."""

    unit: str
    name: str
    phone: str
    start: time = time(0)
    end: time = time(0)
    days: tuple[int, ...] = EVERY_DAY
    """ISO weekdays, Monday is 1."""
    first_day: date | None = None
    last_day: date | None = None

    def covers(self, local: datetime) -> bool:
        """Whether it is this person's duty at this local time."""
        now = local.time()
        if self.start < self.end:
            return self.start <= now < self.end and self._on(local.date())
        if now >= self.start:
            return self._on(local.date())
        return now < self.end and self._on(local.date() - timedelta(days=1))

    def _on(self, day: date) -> bool:
        after = self.first_day is None or self.first_day <= day
        return after and (self.last_day is None or day <= self.last_day) and day.isoweekday() in self.days

    @property
    def is_dated(self) -> bool:
        """Whether it holds for a time only: a stand-in goes before the standing order."""
        return self.first_day is not None or self.last_day is not None


def on_call(schedule: Iterable[Duty], unit: str, local: datetime) -> Duty | None:
    """Who is on call for a unit at this local time: a dated duty first, else the first one of the schedule."""
    found = [duty for duty in schedule if duty.unit == unit and duty.covers(local)]
    return min(found, key=lambda duty: not duty.is_dated, default=None)
