"""While the caller speaks: addresses, what is known of the call, planned outages, and how call-backs end."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from dispatch.adapters.http.access import Hotline, Id, Key, Router, Services
from dispatch.adapters.http.desk_schemas import LookIn, NotReachedIn
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import Remark
from dispatch.core.outage import covering
from dispatch.core.types import Point
from dispatch.services import call_desk
from dispatch.services.people import acting_as

router = APIRouter()
FOUND = 12
AHEAD = timedelta(days=7)


@router.get("/api/addresses")
async def addresses(
    person: Router, services: Services, q: Annotated[str, Query(min_length=1, max_length=100)]
) -> Json:
    """Addresses that hold every word of `q`, the likeliest first."""
    found = await services.gazetteer.find(q, FOUND)
    return Json([{"address": e.name, "address_zh": e.name_zh, "lat": e.lat, "lon": e.lon} for e in found])


@router.post("/api/calls/look")
async def look(body: LookIn, person: Hotline, services: Services) -> Json:
    """What is known of a call that is not taken yet: whose land it is, orders that it may repeat, planned outages that it lies in."""
    context = services.context
    place = Point(body.lat, body.lon) if body.lat is not None and body.lon is not None else None
    process = context.processes.by_id[context.processes.current]
    found = call_desk.repeats(
        await services.call_desk.running(),
        body.phone,
        body.address,
        place,
        process.repeat_radius,
        process.repeat_near,
    )
    now = context.clock.now()
    orders = {one.order_id: services.views.show(await services.views.order(one.order_id)) for one in found}
    running = await services.call_desk.outages(now, now)
    return Json(
        {
            "now": now,
            "land": call_desk.land(place, context.territories),
            "repeats": [{"why": r.why, "metres": r.metres, "is_open": r.is_open, "order": orders[r.order_id]} for r in found],
            "outages": covering(running, place, body.address, context.territories),
        }
    )  # fmt: skip


@router.get("/api/planned-outages")
async def planned_outages(person: Router, services: Services) -> Json:
    """Those that run, and those that begin in the next seven days."""
    now = services.context.clock.now()
    return Json({"now": now, "outages": await services.call_desk.outages(now, now + AHEAD)})


@router.post("/api/orders/{order_id}/progress")
async def progress(order_id: Id, body: Remark, person: Hotline, services: Services, key: Key) -> Json:
    """The caller was told how far it is."""
    by = acting_as(person, "hotline")
    order = await call_desk.told_progress(services.context, order_id, by=by, text=body.text, key=key)
    return Json(services.views.show(order))


@router.post("/api/orders/{order_id}/not-reached")
async def not_reached(
    order_id: Id, body: NotReachedIn, person: Hotline, services: Services, key: Key
) -> Json:
    """A call-back reached nobody."""
    order = await call_desk.not_reached(
        services.context, order_id, by=acting_as(person, "hotline"), phone=body.phone, again_at=body.again_at,
        given_up=body.given_up, text=body.text, key=key,
    )  # fmt: skip
    return Json(services.views.show(order))
