"""Orders of one fault: grouped, parted, and which might be."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from dispatch.adapters.http.access import CallKey, Dispatcher, Id, Key, Router, Services
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import IncidentIn
from dispatch.services import incidents
from dispatch.services.people import acting_as, own_order, scope_of

router = APIRouter()


@router.post("/api/incidents")
async def group(body: IncidentIn, person: Dispatcher, services: Services, key: CallKey) -> Json:
    """One incident of these orders; answers the order that leads it."""
    for order_id in body.order_ids:
        own_order(person, await services.views.order(order_id))
    by, at = acting_as(person, "dispatcher"), scope_of(person).centre_id
    lead = await incidents.group(services.context, body.order_ids, by=by, key=key, at_centre=at)
    return Json(services.views.show(lead))


@router.post("/api/orders/{order_id}/part")
async def part(order_id: Id, person: Dispatcher, services: Services, key: Key) -> Json:
    """Out of its incident; of the order that leads it: all of them."""
    own_order(person, await services.views.order(order_id))
    by, at = acting_as(person, "dispatcher"), scope_of(person).centre_id
    return Json(
        services.views.show(await incidents.part(services.context, order_id, by=by, key=key, at_centre=at))
    )


@router.get("/api/orders/{order_id}/incident")
async def incident(order_id: Id, person: Router, services: Services) -> Json:
    """The orders of its incident, the leading one first, and those that may be of the same fault."""
    order = own_order(person, await services.views.order(order_id))
    members = await services.views.incident(order.incident_id) if order.incident_id else []
    scope = scope_of(person)
    found = [
        {**asdict(one), "order": services.views.show(other)}
        for one in await incidents.suggestions(services.context, order)
        if scope.sees_order((other := await services.views.order(one.order_id)).centre_id, other.crew_id)
    ]
    return Json({"members": members, "suggestions": found[:20]})
