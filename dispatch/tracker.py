"""How an installation's time goes on while clocks are stepped: pure, fed with readings of the clocks (`dispatch.clock`).

Time advances with the seconds since the machine's start and is only led by a clock of the calendar, the database's or the
machine's. Where that one is stepped, time is slewed towards it, and the step is reported.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

SLEW = 0.005
"""How much faster or slower than seconds the installation's time may run to meet the clock that leads it: a wait of four
minutes is wrong by 1.2 s at most, and an hour is made up for in 200."""
STEP = 0.5
"""Seconds by which a clock has to move against the seconds since the start to be called stepped."""
TOLERANCE = 0.01
"""Seconds: two readings that differ by less are the same."""
LONGEST_OFF = 31 * 86_400.0
"""Seconds: a machine that claims to have been off for longer is not believed until somebody confirms its clock."""
Leader = Literal["machine", "database"]


@dataclass(frozen=True, slots=True)
class Reading:
    """The machine's clock (seconds since 1970) and the seconds since its start, of one moment; `apart`: how far apart
    the two may have been read."""

    wall: float
    boot: float
    apart: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """A clock was moved by so many seconds (ahead: positive), noticed at this instant of the installation's time."""

    clock: Leader
    seconds: float
    at: float


class Tracker:
    """The installation's time from readings: pure, so that a test can feed it any story.

    Time is `boot` plus an offset; the offset goes to what the leading clock says, by SLEW at most.
    """

    def __init__(self, first: Reading, start: float | None = None) -> None:
        wall = first.wall - first.boot
        self._heard: dict[Leader, float] = {"machine": wall}
        self._leader: Leader = "machine"
        self._line = (first.boot, wall if start is None else start - first.boot, wall)
        """Since which `boot` the offset goes from what to what; replaced whole, for readers in other threads."""
        self.steps: deque[Step] = deque(maxlen=20)
        """Of the clocks that are listened to; whoever reports them takes them out."""

    def at(self, reading: Reading) -> float:
        """Seconds since 1970 at this reading."""
        if reading.apart < TOLERANCE / 2:
            self._hear("machine", reading.wall - reading.boot, TOLERANCE, reading.boot)
        return self.time(reading.boot)

    def time(self, boot: float) -> float:
        """Seconds since 1970 when the machine has been up for `boot` seconds."""
        since, offset, wanted = self._line
        most = SLEW * max(0.0, boot - since)
        return boot + offset + min(most, max(-most, wanted - offset))

    def database(self, instant: float, boot: float, apart: float) -> None:
        """What the database's clock said `boot` seconds after the start, give or take `apart`. From now on it leads."""
        self._hear("database", instant - boot, max(TOLERANCE, apart), boot)

    def at_least(self, instant: float, boot: float) -> None:
        """Others of the installation have committed this instant already: it cannot be earlier."""
        if self.time(boot) < instant - TOLERANCE:
            self._line = (boot, instant - boot, self._heard[self._leader])

    def trust(self, boot: float) -> None:
        """Somebody confirms the leading clock: jump to it."""
        wanted = self._heard[self._leader]
        self._line = (boot, wanted, wanted)

    def behind(self, clock: Leader | None, boot: float) -> float:
        """Seconds by which the installation's time is behind a clock (None: the leading one; ahead: negative); 0 for one
        that was never heard."""
        offset = self.time(boot) - boot
        return self._heard.get(clock or self._leader, offset) - offset

    def _hear(self, clock: Leader, ahead: float, tolerance: float, boot: float) -> None:
        before = self._heard.get(clock)
        if before is not None and abs(ahead - before) <= tolerance:
            return
        now = self.time(boot)
        if before is not None and abs(ahead - before) > max(STEP, tolerance):
            self.steps.append(Step(clock, ahead - before, now))
        self._heard[clock] = ahead
        if clock == "database":
            self._leader = clock
        self._line = (boot, now - boot, self._heard[self._leader])


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the installation's time stood: `time`, beside the seconds since the start of which machine's life, and what the
    leading clock said then."""

    time: float
    boot: float
    reference: float
    boot_id: str

    def __str__(self) -> str:
        return f"{self.time:.6f} {self.boot:.6f} {self.reference:.6f} {self.boot_id}"

    @classmethod
    def of(cls, text: str) -> Mark | None:
        """None where there is none. Raises ValueError where the text is no mark."""
        if not text:
            return None
        at, boot, reference, boot_id = text.split(" ", 3)
        return cls(float(at), float(boot), float(reference), boot_id)


def resume(mark: Mark | None, reading: Reading, boot_id: str, database: float | None = None) -> float:
    """The installation's time at a process's start, in seconds since 1970.

    1. The machine has not been started anew since the mark: by the seconds since its start, whatever its clock says.
    2. Else by the leading clock (the database's, or the machine's), taken in two ways: what it says, and how far it
       has come since the mark. They differ where it was stepped before or after: the earlier one counts, since
       what is too late can still be seen, and calls cannot be taken back.
    3. Nothing before the mark counts: what was committed has happened. Where that leaves none, or where it would have been
       off for longer than LONGEST_OFF, time goes on from the mark; the auditor says that the clocks differ.
    """
    reference = reading.wall if database is None else database
    if mark is None:
        return reference
    if boot_id and mark.boot_id == boot_id and reading.boot >= mark.boot:
        return mark.time + reading.boot - mark.boot
    both = (reference, mark.time + reference - mark.reference)
    return min((one for one in both if mark.time <= one <= mark.time + LONGEST_OFF), default=mark.time)
