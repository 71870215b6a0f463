"""What the crew's phone brings beside its buttons: photos, messages, positions, and the evidence beside its claims."""

from __future__ import annotations

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime
from starlette.responses import Response

from dispatch.adapters.http.access import AnyPerson, CallKey, CrewMember, Dispatcher, Id, Key, Services
from dispatch.adapters.http.crew import crew_of
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import MessageIn, PlaceIn, PlacesIn
from dispatch.adapters.http.services import HttpServices
from dispatch.core.errors import BadInput, Conflict, NotFound, Unavailable
from dispatch.core.types import Actor
from dispatch.core.work_order import WorkOrder
from dispatch.messages import Position
from dispatch.services import crew as duty
from dispatch.services import messages, photos
from dispatch.services.claims import claims
from dispatch.services.people import Person, acting_as, own_crew, own_order
from dispatch.services.photos import Photos
from dispatch.services.ports import Crew

router = APIRouter()
FOR_EVER = "private, max-age=31536000, immutable"
MESSAGES_SHOWN = 30


def _photos(services: HttpServices) -> Photos:
    if services.photos is None:
        raise Unavailable("photos are not kept here", part="photos")
    return services.photos


@router.post("/api/crew/orders/{order_id}/photos")
async def add_photo(
    order_id: Id,
    request: Request,
    person: CrewMember,
    services: Services,
    key: Key,
    at: AwareDatetime | None = None,
) -> Json:
    """One photo, as the body; the guard has seen to its size."""
    content = await request.body()
    if not key or len(content) > photos.LARGEST:
        raise BadInput(f"an Idempotency-Key and at most {photos.LARGEST} bytes are expected", field="photo")
    crew = crew_of(services, person)
    own_order(person, await services.views.order(order_id))
    order = await photos.add(
        services.context, _photos(services), order_id, content, crew=crew,
        by=Actor("crew", crew.id), at=at, key=key, via=person.username,
    )  # fmt: skip
    return Json({"photos": [one["photo"] for one in photos.of(order, _own_only(person, order))]})


def _own_only(person: Person, order: WorkOrder) -> str:
    """The crew whose photos alone this person sees: one that the order is not with any more; else empty."""
    return person.crew_id if person.role == "crew" and order.crew_id != person.crew_id else ""


@router.get("/api/orders/{order_id}/photos/{photo}")
async def read_photo(order_id: Id, photo: Id, person: AnyPerson, services: Services) -> Response:
    """A photo, for whoever may see its order (a former crew: one of its own); it can do nothing but be looked at."""
    order = own_order(person, await services.views.order(order_id))
    content, kind = await photos.read(_photos(services), order, photo, _own_only(person, order))
    headers = {
        "Cache-Control": FOR_EVER,
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Disposition": "inline",
    }
    return Response(content, media_type=kind, headers=headers)


@router.get("/api/crew/orders/{order_id}/claims")
async def evidence(order_id: Id, person: CrewMember, services: Services) -> Json:
    """What this crew said of the order beside what its vehicle's positions say; while it has the order."""
    order = own_order(person, await services.views.order(order_id))
    duty.still_mine(order, crew_of(services, person), None)
    return Json(await claims(services.context, services.tracks, order))


@router.get("/api/crew/messages")
async def read_messages(person: CrewMember, services: Services) -> Json:
    """The last messages between this crew and its centre, the oldest first."""
    return Json(await services.views.messages(crew_of(services, person).id, MESSAGES_SHOWN))


@router.post("/api/crew/messages")
async def say_to_centre(body: MessageIn, person: CrewMember, services: Services, key: CallKey) -> Json:
    """To the dispatchers of the crew's centre."""
    crew = crew_of(services, person)
    return await _say(services, person, crew, body, Actor("crew", person.username), key)


@router.get("/api/crews/{crew_id}/messages")
async def read_crews_messages(
    crew_id: Id, person: Dispatcher, services: Services, limit: int = Query(MESSAGES_SHOWN, ge=1, le=200)
) -> Json:
    """The same as the centre sees it."""
    return Json(await services.views.messages(_seen_crew(services, person, crew_id).id, limit))


@router.post("/api/crews/{crew_id}/messages")
async def say_to_crew(
    crew_id: Id, body: MessageIn, person: Dispatcher, services: Services, key: CallKey
) -> Json:
    """From the centre to the crew's phone."""
    crew = _seen_crew(services, person, crew_id)
    return await _say(services, person, crew, body, acting_as(person, "dispatcher"), key)


async def _say(
    services: HttpServices, person: Person, crew: Crew, body: MessageIn, by: Actor, key: str
) -> Json:
    if not key:
        raise BadInput("an Idempotency-Key is expected", field="Idempotency-Key")
    if body.order_id:
        own_order(person, await services.views.order(body.order_id))
    try:
        await messages.say(services.context, crew, body.text, by=by, key=key, order_id=body.order_id)
    except Conflict:
        if not await services.views.raised(messages.row_key(key, by)):
            raise
    return Json({"said": True})


def _seen_crew(services: HttpServices, person: Person, crew_id: str) -> Crew:
    crew = services.context.directory.crews.get(crew_id)
    if crew is None:
        raise NotFound(f"no crew {crew_id!r}", crew=crew_id)
    return own_crew(person, crew)


@router.post("/api/crew/positions")
async def tell_positions(body: PlacesIn, person: CrewMember, services: Services) -> Json:
    """Where the phone is, where its person shares that; stored as those of the crew's phone device."""
    crew = crew_of(services, person)
    device = next((d.id for d in crew.devices if d.kind == "phone"), "")
    if not device:
        raise NotFound(f"{crew.name} has no phone device", crew=crew.id)
    if services.phone_positions is None:
        raise Unavailable("positions are not taken here", part="redis")
    now = services.context.clock.now().timestamp()
    await services.phone_positions.append([_position(device, one, now) for one in body.positions])
    return Json({"stored": len(body.positions)})


def _position(device: str, one: PlaceIn, now: float) -> Position:
    attributes: dict[str, str | int | float | bool] = (
        {} if one.accuracy_m is None else {"accuracy_m": one.accuracy_m}
    )
    return Position(
        device, one.at.timestamp(), now, one.lat, one.lon, speed_mps=one.speed_mps,
        course_deg=one.course_deg, protocol="page", attributes=attributes,
    )  # fmt: skip
