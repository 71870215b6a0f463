"""Planned outages in SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, insert, select, true

from dispatch.adapters.sql import desk_tables as t
from dispatch.core.outage import EXTENDED_WITHIN, PlannedOutage
from dispatch.core.types import Point

OUTAGE: Table = t.PlannedOutageRow.__table__  # type: ignore[attr-defined]
_GONE = delete(OUTAGE).where(OUTAGE.c.id == bindparam("of_id"))


def running(connection: Connection, now: datetime, until: datetime | None = None) -> list[PlannedOutage]:
    """Those that run at `now`, or begin before `until`, and were not called off; the first to begin first."""
    when = (OUTAGE.c.ends_at > now, OUTAGE.c.starts_at <= (until or now), OUTAGE.c.called_off_at.is_(None))
    query = select(OUTAGE).where(*when).order_by(OUTAGE.c.starts_at, OUTAGE.c.id)
    return [_outage(row) for row in connection.execute(query)]


def every(
    connection: Connection, which: ColumnElement[bool] | None = None, *, newest: bool = False
) -> Iterator[PlannedOutage]:
    """All that were ever planned, or `which` of them: the first to begin first, or last."""
    query = select(OUTAGE).where(true() if which is None else which)
    turn = (OUTAGE.c.starts_at.desc(), OUTAGE.c.id) if newest else (OUTAGE.c.starts_at, OUTAGE.c.id)
    return map(_outage, connection.execute(query.order_by(*turn)))


def known(connection: Connection, ids: Collection[str]) -> dict[str, PlannedOutage]:
    """Those of `ids` that are there."""
    return {one.id: one for one in every(connection, OUTAGE.c.id.in_(sorted(ids)))}


def closed(connection: Connection, now: datetime) -> dict[str, PlannedOutage]:
    """Those that were called off, or have been over for so long that they are history."""
    over = OUTAGE.c.ends_at <= now - EXTENDED_WITHIN
    return {one.id: one for one in every(connection, OUTAGE.c.called_off_at.is_not(None) | over)}


def put(connection: Connection, outages: Sequence[PlannedOutage]) -> None:
    """Add them; one of the same id is replaced, others stay."""
    if outages:
        connection.execute(_GONE, [{"of_id": one.id} for one in outages])
        connection.execute(insert(OUTAGE), [_row(one) for one in outages])


def _row(one: PlannedOutage) -> dict[str, Any]:
    return {
        "id": one.id, "starts_at": one.starts_at, "ends_at": one.ends_at, "reason": one.reason,
        "territory": one.territory, "polygon": [[p.lon, p.lat] for p in one.polygon],
        "addresses": list(one.addresses), "called_off_at": one.called_off_at,
    }  # fmt: skip


def _outage(row: Any) -> PlannedOutage:
    corners = tuple(Point(lat, lon) for lon, lat in row.polygon)
    return PlannedOutage(
        row.id, row.starts_at, row.ends_at, row.reason, row.territory, corners, tuple(row.addresses),
        row.called_off_at,
    )  # fmt: skip
