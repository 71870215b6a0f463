"""CSV lists in and out."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from dispatch.adapters.http.access import Admin, Services
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import ListIn
from dispatch.services.csv_lists import ListKind

router = APIRouter()


def as_file(name: str, text: str) -> Response:
    """A list to be kept; UTF-8 with its mark, so that spreadsheets read Chinese."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/api/admin/lists/{kind}.csv")
async def out(kind: ListKind, admin: Admin, services: Services) -> Response:
    """The list."""
    return as_file(kind, await services.administration.lists.text(kind))


@router.post("/api/admin/lists/{kind}")
async def take(kind: ListKind, body: ListIn, admin: Admin, services: Services) -> Json:
    """A rehearsal of a list, or, with what it said as `seen`, the import: all of it or nothing."""
    return Json(await services.administration.lists.take(kind, body.text, by=admin, seen=body.seen))
