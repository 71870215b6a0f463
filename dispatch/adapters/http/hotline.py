"""The hotline: calls, sending, call-backs."""

from __future__ import annotations

from fastapi import APIRouter

from dispatch.adapters.http.access import CallKey, Hotline, Id, Key, Manager, Router, Services
from dispatch.adapters.http.desk_schemas import CallIn, LocateIn
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import CallBack, ReasonIn, Remark, RouteIn
from dispatch.core.errors import BadInput
from dispatch.core.locating import Whereabouts
from dispatch.core.types import Actor, Point
from dispatch.services import call_desk, chases, locating
from dispatch.services import hotline as desk
from dispatch.services.people import acting_as, own_order, scope_of

router = APIRouter()


@router.post("/api/calls")
async def take_call(body: CallIn, person: Hotline, services: Services, key: CallKey) -> Json:
    """A customer's report becomes an order, joins an open one, or was answered from a planned outage."""
    if (body.lat is None) != (body.lon is None):
        raise BadInput("lat and lon: expected both or neither", field="lat")
    call = desk.Call(
        channel=body.channel, address=body.address, fault_type=body.fault_type, voltage=body.voltage,
        place=_point(body.lat, body.lon), customer_name=body.customer_name, customer_phone=body.customer_phone,
        description=body.description, ended_at=body.ended_at, id=key, withheld=body.phone_withheld,
        join=body.join, apart=body.apart, outage=body.outage, insists=body.insists,
    )  # fmt: skip
    taken = await desk.take_call(services.context, call, by=acting_as(person, "hotline"))
    return Json(taken, status_code=201)


@router.post("/api/orders/{order_id}/send")
async def send(order_id: Id, person: Hotline, services: Services, key: Key) -> Json:
    """To its repair centre (B)."""
    by = acting_as(person, "hotline")
    return Json(services.views.show(await desk.send(services.context, order_id, by=by, key=key)))


@router.post("/api/orders/{order_id}/route")
async def route(order_id: Id, body: RouteIn, person: Router, services: Services, key: Key) -> Json:
    """A person decides whose it is."""
    order = await services.views.order(order_id)
    if not any(e.key == key and e.by.id == person.username for e in order.history if key):
        own_order(person, order)
    by = acting_as(person, "hotline" if person.role == "hotline" else "dispatcher")
    order = await desk.route(
        services.context, order_id, centre_id=body.centre_id, trade=body.trade, area_class=body.area_class,
        by=by, key=key, at_centre=scope_of(person).centre_id,
    )  # fmt: skip
    return Json(services.views.show(order))


@router.post("/api/orders/{order_id}/place")
async def place(order_id: Id, body: LocateIn, person: Router, services: Services, key: Key) -> Json:
    """Where it is, given or corrected until somebody has arrived; and whose land that is, which moves nothing by itself."""
    own_order(person, await services.views.order(order_id))
    was = body.seen
    seen = Whereabouts(was.address, _point(was.lat, was.lon)) if was else None
    context, at = services.context, Point(body.lat, body.lon)
    order = await locating.give_place(
        context, order_id, at, address=body.address, seen=seen, key=key, at_centre=scope_of(person).centre_id,
        by=acting_as(person, "hotline" if person.role == "hotline" else "dispatcher"),
    )  # fmt: skip
    land = call_desk.land(order.facts.place, context.territories)
    return Json({"order": services.views.show(order), "land": land})


def _point(lat: float | None, lon: float | None) -> Point | None:
    return Point(lat, lon) if lat is not None and lon is not None else None


@router.post("/api/orders/{order_id}/expedite")
async def expedite(order_id: Id, body: Remark, person: Hotline, services: Services, key: Key) -> Json:
    """The customer chases."""
    by = acting_as(person, "hotline")
    order = await chases.expedite(services.context, order_id, by=by, text=body.text, key=key)
    return Json(services.views.show(order))


@router.post("/api/orders/{order_id}/supervise")
async def supervise(order_id: Id, body: Remark, person: Manager, services: Services, key: Key) -> Json:
    """A superior watches it."""
    by = Actor(person.role, person.username)
    order = await chases.supervise(services.context, order_id, by=by, text=body.text, key=key)
    return Json(services.views.show(order))


@router.post("/api/orders/{order_id}/call-back")
async def call_back(order_id: Id, body: CallBack, person: Hotline, services: Services, key: Key) -> Json:
    """The customer was called back."""
    order = await desk.call_back(
        services.context, order_id, satisfied=body.satisfied, text=body.text, phone=body.phone,
        by=acting_as(person, "hotline"), key=key,
    )  # fmt: skip
    return Json(services.views.show(order))


@router.post("/api/orders/{order_id}/close")
async def close(order_id: Id, person: Hotline, services: Services, key: Key) -> Json:
    """Repaired, recorded, called back."""
    by = acting_as(person, "hotline")
    return Json(services.views.show(await desk.close(services.context, order_id, by=by, key=key)))


@router.post("/api/orders/{order_id}/cancel")
async def cancel(order_id: Id, body: ReasonIn, person: Hotline, services: Services, key: Key) -> Json:
    """Not needed any more."""
    order = await desk.cancel(
        services.context, order_id, reason=body.reason, by=acting_as(person, "hotline"), key=key
    )
    return Json(services.views.show(order))


@router.get("/api/hotline/desk")
async def hotline_desk(person: Hotline, services: Services) -> Json:
    """What is to be done."""
    return Json(await services.views.desk(scope_of(person)))
