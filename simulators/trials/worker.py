"""One worker process: the loops of the centre's worker over its own line to the database, killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from dispatch.core.errors import DispatchError, NotFound
from dispatch.core.position import Fix, LastKnown
from dispatch.services import clocks, delivery, dispatcher
from dispatch.services.context import Context
from dispatch.services.telephone import PhoneReport, phone_reported
from dispatch.services.tracking import device_event
from dispatch.services.ways_out import Ports
from simulators.trials.edges import Streams
from simulators.trials.fortune import Fortune
from simulators.trials.loop import seconds

T = TypeVar("T")
POLL = 15.0
"""Seconds between two looks where nothing nudges and nothing is due."""


class Worker:
    """`context` is made anew at each start: what a process remembers dies with it."""

    def __init__(
        self,
        name: str,
        fortune: Fortune,
        made: Callable[[str], Context],
        ports: Callable[[], Ports],
        streams: Streams,
    ) -> None:
        self.name, self._fortune, self._made, self._ports, self._streams = name, fortune, made, ports, streams
        self._luck = fortune.stream(f"worker {name}")
        self._crashes = fortune.moments(f"crash {name}", fortune.severity.crashes)
        self._woken: list[asyncio.Event] = []
        self.context: Context | None = None
        """None while it is dead."""
        self.dead: list[tuple[float, float]] = []
        """From when to when it was dead."""
        self._changed, self._matched = True, 0.0

    def nudge(self) -> None:
        """Something was committed."""
        self._changed = True
        for event in self._woken:
            event.set()

    async def run(self) -> None:
        """One life after the other."""
        while True:
            self.context = self._made(f"{self.name} {len(self.dead)}")
            died = next((at for at in self._crashes if at > seconds()), None)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(died):
                    await self._live(self.context)
            self.context, self._woken = None, []
            back = self._luck.uniform(1, 90)
            self.dead.append((seconds(), seconds() + back))
            await asyncio.sleep(back)

    async def _live(self, context: Context) -> None:
        def lane(kinds: Sequence[str]) -> Callable[[], Awaitable[int]]:
            return lambda: delivery.deliver_due(context, self._ports(), kinds)

        lanes = (delivery.CALLS, delivery.CUTS, delivery.ORDERS, delivery.ALERTS, delivery.MESSAGES)
        async with asyncio.TaskGroup() as tasks:
            for once in (lambda: clocks.fire_due(context), *map(lane, lanes)):
                tasks.create_task(self._whenever(context, once))
            regular: tuple[tuple[float, Callable[[], Awaitable[object]]], ...] = (
                (5.0, lambda: self._match(context)),
                (30.0, lambda: clocks.remind_away(context)),
                (0.5, lambda: self._read(context)),
                (5.0, lambda: self._desired(context)),
            )
            for pause, each in regular:
                tasks.create_task(self._every(pause, each))

    async def _whenever(self, context: Context, once: Callable[[], Awaitable[int]]) -> None:
        """Again while there is something to do, then when something is due or somebody nudges."""
        woken = asyncio.Event()
        self._woken.append(woken)
        while True:
            try:
                if await once():
                    continue
                due = await context.store.next_due()
            except DispatchError:
                await asyncio.sleep(1.0)
                continue
            wait = POLL if due is None else (due - context.clock.now()).total_seconds()
            try:
                async with asyncio.timeout(min(POLL, max(0.5, wait))):
                    await woken.wait()
            except TimeoutError:
                continue
            finally:
                woken.clear()

    async def _every(self, pause: float, once: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await once()
            except DispatchError:
                await asyncio.sleep(1.0)
            await asyncio.sleep(pause)

    async def _match(self, context: Context) -> None:
        """A batch where something has changed, and now and then."""
        if not self._changed and seconds() < self._matched + 60:
            return
        self._changed, self._matched = False, seconds()
        at = context.clock.now().timestamp()
        for n, crew in enumerate(context.directory.crews.values()):
            context.fixes.put(LastKnown(f"t-{crew.id}", Fix(30.05 + n / 1000, 120.05, at, at)))
        await dispatcher.match_waiting(context)

    async def _read(self, context: Context) -> None:
        """What the streams hold, in its order; what was not settled comes again."""
        while self._streams.events or self._streams.arrivals:
            self._streams.reachable()
            if self._streams.arrivals:
                centre, order, send, tries = self._streams.arrivals[0]
                with contextlib.suppress(NotFound):
                    await dispatcher.centre_received(context, order, centre_id=centre, send=send, tries=tries)
                _settle(self._streams.arrivals, (centre, order, send, tries))
            if self._streams.events:
                event = self._streams.events[0]
                await device_event(context, event)
                _settle(self._streams.events, event)

    async def _desired(self, context: Context) -> None:
        """After Redis has lost everything: what should be on every device, once more."""
        if self._streams.lost:
            for desired in await delivery.all_desired(context):
                await self._streams.write_desired(desired)
            self._streams.lost = False

    async def heard(self, report: PhoneReport) -> bool:
        """The exchange calls back; whether it was taken."""
        if self.context is None:
            return False
        try:
            await phone_reported(self.context, report)
        except DispatchError:
            return False
        return True


def _settle(stream: deque[T], one: T) -> None:
    """Another worker may have been quicker."""
    if stream and stream[0] == one:
        stream.popleft()
