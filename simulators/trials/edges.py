"""The ways out of the centre: Redis with what should be on terminals and what they said, inboxes, the telephone exchange."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime

from dispatch.core.errors import NotFound, Unavailable
from dispatch.messages import Desired, DeviceEvent
from dispatch.services.telephone import PhoneReport
from simulators.exchange import CallEvent, CallRequest, Exchange
from simulators.trials.fortune import Fortune
from simulators.trials.loop import seconds

Arrival = tuple[str, str, int, int]
"""Centre, order, send, tries."""


class Streams:
    """Redis: desired states by device, and two streams that are read at least once, in their order."""

    def __init__(self, fortune: Fortune) -> None:
        self.desired: dict[str, Desired] = {}
        self.events: deque[DeviceEvent] = deque()
        self.arrivals: deque[Arrival] = deque()
        self._fortune = fortune
        self._luck = fortune.stream("redis")
        self.lost = False
        """All that was in it is gone, and nobody has written the desired states anew."""

    def reachable(self) -> None:
        """Raises Unavailable while Redis is out."""
        if self._fortune.down("redis", seconds()):
            raise Unavailable("Redis does not answer")

    def lose(self) -> None:
        """All that was in it is gone, as after a lost disk."""
        self.desired.clear()
        self.events.clear()
        self.arrivals.clear()
        self.lost = True

    async def write_desired(self, desired: Desired) -> None:
        """`Devices`: never back to an older revision."""
        await asyncio.sleep(self._luck.uniform(0.0005, 0.01))
        self.reachable()
        known = self.desired.get(desired.device)
        if known is None or known.revision <= desired.revision:
            self.desired[desired.device] = desired
        self._may_lose_the_answer()

    async def deliver(self, centre_id: str, order_id: str, send: int, tries: int) -> None:
        """`CentreLink`."""
        await asyncio.sleep(self._luck.uniform(0.0005, 0.01))
        self.reachable()
        self.arrivals.append((centre_id, order_id, send, tries))
        self._may_lose_the_answer()

    def say(self, event: DeviceEvent) -> None:
        """What the gateway appends: sometimes twice, for the terminal says it again."""
        self.reachable()
        self.events.append(event)
        if self._luck.random() < self._fortune.severity.doubled:
            self.events.append(event)

    def _may_lose_the_answer(self) -> None:
        if seconds() < self._fortune.seconds and self._luck.random() < self._fortune.severity.lost:
            raise Unavailable("the answer of Redis was lost")


class Telephone:
    """`Phone` over the simulated exchange; what it reports comes late, twice, and is said until it is heard."""

    def __init__(
        self,
        fortune: Fortune,
        exchange: Exchange,
        now: Callable[[], datetime],
        report: Callable[[PhoneReport], Awaitable[bool]],
        dialled: Callable[[CallRequest], None],
    ) -> None:
        """`report`: whether the centre took a report. `dialled`: told of each new call."""
        self._fortune, self.exchange, self._now = fortune, exchange, now
        self._luck = fortune.stream("telephone")
        self._report, self._dialled = report, dialled
        self._cut: list[CallEvent] = []
        self._telling: set[asyncio.Task[None]] = set()
        self.unheard = 0

    async def ring(self, call_id: str, number: str, language: str, prompt: str) -> None:
        await self._way()
        request = CallRequest(
            call_id, number, prompt, language="zh-CN" if language.startswith("zh") else "en"
        )
        _, new = self.exchange.dial(request, self._now())
        if new:
            self._dialled(request)
        self._may_lose_the_answer()

    async def hang_up(self, call_id: str) -> None:
        await self._way()
        try:
            self._cut.extend(self.exchange.hang_up(call_id, self._now()))
        except NotFound:
            return

    async def run(self) -> None:
        """Report what happens, for ever."""
        while True:
            events = [*self._cut, *self.exchange.due(self._now())]
            self._cut = []
            for event in events:
                task = asyncio.create_task(self._tell(event))
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)
            await asyncio.sleep(0.25)

    async def _tell(self, e: CallEvent) -> None:
        report = PhoneReport(e.call_id, e.number, e.seq, e.state, e.digit or "", e.at)
        self.unheard += 1
        if self._luck.random() < self._fortune.severity.late:
            await asyncio.sleep(self._luck.uniform(1, 120))
        heard = await self._report(report)
        while not heard:
            await asyncio.sleep(self._luck.uniform(0.5, 5))
            heard = await self._report(report)
        self.unheard -= 1
        if self._luck.random() < self._fortune.severity.doubled:
            await asyncio.sleep(self._luck.uniform(0, 300))
            await self._report(report)

    async def _way(self) -> None:
        await asyncio.sleep(self._luck.uniform(0.005, 0.2))
        if self._fortune.down("telephone", seconds()):
            raise Unavailable("the telephone exchange does not answer")

    def _may_lose_the_answer(self) -> None:
        if seconds() < self._fortune.seconds and self._luck.random() < self._fortune.severity.lost:
            raise Unavailable("the answer of the telephone exchange was lost")


class Bells:
    """`Alerts`: whoever rings them proves nothing by it."""

    async def send(self, url: str, title: str, body: str) -> str:
        return "noted"
