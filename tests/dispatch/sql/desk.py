"""The small organisation on either database, as the hotline and a repair centre act in it."""

from __future__ import annotations

from typing import Any

from dispatch.adapters.sql.organisation import load_directory
from dispatch.clock import VirtualClock
from dispatch.core.types import Actor, Point
from dispatch.core.work_order import WorkOrder
from dispatch.services import crew as duty
from dispatch.services import dispatcher, hotline
from dispatch.services.context import Context
from dispatch.services.ports import Changes
from tests.dispatch.databases import Database
from tests.dispatch.organisation import EAST, START, context_of, fill, shipped_processes

HOLLY, DORA = Actor("hotline", "holly"), Actor("dispatcher", "dora")
CREW_STEPS = ("acknowledge", "depart", "arrive", "restore", "record")
RECORD = {"cause": "a blown fuse", "work_done": "a new one"}


class Place:
    """One installation; `other` is a second worker on the same database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = VirtualClock(START)
        self.store = database.store(shipped_processes(), self.clock)

    async def open(self) -> Place:
        self.database.at_once(fill)
        self.context = await self.context_of_a_worker()
        return self

    async def context_of_a_worker(self) -> Context:
        store = self.database.store(shipped_processes(), self.clock)
        return context_of(store, await store.read(load_directory), self.clock)

    async def call(self, address: str, north_m: float = 0.0, phone: str = "", **more: Any) -> str:
        """A call from so many metres north of EAST; the order that it became."""
        place = Point(EAST[0] + north_m / 111_320, EAST[1])
        call = hotline.Call("phone", address, "no_supply", "lv", place=place, customer_phone=phone, **more)
        return (await hotline.take_call(self.context, call, by=HOLLY)).order_id

    async def at_centre(self, address: str, north_m: float = 0.0, phone: str = "") -> str:
        """The same, sent and received at the centre `east`."""
        order_id = await self.call(address, north_m, phone)
        self.clock.advance(20)
        await hotline.send(self.context, order_id, by=HOLLY)
        await self.received(order_id)
        return order_id

    async def received(self, order_id: str) -> None:
        sends = (await self.order(order_id)).sends
        await dispatcher.centre_received(self.context, order_id, centre_id="east", send=sends)

    async def order(self, order_id: str) -> WorkOrder:
        """As it stands."""
        return await self.context.store.transact(lambda loaded, now: Changes(loaded.order(order_id)))

    async def dispatch(self, order_id: str, crew_id: str = "E1") -> None:
        self.clock.advance(30)
        await dispatcher.dispatch(self.context, order_id, crew_id=crew_id, by=DORA)
        crew, order = self.context.directory.crews[crew_id], await self.order(order_id)
        await duty.receipt(
            self.context, order_id, crew=crew, by=Actor("device", f"t-{crew_id}"), at=self.clock.now(),
            generation=order.generation, link="online",
        )  # fmt: skip

    async def works(self, order_id: str, *steps: str, crew_id: str = "E1") -> None:
        """The crew takes these steps, two minutes each."""
        for step in steps:
            self.clock.advance(120)
            crew = self.context.directory.crews[crew_id]
            await duty.step(self.context, order_id, step, crew=crew, data=RECORD if step == "record" else {})
