"""The process definition: read, weighed, put in force; with what the limits would be if set by what was measured."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter

from dispatch.adapters.http.access import Admin, Id, Services
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import AdoptIn, DefinitionIn
from dispatch.core.figures import summarise

router = APIRouter()
MEASURED_DAYS = 28


@router.get("/api/admin/process")
async def overview(admin: Admin, services: Services) -> Json:
    """The definition that holds, which others are known, and who put which in force."""
    return Json(await services.administration.definitions.overview())


@router.get("/api/admin/process/{process_id}/text")
async def text(process_id: Id, admin: Admin, services: Services) -> Json:
    """The text of one that is known."""
    return Json({"process": process_id, "text": services.administration.definitions.text(process_id)})


@router.post("/api/admin/process/check")
async def check(body: DefinitionIn, admin: Admin, services: Services) -> Json:
    """What a text would change, beside what the segments took; a fault is an error with line and column."""
    proposal = await services.administration.definitions.weigh(body.text)
    context = services.context
    today = context.clock.now().astimezone(context.zone).date()
    sheet = await services.histories.sheet(today - timedelta(days=MEASURED_DAYS), today)
    figures = summarise(sheet, proposal.before)
    took: dict[str, Any] = {one.name: one for one in figures.segments}
    limits = [
        {
            "segment": s.name, "title": s.title, "limit_s": s.limit.total_seconds(),
            "before_s": took[s.name].limit_s if s.name in took else None,
            "n": took[s.name].n if s.name in took else 0,
            "median_plus_1min": took[s.name].median_plus_1min if s.name in took else None,
        }
        for s in proposal.process.segments
    ]  # fmt: skip
    return Json(
        {
            "process": proposal.process.id, "before": proposal.before.id, "lines": proposal.lines,
            "diff": proposal.diff(), "gaps": proposal.gaps, "limits": limits, "days": MEASURED_DAYS,
            "same": proposal.process.id == proposal.before.id,
        }
    )  # fmt: skip


@router.post("/api/admin/process/adopt")
async def adopt(body: AdoptIn, admin: Admin, services: Services) -> Json:
    """New orders begin under it from now on; running ones end under what they began with."""
    await services.administration.definitions.adopt(body.text, body.before, by=admin)
    return Json(await services.administration.definitions.overview())
