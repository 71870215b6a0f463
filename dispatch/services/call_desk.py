"""What the call taker is told while the caller speaks: is it known already, and is it a planned outage?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from dispatch.core.call_back import NOT_REACHED, number
from dispatch.core.errors import BadInput, GuardRefused, IllegalStep
from dispatch.core.gazetteer import Entry, folded
from dispatch.core.outage import PlannedOutage
from dispatch.core.responsibility import Unroutable, territory_of
from dispatch.core.territory import Territories
from dispatch.core.types import Actor, Point, distance
from dispatch.core.work_order import WorkOrder
from dispatch.services.context import Context
from dispatch.services.hotline import follow_up
from dispatch.services.ports import Changes, Loaded
from dispatch.services.steps import Draft

LEAST_DIGITS = 6
"""Of a telephone number, before it says who somebody is."""
SHOWN = 8
LONGEST_WAIT = timedelta(days=14)
Why = Literal["same_phone", "same_address", "same_place", "near"]


class Gazetteer(Protocol):
    """The utility's own addresses."""

    async def find(self, query: str, limit: int) -> list[Entry]:
        """Entries that hold every word, the likeliest first."""
        ...


@dataclass(frozen=True, slots=True)
class Running:
    """An order that is not closed, as far as a call is compared with it. `phones`: of everybody who called about it."""

    order_id: str
    address: str
    place: Point | None
    phones: tuple[str, ...]
    is_open: bool


@dataclass(frozen=True, slots=True)
class Repeat:
    """An order that the call may be about. Only an open one can be joined."""

    order_id: str
    why: tuple[Why, ...]
    metres: float | None
    is_open: bool


class Desk(Protocol):
    """What is compared with a call."""

    async def running(self) -> Sequence[Running]:
        """Orders that are not closed."""
        ...

    async def outages(self, now: datetime, until: datetime) -> Sequence[PlannedOutage]:
        """Those that run now or begin until then."""
        ...


@dataclass(frozen=True, slots=True)
class Land:
    """On whose land a place lies; `centre_id` and `area_class` are empty where a person decides that."""

    centre_id: str
    area_class: str


def land(place: Point | None, territories: Territories) -> Land | None:
    """None: there is no place yet. Pure."""
    if place is None:
        return None
    found = territory_of(place, territories)
    return Land("", "") if isinstance(found, Unroutable) else Land(found.centre_id, found.area_class)


def repeats(
    orders: Sequence[Running], phone: str, address: str, place: Point | None, same_m: float, near_m: float
) -> list[Repeat]:
    """Orders of the same telephone number, the same address or place, or near it; the likeliest first. Pure."""
    digits, said = number(phone), folded(address)
    found = []
    for one in orders:
        metres = float(distance(place, one.place)) if place and one.place else None
        why: list[Why] = []
        if len(digits) >= LEAST_DIGITS and any(_same_number(digits, number(p)) for p in one.phones):
            why.append("same_phone")
        if said and said == folded(one.address):
            why.append("same_address")
        if metres is not None and metres <= near_m and one.is_open:
            why.append("same_place" if metres <= same_m else "near")
        if why:
            found.append(Repeat(one.order_id, tuple(why), metres, one.is_open))
    likeliest = ["same_place", "same_phone", "same_address", "near"]
    found.sort(key=lambda r: (min(map(likeliest.index, r.why)), r.metres or 0.0, r.order_id))
    return found[:SHOWN]


def _same_number(one: str, other: str) -> bool:
    """With or without its country code."""
    return len(other) >= LEAST_DIGITS and (one.endswith(other) or other.endswith(one))


async def told_progress(
    context: Context, order_id: str, *, by: Actor, text: str = "", key: str = ""
) -> WorkOrder:
    """The caller was told how far it is; a contact, and nothing more."""

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        order = draft.order(order_id)
        if key and loaded.contact_order(f"{key}/told") is not None:
            return Changes(order)
        contact = follow_up(
            context, order, now, "progress", text, by, contact_id=f"{key}/told" if key else ""
        )
        draft.contacts.append(contact)
        return draft.changes(order)

    return await context.store.transact(decide)


async def not_reached(
    context: Context,
    order_id: str,
    *,
    by: Actor,
    phone: str = "",
    again_at: datetime | None = None,
    given_up: bool = False,
    text: str = "",
    key: str = "",
) -> WorkOrder:
    """Nobody was reached at `phone` (empty: the first caller's): try again, at a time where one is named, or give it up."""

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        before = draft.order(order_id)
        if before.has_key(key):
            return Changes(before)
        process = draft.process(before)
        if (before.state, "call_back") not in process.transitions:
            raise IllegalStep(
                f"order {order_id} is {before.state}: nobody is called back now", order=order_id
            )
        if again_at is not None and not now <= again_at <= now + LONGEST_WAIT:
            raise BadInput("again_at: expected a time of the next 14 days", field="again_at")
        if given_up and again_at is not None:
            raise GuardRefused("a call-back that is given up is not tried again", guard="not_reached")
        data = {"phone": phone, "given_up": given_up, "text": text}
        if again_at is not None:
            data["again_at"] = again_at.isoformat()
        order = draft.remark(order_id, NOT_REACHED, by=by, data=data, key=key)
        draft.contacts.append(follow_up(context, order, now, "not_reached", text, by, phone))
        return draft.changes(order)

    return await context.store.transact(decide)
