"""The clocks of one worker's machine: its calendar is put on and back; the seconds since its start are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dispatch.clock import Machine
from dispatch.tracker import Reading
from simulators.trials.fortune import Fortune
from simulators.trials.loop import seconds

START = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
UP = 5_000.0
"""Seconds for which every machine has been up when the day begins."""
STEPS = (-3600.0, -30.0, -2.0, 0.7, 5.0, 600.0, 3600.0)


def true_time() -> datetime:
    """What a right clock would say, and the database's does."""
    return START + timedelta(seconds=seconds())


class TrialMachine(Machine):
    """`Machine` in the loop's time."""

    def __init__(self, fortune: Fortune, name: str) -> None:
        self.boot_id = f"trial {name}"
        luck = fortune.stream(f"clock of {name}")
        moments = fortune.moments(f"steps of {name}", fortune.severity.steps)
        self._steps = [(at, luck.choice(STEPS)) for at in moments]

    def boot(self) -> float:
        return UP + seconds()

    def read(self) -> Reading:
        off = sum(step for at, step in self._steps if at <= seconds())
        return Reading(true_time().timestamp() + off, self.boot())
