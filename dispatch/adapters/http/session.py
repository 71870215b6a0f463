"""Signing in and out."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from dispatch.adapters.http.access import COOKIE, Anyone, AnyPerson, Services
from dispatch.adapters.http.errors import TooMany, Unauthenticated
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import PasswordIn, SignIn
from dispatch.adapters.http.services import HttpServices
from dispatch.core.errors import BadInput
from dispatch.services.people import Person, check_password

router = APIRouter()
LASTS = 12 * 3600


def shown(person: Person) -> dict[str, Any]:
    """A person as pages see it."""
    return {
        "username": person.username, "name": person.name, "role": person.role,
        "centre_id": person.centre_id, "crew_id": person.crew_id, "must_change": person.must_change,
    }  # fmt: skip


@router.post("/api/session", dependencies=[Depends(Anyone())])
async def sign_in(request: Request, body: SignIn, services: Services) -> Json:
    """Check the password, set the cookie."""
    address = request.client.host if request.client else ""
    async with services.attempts.turn(body.username, address):
        person = await _known(services, body, address)
    return await opened(services, request, person, address)


async def opened(services: HttpServices, request: Request, person: Person, address: str) -> Json:
    """A new session of somebody who is known, and who it is."""
    answer = Json(shown(person))
    answer.set_cookie(
        COOKIE, await services.people.sign_in(person, address), max_age=LASTS, httponly=True, samesite="strict",
        secure=request.url.scheme == "https", path="/",
    )  # fmt: skip
    return answer


async def _known(services: HttpServices, body: SignIn, address: str) -> Person:
    """Who it is. Raises TooMany or Unauthenticated."""
    if (wait := services.attempts.wait(body.username, address)) > 0:
        raise TooMany("too many wrong passwords: wait a little", retry_after_s=int(wait) + 1)
    person = await services.people.verify(body.username, body.password)
    if person is None:
        services.attempts.failed(body.username, address)
        raise Unauthenticated("the name or the password is not right")
    services.attempts.succeeded(body.username, address)
    return person


@router.get("/api/session")
async def session(person: AnyPerson) -> Json:
    """Who is signed in."""
    return Json(shown(person))


@router.post("/api/session/password")
async def password(request: Request, body: PasswordIn, person: AnyPerson, services: Services) -> Json:
    """One's own new password, with the old one; all other sessions of this name end."""
    address = request.client.host if request.client else ""
    async with services.attempts.turn(person.username, address):
        await _known(services, SignIn(username=person.username, password=body.old), address)
    check_password(body.new, person.username)
    if body.new == body.old:
        raise BadInput("the new password is the old one", field="new")
    changed = await services.people.set_password(
        person.username, body.new, by=person, keep_session=request.cookies[COOKIE]
    )
    return Json(shown(changed))


@router.delete("/api/session")
async def sign_out(request: Request, person: AnyPerson, services: Services) -> Json:
    """End the session."""
    await services.people.sign_out(request.cookies[COOKIE])
    answer = Json(shown(person))
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer
