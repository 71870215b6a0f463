"""What anyone may ask: whether it runs, and what time it is."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from dispatch.adapters.http.access import Anyone, Services
from dispatch.adapters.http.reply import Json

router = APIRouter(dependencies=[Depends(Anyone())])


@router.get("/healthz")
async def healthz(services: Services) -> Json:
    """Every part with its state and a reason."""
    found = await services.health()
    return Json(found, status_code=503 if found["status"] == "down" else 200)


@router.get("/api/clock")
async def clock(services: Services) -> Json:
    """The installation's time, and how fast it passes."""
    return Json({"now": services.context.clock.now(), "speed": services.context.speed})
