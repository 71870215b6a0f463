"""The first administrator of an empty installation."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from dispatch.adapters.http.access import Anyone, Services
from dispatch.adapters.http.errors import TooMany
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import FirstIn
from dispatch.adapters.http.session import opened
from dispatch.core.errors import Forbidden
from dispatch.services.people import check_password

router = APIRouter()
TRIES = "(first run)"
"""Wrong tokens are counted like wrong passwords of this name."""


@router.get("/api/setup", dependencies=[Depends(Anyone())])
async def waiting(services: Services) -> Json:
    """Whether the installation waits for its first administrator."""
    return Json({"waiting": await services.administration.first_run.waiting()})


@router.post("/api/setup", dependencies=[Depends(Anyone())])
async def begin(request: Request, body: FirstIn, services: Services) -> Json:
    """Make the first administrator, with the token that was printed at the start, and sign in."""
    address = request.client.host if request.client else ""
    check_password(body.password, body.username)
    async with services.attempts.turn(TRIES, address):
        if (wait := services.attempts.wait(TRIES, address)) > 0:
            raise TooMany("too many wrong tokens: wait a little", retry_after_s=int(wait) + 1)
        try:
            person = await services.administration.first_run.begin(
                body.token, body.username, body.name, body.password
            )
        except Forbidden:
            services.attempts.failed(TRIES, address)
            raise
    return await opened(services, request, person, address)
