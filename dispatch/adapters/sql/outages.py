"""Planned outages in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select

from dispatch.adapters.sql import desk_tables as t
from dispatch.core.outage import PlannedOutage
from dispatch.core.types import Point

OUTAGE: Table = t.PlannedOutageRow.__table__  # type: ignore[attr-defined]


def running(connection: Connection, now: datetime, until: datetime | None = None) -> list[PlannedOutage]:
    """Those that run at `now`, or begin before `until`; the first to begin first."""
    query = select(OUTAGE).where(OUTAGE.c.ends_at > now, OUTAGE.c.starts_at <= (until or now))
    return [_outage(row) for row in connection.execute(query.order_by(OUTAGE.c.starts_at, OUTAGE.c.id))]


def put(connection: Connection, outages: Sequence[PlannedOutage]) -> None:
    """Add them; one of the same id is replaced, others stay."""
    for one in outages:
        connection.execute(delete(OUTAGE).where(OUTAGE.c.id == one.id))
    if outages:
        connection.execute(insert(OUTAGE), [_row(one) for one in outages])


def remove(connection: Connection, outage_id: str) -> bool:
    """It was called off; whether it was there."""
    return connection.execute(delete(OUTAGE).where(OUTAGE.c.id == outage_id)).rowcount == 1


def _row(one: PlannedOutage) -> dict[str, Any]:
    return {
        "id": one.id, "starts_at": one.starts_at, "ends_at": one.ends_at, "reason": one.reason,
        "territory": one.territory, "polygon": [[p.lon, p.lat] for p in one.polygon], "addresses": list(one.addresses),
    }  # fmt: skip


def _outage(row: Any) -> PlannedOutage:
    corners = tuple(Point(lat, lon) for lon, lat in row.polygon)
    return PlannedOutage(
        row.id, row.starts_at, row.ends_at, row.reason, row.territory, corners, tuple(row.addresses)
    )
