"""Saved views of the manager's desk: each person's own, and to whom their figures are sent."""

from __future__ import annotations

from collections.abc import Set
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter
from pydantic import Field

from dispatch.adapters.http.access import Manager, Services
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import Body, Line
from dispatch.core.errors import BadInput
from dispatch.core.saved_view import SavedView
from dispatch.core.selection import FILTERS

router = APIRouter()
KEPT = {*FILTERS, "from", "to", "days"}


class ViewIn(Body):
    """A view as the page keeps it."""

    name: Annotated[Line, Field(min_length=1, max_length=80)]
    query: Annotated[dict[Line, Line], Field(max_length=20)]
    every: Literal["", "day", "week"] = ""
    hour: Annotated[int, Field(ge=0, le=23)] = 7
    channels: Annotated[tuple[int, ...], Field(max_length=20)] = ()


@router.get("/api/manager/views")
async def views(manager: Manager, services: Services) -> Json:
    """One's views, and the channels that their figures can be sent to (not their addresses)."""
    found = await services.saved.channels()
    channels = [{"id": one.id, "recipient": one.recipient, "label": one.label} for one in found]
    known = {one.id for one in found}
    kept = await services.saved.of(manager.username)
    return Json({"views": [_shown(one, known) for one in kept], "channels": channels})


@router.post("/api/manager/views")
async def save(body: ViewIn, manager: Manager, services: Services) -> Json:
    """Keep a view; one of the same name is replaced. The first letter is about the next whole day or week."""
    if unknown := body.query.keys() - KEPT:
        raise BadInput(f"query: {min(unknown)!r} is no filter", field="query")
    known = {one.id for one in await services.saved.channels()}
    if body.every and not (body.channels and set(body.channels) <= known):
        raise BadInput("channels: expected at least one that there is", field="channels")
    today = services.context.clock.now().astimezone(services.context.zone).date().isoformat()
    view = SavedView(0, manager.username, body.name, body.query, body.every, body.hour, body.channels, today)
    return Json(_shown(await services.saved.save(view), known))


@router.delete("/api/manager/views/{view_id}")
async def remove(view_id: int, manager: Manager, services: Services) -> Json:
    """One of one's own."""
    await services.saved.remove(manager.username, view_id)
    return Json({})


def _shown(view: SavedView, channels: Set[int]) -> dict[str, Any]:
    """As the page has it; `to_nobody`: it should be sent, and all of its recipients are gone or locked out."""
    document: dict[str, Any] = msgspec.to_builtins(view)
    document["to_nobody"] = bool(view.every) and not channels & {*view.channels}
    document.pop("username")
    return document
