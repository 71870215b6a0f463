"""What the hotline does: take the call, send the order, call back, close."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

import msgspec

from dispatch.core.errors import BadInput, Conflict, GuardRefused, IllegalStep
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

    @property
    def content(self) -> dict[str, str]:
        """A digest that tells a resend from another call with the same id; nothing where there is no id."""
        told = msgspec.json.encode(replace(self, id=""))
        return {"content": sha256(told).hexdigest()} if self.id else {}


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a call."""

    order_id: str
    outcome: Literal["new", "joined"]
    unroutable: str = ""
    """Why no rule could route it; a person decides then."""


async def take_call(context: Context, call: Call, *, by: Actor) -> Taken:
    """A new order, or the open one for the same place with a higher priority. Logs the contact either way."""
    _check(context, call)
    contact_id = call.id or context.ids.contact_id()

    def decide(loaded: Loaded, now: datetime) -> Changes[Taken]:
        if known := loaded.contact_order(contact_id):
            return Changes(_taken_before(context, loaded, call, known, contact_id))
        draft = Draft(context, loaded, now)
        if call.ended_at and not now - EARLIEST_CALL <= call.ended_at <= now + timedelta(minutes=1):
            raise BadInput(f"the call ended at {call.ended_at}, it is {now}", field="ended_at")
        twin = _open_twin(context, loaded, call)
        taken = _join(draft, call, twin, by, contact_id) if twin else _new_order(draft, call, by)
        draft.contacts.append(_contact(contact_id, call, taken, now, by))
        return draft.changes(taken)

    return await context.store.transact(decide)


def _taken_before(context: Context, loaded: Loaded, call: Call, order_id: str, contact_id: str) -> Taken:
    """A resent call is answered as the first time. Raises Conflict where it is another one with the same id."""
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


def _open_twin(context: Context, loaded: Loaded, call: Call) -> str:
    """The open order for the same place, the nearest first."""
    if call.place is None:
        return ""
    radius = context.processes.by_id[context.processes.current].repeat_radius
    near = [
        (distance(call.place, place), order_id) for order_id, place, _ in loaded.open_near(call.place, radius)
    ]
    return min(((m, o) for m, o in near if m <= radius), default=(0.0, ""))[1]


def _join(draft: Draft, call: Call, order_id: str, by: Actor, contact_id: str) -> Taken:
    process = draft.process(draft.order(order_id))
    order = draft.remark(
        order_id, "joined", by=by, key=contact_id,
        data={"phone": call.customer_phone, "text": call.description, "priority": process.repeat_priority,
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
    process = context.processes.by_id[context.processes.current]
    facts = OrderFacts(
        id=context.ids.order_id(now), process=process.id, reported_at=min(call.ended_at or now, now),
        channel=call.channel, address=call.address.strip(), place=call.place, fault_type=call.fault_type,
        voltage=call.voltage, customer_name=call.customer_name, customer_phone=call.customer_phone,
        description=call.description,
    )  # fmt: skip
    data, unroutable = _responsibility(context, call)
    draft.put(begin(facts, process, by=by, now=now, data={**data, **call.content}))
    if unroutable:
        draft.outgoing.append(
            alert(key=f"{facts.id}/unroutable", role="hotline", code="unroutable", due=now,
                  order_id=facts.id, why=unroutable)
        )  # fmt: skip
    return Taken(facts.id, "new", unroutable)


def _responsibility(context: Context, call: Call) -> tuple[dict[str, Any], str]:
    if call.place is None:
        return {}, "the place is not known"
    found = route_responsibility(
        call.place, call.fault_type, call.voltage, context.territories, context.rules
    )
    if not isinstance(found, Routed):
        return {}, found.reason
    routing = {"centre_id": found.centre_id, "trade": found.trade, "area_class": found.area_class}
    return {**routing, "territory": found.territory.id, "rule": found.rule}, ""


def _contact(contact_id: str, call: Call, taken: Taken, now: datetime, by: Actor) -> Contact:
    return Contact(
        contact_id, call.ended_at or now, call.channel, call.customer_phone, call.customer_name,
        call.description, taken.order_id, taken.outcome, str(by),
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
        order = draft.remark(order_id, "route", by=by, data=data, key=key)
        cut_calls(draft, before, order)
        if order.last("send") is not None and order.state not in {"returned", "received"}:
            draft.outgoing.append(centre_delivery(order, now))
        return draft.changes(order)

    return await context.store.transact(decide)


def still_open(draft: Draft, order: WorkOrder, what: str) -> None:
    """Raises IllegalStep where the order has ended."""
    if order.state in draft.process(order).final:
        raise IllegalStep(
            f"order {order.id} is {order.state}: {what} comes too late", order=order.id, step=what
        )


async def call_back(
    context: Context, order_id: str, *, satisfied: bool, text: str = "", by: Actor, key: str = ""
) -> WorkOrder:
    """The customer was called back; the answer is kept. Closes the order where the fault record is there."""

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        if (before := draft.order(order_id)).has_key(key):
            return Changes(before)
        data = {"satisfied": satisfied, "text": text}
        order = draft.take(order_id, "call_back", by=by, data=data, key=key)
        draft.contacts.append(follow_up(context, order, now, "call_back", text, by))
        if not satisfied:
            draft.outgoing.append(
                alert(key=f"{order_id}/unsatisfied/{order.version}", role="manager", code="unsatisfied",
                      due=now, order_id=order_id, centre_id=order.centre_id)
            )  # fmt: skip
        return draft.changes(order)

    return await context.store.transact(decide)


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

    return await context.store.transact(decide)


def follow_up(
    context: Context,
    order: WorkOrder,
    now: datetime,
    outcome: Literal["expedite", "call_back", "cancelled"],
    text: str,
    by: Actor,
) -> Contact:
    """The customer was spoken to again about this order."""
    facts = order.facts
    return Contact(
        context.ids.contact_id(), now, "phone", facts.customer_phone, facts.customer_name, text, order.id,
        outcome, str(by),
    )  # fmt: skip


async def _one_step(context: Context, order_id: str, step: str, *, by: Actor, key: str) -> WorkOrder:
    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        order = draft.take(order_id, step, by=by, key=key)
        return draft.changes(order)

    return await context.store.transact(decide)
