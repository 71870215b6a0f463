"""The manager: figures of a period, the rows behind them, and the same as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from dispatch.adapters.http.access import Manager, Services
from dispatch.adapters.http.reply import Json
from dispatch.core.compliance import Measured, summarise
from dispatch.core.errors import BadInput
from dispatch.core.process import POINTS

router = APIRouter()
LONGEST_DAYS = 400
SEGMENTS = [a + b for a, b in pairwise(POINTS)]
COLUMNS = (
    "id", "day", "state", "centre_id", "crew_id", "trade", "area_class", "fault_type", "address",
    "reported_at", "deadline", "arrived_at", "total_s", "within",
)  # fmt: skip
From = Annotated[date, Query(alias="from")]
To = Annotated[date, Query(alias="to")]


def _check(first: date, last: date) -> None:
    if not 0 <= (last - first).days < LONGEST_DAYS or not 1970 <= first.year <= 9000:
        raise BadInput(f"from, to: expected at most {LONGEST_DAYS} days in order", field="to")


@router.get("/api/manager/compliance")
async def compliance(first: From, last: To, manager: Manager, services: Services) -> Json:
    """All figures."""
    _check(first, last)
    processes = services.context.processes
    rows = await services.histories.measured(first, last)
    figures = msgspec.to_builtins(summarise(rows, processes.by_id[processes.current]))
    return Json({"from": first, "to": last, **figures})


@router.get("/api/manager/orders")
async def orders(first: From, last: To, manager: Manager, services: Services) -> Json:
    """The rows behind the figures."""
    _check(first, last)
    return Json({"from": first, "to": last, "orders": await services.histories.measured(first, last)})


@router.get("/api/manager/compliance.csv")
async def as_csv(first: From, last: To, manager: Manager, services: Services) -> Response:
    """The same rows; UTF-8 with its mark, so that spreadsheets read Chinese."""
    _check(first, last)
    text = _csv(await services.histories.measured(first, last))
    name = f"compliance_{first}_{last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


def _csv(rows: Iterable[Measured]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow((*COLUMNS, *(f"{s}_s" for s in SEGMENTS), "late", "escalations", "joined", "satisfied"))
    for row in rows:
        late = "; ".join(f"{one.label} {one.owner} {one.excess_s:.0f}" for one in row.late)
        cells = [getattr(row, c) for c in COLUMNS] + [row.segments.get(s, "") for s in SEGMENTS]
        cells += [late, len(row.rungs), row.joined, row.satisfied]
        writer.writerow([_cell(c) for c in cells])
    return out.getvalue()


def _cell(value: Any) -> str:
    """Text that a spreadsheet would take for a formula is marked as text."""
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    if isinstance(value, str) and value[:1] in "=+-@\t\r" and value:
        return f"'{value}"
    return str(value).lower() if isinstance(value, bool) else str(value)
