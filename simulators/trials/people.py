"""Customers, the hotline, dispatchers and crews: each does its work, late, twice or not at all, as the seed says.

They use the services as the pages do: what is not answered is said again under the same key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from dispatch.core.errors import TRANSIENT, DispatchError
from dispatch.core.types import Actor, Point
from dispatch.core.work_order import WorkOrder
from dispatch.services import chases, dispatcher, hotline
from dispatch.services import crew as duty
from dispatch.services.context import Context
from dispatch.services.hotline import Call
from dispatch.services.ports import Changes, Crew
from simulators.trials.fortune import Fortune
from simulators.trials.loop import seconds
from simulators.trials.terminal import Terminal

HOTLINE, DISPATCHER = Actor("hotline", "holly"), Actor("dispatcher", "dora")
NEXT = {"acknowledged": "depart", "en_route": "arrive", "on_scene": "restore"}


async def insist(luck: Random, act: Callable[[], Awaitable[Any]]) -> bool:
    """Until there is an answer; whether it was a yes."""
    while True:
        try:
            await act()
            return True
        except TRANSIENT:
            await asyncio.sleep(luck.uniform(1, 15))
        except DispatchError:
            return False


class Hotline:
    """One call after the other; each order's way is looked after by whoever took it."""

    def __init__(self, context: Context, fortune: Fortune, calls_an_hour: float) -> None:
        self._context, self._fortune = context, fortune
        self._moments = fortune.moments("calls", calls_an_hour)
        self.contacts: set[str] = set()
        """Calls that were taken, as their customers were told."""

    async def run(self) -> None:
        """All calls of the day, then whatever is left to do."""
        async with asyncio.TaskGroup() as tasks:
            for number, at in enumerate(self._moments):
                tasks.create_task(self._call(number, at))

    async def _call(self, number: int, at: float) -> None:
        luck = self._fortune.stream(f"call {number}")
        await asyncio.sleep(at - seconds())
        place = Point(30.0 + luck.randrange(12) / 125, 120.0 + luck.randrange(10) / 125)
        if luck.random() < 0.05:
            place = Point(31.0, 121.0)
        call = Call(
            "phone", f"{number} Lane", luck.choice(("meter", "cable", "no_supply")), "lv", place, id=f"call-{number}",
            customer_phone=f"+8613{number % 7:09d}",
        )  # fmt: skip
        taken: list[hotline.Taken] = []

        async def take() -> None:
            taken.append(await hotline.take_call(self._context, call, by=HOTLINE))

        if not await insist(luck, take):
            raise AssertionError(f"call {number} was refused")
        self.contacts.add(call.id)
        if taken[-1].outcome == "joined":
            return
        await self._send(taken[-1].order_id, luck)

    async def _send(self, order_id: str, luck: Random) -> None:
        forgets = luck.random() < 0.08
        await asyncio.sleep(luck.uniform(600, 1800) if forgets else luck.uniform(10, 240))
        await insist(luck, lambda: hotline.send(self._context, order_id, by=HOTLINE, key=f"send {order_id}"))
        while (order := await self._order(order_id)) is None or order.state not in {"closed", "cancelled"}:
            await asyncio.sleep(luck.uniform(60, 240))
            if order is not None:
                await self._look_after(order, luck)

    async def _look_after(self, order: WorkOrder, luck: Random) -> None:
        context, key = self._context, f"{order.id}/{order.version}"
        if not order.centre_id:
            routing = {"centre_id": "north", "trade": "service", "area_class": "urban"}
            await insist(
                luck, lambda: hotline.route(context, order.id, **routing, by=HOTLINE, key=f"route {key}")
            )
        elif order.state in {"received", "returned"}:
            await insist(luck, lambda: hotline.send(context, order.id, by=HOTLINE, key=f"send {key}"))
        elif order.state in {"restored", "recorded"} and order.satisfied is None:
            await insist(
                luck,
                lambda: hotline.call_back(context, order.id, satisfied=True, by=HOTLINE, key=f"back {key}"),
            )
        elif order.state == "recorded":
            await insist(luck, lambda: hotline.close(context, order.id, by=HOTLINE, key=f"close {key}"))
        elif luck.random() < 0.02:
            await insist(luck, lambda: chases.expedite(context, order.id, by=HOTLINE, key=f"expedite {key}"))
        elif luck.random() < 0.01:
            why = "customer_withdrew"
            await insist(
                luck, lambda: hotline.cancel(context, order.id, reason=why, by=HOTLINE, key=f"cancel {key}")
            )

    async def _order(self, order_id: str) -> WorkOrder | None:
        try:
            return await order_of(self._context, order_id)
        except DispatchError:
            return None


async def order_of(context: Context, order_id: str) -> WorkOrder:
    """An order as it stands."""
    return await context.store.transact(lambda loaded, _: Changes(loaded.order(order_id)))


class Dispatcher:
    """Looks at what waits; recalls what nobody answers; now and then changes its mind."""

    def __init__(self, context: Context, fortune: Fortune) -> None:
        self._context, self._fortune = context, fortune
        self._luck = fortune.stream("dispatcher")

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(self._luck.uniform(20, 150))
            try:
                orders = await self._context.store.open_orders()
            except DispatchError:
                continue
            for order in orders:
                await self._look(order)

    async def _look(self, order: WorkOrder) -> None:
        luck, context, key = self._luck, self._context, f"{order.id}/{order.version}"
        chance = luck.random()
        crew = luck.choice(sorted(context.directory.crews))
        calm = seconds() > self._fortune.seconds
        if order.state == "at_centre":
            if chance < 0.1 and not calm:
                await insist(
                    luck, lambda: dispatcher.accept(context, order.id, by=DISPATCHER, key=f"accept {key}")
                )
            elif chance < 0.13 and not calm:
                await insist(
                    luck,
                    lambda: dispatcher.return_order(
                        context, order.id, reason="misrouted", by=DISPATCHER, key=f"return {key}"
                    ),
                )
            elif chance < 0.6 or calm:
                await insist(
                    luck,
                    lambda: dispatcher.dispatch(
                        context, order.id, crew_id=crew, by=DISPATCHER, key=f"dispatch {key}"
                    ),
                )
        elif order.state in {"dispatched", "delivered"} and self._waits_since(order) > 900:
            await insist(
                luck,
                lambda: dispatcher.recall(
                    context, order.id, reason="no_answer", by=DISPATCHER, key=f"recall {key}"
                ),
            )
        elif order.crew_id and chance < 0.01 and not calm:
            await insist(
                luck,
                lambda: dispatcher.reassign(
                    context,
                    order.id,
                    crew_id=crew,
                    reason="nearer_crew",
                    by=DISPATCHER,
                    key=f"reassign {key}",
                ),
            )

    def _waits_since(self, order: WorkOrder) -> float:
        sent = order.last("dispatch")
        return 0.0 if sent is None else (self._context.clock.now() - sent.at).total_seconds()


class CrewPeople:
    """A crew before its terminal, with a phone's page beside it."""

    def __init__(self, context: Context, fortune: Fortune, crew: Crew, terminal: Terminal) -> None:
        self._context, self._fortune, self.crew, self.terminal = context, fortune, crew, terminal
        self._luck = fortune.stream(f"crew {crew.id}")
        self._silent_until = 0.0
        self._had: set[str] = set()

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(self._luck.uniform(15, 120))
            self._had.update(self.terminal.screen)
            calm = seconds() > self._fortune.seconds
            if seconds() < self._silent_until and not calm:
                continue
            if self._luck.random() < 0.05:
                self._silent_until = seconds() + self._luck.uniform(300, 2400)
            await self._work(calm)

    async def _work(self, calm: bool) -> None:
        for order_id in list(self.terminal.screen):
            try:
                order = await order_of(self._context, order_id)
            except DispatchError:
                return
            if await self._step(order, calm):
                return
        await self._records()
        if not self.terminal.screen and self._luck.random() < 0.04:
            until = self._now_and(self._luck.uniform(300, 1500))
            if await insist(
                self._luck, lambda: duty.go_away(self._context, self.crew, until=until, reason="meal")
            ):
                await asyncio.sleep(self._luck.uniform(300, 2400))
                await insist(self._luck, lambda: duty.standby(self._context, self.crew))

    async def _step(self, order: WorkOrder, calm: bool) -> bool:
        """The next thing with an order; on the terminal or on the page."""
        generation = order.generation
        if order.state in {"dispatched", "delivered"}:
            chance = self._luck.random()
            if chance < 0.05 and not calm:
                await self._page(order, "reject", {"reason": "cannot_leave"}, generation)
                return True
            action = "acknowledge"
        elif (action := NEXT.get(order.state, "")) == "":
            return False
        if self._luck.random() < 0.6:
            self.terminal.press(order.id, action)
        else:
            await self._page(order, action, {}, generation)
        return True

    async def _page(self, order: WorkOrder, action: str, data: dict[str, Any], generation: int) -> None:
        key = f"page {order.id}/{generation}/{action}"

        async def press() -> None:
            await duty.step(
                self._context, order.id, action, crew=self.crew, data=data, key=key, generation=generation
            )

        await insist(self._luck, press)
        if self._luck.random() < self._fortune.severity.doubled:
            await insist(self._luck, press)

    async def _records(self) -> None:
        """The fault records of what is repaired."""
        for order_id in sorted(self._had):
            try:
                order = await order_of(self._context, order_id)
            except DispatchError:
                return
            if order.state == "restored" and order.crew_id == self.crew.id:
                await self._page(order, "record", {"cause": "age", "work_done": "replaced"}, order.generation)
            if order.state not in {*NEXT, "dispatched", "delivered", "restored"}:
                self._had.discard(order_id)

    def _now_and(self, more: float) -> datetime:
        return self._context.clock.now() + timedelta(seconds=more)
