"""The hotline and the dispatchers of the demonstration, each signed in and working from its own screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec

from dispatch.clock import SystemClock
from dispatch.core.types import Point, distance
from simulators.actors.api import Person, Refused
from simulators.actors.calls import Calls, PlannedCall
from simulators.actors.duty import Desks, Duty
from simulators.actors.seen import Board, Candidates, Desk, Order, Taken
from simulators.actors.world import World

HOTLINE_LOOKS, CENTRE_LOOKS = 20.0, 40.0
"""Seconds between two looks at a screen."""
LOOK_LEAST = 1.5
"""Real seconds between two looks."""
MISSED = timedelta(minutes=5)
"""Calls of so long ago are still taken after a restart."""
OPENING_LASTS = timedelta(minutes=5)
SERVICE = {"service_drop", "meter", "lv_distribution"}
"""Faults of the community service stations."""
RECALLED_FOR = "nearer_crew"
DOES = {"accept": "accepts", "dispatch": "dispatches", "recall": "recalls"}


async def keep_looking(
    world: World,
    every: float,
    look: Callable[[], Awaitable[list[Duty]]],
    do: Callable[[Duty], Awaitable[None]],
) -> None:
    """Look at a screen, do what is due, wait until the next thing is, for ever."""
    while True:
        duties = await look()
        now = world.clock.now()
        for duty in duties:
            if duty.due <= now:
                await do(duty)
        waits = [(duty.due - now).total_seconds() for duty in duties if duty.due > now]
        await SystemClock().sleep(max(LOOK_LEAST, min([every, *waits]) / world.speed))


class Hotline:
    """Takes the calls, sends, routes, calls back and closes."""

    def __init__(self, world: World, person: Person, calls: Calls) -> None:
        self._world, self._person, self._calls = world, person, calls
        self._desks = Desks(world.people, world.scenario.shares)

    async def look(self) -> list[Duty]:
        """What is to be done."""
        desk = await self._person.get("/api/hotline/desk", Desk)
        return self._desks.of_hotline(desk, self._world.clock.now())

    async def work(self) -> None:
        """The desk, until cancelled."""
        await keep_looking(self._world, HOTLINE_LOOKS, self.look, self.do)

    async def answer_calls(self) -> None:
        """The telephone, until cancelled. Calls that an earlier run took are known by their id."""
        clock = self._world.clock
        desk = await self._person.get("/api/hotline/desk", Desk)
        mine = f"http/{self._person.username}/"
        taken = {str(contact.get("id", "")).removeprefix(mine) for contact in desk.contacts}
        start = clock.now()
        cursor = start - MISSED if taken else start
        for call in await self._opening(desk, start):
            if call.id not in taken:
                await self._take(call)
                cursor = max(cursor, call.at)
        while True:
            coming = next(self._calls.after(cursor), None)
            if coming is None:
                cursor = clock.now()
                await clock.sleep(3600)
                continue
            cursor = coming.at
            if coming.id not in taken:
                await self._take(coming)

    async def _opening(self, desk: Desk, start: datetime) -> list[PlannedCall]:
        """The first calls of an installation; an opening that was interrupted goes on."""
        times = [
            datetime.fromisoformat(str(c["at"])) for c in desk.contacts if "demo-open-" in str(c.get("id"))
        ]
        if not desk.contacts:
            return self._calls.opening(start)
        if times and len(times) == len(desk.contacts) and start - min(times) < OPENING_LASTS:
            return self._calls.opening(start)
        return []

    async def _take(self, call: PlannedCall) -> None:
        world = self._world
        await world.clock.sleep(max(0.0, (call.at - world.clock.now()).total_seconds()))
        body = {
            "channel": call.channel, "address": call.place.address, "fault_type": call.fault_type,
            "voltage": call.voltage, "customer_name": call.name, "customer_phone": call.phone,
            "description": call.text, "ended_at": min(call.at, world.clock.now()).isoformat(),
        }  # fmt: skip
        if call.on_map:
            body |= {"lat": call.place.point.lat, "lon": call.place.point.lon}  # type: ignore[dict-item]
        try:
            answer = await self._person.post("/api/calls", body, key=call.id)
        except Refused as refused:
            world.say("hotline", f"cannot take {call.id}: {refused.message}")
            return
        taken = msgspec.json.decode(answer, type=Taken)
        what = "joins" if taken.outcome == "joined" else "is"
        odd = f"; a person must route it: {taken.unroutable}" if taken.unroutable else ""
        fault = f"{call.fault_type}/{call.voltage}"
        world.say(
            "hotline", f"{call.name} calls, {call.place.address}, {fault}: {what} {taken.order_id}{odd}"
        )

    async def do(self, duty: Duty) -> None:
        """One duty; what somebody else has done meanwhile is left."""
        order = duty.order
        assert order is not None
        path, body = f"/api/orders/{order.id}/{duty.deed.replace('_', '-')}", {}
        if duty.deed == "route":
            body = self._whose(order)
        elif duty.deed == "call_back":
            body = {"satisfied": self._world.people.happens("satisfied", order.story), "text": ""}
        try:
            await self._person.post(path, body, key="" if duty.deed == "route" else duty.key)
        except Refused as refused:
            self._world.say("hotline", f"cannot {duty.deed} {order.id}: {refused.message}")
            return
        if duty.deed in {"route", "close"}:
            where = f" to {body['centre_id']}, {body['trade']}" if duty.deed == "route" else "d"
            self._world.say("hotline", f"{duty.deed}{where} {order.id}")

    def _whose(self, order: Order) -> dict[str, object]:
        """The nearest centre, and the trade that such a fault asks for."""
        city = self._world.city
        known = None if order.lat is None or order.lon is None else Point(order.lat, order.lon)
        place = known or city.find(order.address)
        centres = city.organisation["centres"]
        nearest = centres[0]
        if place is not None:
            nearest = min(centres, key=lambda c: distance(place, Point(c["lat"], c["lon"])))
        trade = "low_voltage" if order.voltage == "lv" else "medium_voltage"
        if order.fault_type in SERVICE:
            trade = "service"
        return {"centre_id": nearest["id"], "trade": trade, "area_class": "rural" if known else "urban"}


class Dispatcher:
    """Watches over a centre that dispatches by itself; by hand where the policy says so."""

    def __init__(self, world: World, person: Person) -> None:
        self._world, self._person = world, person
        self._desks = Desks(world.people, world.scenario.shares)

    async def look(self) -> list[Duty]:
        """What is to be done."""
        board = await self._person.get("/api/board", Board)
        return self._desks.of_centre(board, self._world.clock.now())

    async def work(self) -> None:
        """Until cancelled."""
        await keep_looking(self._world, CENTRE_LOOKS, self.look, self.do)

    async def do(self, duty: Duty) -> None:
        """One duty; what somebody else has done meanwhile is left."""
        try:
            if duty.alert is not None:
                await self._person.post(f"/api/alerts/{duty.alert.id}/acknowledge")
            elif duty.order is not None:
                await self._order(duty, duty.order)
        except Refused as refused:
            if refused.status not in {404, 409}:
                self._world.say(self._person.username, f"cannot {duty.deed}: {refused.message}")

    async def _order(self, duty: Duty, order: Order) -> None:
        body: dict[str, object] = {}
        said = ""
        if duty.deed == "recall":
            body, said = {"reason": RECALLED_FOR}, f" from {order.crew_id}"
        if duty.deed == "dispatch":
            path = f"/api/orders/{order.id}/candidates"
            ranked = (await self._person.get(path, Candidates)).ranked
            if not ranked:
                return
            body, said = {"crew_id": ranked[0].crew_id}, f" to {ranked[0].crew_id}"
        await self._person.post(f"/api/orders/{order.id}/{duty.deed}", body, key=duty.key)
        self._world.say(self._person.username, f"{DOES[duty.deed]} {order.id}{said}")
