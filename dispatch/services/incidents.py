"""A dispatcher groups orders of one fault into an incident, and parts them again (core/incident.py says what that means)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dispatch.core import incident
from dispatch.core.errors import BadInput, GuardRefused
from dispatch.core.types import Actor
from dispatch.core.work_order import WorkOrder
from dispatch.services.context import Context
from dispatch.services.people import still_at
from dispatch.services.ports import Changes, Loaded
from dispatch.services.steps import Draft

MOST = 500
"""Orders of one incident."""


async def group(
    context: Context, order_ids: Sequence[str], *, by: Actor, key: str = "", at_centre: str = ""
) -> WorkOrder:
    """Make these orders, with all that follow them already, one incident; answers the order that leads it.

    Raises BadInput, IllegalStep or GuardRefused, naming the order that cannot belong to it.
    """

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        asked = [draft.order(one) for one in dict.fromkeys(order_ids)]
        for order in asked:
            still_at(order, at_centre)
        if done := next((o for o in asked if o.has_key(key)), None):
            return Changes(draft.order(done.incident_id or done.id))
        orders = _with_followers(draft, asked)
        if not 2 <= len(orders) <= MOST:
            raise BadInput(f"an incident is made of 2 to {MOST} orders", field="order_ids")
        lead = incident.choose_lead(orders, context.processes.by_id)
        for order in orders:
            incident.check_joinable(order, lead, draft.process(order))
        return draft.changes(_join(draft, lead, orders, by, key))

    return await context.store.transact(decide)


def _with_followers(draft: Draft, asked: Sequence[WorkOrder]) -> list[WorkOrder]:
    """What is asked for, with the whole of the incidents that it belongs to."""
    found: dict[str, WorkOrder] = {}
    for order in asked:
        lead = draft.order(order.incident_id) if order.follows else order
        for one in (lead, order, *map(draft.order, draft.following(lead))):
            found[one.id] = one
    return list(found.values())


def _join(draft: Draft, lead: WorkOrder, orders: Sequence[WorkOrder], by: Actor, key: str) -> WorkOrder:
    """The leading order's own line says which joined, and makes two who group at once see each other."""
    new = [o for o in orders if lead.id not in {o.id, o.incident_id}]
    if not new:
        return lead
    if lead.follows:  # it led nothing, and leads now
        raise GuardRefused(f"{lead.id} follows {lead.incident_id}", guard="incident", why="follows")
    told = {"incident_id": lead.id, "orders": [o.id for o in new]}
    draft.remark(lead.id, incident.GROUPED, by=by, data=told, key=key)
    since = incident.before_joining(draft.order(lead.id))
    for order in new:
        data = {"incident_id": lead.id, "lead_seq": since}
        draft.remark(order.id, incident.GROUPED, by=by, data=data, key=key)
        draft.follow(order.id)
    return draft.order(lead.id)


async def part(
    context: Context, order_id: str, *, by: Actor, key: str = "", at_centre: str = ""
) -> WorkOrder:
    """Take an order out of its incident; the one that leads it: all of them. A crew on its way stays with the lead."""

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        before = draft.order(order_id)
        still_at(before, at_centre)
        if before.has_key(key):
            return Changes(before)
        if not before.incident_id:
            raise GuardRefused(f"{order_id} belongs to no incident", guard="incident", why="alone")
        reason = next(reversed(list(draft.process(before).reasons)), "")
        members = draft.following(before) if before.incident_id == before.id else [order_id]
        for one in members:
            draft.part(one, by=by, reason=reason)
        if before.incident_id == before.id:
            draft.remark(order_id, incident.PARTED, by=by, data={"incident_id": order_id}, key=key)
        return draft.changes(draft.order(order_id))

    return await context.store.transact(decide)


async def suggestions(context: Context, order: WorkOrder) -> list[incident.Suggestion]:
    """Open orders that may be of the same fault."""
    others = [
        o for o in await context.store.open_orders() if o.state != "returned" and o.last("send") is not None
    ]
    placed = [o for o in (order, *others) if o.facts.place is not None]
    lands = context.territories.at_each([o.facts.place for o in placed if o.facts.place is not None])
    territory = {o.id: found[0].id for o, found in zip(placed, lands, strict=True) if found}
    return incident.suggest(order, others, territory)
