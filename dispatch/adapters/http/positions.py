"""Where vehicles are and were, for whoever sees them on the live map."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from dispatch.adapters.http.access import Dispatcher, Id, Services
from dispatch.adapters.http.reply import Json
from dispatch.core.errors import BadInput
from dispatch.core.types import Point
from dispatch.services import positions
from dispatch.services.people import scope_of

router = APIRouter()
From = Annotated[AwareDatetime, Query(alias="from")]
Latitude = Annotated[float, Query(ge=-90, le=90)]
Longitude = Annotated[float, Query(ge=-180, le=180)]


def _in_range(*instants: AwareDatetime) -> None:
    if not all(1970 <= one.year <= 9000 for one in instants):
        raise BadInput("a time is expected in the years 1970 to 9000")


@router.get("/api/positions/nearest")
async def nearest(
    person: Dispatcher,
    services: Services,
    lat: Latitude,
    lon: Longitude,
    k: Annotated[int, Query(ge=1, le=100)] = 5,
) -> Json:
    """The crews whose vehicles are nearest now."""
    context = services.context
    found = await positions.nearest(context, services.near, Point(lat, lon), k, scope_of(person))
    return Json({"now": context.clock.now(), "nearest": found})


@router.get("/api/devices/{device}/position")
async def position(
    device: Id, person: Dispatcher, services: Services, at: AwareDatetime | None = None
) -> Json:
    """Where a device was at an instant; now, where none is named."""
    crew = positions.crew_of(services.context, person, device)
    instant = at or services.context.clock.now()
    _in_range(instant)
    return Json(await positions.position_at(services.context, services.tracks, crew, device, instant))


@router.get("/api/devices/{device}/track")
async def track(
    device: Id,
    person: Dispatcher,
    services: Services,
    since: From,
    to: AwareDatetime,
    after: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
) -> Json:
    """The way that a device took, a page at a time."""
    crew = positions.crew_of(services.context, person, device)
    _in_range(since, to)
    return Json(await positions.track(services.tracks, crew, device, since, to, after, limit))
