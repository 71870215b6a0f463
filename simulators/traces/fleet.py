"""The traces' vehicles as JT/T 808 terminals, each reporting when its trace says so."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from struct import unpack_from

from dispatch.clock import Clock
from simulators.terminals import MemoryStore, Terminal
from simulators.terminals.store import Kept
from simulators.terminals.terminal import Timers
from simulators.terminals.wire import POSITION, read_bcd_time
from simulators.traces.rows import TraceFix

Key = tuple[str, int, int, int]
"""Device, fix time in seconds, latitude and longitude in millionths of a degree: one fix, as it was sent."""
STEP_S = 0.05
"""Real seconds between two looks at what is due."""


class Ledger(MemoryStore):
    """What the terminals keep; what the platform has acknowledged is written down when it is forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.acknowledged: Counter[Key] = Counter()
        self._bodies: dict[tuple[str, int], bytes] = {}

    def keep(self, device: str, kept: Kept) -> None:
        if kept.message_id == POSITION:
            self._bodies[device, kept.key] = kept.body
        super().keep(device, kept)

    def forget(self, device: str, keys: Iterable[int]) -> None:
        gone = list(keys)
        for key in gone:
            if (body := self._bodies.pop((device, key), None)) is not None:
                self.acknowledged[key_of(device, body)] += 1
        super().forget(device, gone)


def key_of(device: str, body: bytes) -> Key:
    """The fix in the body of a 0x0200, in the terminal's own numbers (table 23)."""
    _, status, lat, lon = unpack_from(">IIII", body)
    seconds = int(read_bcd_time(body[22:28]).timestamp())
    return device, seconds, -lat if status & 4 else lat, -lon if status & 8 else lon


class Fleet:
    """All terminals of one replay."""

    def __init__(self, devices: dict[str, str], host: str, port: int, clock: Clock) -> None:
        self.ledger = Ledger()
        self._clock = clock
        timers = Timers(back_off=0.2)
        self.terminals = {
            vehicle: Terminal(device, host, port, clock, store=self.ledger, timers=timers)
            for vehicle, device in devices.items()
        }
        self._running: list[asyncio.Task[None]] = []
        self.sent = 0

    async def log_in(self, patience: float = 30.0) -> bool:
        """Start all terminals; whether every one was let in."""
        self._running = [asyncio.create_task(one.run()) for one in self.terminals.values()]
        return await self._until(lambda: all(one.online for one in self.terminals.values()), patience)

    async def drive(
        self, fixes: list[TraceFix], stop: asyncio.Event, progress: Callable[[int], None]
    ) -> None:
        """Report each fix when the clock has come to its time, until `stop`."""
        while self.sent < len(fixes) and not stop.is_set():
            now = self._clock.now().timestamp()
            while self.sent < len(fixes) and fixes[self.sent].time <= now:
                self._report(fixes[self.sent])
                self.sent += 1
            progress(self.acknowledged)
            await asyncio.sleep(STEP_S)

    async def drained(self, patience: float, progress: Callable[[int], None]) -> bool:
        """Wait until everything is acknowledged; False: not within `patience` real seconds."""

        def empty() -> bool:
            progress(self.acknowledged)
            return not any(one.waiting for one in self.terminals.values())

        return await self._until(empty, patience)

    async def close(self) -> None:
        """Hang up."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    @property
    def acknowledged(self) -> int:
        """Positions that the gateway has acknowledged."""
        return sum(one.counts.acknowledged for one in self.terminals.values())

    @property
    def resent(self) -> int:
        """Messages that were sent again because no answer came in time."""
        return sum(one.counts.resent for one in self.terminals.values())

    def _report(self, fix: TraceFix) -> None:
        when = datetime.fromtimestamp(fix.time, UTC)
        self.terminals[fix.vehicle].move(fix.lat, fix.lon, 0.0, 0.0, when)

    async def _until(self, true: Callable[[], bool], patience: float) -> bool:
        for _ in range(round(patience / STEP_S)):
            if true():
                return True
            await asyncio.sleep(STEP_S)
        return true()
