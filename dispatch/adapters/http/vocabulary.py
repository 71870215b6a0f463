"""The words of this installation: what the process, the organisation and the product call things, in zh and en."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter

from dispatch.adapters.http.access import AnyPerson, Services
from dispatch.adapters.http.reply import Json
from dispatch.services.context import Context
from dispatch.services.hotline import CHANNELS
from dispatch.services.words import words

router = APIRouter()
Titles = dict[str, Mapping[str, str]]


def _titles(kind: str, codes: Iterable[str]) -> Titles:
    """A title for each code; one that a utility has added is called by its code."""
    known = words().get(kind, {})
    return {code: known.get(code, {"zh": code, "en": code}) for code in codes}


@router.get("/api/vocabulary")
async def vocabulary(person: AnyPerson, services: Services) -> Json:
    """All codes with their titles."""
    return Json(_vocabulary(services.context))


def _vocabulary(context: Context) -> dict[str, Any]:
    process = context.processes.by_id[context.processes.current]
    trades = sorted(
        {c.trade for c in context.directory.crews.values()} | {r.trade for r in context.rules.rules}
    )
    return {
        "states": _titles("states", process.states),
        "steps": _titles("steps", ("take_call", *process.steps)),
        "trades": _titles("trades", trades),
        "fault_types": process.fault_types,
        "voltages": process.voltages,
        "reasons": {code: reason.title for code, reason in process.reasons.items()},
        "channels": _titles("channels", CHANNELS),
        "segments": [
            {"name": s.name, "limit_s": s.limit.total_seconds(), "owner": s.owner, "title": s.title}
            for s in process.segments
        ],
        "owners": words()["owners"],
        "centres": {c.id: {"zh": c.name_zh, "en": c.name} for c in context.directory.centres.values()},
        "departments": {
            d.id: {"zh": d.name_zh or d.name, "en": d.name} for d in context.directory.departments.values()
        },
        "crews": {c.id: {"zh": c.name_zh, "en": c.name} for c in context.directory.crews.values()},
        "causes": words()["causes"],
        "equipment": words()["equipment"],
        "alert_codes": words()["alert_codes"],
        "alert_advice": words()["alert_advice"],
    }
