"""The only reader of time.

Everything else is handed `now`, or a `Clock`. All instants are timezone-aware UTC datetimes.

An installation's time (`InstallationClock`) advances with the seconds since the machine's start, those asleep too, and is
only *led* by a clock of the calendar: the database's where it has one (PostgreSQL), else the machine's. When that
clock is stepped, by whomever, the installation's time does not follow it at once: it is slewed, at most by
`SLEW`, and the step is reported. So an hour put on or back moves no deadline; `Mark` and `resume` carry the time
across restarts.

A scaled clock lets a demonstration's hours pass faster: every process of one installation builds it
from the same three numbers, so that they agree without talking. Transport timers (resends, session
time-outs, retries) always use `SystemClock`.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Protocol

from dispatch.tracker import STEP, Leader, Mark, Reading, Step, Tracker, resume

LISTEN_EVERY = 0.1
"""Seconds between two looks at the machine's clock: the seconds since its start are enough in between."""
DATABASE_TIME = "SELECT clock_timestamp()"
"""Asked for on PostgreSQL to lead the installation's time; never part of a query that looks for what is due."""


class Clock(Protocol):
    """What a process may know about time."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        ...

    def timestamp(self) -> float:
        """The same as seconds since 1970 UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait until this clock has advanced by `seconds`."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def timestamp(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    monotonic = staticmethod(time.monotonic)
    """Seconds that never step back; for measuring real durations only."""


class Machine:
    """The clocks of the machine that we run on."""

    def __init__(self) -> None:
        try:
            self.boot_id = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        except OSError:
            self.boot_id = ""
        """Names the machine's life since its start; empty where the system has no such name."""

    def boot(self) -> float:
        """Seconds since the machine's start, on Linux with those asleep: what became due meanwhile is overdue at once."""
        return time.clock_gettime(_SINCE_START)

    def read(self) -> Reading:
        """All clocks, at the same time as far as other processes let us."""
        return min((self._read_once() for _ in range(3)), key=lambda reading: reading.apart)

    def _read_once(self) -> Reading:
        before = self.boot()
        wall = time.time()
        after = self.boot()
        return Reading(wall, (before + after) / 2, after - before)


_SINCE_START = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class InstallationClock(SystemClock):
    """The installation's real time: never stepped within a process, and carried across restarts by a `Mark`."""

    def __init__(
        self, mark: Mark | None = None, database: float | None = None, machine: Machine | None = None
    ) -> None:
        """`database`: what its clock says now, if it leads."""
        self._machine, self._lock = machine or Machine(), Lock()
        first = self._machine.read()
        self._listened = first.boot
        self._tracker = Tracker(first, resume(mark, first, self._machine.boot_id, database))
        if database is not None:
            self._tracker.database(database, first.boot, STEP)
        self._confirmed: str | None = None

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def timestamp(self) -> float:
        boot = self._machine.boot()
        if boot - self._listened < LISTEN_EVERY:
            return self._tracker.time(boot)
        with self._lock:
            return self._tracker.at(self._listen())

    def boot(self) -> float:
        """Seconds since the machine's start."""
        return self._machine.boot()

    def heard(self, database: float | None, since: float, committed: str, confirmed: str) -> list[Step]:
        """What the database says: its clock (asked for when `boot` was `since`), the last committed mark, and the last
        word by which somebody confirmed the leading clock. Returns the steps of clocks noticed since the last time.

        Raises ValueError where `committed` is no mark.
        """
        with self._lock:
            reading = self._listen()
            self._tracker.at(reading)
            apart = (reading.boot - since) / 2
            if database is not None and apart < STEP / 4:
                self._tracker.database(database, since + apart, apart)
            if (mark := Mark.of(committed)) is not None:
                self._tracker.at_least(mark.time, reading.boot)
            if self._confirmed is not None and confirmed != self._confirmed:
                self._tracker.trust(reading.boot)
            self._confirmed = confirmed
            steps = list(self._tracker.steps)
            self._tracker.steps.clear()
            return steps

    def mark(self) -> Mark:
        """Where it stands now, to be kept."""
        with self._lock:
            reading = self._listen()
            at = self._tracker.at(reading)
            return Mark(
                at, reading.boot, at + self._tracker.behind(None, reading.boot), self._machine.boot_id
            )

    def behind(self, clock: Leader) -> float:
        """Seconds by which it is behind a clock (ahead: negative)."""
        with self._lock:
            reading = self._listen()
            self._tracker.at(reading)
            return self._tracker.behind(clock, reading.boot)

    def _listen(self) -> Reading:
        reading = self._machine.read()
        self._listened = reading.boot
        return reading


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """`virtual_epoch` stood at `real_epoch`; since then time passes `speed` times as fast."""

    real_epoch: datetime
    virtual_epoch: datetime
    speed: float
    source: Clock = field(default_factory=InstallationClock, compare=False)

    def now(self) -> datetime:
        elapsed = (self.source.now() - self.real_epoch).total_seconds()
        return self.virtual_epoch + timedelta(seconds=elapsed * self.speed)

    def timestamp(self) -> float:
        return self.now().timestamp()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)


class VirtualClock:
    """Stands still until it is told to move; for tests and replays."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware datetime")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def timestamp(self) -> float:
        return self._now.timestamp()

    def advance(self, seconds: float) -> datetime:
        """Move forward by `seconds` (never back)."""
        return self.advance_to(self._now + timedelta(seconds=seconds))

    def advance_to(self, instant: datetime) -> datetime:
        """Move forward to `instant`; an instant in the past leaves the clock where it is."""
        self._now = max(self._now, instant)
        return self._now

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)


def clock_from(text: str, source: Clock | None = None, mark: str = "") -> Clock:
    """The installation's clock from `Settings.clock`: `real_epoch virtual_epoch speed`, or empty. Its real time is
    `source`, or goes on from `mark`.

    Raises ValueError where the text is neither.
    """
    source = source or InstallationClock(Mark.of(mark))
    if not text.strip():
        return source
    try:
        real, virtual, speed = text.split()
        clock = ScaledClock(
            datetime.fromisoformat(real), datetime.fromisoformat(virtual), float(speed), source
        )
    except ValueError:
        raise ValueError(f"clock {text!r}: expected two ISO 8601 instants and a speed") from None
    if clock.real_epoch.tzinfo is None or clock.virtual_epoch.tzinfo is None or clock.speed <= 0:
        raise ValueError(f"clock {text!r}: instants need a zone, and the speed must be above 0")
    return clock


def real_time(clock: Clock) -> Clock:
    """The same installation's unscaled time."""
    return clock.source if isinstance(clock, ScaledClock) else clock
