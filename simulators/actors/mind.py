"""What a crew decides, from what its phone shows (`GET /api/crew/stack`). Pure: the same sight, the same intentions.

Due times come from the order's own points wherever there is one, so that a restarted crew goes on where it stood.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

from simulators.actors.seen import Order, Stack
from simulators.people import People

Step = Literal["acknowledge", "reject", "depart", "arrive", "restore", "record"]

WOKEN_AFTER = 2
"""Rungs after which somebody who knows the crew has been phoned, and calls it."""
ACTIVE = ("on_scene", "en_route", "acknowledged")
MEAL_LASTS = timedelta(minutes=20)
"""How long after its hour a meal is still taken."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A step that the crew is going to take."""

    step: Step
    order: Order
    due: datetime
    reason: str = ""
    """Of a rejection."""

    @property
    def key(self) -> str:
        """Makes a resend harmless."""
        return f"demo-{self.step}-{self.order.generation}"


@dataclass
class Mind:
    """One crew's. It remembers only when it first noticed something."""

    people: People
    crew_id: str
    _noticed: dict[str, datetime] = field(default_factory=dict)

    def intents(self, stack: Stack, arrived: datetime | None, now: datetime) -> list[Intent]:
        """What comes next, the soonest first. `arrived` = when the vehicle stopped at the order it drove to."""
        found = [self._answer(order) for order in stack.orders if order.state == "delivered"]
        if (current := in_work(stack)) is not None:
            found.append(self._work(current, stack, arrived, now))
        found += [self._record(order, now) for order in stack.to_record]
        return sorted((one for one in found if one is not None), key=lambda one: one.due)

    def meal(self, now: datetime) -> tuple[datetime, int] | None:
        """When the crew would like to be away in this hour, and for how many minutes."""
        hour = int(now.timestamp()) // 3600
        whose = f"{self.crew_id}/{hour}"
        if not self.people.happens("crew_away", whose):
            return None
        into = Random(f"{self.people.seed}:meal:{whose}").uniform(0, 3600 - MEAL_LASTS.total_seconds())
        minutes = max(1, round(self.people.delay("away", whose) / 60))
        return datetime.fromtimestamp(hour * 3600 + into, UTC), minutes

    def back(self, until: datetime) -> datetime:
        """When the crew says that it is back: mostly in time, sometimes only after it was reminded."""
        late = Random(f"{self.people.seed}:back:{self.crew_id}/{until.isoformat()}")
        return until + timedelta(seconds=late.choices([-20, 90, 400], [5, 3, 2])[0])

    def _answer(self, order: Order) -> Intent | None:
        reached = order.points.get("E")
        if reached is None:
            return None
        delay = self.people.acknowledge(order.story, order.generation)
        if delay is None:
            return self._woken(order)
        reason = self.people.rejects(order.story, order.generation)
        due = reached + timedelta(seconds=delay)
        return Intent("reject", order, due, reason) if reason else Intent("acknowledge", order, due)

    def _woken(self, order: Order) -> Intent | None:
        """A crew that does not look at its terminal is called by the leader who was phoned about it."""
        if order.watch is None or order.watch.name != "crew" or order.watch.fired < WOKEN_AFTER:
            return None
        noticed = self._since(f"{order.id}/{order.generation}/woken", order.watch.since)
        rungs = timedelta(minutes=4 + WOKEN_AFTER - 1)
        delay = timedelta(seconds=self.people.delay("acknowledge_called", order.story))
        return Intent("acknowledge", order, noticed + rungs + delay)

    def _work(self, order: Order, stack: Stack, arrived: datetime | None, now: datetime) -> Intent | None:
        people, story = self.people, order.story
        match order.state:
            case "acknowledged":
                free = self._since(f"{order.id}/{order.generation}/turn", _turn(order, stack, now))
                return Intent("depart", order, free + timedelta(seconds=people.delay("turnout", story)))
            case "en_route" if arrived is not None:
                pressed = timedelta(seconds=people.delay("on_site_press", story))
                return Intent("arrive", order, arrived + pressed)
            case "on_scene":
                began = order.points.get("H", now)
                return Intent("restore", order, began + timedelta(seconds=people.delay("repair", story)))
        return None

    def _record(self, order: Order, now: datetime) -> Intent:
        restored = self._since(f"{order.id}/restored", now)
        return Intent(
            "record", order, restored + timedelta(seconds=self.people.delay("fault_record", order.story))
        )

    def _since(self, what: str, at: datetime) -> datetime:
        return self._noticed.setdefault(what, at)


def in_work(stack: Stack) -> Order | None:
    """The order that the crew works on: what it has begun, else the first that it has accepted."""
    begun = (o for state in ACTIVE for o in stack.orders if o.state == state)
    return next(begun, None)


def _turn(order: Order, stack: Stack, now: datetime) -> datetime:
    """When it became this order's turn: with its acknowledgement, or now that the one before it is done."""
    accepted = order.points.get("F", now)
    return now if stack.to_record else accepted
