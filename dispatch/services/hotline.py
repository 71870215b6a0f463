"""What the hotline does: take the call, send the order, call back, close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

import msgspec

from dispatch.core.errors import BadInput, Conflict, GuardRefused, IllegalStep
from dispatch.core.outage import PlannedOutage, covering
from dispatch.core.outgoing import alert
from dispatch.core.responsibility import Routed, route_responsibility
from dispatch.core.types import Actor, Point, distance
from dispatch.core.work_order import Facts as OrderFacts
from dispatch.core.work_order import WorkOrder, begin
from dispatch.services.context import Context
from dispatch.services.people import still_at
from dispatch.services.ports import Changes, Contact, Loaded
from dispatch.services.steps import Draft, centre_delivery, cut_calls

CHANNELS = ("phone", "web", "app", "sms", "counter")
EARLIEST_CALL = timedelta(hours=24)


_LATER = frozenset({"withheld", "join", "apart", "outage", "insists"})
"""Fields that calls of before had not: where they say nothing, the digest of a call is what it was."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a customer reported. `ended_at` is point A (empty: now); `id` makes a resend of the very same harmless."""

    channel: str
    address: str
    fault_type: str
    voltage: str
    place: Point | None = None
    customer_name: str = ""
    customer_phone: str = ""
    description: str = ""
    ended_at: datetime | None = None
    id: str = ""
    withheld: bool = False
    """The caller was asked for the number and does not give it."""
    join: str = ""
    """The open order that the call taker joins it to; empty: the one of the same place, if there is one."""
    apart: bool = False
    """It is another fault, although there is an order of the same place."""
    outage: str = ""
    """The planned outage that the caller was told of: no order is made."""
    insists: bool = False
    """An order is made although the place lies in a planned outage: the caller says that it is something else."""

    @property
    def content(self) -> dict[str, str]:
        """A digest that tells a resend from another call with the same id; nothing where there is no id."""
        told = msgspec.to_builtins(replace(self, id=""))
        told = msgspec.json.encode({k: v for k, v in told.items() if k not in _LATER or v})
        return {"content": sha256(told).hexdigest()} if self.id else {}


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a call."""

    order_id: str
    outcome: Literal["new", "joined", "planned_outage"]
    unroutable: str = ""
    """Why no rule could route it; a person decides then."""


async def take_call(context: Context, call: Call, *, by: Actor) -> Taken:
    """A new order, or the open one for the same place with a higher priority; or, where the caller was told of a planned
    outage, none. Logs the contact whichever it is. Raises GuardRefused in a planned outage that nobody has spoken of yet,
    and where the one that the caller was told of does not run at this place.
    """
    _check(context, call)
    contact_id = call.id or context.ids.contact_id()

    def decide(loaded: Loaded, now: datetime) -> Changes[Taken]:
        if (known := loaded.contact_order(contact_id)) is not None:
            return Changes(_taken_before(context, loaded, call, known, contact_id))
        draft = Draft(context, loaded, now)
        if call.ended_at and not now - EARLIEST_CALL <= call.ended_at <= now + timedelta(minutes=1):
            raise BadInput(f"the call ended at {call.ended_at}, it is {now}", field="ended_at")
        twin = _meant(draft, call)
        if call.outage:
            taken = _told_of_outage(draft, call)
        else:
            taken = _join(draft, call, twin, by, contact_id) if twin else _new_order(draft, call, by)
        draft.contacts.append(_contact(contact_id, call, taken, now, by))
        return draft.changes(taken)

    return await context.store.transact(decide)


def _taken_before(context: Context, loaded: Loaded, call: Call, order_id: str, contact_id: str) -> Taken:
    """A resent call is answered as the first time. Raises Conflict where it is another one with the same id."""
    if not order_id:
        if not call.outage:  # the caller says more now: never answered as if the outage were told
            raise Conflict("a call with this key was kept without an order", order="", why="key_reused")
        return Taken("", "planned_outage")
    order = loaded.order(order_id)
    joined = next((e for e in order.history if e.key == contact_id), None)
    first = (joined or order.history[0]).data.get("content")
    if first not in {None, call.content.get("content")}:
        raise Conflict(
            f"another call with this key became order {order_id}", order=order_id, why="key_reused"
        )
    return Taken(order_id, "joined") if joined else Taken(order_id, "new", _responsibility(context, call)[1])


def _check(context: Context, call: Call) -> None:
    process = context.processes.by_id[context.processes.current]
    for field, value, known in (
        ("fault_type", call.fault_type, process.fault_types),
        ("voltage", call.voltage, process.voltages),
        ("channel", call.channel, CHANNELS),
    ):
        if value not in known:
            raise BadInput(f"{field} {value!r} is not known: expected one of {', '.join(known)}", field=field)
    if not call.address.strip() and call.place is None:
        raise BadInput("an address or a place on the map is needed", field="address")


def _meant(draft: Draft, call: Call) -> str:
    """The order that the call belongs to; empty: a new one."""
    if call.join:
        order = draft.order(call.join)
        still_open(draft, order, "joined")
        if order.last("restore") is not None:
            raise IllegalStep(
                f"order {order.id} is repaired: this is a new fault", order=order.id, step="joined"
            )
        return call.join
    return "" if call.apart else _open_twin(draft, call)


def _open_twin(draft: Draft, call: Call) -> str:
    """The open order for the same place, the nearest first; each is read, since it may have ended after the look."""
    if call.place is None:
        return ""
    processes, loaded = draft.context.processes, draft.loaded
    radius = processes.by_id[processes.current].repeat_radius
    near = [
        (distance(call.place, place), order_id) for order_id, place, _ in loaded.open_near(call.place, radius)
    ]
    found = (order_id for metres, order_id in sorted(near) if metres <= radius)
    return next((one for one in found if not loaded.fetch([one]) and _joinable(draft, one)), "")


def _joinable(draft: Draft, order_id: str) -> bool:
    order = draft.order(order_id)
    return order.state not in draft.process(order).final and order.last("restore") is None


def _join(draft: Draft, call: Call, order_id: str, by: Actor, contact_id: str) -> Taken:
    process = draft.process(draft.order(order_id))
    order = draft.remark(
        order_id, "joined", by=by, key=contact_id,
        data={"phone": call.customer_phone, "name": call.customer_name, "text": call.description, "priority": process.repeat_priority,
              **call.content},
    )  # fmt: skip
    if order.centre_id:
        draft.outgoing.append(
            alert(key=f"{order.id}/joined/{order.version}", role="dispatcher", code="repeat_call",
                  due=draft.now, order_id=order.id, centre_id=order.centre_id)
        )  # fmt: skip
    return Taken(order_id, "joined")


def _new_order(draft: Draft, call: Call, by: Actor) -> Taken:
    context, now = draft.context, draft.now
    _warn_of_outage(draft, call)
    process = context.processes.by_id[context.processes.current]
    facts = OrderFacts(
        id=context.ids.order_id(now), process=process.id, reported_at=min(call.ended_at or now, now),
        channel=call.channel, address=call.address.strip(), place=call.place, fault_type=call.fault_type,
        voltage=call.voltage, customer_name=call.customer_name, customer_phone=call.customer_phone,
        description=call.description,
    )  # fmt: skip
    data, unroutable = _responsibility(context, call)
    said = {**({"withheld": True} if call.withheld else {}), **({"insists": True} if call.insists else {})}
    draft.put(begin(facts, process, by=by, now=now, data={**data, **said, **call.content}))
    if unroutable:
        draft.outgoing.append(
            alert(key=f"{facts.id}/unroutable", role="hotline", code="unroutable", due=now,
                  order_id=facts.id, why=unroutable)
        )  # fmt: skip
    return Taken(facts.id, "new", unroutable)


def _outages(draft: Draft, call: Call) -> list[PlannedOutage]:
    """The planned outages that run now and concern the call, the one that ends last first."""
    running = draft.loaded.planned_outages(draft.now)
    return covering(running, call.place, call.address, draft.context.territories)


def _told_of_outage(draft: Draft, call: Call) -> Taken:
    """No order: only where the outage that the caller was told of is there, now, at this place."""
    if call.outage not in {one.id for one in _outages(draft, call)}:
        raise GuardRefused(
            f"no planned outage {call.outage!r} runs at this place now",
            guard="planned_outage",
            why="no_outage",
        )
    return Taken("", "planned_outage")


def _warn_of_outage(draft: Draft, call: Call) -> None:
    """Known outages first: the caller is told of it, and an order is made only for who insists (safety)."""
    if call.insists:
        return
    if found := _outages(draft, call):
        raise GuardRefused(
            f"the place lies in the planned outage {found[0].id} until {found[0].ends_at.isoformat()}",
            guard="planned_outage", why="planned_outage", outage=found[0].id, until=found[0].ends_at.isoformat(),
        )  # fmt: skip


def _responsibility(context: Context, call: Call) -> tuple[dict[str, Any], str]:
    if call.place is None:
        return {}, "the place is not known"
    found = route_responsibility(
        call.place, call.fault_type, call.voltage, context.territories, context.rules
    )
    if not isinstance(found, Routed):
        return {}, found.reason
    return found.as_data(), ""


def _contact(contact_id: str, call: Call, taken: Taken, now: datetime, by: Actor) -> Contact:
    text = f"{call.outage}: {call.address} {call.description}".rstrip() if call.outage else call.description
    return Contact(
        contact_id, call.ended_at or now, call.channel, call.customer_phone, call.customer_name, text, taken.order_id, taken.outcome, str(by),
    )  # fmt: skip


async def send(context: Context, order_id: str, *, by: Actor, key: str = "") -> WorkOrder:
    """The shift leader sends the order to its centre (B). One without a centre waits for a person, watched."""
    return await _one_step(context, order_id, "send", by=by, key=key)


async def route(
    context: Context,
    order_id: str,
    *,
    centre_id: str,
    trade: str,
    area_class: str,
    by: Actor,
    key: str = "",
    at_centre: str = "",
) -> WorkOrder:
    """A person decides whose it is, where no rule could (or the rule was wrong); `at_centre`: see dispatcher.py."""
    if centre_id not in context.directory.centres:
        raise BadInput(f"no centre {centre_id!r}", field="centre_id")
    if area_class not in {"urban", "rural", "remote"}:
        raise BadInput("area_class: expected urban, rural or remote", field="area_class")

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        loaded.roster(centre_id, trade)
        before = draft.order(order_id)
        if before.has_key(key):
            return Changes(before)
        still_at(before, at_centre)
        still_open(draft, before, "route")
        if before.crew_id:
            raise GuardRefused(f"order {order_id} is with {before.crew_id}: recall it first", guard="route")
        data = {"centre_id": centre_id, "trade": trade, "area_class": area_class}
        return draft.changes(put_route(draft, order_id, data, by=by, key=key))

    return await context.store.transact(decide)


def put_route(draft: Draft, order_id: str, data: Mapping[str, Any], *, by: Actor, key: str = "") -> WorkOrder:
    """Within a decision: the order is this centre's and trade's from now on, and is carried there where it was sent."""
    before = draft.order(order_id)
    order = draft.remark(order_id, "route", by=by, data=data, key=key)
    if order.centre_id != before.centre_id and order.incident_id:
        order = draft.leave(order_id, by=by)
    cut_calls(draft, before, order)
    if order.last("send") is not None and order.state not in {"returned", "received"}:
        draft.outgoing.append(centre_delivery(order, draft.now))
    return order


def still_open(draft: Draft, order: WorkOrder, what: str) -> None:
    """Raises IllegalStep where the order has ended."""
    if order.state in draft.process(order).final:
        raise IllegalStep(
            f"order {order.id} is {order.state}: {what} comes too late", order=order.id, step=what
        )


async def call_back(
    context: Context,
    order_id: str,
    *,
    satisfied: bool,
    text: str = "",
    phone: str = "",
    by: Actor,
    key: str = "",
) -> WorkOrder:
    """A caller was called back (`phone` empty: all who reported it); the answer is kept."""

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        if (before := draft.order(order_id)).has_key(key):
            return Changes(before)
        data = {"satisfied": satisfied, "text": text, **({"phone": phone} if phone else {})}
        order = draft.take(order_id, "call_back", by=by, data=data, key=key)
        draft.contacts.append(follow_up(context, order, now, "call_back", text, by, phone))
        if not satisfied:
            draft.outgoing.append(
                alert(key=f"{order_id}/unsatisfied/{order.version}", role="manager", code="unsatisfied",
                      due=now, order_id=order_id, centre_id=order.centre_id)
            )  # fmt: skip
        return draft.changes(order)

    return await context.store.transact(decide, order_id)


async def close(context: Context, order_id: str, *, by: Actor, key: str = "") -> WorkOrder:
    """The order is done: repaired, recorded, called back."""
    return await _one_step(context, order_id, "close", by=by, key=key)


async def cancel(context: Context, order_id: str, *, reason: str, by: Actor, key: str = "") -> WorkOrder:
    """The order is not needed; it is taken off whatever device has it."""

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        if (before := draft.order(order_id)).has_key(key):
            return Changes(before)
        order = draft.take(order_id, "cancel", by=by, data={"reason": reason}, key=key)
        draft.contacts.append(follow_up(context, order, now, "cancelled", reason, by))
        return draft.changes(order)

    return await context.store.transact(decide, order_id)


def follow_up(
    context: Context,
    order: WorkOrder,
    now: datetime,
    outcome: Literal["progress", "expedite", "call_back", "not_reached", "cancelled"],
    text: str,
    by: Actor,
    phone: str = "",
    contact_id: str = "",
) -> Contact:
    """The customer was spoken to again about this order, or nobody was reached."""
    facts = order.facts
    return Contact(
        contact_id or context.ids.contact_id(), now, "phone", phone or facts.customer_phone,
        "" if phone and phone != facts.customer_phone else facts.customer_name, text, order.id,
        outcome, str(by),
    )  # fmt: skip


async def _one_step(context: Context, order_id: str, step: str, *, by: Actor, key: str) -> WorkOrder:
    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        order = draft.take(order_id, step, by=by, key=key)
        return draft.changes(order)

    return await context.store.transact(decide, order_id)
