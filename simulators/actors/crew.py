"""A crew of the demonstration: reads its screen and its phone, and does what it has decided when it is due."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from random import Random
from typing import Any

from dispatch.clock import SystemClock
from dispatch.core.types import Point
from simulators.actors.api import Person, Refused
from simulators.actors.driving import HOME, Driver
from simulators.actors.handset import Handset
from simulators.actors.mind import MEAL_LASTS, Intent, Mind, in_work
from simulators.actors.seen import Order, Stack
from simulators.actors.world import World
from simulators.terminals import Shown, Terminal
from simulators.vehicles import Vehicle

LOOK_BUSY, LOOK_IDLE = 60.0, 240.0
"""Seconds between two looks at the phone when the screen shows nothing new."""
LOOK_LEAST = 5.0
"""Real seconds between two such looks."""
SETTLES = 0.4
"""Real seconds in which several changes of the screen count as one."""
SPREAD = 3.0
"""Real seconds over which the crews begin: the pages come first at a start."""
MEAL = "用餐 (a meal)"
SAID = {"acknowledge": "acknowledges", "reject": "rejects", "arrive": "is at", "restore": "has restored"}


class CrewActor:
    """One crew with its vehicle, terminal and phone. One that is `played` by a person drives, and decides nothing."""

    def __init__(
        self, world: World, crew: dict[str, Any], person: Person, terminal: Terminal, *, played: bool = False
    ) -> None:
        self._played = played
        self.id = str(crew["id"])
        self._world, self._person, self._terminal = world, person, terminal
        base = Point(crew["base"]["lat"], crew["base"]["lon"])
        vehicle = Vehicle(self.id, world.people.seed, base)
        self._driver = Driver(world, vehicle, base, terminal)
        self._handset = Handset(world, person, terminal)
        self._mind = Mind(world.people, self.id)
        self._woken = asyncio.Event()
        self._meals: set[datetime] = set()
        self._meal_from: datetime | None = None

    async def run(self) -> None:
        """Until cancelled."""
        phase = Random(self.id).random()
        await SystemClock().sleep(phase * SPREAD)
        stack = await self._look()
        if stack.crew.fix is not None:  # it stands where it was last seen
            here = Point(stack.crew.fix.lat, stack.crew.fix.lon)
            self._driver.vehicle = Vehicle(self.id, self._world.people.seed, here)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._terminal.run())
            tasks.create_task(self._driver.report(phase))
            tasks.create_task(self._read_screen())
            tasks.create_task(self._work())

    async def _look(self) -> Stack:
        return await self._person.get("/api/crew/stack", Stack)

    async def _read_screen(self) -> None:
        """Everything new on the screen makes the crew look."""
        while True:
            notice = await self._terminal.notices.get()
            if isinstance(notice, Shown) and notice.kind == "question":
                self._handset.read(notice.text)
            self._woken.set()

    async def _work(self) -> None:
        while True:
            self._woken.clear()
            asked = set(self._terminal.screen.questions)
            stack = await self._look()
            await self._handset.clear(_unanswered(stack), asked)
            self._steer(stack)
            intents = self._intents(stack)
            now = self._world.clock.now()
            due = [one for one in intents if one.due <= now]
            for intent in due:
                await self._take(intent)
            await self._away(stack)
            await self._pause(stack, intents, hurried=bool(due))

    def _intents(self, stack: Stack) -> list[Intent]:
        if self._played:
            return []
        current = in_work(stack)
        arrived = self._driver.arrived(current.id) if current else None
        return self._mind.intents(stack, arrived, self._world.clock.now())

    async def _take(self, intent: Intent) -> None:
        way = await self._handset.take(intent)
        if not way:
            return
        if intent.step == "depart":
            self._drive(intent.order)
        if intent.step in SAID:
            order = intent.order
            why = f" ({intent.reason})" if intent.reason else ""
            self._world.say(self.id, f"{SAID[intent.step]} {order.id} {order.address}{why}, by {way}")

    def _drive(self, order: Order) -> None:
        known = None if order.lat is None or order.lon is None else Point(order.lat, order.lon)
        place = known or self._world.city.find(order.address)
        if place is not None:
            self._driver.drive(order.id, place)

    def _steer(self, stack: Stack) -> None:
        """Bring the vehicle in line with what the centre knows: on the way, taken back, nothing to do."""
        aboard = {order.id for order in stack.orders}
        if self._driver.bound_for and self._driver.bound_for not in aboard | {HOME}:
            self._driver.stop()
        current = in_work(stack)
        if current is not None and current.state == "en_route":
            self._drive(current)
        self._driver.idle(busy=bool(stack.orders or stack.to_record) or stack.presence == "away")

    async def _away(self, stack: Stack) -> None:
        """Meals, and the way back from them. The centre may refuse and say from when it would be possible."""
        now = self._world.clock.now()
        if self._played:
            return
        if stack.presence == "away":
            if stack.away_until is not None and now >= self._mind.back(stack.away_until):
                await self._ask("standby", {}, "is back")
            return
        meal = self._mind.meal(now)
        if meal is None or stack.orders or meal[0] in self._meals:
            return
        wanted = self._meal_from if self._meal_from and self._meal_from > meal[0] else meal[0]
        if wanted <= now <= wanted + MEAL_LASTS:
            refused = await self._ask(
                "away", {"minutes": meal[1], "reason": MEAL}, f"is away for {meal[1]} min"
            )
            possible = str(refused.facts.get("possible_from", "")) if refused else ""
            if possible and self._meal_from is None:
                self._meal_from = datetime.fromisoformat(possible) + timedelta(minutes=1)
                return
            self._meals, self._meal_from = {meal[0]}, None

    async def _ask(self, what: str, body: dict[str, Any], said: str) -> Refused | None:
        try:
            await self._person.post(f"/api/crew/{what}", body)
        except Refused as refused:
            self._world.say(self.id, f"may not go {what}: {refused.message}")
            return refused
        self._world.say(self.id, said)
        return None

    async def _pause(self, stack: Stack, intents: list[Intent], *, hurried: bool) -> None:
        """Until something is due, the screen changes, or it is time to look again."""
        world, now = self._world, self._world.clock.now()
        longest = world.rest(LOOK_BUSY if stack.orders or stack.to_record else LOOK_IDLE, LOOK_LEAST)
        dues = [(one.due - now).total_seconds() for one in intents]
        end = self._driver.vehicle.arrives_at()
        if end is not None and end > now and self._driver.bound_for != HOME:
            dues.append((end - now).total_seconds())
        seconds = min([longest, *dues]) / world.speed
        try:
            async with asyncio.timeout(max(1.0 if hurried else SETTLES, seconds)):
                await self._woken.wait()
            await SystemClock().sleep(SETTLES)
        except TimeoutError:
            return


def _unanswered(stack: Stack) -> set[str]:
    """Orders whose question still wants an answer."""
    return {order.id for order in stack.orders if order.state in {"dispatched", "delivered"}}
