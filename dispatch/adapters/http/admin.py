"""The organisation, its territories and devices, and what administrators did."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Query

from dispatch.adapters.http.access import Admin, Id, Services
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import EntryIn, EntryKind
from dispatch.core.errors import NotFound
from dispatch.core.land import findings
from dispatch.core.territory import territories_from_geojson, territories_to_geojson
from dispatch.messages import code_for

router = APIRouter()


@router.get("/api/admin/organisation")
async def organisation(admin: Admin, services: Services) -> Json:
    """The whole organisation, as `PUT` takes it."""
    return Json(services.administration.document())


@router.put("/api/admin/organisation")
async def replace(body: dict[str, Any], admin: Admin, services: Services) -> Json:
    """Put a whole organisation in place."""
    await services.administration.replace(body, by=admin)
    return Json(services.administration.document())


@router.put("/api/admin/entries/{kind}/{entry_id}")
async def change(kind: EntryKind, entry_id: Id, body: EntryIn, admin: Admin, services: Services) -> Json:
    """Add, change or remove one entry of the organisation; the whole after."""
    return Json(await services.administration.change(kind, entry_id, body.was, body.entry, by=admin))


@router.post("/api/admin/devices/{device_id}/code")
async def code(device_id: Id, admin: Admin, services: Services) -> Json:
    """The authentication code of one device, for those that do not ask for it themselves. It is noted who looked."""
    if services.context.directory.crew_of_device(device_id) is None:
        raise NotFound(f"there is no device {device_id!r}", device=device_id)
    await services.administration.note("device_code_shown", device_id, by=admin)
    return Json({"device": device_id, "code": code_for(services.secret, device_id)})


@router.get("/api/admin/territories")
async def land(admin: Admin, services: Services) -> Json:
    """All territories with the version of them."""
    return Json(services.administration.territories())


@router.put("/api/admin/territories")
async def territories(
    body: dict[str, Any], admin: Admin, services: Services, version: str = Query("", max_length=40)
) -> Json:
    """Put all territories in place; with a `version`, only where nobody else has changed them since."""
    await services.administration.replace_territories(body, by=admin, version=version)
    return Json(territories_to_geojson(services.context.territories))


@router.post("/api/admin/territories/check")
async def check_land(body: dict[str, Any], admin: Admin) -> Json:
    """Where territories overlap or leave land between them to nobody; nothing is changed."""
    found = await asyncio.to_thread(lambda: findings(territories_from_geojson(body)))
    return Json({"findings": found})


@router.get("/api/admin/audit")
async def audit(admin: Admin, services: Services, before: int = Query(0, ge=0)) -> Json:
    """The audit trail, the newest first; `before` = the lowest id of the page before."""
    return Json(await services.administration.audit(before))


@router.get("/api/admin/checklist")
async def checklist(admin: Admin, services: Services) -> Json:
    """What the installation still needs before it can repair anything."""
    steps = await services.administration.first_run.checklist(services.context.directory)
    return Json({"steps": steps, "ready": all(one["done"] for one in steps if one["needed"])})
