"""Reading the position history: a device's track, and where it was at an instant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from dispatch.adapters.sql.history import FIRST, POSITION
from dispatch.adapters.sql.store import SqlStore
from dispatch.core.position import Fix, LastKnown
from dispatch.core.track import Kept, weave
from dispatch.services.positions import LOOK_BACK_S, Cursor

AROUND = 20
"""Rows looked at on either side of an instant: late fixes that fit nowhere may be among them."""
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_C = POSITION.c
_TRACK = (_C.fix_time, _C.entry, _C.place)
_WITNESS = and_(FIRST, _C.flag.in_(("ok", "out_of_order")))


class SqlTracks:
    """The position history on either store."""

    def __init__(self, database: SqlStore) -> None:
        self._database = database

    async def around(self, device: str, at: float) -> list[Kept]:
        """The woven track on both sides of an instant, a few fixes each."""
        return await self._database.read(lambda c: around(c, device, at))

    async def between(
        self, device: str, since: float, until: float, after: Cursor | None, limit: int
    ) -> tuple[list[Kept], Cursor | None]:
        """One page of a woven track, and where the next begins."""
        return await self._database.read(lambda c: between(c, device, since, until, after, limit))

    async def newest(self, devices: Sequence[str]) -> list[LastKnown]:
        """The last believed fix of each of these, where there is one."""
        return await self._database.read(lambda c: newest(c, devices))


def around(connection: Connection, device: str, at: float) -> list[Kept]:
    """See `SqlTracks.around`."""
    earlier = _of(device, at - LOOK_BACK_S, _C.fix_time <= at, _C.fix_time.desc()).limit(AROUND)
    later = _of(device, at, _C.fix_time <= at + LOOK_BACK_S, _C.fix_time).limit(AROUND)
    rows = {(row.entry, row.place): row for query in (earlier, later) for row in connection.execute(query)}
    return weave([_kept(row) for row in rows.values()])


def between(
    connection: Connection, device: str, since: float, until: float, after: Cursor | None, limit: int
) -> tuple[list[Kept], Cursor | None]:
    """See `SqlTracks.between`. A page is woven with its neighbours: where it is cut changes nothing."""
    query = _of(device, since, _C.fix_time <= until, *_TRACK)
    if after is not None:
        query = query.where(_C.fix_time >= after[0], _later(after))
    page = [_kept(row) for row in connection.execute(query.limit(limit))]
    if not page:
        return [], None
    first, last = page[0].order, page[-1].order
    before = _believed(device, first[0] - LOOK_BACK_S, first[0]).where(_earlier(first))
    behind = _believed(device, last[0], last[0] + LOOK_BACK_S).where(_later(last))
    neighbours = [
        *connection.execute(before.order_by(*(c.desc() for c in _TRACK)).limit(1)),
        *connection.execute(behind.order_by(*_TRACK).limit(1)),
    ]
    woven = weave([*page, *map(_kept, neighbours)])
    return [k for k in woven if first <= k.order <= last], last if len(page) == limit else None


def newest(connection: Connection, devices: Sequence[str]) -> list[LastKnown]:
    """See `SqlTracks.newest`."""
    found = []
    for device in devices:
        query = select(POSITION).where(_C.device == device, FIRST, _C.flag == "ok")
        row = connection.execute(query.order_by(_C.fix_time.desc()).limit(1)).first()
        if row is not None:
            found.append(LastKnown(device, _fix(row), row.odometer_m or 0.0, bool(row.moving)))
    return found


def _of(
    device: str, since: float, until: ColumnElement[bool], *order: ColumnElement[Any]
) -> Select[tuple[Any, ...]]:
    query = select(POSITION).where(_C.device == device, _WITNESS, _C.fix_time >= since, until)
    return query.order_by(*order)


def _believed(device: str, since: float, until: float) -> Select[tuple[Any, ...]]:
    query = select(POSITION).where(_C.device == device, FIRST, _C.flag == "ok")
    return query.where(_C.fix_time.between(since, until))


def _later(than: Cursor) -> ColumnElement[bool]:
    at, entry, place = than
    same = and_(_C.fix_time == at, or_(_C.entry > entry, and_(_C.entry == entry, _C.place > place)))
    return or_(_C.fix_time > at, same)


def _earlier(than: Cursor) -> ColumnElement[bool]:
    at, entry, place = than
    same = and_(_C.fix_time == at, or_(_C.entry < entry, and_(_C.entry == entry, _C.place < place)))
    return or_(_C.fix_time < at, same)


def _kept(row: Any) -> Kept:
    return Kept(
        row.entry, row.place, row.device, _fix(row), row.flag, row.device_time, row.odometer_m, row.moving,
        row.altitude_m, row.protocol or "", _decode(row.attributes) if row.attributes else {},
    )  # fmt: skip


def _fix(row: Any) -> Fix:
    return Fix(
        row.lat, row.lon, row.fix_time, row.received_time, speed_mps=row.speed_mps, course_deg=row.course_deg
    )
