"""The crews: each drives its vehicle, sees what its terminal shows, and presses its buttons.

A crew learns of an order when its terminal has it (E), answers after a while or not at all, and works what it has
acknowledged in the sequence of its vehicle. Buttons come back as the gateway's events. Which crews do not answer:
of every 1/share dispatches exactly one, the first of them drawn from the seed, so that a short day has one too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from math import isfinite
from random import Random
from typing import Any

from msgspec.structs import replace

from dispatch.core.position import Fix, LastKnown
from dispatch.core.travel import Route, TravelTimes
from dispatch.core.types import Point
from dispatch.messages import Desired, DesiredOrder, DeviceEvent, Link, Press, Receipt
from dispatch.services import clocks, crew, tracking
from dispatch.services.context import Context
from dispatch.services.ports import Crew
from simulators.outages.agenda import Agenda
from simulators.outages.office import attempted
from simulators.outages.rows import Outage
from simulators.people import People
from simulators.vehicles import Vehicle

LATE_BACK = 45.0
"""Seconds that a crew stays away longer than it announced."""


class Silence:
    """Which dispatches nobody on the vehicle answers."""

    def __init__(self, share: float, orders: int, seed: int) -> None:
        self._every = round(1 / share) if share > 0 else 0
        self._asked = 0
        first = max(1, min(self._every, orders))
        self._first = Random(f"{seed}:silence").randrange(first)

    def next(self) -> bool:
        """Whether the next dispatch is one of them."""
        number, self._asked = self._asked, self._asked + 1
        return self._every > 0 and number % self._every == self._first


@dataclass(frozen=True)
class World:
    """What all crews share. `outages` = by order; `repairs` = seconds by outage id."""

    context: Context
    agenda: Agenda
    people: People
    silence: Silence
    travel: TravelTimes
    no_roads: TravelTimes
    """For places that no road leads to."""
    outages: dict[str, Outage]
    repairs: dict[str, float]
    report_every: float


class FieldCrew:
    """One crew with its vehicle and terminal."""

    def __init__(self, world: World, crew: Crew) -> None:
        self.world, self.crew = world, crew
        self.device = crew.devices[0].id
        base = Point(crew.base_lat, crew.base_lon)
        self.vehicle = Vehicle(self.device, world.people.seed, base)
        self.aboard: dict[str, DesiredOrder] = {}
        self.revision = -1
        self.working_on = ""
        """The order that it turns out for, drives to or repairs."""
        self.phase = ""
        self.moves = 0

    # --- the terminal ---------------------------------------------------------------------------

    async def come_online(self) -> None:
        """The terminal logs in."""
        await self._event(Link(self.device, "online", self._now_s(), "jt808"))

    async def show(self, desired: Desired) -> None:
        """A new state has reached the terminal: receipts first, then whoever sits before it."""
        if desired.revision <= self.revision:
            return
        self.revision = desired.revision
        before, self.aboard = self.aboard, {one.order_id: one for one in desired.orders}
        at = self._now_s()
        for one in before.values():
            if one.order_id not in self.aboard:
                await self._event(Receipt(self.device, one.order_id, one.version, "removed", at))
        for one in desired.orders:
            if before.get(one.order_id, one).version != one.version or one.order_id not in before:
                await self._event(Receipt(self.device, one.order_id, one.version, "delivered", at))
                self._answer(one)
        await self._event(Receipt(self.device, "", desired.revision, "settled", at))
        await self._consider()

    def _answer(self, one: DesiredOrder) -> None:
        people, name = self.world.people, f"{one.order_id}/{one.version}"
        if one.acknowledged or self.world.silence.next():
            return
        reason = people.rejects(one.order_id, one.version)
        act = (lambda: self._reject(one, reason)) if reason else (lambda: self.acknowledge(one))
        self.world.agenda.after(people.delay("acknowledge", name), act)

    async def acknowledge(self, one: DesiredOrder) -> None:
        """Somebody presses accept, if the order is still to be answered."""
        known = self.aboard.get(one.order_id)
        if known is not None and known.version == one.version and not known.acknowledged:
            await self._press(one, "acknowledge")
            self.aboard[one.order_id] = replace(known, acknowledged=True)
            await self._consider()

    def told_by_a_leader(self, order_id: str) -> None:
        """A leader has taken the order in hand and calls the crew, which then answers."""
        one = self.aboard.get(order_id)
        if one is not None:
            delay = self.world.people.delay("acknowledge_called", f"{order_id}/{one.version}")
            self.world.agenda.after(delay, lambda: self.acknowledge(one))

    async def _reject(self, one: DesiredOrder, reason: str) -> None:
        """On the crew's page, where a reason can be given."""
        data = {"reason": reason, "via": "page"}
        await attempted(
            crew.step(
                self.world.context, one.order_id, "reject", crew=self.crew, data=data, generation=one.version
            )
        )

    # --- the work ---------------------------------------------------------------------------------

    async def _consider(self) -> None:
        """Stop for an order that was taken away; begin with the first that is acknowledged."""
        if self.working_on and self.working_on not in self.aboard and self.phase in {"turnout", "driving"}:
            self.vehicle = self.vehicle.park(self.world.context.clock.now())
            self.working_on = self.phase = ""
        if self.working_on:
            return
        ready = sorted((o for o in self.aboard.values() if o.acknowledged), key=lambda o: o.slot)
        if ready:
            one = ready[0]
            self.working_on, self.phase = one.order_id, "turnout"
            self._then(one, self._draw("turnout", one), self._depart)

    def _then(self, one: DesiredOrder, seconds: float, act: Callable[[DesiredOrder], Any]) -> None:
        """Next in the same work; dropped where the crew was sent elsewhere meanwhile."""
        self.moves += 1
        move = self.moves

        async def go() -> None:
            if self.moves == move and self.working_on == one.order_id:
                await act(one)

        self.world.agenda.after(seconds, go)

    async def _depart(self, one: DesiredOrder) -> None:
        self.phase = "driving"
        now = self.world.context.clock.now()
        await self._press(one, "depart")
        route = self._way(self.vehicle.place, self._outage(one).place)
        self.vehicle = self.vehicle.drive(route, now)
        self._then(one, route.seconds, self._stop)

    async def _stop(self, one: DesiredOrder) -> None:
        self.phase = "on_scene"
        self.vehicle = self.vehicle.park(self.world.context.clock.now())
        self._then(one, self._draw("on_site_press", one), self._arrive)

    async def _arrive(self, one: DesiredOrder) -> None:
        await self._press(one, "arrive")
        self._then(one, self.world.repairs[self._outage(one).id], self._restore)

    async def _restore(self, one: DesiredOrder) -> None:
        await self._press(one, "restore")
        self.working_on = self.phase = ""
        self.aboard.pop(one.order_id, None)
        self.world.agenda.after(self._draw("fault_record", one), lambda: self._record(one))
        await self._consider()

    async def _record(self, one: DesiredOrder) -> None:
        data = {"cause": self._outage(one).cause.lower() or "unknown", "work_done": "supply restored"}
        await crew.step(self.world.context, one.order_id, "record", crew=self.crew, data=data)

    # --- a break ----------------------------------------------------------------------------------

    async def leave(self, seconds: float) -> None:
        """Say that it is away for a while; a refusal (cover, orders aboard) is kept to."""
        until = self.world.context.clock.now() + timedelta(seconds=seconds)
        went = await attempted(crew.go_away(self.world.context, self.crew, until=until, reason="meal"))
        if went:
            self.world.agenda.after(seconds, lambda: clocks.remind_away(self.world.context))
            self.world.agenda.after(seconds + LATE_BACK, self._back)

    async def _back(self) -> None:
        await crew.standby(self.world.context, self.crew)

    # --- where it is ------------------------------------------------------------------------------

    def report(self) -> None:
        """The last fix that the terminal has sent by now, put where dispatch looks for it."""
        every = self.world.report_every
        sent = self.world.context.clock.now() - timedelta(seconds=self._now_s() % every)
        if self.vehicle.departed is not None:
            sent = max(sent, self.vehicle.departed)
        parked = self.vehicle.route is None
        place = self.vehicle.place if parked else self.vehicle.at(sent).point
        at = sent.timestamp()
        fix = Fix(place.lat, place.lon, at, at)
        self.world.context.fixes.put(LastKnown(self.device, fix))

    def _way(self, here: Point, there: Point) -> Route:
        now = self.world.context.clock.now()
        way = self.world.travel.route(here, there, now)
        return way if isfinite(way.seconds) else self.world.no_roads.route(here, there, now)

    def _outage(self, one: DesiredOrder) -> Outage:
        return self.world.outages[one.order_id]

    def _draw(self, kind: Any, one: DesiredOrder) -> float:
        return self.world.people.delay(kind, f"{one.order_id}/{one.version}")

    def _now_s(self) -> float:
        return self.world.context.clock.now().timestamp()

    async def _press(self, one: DesiredOrder, action: str) -> None:
        name = f"{self.device}/{one.order_id}/{one.version}/{action}"
        await self._event(Press(self.device, one.order_id, action, self._now_s(), name, one.version))

    async def _event(self, event: DeviceEvent) -> None:
        await tracking.device_event(self.world.context, event)
