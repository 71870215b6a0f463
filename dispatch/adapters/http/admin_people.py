"""People: who may sign in, as what, and with whose password."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter

from dispatch.adapters.http.access import Admin, Id, Services
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import PersonChange, PersonIn
from dispatch.adapters.http.services import HttpServices
from dispatch.adapters.http.session import shown
from dispatch.core.errors import GuardRefused, NotFound
from dispatch.services.people import Person, check_password, check_person, new_password

router = APIRouter()


def _listed(person: Person) -> dict[str, Any]:
    return {**shown(person), "active": person.active}


@router.get("/api/admin/people")
async def people(admin: Admin, services: Services) -> Json:
    """Everybody who signs in, or did."""
    return Json([_listed(one) for one in await services.people.everybody()])


@router.post("/api/admin/people")
async def create(body: PersonIn, admin: Admin, services: Services) -> Json:
    """Someone new. Without a password one is made, which is in the answer and nowhere else.

    Whichever it is, it only serves to choose one's own.
    """
    person = Person(body.username, body.name, body.role, body.centre_id, body.crew_id, must_change=True)
    check_person(person, services.context.directory)
    password = body.password or new_password()
    check_password(password, body.username)
    made = _listed(await services.people.create(person, password, by=admin))
    return Json(made | ({} if body.password else {"password": password}), status_code=201)


@router.put("/api/admin/people/{username}")
async def change(username: Id, body: PersonChange, admin: Admin, services: Services) -> Json:
    """Name, role, centre or crew, and whether somebody may sign in, unless it `was` changed meanwhile."""
    now = await _there(services, username)
    was = replace(now, **body.was.model_dump())
    person = replace(now, **body.model_dump(exclude={"was"}))
    if person.active:
        check_person(person, services.context.directory)
    return Json(_listed(await services.people.change(person, was, by=admin)))


@router.post("/api/admin/people/{username}/disable")
async def disable(username: Id, admin: Admin, services: Services) -> Json:
    """Nobody signs in by this name any more, and open sessions end."""
    person = await _there(services, username)
    return Json(_listed(await services.people.change(replace(person, active=False), person, by=admin)))


@router.post("/api/admin/people/{username}/password")
async def reset(username: Id, admin: Admin, services: Services) -> Json:
    """A new password, said in the answer and nowhere else; sessions end, and it only serves to choose one's own."""
    if username == admin.username:
        raise GuardRefused("one's own password is changed with the old one", why="own_password")
    password = new_password()
    person = await services.people.set_password(username, password, by=admin)
    return Json({**_listed(person), "password": password})


async def _there(services: HttpServices, username: str) -> Person:
    person = await services.people.person(username)
    if person is None:
        raise NotFound(f"nobody is called {username!r}", username=username)
    return person
