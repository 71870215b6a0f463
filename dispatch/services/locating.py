"""A person gives or corrects the place of an order, and everybody concerned works with it from the same commit on.

The crew's terminals are written anew and its people are alerted; what is computed from positions begins anew with the new
place (services.tracking). Who is responsible follows only where nobody was: what somebody has does not jump.
"""

from __future__ import annotations

from datetime import datetime

from dispatch.core.locating import Whereabouts, locate, whereabouts
from dispatch.core.outgoing import alert
from dispatch.core.responsibility import Routed, route_responsibility
from dispatch.core.types import SYSTEM, Actor, Point
from dispatch.core.work_order import WorkOrder
from dispatch.services.context import Context
from dispatch.services.hotline import put_route
from dispatch.services.people import still_at
from dispatch.services.ports import Changes, Loaded
from dispatch.services.steps import Draft, rewrite_aboard, terminals

ORDER_LOCATED = "order_located"
"""The alert of a crew whose order is elsewhere than it was told."""


async def give_place(
    context: Context,
    order_id: str,
    place: Point,
    *,
    address: str = "",
    by: Actor,
    seen: Whereabouts | None = None,
    key: str = "",
    at_centre: str = "",
) -> WorkOrder:
    """The order at its new place; `address` (empty: it stays) is what people read. The same again changes nothing.

    `seen`, `at_centre`: what who acts had before them, and the centre where it still has to be (see dispatcher.py). Raises what
    core.locating.locate raises, and Forbidden.
    """

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        before = draft.order(order_id)
        if before.has_key(key):
            return Changes(before)
        still_at(before, at_centre)
        to = Whereabouts(address.strip() or whereabouts(before).address, place)
        return draft.changes(put_place(draft, order_id, to, by=by, seen=seen, key=key))

    return await context.store.transact(decide, order_id)


def put_place(
    draft: Draft, order_id: str, to: Whereabouts, *, by: Actor, seen: Whereabouts | None = None, key: str = ""
) -> WorkOrder:
    """The same within a decision, with all that follows from it."""
    before = draft.order(order_id)
    order = locate(
        before, draft.process(before), to, by=by, now=draft.now, seen=seen, key=key,
        devices=_terminals(draft, before),
    )  # fmt: skip
    if order is before:
        return before
    draft.put(order)
    if order.crew_id and not order.follows:
        rewrite_aboard(draft, order)
        _tell_crew(draft, order)
    elif not order.centre_id:
        _route(draft, order)
    return draft.order(order_id)


def _terminals(draft: Draft, order: WorkOrder) -> list[str]:
    if not order.crew_id or order.follows:
        return []
    return terminals(draft.crew(order.crew_id))


def _tell_crew(draft: Draft, order: WorkOrder) -> None:
    draft.outgoing.append(
        alert(key=f"{order.id}/{order.version}/{ORDER_LOCATED}", role="crew", code=ORDER_LOCATED, due=draft.now,
              order_id=order.id, centre_id=order.centre_id, crew_id=order.crew_id)
    )  # fmt: skip


def _route(draft: Draft, order: WorkOrder) -> None:
    """Nobody was responsible: the rules decide by the new place, where they can. Else it waits for a person as before."""
    context, facts = draft.context, order.facts
    found = route_responsibility(
        facts.place, facts.fault_type, facts.voltage, context.territories, context.rules
    )
    if isinstance(found, Routed):
        put_route(draft, order.id, found.as_data(), by=SYSTEM)
