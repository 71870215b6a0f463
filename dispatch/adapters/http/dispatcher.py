"""The repair centre: its board, its orders, its crews."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request

from dispatch.adapters.http.access import COOKIE, AnyPerson, Dispatcher, Id, Key, Router, Services
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import AwayIn, DispatchIn, ReasonIn, ReassignIn, RecallIn, SequenceIn
from dispatch.adapters.http.services import HttpServices
from dispatch.core.errors import Forbidden, NotFound
from dispatch.core.territory import territories_to_geojson
from dispatch.core.types import Actor
from dispatch.services import crew as duty
from dispatch.services import dispatcher as centre
from dispatch.services import positions, stacks
from dispatch.services.claims import claims
from dispatch.services.people import Person, acting_as, own_crew, own_order, scope_of, session_id
from dispatch.services.ports import Crew
from dispatch.services.tickets import Guest

router = APIRouter()


async def _own(services: HttpServices, person: Person, order_id: str) -> tuple[Actor, str]:
    """Who acts on an order that is this person's to act on, and the centre (empty: any) where it still has to be."""
    own_order(person, await services.views.order(order_id))
    return acting_as(person, "dispatcher"), scope_of(person).centre_id


def _crew(services: HttpServices, person: Person, crew_id: str) -> Crew:
    crew = services.context.directory.crews.get(crew_id)
    if crew is None:
        raise NotFound(f"no crew {crew_id!r}", crew=crew_id)
    return own_crew(person, crew)


@router.get("/api/board")
async def board(person: Dispatcher, services: Services) -> Json:
    """Open orders, crews, alerts."""
    return Json(await services.views.board(scope_of(person)))


@router.get("/api/orders/{order_id}")
async def story(order_id: Id, person: Router, services: Services) -> Json:
    """Everything about one order, and where the vehicle was at each event."""
    order = own_order(person, await services.views.order(order_id))
    told = await services.views.story(order_id)
    vehicle = await positions.along(services.context, services.tracks, order)
    said = await claims(services.context, services.tracks, order)
    return Json({**told, "vehicle": vehicle, "claims": said})


@router.get("/api/orders/{order_id}/candidates")
async def candidates(order_id: Id, person: Dispatcher, services: Services) -> Json:
    """Every crew for this order, the best first, with the reasons."""
    await _own(services, person, order_id)
    return Json(await centre.candidates(services.context, order_id))


@router.post("/api/orders/{order_id}/accept")
async def accept(order_id: Id, person: Dispatcher, services: Services, key: Key) -> Json:
    """A person at the centre has it in hand."""
    by, at = await _own(services, person, order_id)
    return Json(
        services.views.show(await centre.accept(services.context, order_id, by=by, key=key, at_centre=at))
    )


@router.post("/api/orders/{order_id}/return")
async def give_back(order_id: Id, body: ReasonIn, person: Dispatcher, services: Services, key: Key) -> Json:
    """Not ours: back to the hotline."""
    by, at = await _own(services, person, order_id)
    order = await centre.return_order(
        services.context, order_id, reason=body.reason, by=by, key=key, at_centre=at
    )
    return Json(services.views.show(order))


@router.post("/api/orders/{order_id}/dispatch")
async def dispatch(order_id: Id, body: DispatchIn, person: Dispatcher, services: Services, key: Key) -> Json:
    """To a crew and its vehicle (D)."""
    by, at = await _own(services, person, order_id)
    _crew(services, person, body.crew_id)
    order = await centre.dispatch(
        services.context, order_id, crew_id=body.crew_id, by=by, key=key, at_centre=at, place=body.place,
        seen=body.generation,
    )  # fmt: skip
    return Json(services.views.show(order))


@router.post("/api/orders/{order_id}/recall")
async def recall(order_id: Id, body: RecallIn, person: Dispatcher, services: Services, key: Key) -> Json:
    """Take it back from its crew."""
    by, at = await _own(services, person, order_id)
    order = await centre.recall(
        services.context, order_id, reason=body.reason, by=by, key=key, at_centre=at, seen=body.generation
    )
    return Json(services.views.show(order))


@router.post("/api/orders/{order_id}/reassign")
async def reassign(order_id: Id, body: ReassignIn, person: Dispatcher, services: Services, key: Key) -> Json:
    """To another crew."""
    by, at = await _own(services, person, order_id)
    _crew(services, person, body.crew_id)
    order = await centre.reassign(
        services.context, order_id, crew_id=body.crew_id, reason=body.reason, by=by, key=key, at_centre=at,
        place=body.place, seen=body.generation,
    )  # fmt: skip
    return Json(services.views.show(order))


@router.post("/api/alerts/{alert_id}/acknowledge")
async def acknowledge(alert_id: int, person: AnyPerson, services: Services) -> Json:
    """The alert has been seen; it no longer sounds."""
    alert = await services.views.alert(alert_id)
    crew_id = str(alert.facts.get("crew_id", ""))
    if not scope_of(person).sees_alert(alert.role, alert.centre_id, crew_id):
        raise Forbidden(f"alert {alert_id} is for others", alert=alert_id)
    return Json(await services.views.acknowledge_alert(alert_id, person.username))


@router.post("/api/crews/{crew_id}/away")
async def away(crew_id: Id, body: AwayIn, person: Dispatcher, services: Services) -> Json:
    """The centre says that a crew cannot leave for a while."""
    crew = _crew(services, person, crew_id)
    until = services.context.clock.now() + timedelta(minutes=body.minutes)
    await duty.go_away(services.context, crew, until=until, reason=body.reason)
    return Json(await services.views.crew(crew_id))


@router.post("/api/crews/{crew_id}/standby")
async def standby(crew_id: Id, person: Dispatcher, services: Services) -> Json:
    """The centre says that a crew is back."""
    await duty.standby(services.context, _crew(services, person, crew_id))
    return Json(await services.views.crew(crew_id))


@router.post("/api/crews/{crew_id}/away/grant")
async def grant_away(crew_id: Id, person: Dispatcher, services: Services) -> Json:
    """The crew that asked may go, though cover is lost."""
    crew = _crew(services, person, crew_id)
    await duty.answer_away(services.context, crew, granted=True, by=acting_as(person, "dispatcher"))
    return Json(await services.views.crew(crew_id))


@router.post("/api/crews/{crew_id}/away/refuse")
async def refuse_away(crew_id: Id, person: Dispatcher, services: Services) -> Json:
    """The crew that asked stays at hand."""
    crew = _crew(services, person, crew_id)
    await duty.answer_away(services.context, crew, granted=False, by=acting_as(person, "dispatcher"))
    return Json(await services.views.crew(crew_id))


@router.post("/api/crews/{crew_id}/preview")
async def preview(crew_id: Id, body: SequenceIn, person: Dispatcher, services: Services) -> Json:
    """When each order would be reached if this crew worked these: its own in a sequence, and at most one other."""
    crew = _crew(services, person, crew_id)
    for order_id in body.orders:
        await _own(services, person, order_id)
    return Json(await stacks.preview(services.context, crew, body.orders))


@router.post("/api/crews/{crew_id}/sequence")
async def sequence(crew_id: Id, body: SequenceIn, person: Dispatcher, services: Services) -> Json:
    """The crew works its orders in this sequence."""
    crew = _crew(services, person, crew_id)
    await stacks.reorder(services.context, crew, body.orders, by=acting_as(person, "dispatcher"))
    return Json(await services.views.crew(crew_id))


@router.get("/api/territories")
async def territories(person: Router, services: Services) -> Json:
    """All territories; those of one's own centre are marked."""
    found = territories_to_geojson(services.context.territories)
    for feature in found["features"]:
        feature["properties"]["own"] = feature["properties"]["centre_id"] == person.centre_id != ""
    return Json(found)


@router.get("/api/roads")
async def roads(person: Router, services: Services) -> Json:
    """Simplified road lines."""
    return Json(services.roads() or {"type": "FeatureCollection", "features": []})


@router.post("/api/live-ticket")
async def live_ticket(request: Request, person: AnyPerson, services: Services) -> Json:
    """The right to open the live feed once, while this session lasts."""
    ticket = services.tickets.issue(Guest(person, session_id(request.cookies[COOKIE])))
    scheme = "wss" if request.url.scheme == "https" else "ws"
    host = request.url.hostname or "127.0.0.1"
    place = f"[{host}]" if ":" in host else host
    base = services.live_url or f"{scheme}://{place}:{services.live_port}/live"
    return Json({"ticket": ticket, "url": f"{base}?ticket={ticket}"})
