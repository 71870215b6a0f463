"""Shortage reports on the manager's desk: what they count, and their follow-up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from fastapi import APIRouter

from dispatch.adapters.http.access import Id, Manager, Services
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import Said, TakeUp
from dispatch.adapters.http.services import HttpServices
from dispatch.core import shortage as rules
from dispatch.core.shortage import Occasion, Report
from dispatch.core.types import Actor
from dispatch.services import shortage
from dispatch.services.people import Person

router = APIRouter()


def _shown(services: HttpServices, one: Report, occasions: list[Occasion]) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(one)
    led = [
        {"name": leader.name, "phone": leader.phone}
        for leader in shortage.leaders(services.context, one.scope)
    ]
    return {**document, "leaders": led, "since_taken_up": shortage.counted_since(one, occasions)}


@router.get("/api/manager/shortages")
async def shortages(manager: Manager, services: Services) -> Json:
    """All reports, the newest first, with whom they are for and what has been counted since."""
    reports = await services.shortages.reports()
    since = min((one.opened_at for one in reports), default=services.context.clock.now())
    occasions = list(await services.shortages.occasions(since))
    return Json({"reports": [_shown(services, one, occasions) for one in reports]})


async def _follow(services: HttpServices, manager: Person, report_id: str, step: shortage.Follow) -> Json:
    by = Actor(manager.role, manager.username)
    one = await shortage.follow(services.context, services.shortages, report_id, step, by)
    return Json(_shown(services, one, []))


@router.post("/api/manager/shortages/{report_id}/take-up")
async def take_up(report_id: Id, body: TakeUp, manager: Manager, services: Services) -> Json:
    """Say what will be done, and by when."""

    def step(one: Report, by: Actor, now: datetime) -> Report:
        return rules.take_up(one, body.text, body.until, by, now)

    return await _follow(services, manager, report_id, step)


@router.post("/api/manager/shortages/{report_id}/note")
async def note(report_id: Id, body: Said, manager: Manager, services: Services) -> Json:
    """A line in the follow-up."""
    return await _follow(
        services, manager, report_id, lambda one, by, now: rules.add_note(one, body.text, by, now)
    )


@router.post("/api/manager/shortages/{report_id}/close")
async def close(report_id: Id, body: Said, manager: Manager, services: Services) -> Json:
    """The end: what came of it."""
    return await _follow(
        services, manager, report_id, lambda one, by, now: rules.close(one, body.text, by, now)
    )
