"""People, the organisation and its territories."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Query

from dispatch.adapters.http.access import Admin, Id, Services
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import PersonIn
from dispatch.adapters.http.session import shown
from dispatch.core.errors import GuardRefused
from dispatch.core.territory import territories_to_geojson
from dispatch.services.people import Person, check_person

router = APIRouter()


def _listed(person: Person) -> dict[str, Any]:
    return {**shown(person), "active": person.active}


@router.get("/api/admin/people")
async def people(admin: Admin, services: Services) -> Json:
    """Everybody who signs in, or did."""
    return Json([_listed(one) for one in await services.people.everybody()])


@router.post("/api/admin/people")
async def create(body: PersonIn, admin: Admin, services: Services) -> Json:
    """Someone new."""
    person = Person(body.username, body.name, body.role, body.centre_id, body.crew_id)
    check_person(person, services.context.directory)
    return Json(_listed(await services.people.create(person, body.password, by=admin)), status_code=201)


@router.post("/api/admin/people/{username}/disable")
async def disable(username: Id, admin: Admin, services: Services) -> Json:
    """Nobody signs in by this name any more, and open sessions end."""
    if username == admin.username:
        raise GuardRefused("nobody locks himself out", guard="disable", why="yourself")
    return Json(_listed(await services.people.disable(username, by=admin)))


@router.get("/api/admin/organisation")
async def organisation(admin: Admin, services: Services) -> Json:
    """The whole organisation, as `PUT` takes it."""
    return Json(services.administration.document())


@router.put("/api/admin/organisation")
async def replace(body: dict[str, Any], admin: Admin, services: Services) -> Json:
    """Put a whole organisation in place."""
    await services.administration.replace(body, by=admin)
    return Json(services.administration.document())


@router.put("/api/admin/territories")
async def territories(body: dict[str, Any], admin: Admin, services: Services) -> Json:
    """Put all territories in place."""
    await services.administration.replace_territories(body, by=admin)
    return Json(territories_to_geojson(services.context.territories))


@router.get("/api/admin/audit")
async def audit(admin: Admin, services: Services, before: int = Query(0, ge=0)) -> Json:
    """The audit trail, the newest first; `before` = the lowest id of the page before."""
    return Json(await services.administration.audit(before))
