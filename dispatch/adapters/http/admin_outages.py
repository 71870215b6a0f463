"""Planned outages, as administrators see and change them; the hotline's desk asks for them by itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from dispatch.adapters.http.access import Admin, Services
from dispatch.adapters.http.admin_lists import as_file
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import ListIn, OutageIn, OutageWas
from dispatch.adapters.sql.outage_plan import Which

router = APIRouter()


@router.get("/api/admin/planned-outages")
async def look(
    admin: Admin, services: Services, state: Which = "open", q: Annotated[str, Query(max_length=100)] = ""
) -> Json:
    """Those of a state that hold every word of `q`."""
    return Json(await services.administration.outages.look(state, q))


@router.put("/api/admin/planned-outages")
async def save(body: OutageIn, admin: Admin, services: Services) -> Json:
    """Add one (`was` null) or change it."""
    was = body.was.as_said() if body.was else None
    return Json(await services.administration.outages.save(was, body.entry.as_said(), by=admin))


@router.post("/api/admin/planned-outages/end")
async def end(body: OutageWas, admin: Admin, services: Services) -> Json:
    """It ends now."""
    return Json(await services.administration.outages.end(body.was.as_said(), by=admin))


@router.post("/api/admin/planned-outages/call-off")
async def call_off(body: OutageWas, admin: Admin, services: Services) -> Json:
    """It does not take place."""
    return Json(await services.administration.outages.call_off(body.was.as_said(), by=admin))


@router.get("/api/admin/lists/planned-outages.csv")
async def out(admin: Admin, services: Services) -> Response:
    """The list."""
    return as_file("planned-outages", await services.administration.outages.text())


@router.post("/api/admin/lists/planned-outages")
async def take(body: ListIn, admin: Admin, services: Services) -> Json:
    """A rehearsal of the list, or the import, as of the other lists."""
    return Json(await services.administration.outages.take(body.text, by=admin, seen=body.seen))
