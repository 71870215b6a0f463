"""The manager: figures of a period, the orders behind each of them, and the same as CSV and as a workbook."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any

import msgspec
import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from dispatch.adapters.http.access import Manager, Services
from dispatch.adapters.http.exports import WORKBOOK, csv_head, csv_lines, workbook
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.services import HttpServices
from dispatch.core.errors import BadInput
from dispatch.core.listed import Listed, listed
from dispatch.core.selection import FILTERS, counted, filtered
from dispatch.core.sheet import SECOND, Sheet
from dispatch.services.review import Period, Review, review, waited, waiting

router = APIRouter()
LONGEST_DAYS = 400
PAGE = 200
PORTION = 2_000
"""Orders written to a file at once."""
MOST_ROWS = 100_000
"""Orders of a workbook; its figures are of all."""
MOST_POINTS = 10_000
"""Late arrivals on a map: the latest ones, where there are more."""
From = Annotated[date, Query(alias="from")]
To = Annotated[date, Query(alias="to")]
Of = Annotated[str, Query(max_length=100)]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]


def period_of(request: Request, first: date, last: date) -> Period:
    """The days and the filter of a request. Raises BadInput."""
    if not 0 <= (last - first).days < LONGEST_DAYS or not 1971 <= first.year <= 9000:
        raise BadInput(f"from, to: expected at most {LONGEST_DAYS} days in order", field="to")
    given = request.query_params
    return Period(first, last, {name: given[name][:200] for name in FILTERS if name in given})


@router.get("/api/manager/compliance")
async def compliance(first: From, last: To, request: Request, manager: Manager, services: Services) -> Json:
    """All figures."""
    period = period_of(request, first, last)
    return Json(shown(await reviewed(services, period)))


async def reviewed(services: HttpServices, period: Period) -> Review:
    """The figures of a period."""
    return await review(services.context, services.histories, services.shortages, period)


def shown(found: Review) -> dict[str, Any]:
    """As JSON: the figures at the top, the rest beside them."""
    document: dict[str, Any] = msgspec.to_builtins(found)
    period = document.pop("period")
    return {"from": period["first"], "to": period["last"], "wanted": period["wanted"],
            **document.pop("figures"), **document}  # fmt: skip


@router.get("/api/manager/orders")
async def orders(
    first: From,
    last: To,
    request: Request,
    manager: Manager,
    services: Services,
    of: Of = "all",
    offset: Offset = 0,
) -> Json:
    """A page of the orders that one number counts, the newest first."""
    period = period_of(request, first, last)
    sheet = await _counted(services, period, of)
    rows = listed(sheet, offset, offset + PAGE, newest_first=True)
    where = await services.histories.addresses([row.id for row in rows])
    found = [{**msgspec.to_builtins(row), "address": where.get(row.id, "")} for row in rows]
    return Json(
        {"from": first, "to": last, "of": of, "number": len(sheet), "offset": offset, "orders": found}
    )


async def _counted(services: HttpServices, period: Period, of: str = "all") -> Sheet:
    if of.partition(":")[0] == "short":
        found, sheet = await waited(services.context, services.histories, services.shortages, period)
        return counted(sheet, of, waiting(services.context, found, of))
    sheet = await services.histories.sheet(period.first, period.last, ids=True)
    return await asyncio.to_thread(lambda: counted(filtered(sheet, period.wanted), of))


@router.get("/api/manager/late")
async def late(first: From, last: To, request: Request, manager: Manager, services: Services) -> Json:
    """Where the promise was missed: latitude, longitude, minutes after the deadline."""
    return Json({"points": await late_points(services, period_of(request, first, last))})


async def late_points(services: HttpServices, period: Period) -> list[tuple[float, float, float]]:
    """At most MOST_POINTS of them, the latest reports."""
    sheet = await services.histories.sheet(period.first, period.last)

    def work() -> list[tuple[float, float, float]]:
        found = counted(filtered(sheet, period.wanted), "late")
        over = (found["total"] - (found["deadline"] - found["reported"])) / (60 * SECOND)
        rows = np.column_stack((found["lat"].round(5), found["lon"].round(5), over.round(1)))
        return [tuple(row) for row in rows[~np.isnan(found["lat"])][-MOST_POINTS:].tolist()]

    return await asyncio.to_thread(work)


@router.get("/api/manager/compliance.csv")
async def as_csv(
    first: From, last: To, request: Request, manager: Manager, services: Services, of: Of = "all"
) -> Response:
    """The orders; UTF-8 with its mark, so that spreadsheets read Chinese."""
    sheet = await _counted(services, period_of(request, first, last), of)

    async def lines() -> AsyncIterator[bytes]:
        yield csv_head().encode("utf-8-sig")
        async for rows in _portions(services, sheet):
            yield csv_lines(rows).encode()

    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=_file(first, last, "csv"))


@router.get("/api/manager/compliance.xlsx")
async def as_workbook(
    first: From, last: To, request: Request, manager: Manager, services: Services
) -> Response:
    """The figures and the orders as a workbook; of more than MOST_ROWS orders the latest ones."""
    period = period_of(request, first, last)
    found = await reviewed(services, period)
    sheet = await _counted(services, period)
    rows: list[tuple[Listed, str]] = []
    async for portion in _portions(services, sheet, max(0, len(sheet) - MOST_ROWS)):
        rows += portion
    content = await asyncio.to_thread(workbook, found, rows, services.context.zone)
    return Response(content, media_type=WORKBOOK, headers=_file(first, last, "xlsx"))


async def _portions(
    services: HttpServices, sheet: Sheet, start: int = 0
) -> AsyncIterator[list[tuple[Listed, str]]]:
    """The orders with their addresses, the oldest first."""
    for at in range(start, len(sheet), PORTION):
        rows = await asyncio.to_thread(listed, sheet, at, at + PORTION)
        where = await services.histories.addresses([row.id for row in rows])
        yield [(row, where.get(row.id, "")) for row in rows]


def _file(first: date, last: date, kind: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="compliance_{first}_{last}.{kind}"'}
