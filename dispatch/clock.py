"""The only reader of time.

Everything else is handed `now`, or a `Clock`. All instants are timezone-aware UTC datetimes.
A scaled clock lets a demonstration's hours pass faster: every process of one installation builds it
from the same three numbers, so that they agree without talking. Transport timers (resends, session
time-outs, retries) always use `SystemClock`.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


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

    timestamp = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    monotonic = staticmethod(time.monotonic)
    """Seconds that never step back; for measuring real durations only."""


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """`virtual_epoch` stood at `real_epoch`; since then time passes `speed` times as fast."""

    real_epoch: datetime
    virtual_epoch: datetime
    speed: float

    def now(self) -> datetime:
        elapsed = (datetime.now(UTC) - self.real_epoch).total_seconds()
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


def clock_from(text: str) -> Clock:
    """The installation's clock from `Settings.clock`: `real_epoch virtual_epoch speed`, or empty.

    Raises ValueError where the text is neither.
    """
    if not text.strip():
        return SystemClock()
    try:
        real, virtual, speed = text.split()
        clock = ScaledClock(datetime.fromisoformat(real), datetime.fromisoformat(virtual), float(speed))
    except ValueError:
        raise ValueError(f"clock {text!r}: expected two ISO 8601 instants and a speed") from None
    if clock.real_epoch.tzinfo is None or clock.virtual_epoch.tzinfo is None or clock.speed <= 0:
        raise ValueError(f"clock {text!r}: instants need a zone, and the speed must be above 0")
    return clock
