"""The crew's phone: its stack, its buttons, away and back. Every button names the order and the dispatch it means."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter

from dispatch.adapters.http.access import CrewMember, Id, Key, Services
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import AwayAskIn, OfDispatch, RecordIn, RejectIn, StepIn
from dispatch.adapters.http.services import HttpServices
from dispatch.core.errors import BadInput, Forbidden
from dispatch.core.types import Actor
from dispatch.services import crew as duty
from dispatch.services.people import Person, own_order, scope_of
from dispatch.services.ports import Crew

router = APIRouter()


def _crew(services: HttpServices, person: Person) -> Crew:
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
    generation: int,
    at: datetime | None,
    **data: Any,
) -> Json:
    crew = _crew(services, person)
    own_order(person, await services.views.order(order_id))
    order = await duty.step(
        services.context, order_id, name, crew=crew, by=Actor("crew", crew.id), at=at,
        data={**data, "via": person.username}, key=key, generation=generation,
    )  # fmt: skip
    if order.crew_id or name != "reject":
        duty.still_mine(
            order, crew, None
        )  # a resend after it went to others: the former crew reads no more of it
    return Json(services.views.show(order))


@router.get("/api/crew/stack")
async def stack(person: CrewMember, services: Services) -> Json:
    """What this crew holds, in its sequence, and what it has still to record."""
    return Json(await services.views.stack(_crew(services, person).id, scope_of(person)))


@router.post("/api/crew/orders/{order_id}/receipt")
async def receipt(order_id: Id, body: OfDispatch, person: CrewMember, services: Services) -> Json:
    """The phone shows it: a machine receipt (E)."""
    crew = _crew(services, person)
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
    return await _step(services, person, order_id, "acknowledge", key, body.generation, body.at)


@router.post("/api/crew/orders/{order_id}/depart")
async def depart(order_id: Id, body: StepIn, person: CrewMember, services: Services, key: Key) -> Json:
    """On the way (G)."""
    return await _step(services, person, order_id, "depart", key, body.generation, body.at)


@router.post("/api/crew/orders/{order_id}/arrive")
async def arrive(order_id: Id, body: StepIn, person: CrewMember, services: Services, key: Key) -> Json:
    """At the fault (H)."""
    return await _step(services, person, order_id, "arrive", key, body.generation, body.at)


@router.post("/api/crew/orders/{order_id}/restore")
async def restore(order_id: Id, body: StepIn, person: CrewMember, services: Services, key: Key) -> Json:
    """The fault is cleared."""
    return await _step(services, person, order_id, "restore", key, body.generation, body.at)


@router.post("/api/crew/orders/{order_id}/reject")
async def reject(order_id: Id, body: RejectIn, person: CrewMember, services: Services, key: Key) -> Json:
    """Back to the centre, with the reason."""
    data = {"reason": body.reason, "text": body.text}
    return await _step(services, person, order_id, "reject", key, body.generation, body.at, **data)


@router.post("/api/crew/orders/{order_id}/record")
async def record(order_id: Id, body: RecordIn, person: CrewMember, services: Services, key: Key) -> Json:
    """The fault record."""
    data = body.model_dump(exclude={"generation", "at"})
    return await _step(services, person, order_id, "record", key, body.generation, body.at, **data)


@router.post("/api/crew/away")
async def away(body: AwayAskIn, person: CrewMember, services: Services) -> Json:
    """Cannot leave for a while; where cover would be lost, refused with when it is possible, or asked of the centre."""
    crew = _crew(services, person)
    until = services.context.clock.now() + timedelta(minutes=body.minutes)
    await duty.go_away(services.context, crew, until=until, reason=body.reason, ask=body.ask)
    return Json(await services.views.crew(crew.id))


@router.post("/api/crew/standby")
async def standby(person: CrewMember, services: Services) -> Json:
    """Back."""
    crew = _crew(services, person)
    await duty.standby(services.context, crew)
    return Json(await services.views.crew(crew.id))
