"""The crew's phone: its stack, its buttons, away and back. Every button names the order and the dispatch it means."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter

from dispatch.adapters.http.access import CrewMember, Id, Key, Services
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import AwayAskIn, OfDispatch, RecordIn, RejectIn, StepIn
from dispatch.adapters.http.services import HttpServices
from dispatch.core.errors import BadInput, Conflict, Forbidden
from dispatch.core.types import Actor
from dispatch.core.work_order import WorkOrder
from dispatch.services import crew as duty
from dispatch.services.people import Person, own_order, scope_of
from dispatch.services.ports import Crew

router = APIRouter()


def crew_of(services: HttpServices, person: Person) -> Crew:
    """The crew of one of its members. Raises Forbidden where there is none any more."""
    crew = services.context.directory.crews.get(person.crew_id)
    if crew is None:
        raise Forbidden(f"{person.username} belongs to no crew any more", crew=person.crew_id)
    return crew


async def _step(
    services: HttpServices,
    person: Person,
    order_id: str,
    name: str,
    key: str,
    body: StepIn,
    **data: Any,
) -> Json:
    crew = crew_of(services, person)
    own_order(person, await services.views.order(order_id))
    order = await duty.step(
        services.context, order_id, name, crew=crew, by=Actor("crew", crew.id), at=body.at,
        data={**data, **_by_the_phone(body), "via": person.username}, key=key, generation=body.generation,
    )  # fmt: skip
    if order.crew_id or name != "reject":
        _not_for_others(order, crew)
    return Json(services.views.show(order))


def _not_for_others(order: WorkOrder, crew: Crew) -> None:
    """A resend after it went to others: the former crew reads no more of it than that its press was `taken`."""
    try:
        duty.still_mine(order, crew, None)
    except Conflict as error:
        raise Conflict(error.message, **error.facts, taken=True) from None


def _by_the_phone(body: StepIn) -> dict[str, Any]:
    """What the phone's clock showed when the button was pressed, and how far it took that to be off."""
    at = {"device_at": body.device_at.isoformat()} if body.device_at else {}
    return at if body.offset_s is None else {**at, "offset_s": round(body.offset_s, 3)}


@router.get("/api/crew/stack")
async def stack(person: CrewMember, services: Services) -> Json:
    """What this crew holds, in its sequence, and what it has still to record; and who asks, as the page may be another's."""
    found = await services.views.stack(crew_of(services, person).id, scope_of(person))
    return Json({"username": person.username, **found})


@router.post("/api/crew/orders/{order_id}/receipt")
async def receipt(order_id: Id, body: OfDispatch, person: CrewMember, services: Services) -> Json:
    """The phone shows it: a machine receipt (E)."""
    crew = crew_of(services, person)
    order = own_order(person, await services.views.order(order_id))
    if body.generation > order.generation:
        raise BadInput(f"there is no dispatch {body.generation} of {order_id}", field="generation")
    phone = next((d.id for d in crew.devices if d.kind == "phone"), f"page:{person.username}")
    order = await duty.receipt(
        services.context, order_id, crew=crew, by=Actor("device", phone),
        at=services.context.clock.now(), generation=body.generation, via=person.username,
    )  # fmt: skip
    duty.still_mine(order, crew, body.generation)
    return Json(services.views.show(order))


@router.post("/api/crew/orders/{order_id}/acknowledge")
async def acknowledge(order_id: Id, body: StepIn, person: CrewMember, services: Services, key: Key) -> Json:
    """Accepted (F); the first of the crew's devices wins."""
    return await _step(services, person, order_id, "acknowledge", key, body)


@router.post("/api/crew/orders/{order_id}/depart")
async def depart(order_id: Id, body: StepIn, person: CrewMember, services: Services, key: Key) -> Json:
    """On the way (G)."""
    return await _step(services, person, order_id, "depart", key, body)


@router.post("/api/crew/orders/{order_id}/arrive")
async def arrive(order_id: Id, body: StepIn, person: CrewMember, services: Services, key: Key) -> Json:
    """At the fault (H)."""
    return await _step(services, person, order_id, "arrive", key, body)


@router.post("/api/crew/orders/{order_id}/restore")
async def restore(order_id: Id, body: StepIn, person: CrewMember, services: Services, key: Key) -> Json:
    """The fault is cleared."""
    return await _step(services, person, order_id, "restore", key, body)


@router.post("/api/crew/orders/{order_id}/reject")
async def reject(order_id: Id, body: RejectIn, person: CrewMember, services: Services, key: Key) -> Json:
    """Back to the centre, with the reason."""
    data = {"reason": body.reason, "text": body.text}
    return await _step(services, person, order_id, "reject", key, body, **data)


@router.post("/api/crew/orders/{order_id}/record")
async def record(order_id: Id, body: RecordIn, person: CrewMember, services: Services, key: Key) -> Json:
    """The fault record."""
    data = body.model_dump(exclude={"generation", "at", "device_at", "offset_s"})
    return await _step(services, person, order_id, "record", key, body, **data)


@router.post("/api/crew/away")
async def away(body: AwayAskIn, person: CrewMember, services: Services) -> Json:
    """Cannot leave for a while; where cover would be lost, refused with when it is possible, or asked of the centre."""
    crew = crew_of(services, person)
    until = services.context.clock.now() + timedelta(minutes=body.minutes)
    await duty.go_away(services.context, crew, until=until, reason=body.reason, ask=body.ask)
    return Json(await services.views.crew(crew.id))


@router.post("/api/crew/standby")
async def standby(person: CrewMember, services: Services) -> Json:
    """Back."""
    crew = crew_of(services, person)
    await duty.standby(services.context, crew)
    return Json(await services.views.crew(crew.id))
