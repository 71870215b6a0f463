"""What the manager's figures are made of, kept up to date: one sheet of measured orders for each local day.

A pass measures what changed since the last one (found by `changed_at`, with some overlap for transactions that were
still open, and by the order's version) and every order that still runs, whose times grow. All of a pass is measured
at one moment, which the page shows. A sheet is written only over the one that was read: of two workers, one goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, literal, select, tuple_, update

from dispatch.adapters.sql import desk_tables as t
from dispatch.adapters.sql.order_rows import each_order
from dispatch.adapters.sql.organisation import fact, set_fact
from dispatch.adapters.sql.statements import ORDER, table
from dispatch.adapters.sql.store import SqlStore
from dispatch.core.compliance import Measured, measure
from dispatch.core.errors import Conflict
from dispatch.core.sheet import Sheet, changed, packed, sheet_of, together, unpacked
from dispatch.core.work_order import WorkOrder
from dispatch.services.context import Context
from dispatch.services.review import Freshness

log = logging.getLogger(__name__)
SHEET = table(t.DaySheetRow)
FACT = "day_sheets"
OVERLAP = 600.0
"""Real seconds: no transaction that wrote `changed_at` stays open as long as that."""
PORTION = 500
"""Orders read and folded at once: others want the database too."""
LOOKED = 5_000
"""Changed orders looked up at once."""
LAYOUT = 2
"""Of a sheet's bytes: another one is made anew from the orders."""


class DaySheets:
    """The sheets of one installation, on either store."""

    def __init__(self, database: SqlStore, context: Context) -> None:
        self._database = database
        self._context = context

    async def catch_up(self) -> Freshness:
        """One pass. Raises Unavailable; Conflict where another worker was quicker."""
        now, zone = self._context.clock.now(), str(self._context.zone)
        before = await self._database.read(freshness)
        if before is None or (before.zone, before.layout) != (zone, LAYOUT):
            await self._database.write(lambda c: c.execute(delete(SHEET)), quiet=True)
            since = datetime(1970, 1, 1, tzinfo=UTC)
        else:
            since = before.as_of - self._context.real(OVERLAP)
        gone = await self._changed_since(since, now)
        if before is not None and (again := set(before.unreadable) - gone):
            gone |= await self._renew_all(await self._database.read(lambda c: _rows(c, again)), now)
        for day in await self._database.read(_running_days):
            gone |= await self._renew(day, {}, now)
        after = Freshness(zone, LAYOUT, now, tuple(sorted(gone)))
        text = msgspec.json.encode(after).decode()
        await self._database.write(lambda c: set_fact(c, FACT, text), quiet=True)
        return after

    async def _changed_since(self, since: datetime, now: datetime) -> set[str]:
        """Measure what changed; those that cannot be read."""
        gone, place = set[str](), (since, "")
        while rows := await self._database.read(lambda c, place=place: _next(c, place)):  # type: ignore[misc]
            gone |= await self._renew_all(rows, now)
            place = (rows[-1].changed_at, rows[-1].id)
        return gone

    async def _renew_all(self, rows: Sequence[Any], now: datetime) -> set[str]:
        """Measure these orders, day by day."""
        days: dict[str, dict[str, int]] = defaultdict(dict)
        for row in rows:
            day = row.reported_at.astimezone(self._context.zone).date().isoformat()
            days[day][row.id] = row.version
        gone = set[str]()
        for day, versions in days.items():
            gone |= await self._renew(day, versions, now)
        return gone

    async def _renew(self, day: str, versions: Mapping[str, int], now: datetime) -> frozenset[str]:
        """Measure of a day what has another version now; without any, what still ran at an earlier moment."""
        kept, version = await self._database.read(lambda c: _load(c, day))
        known = dict(zip(kept.ids, kept["version"].tolist(), strict=True))
        wanted = [i for i, found in versions.items() if known.get(i) != found]
        if not versions:
            wanted = [i for i, runs in zip(kept.ids, kept["running"].tolist(), strict=True) if runs]
        if not wanted:
            return frozenset()
        measured, gone = await self._measured(wanted, now)
        fresh = await asyncio.to_thread(changed, kept, sheet_of(measured), gone)
        await self._database.write(lambda c: _save(c, day, fresh, version), quiet=True)
        return gone

    async def _measured(
        self, order_ids: Sequence[str], now: datetime
    ) -> tuple[list[Measured], frozenset[str]]:
        """These orders, and which of them cannot be read (or are no more)."""
        found: list[Measured] = []
        for start in range(0, len(order_ids), PORTION):
            orders = await self._orders(order_ids[start : start + PORTION])
            found += await asyncio.to_thread(self._measure, orders, now)
        return found, frozenset(order_ids) - {one.id for one in found}

    async def _orders(self, order_ids: Collection[str]) -> list[WorkOrder]:
        def work(connection: Connection) -> list[WorkOrder]:
            rows = connection.execute(select(ORDER).where(ORDER.c.id.in_(list(order_ids)))).all()
            orders, failed = each_order(connection, self._context.processes, rows)
            for order_id, error in failed.items():
                log.error("order %s cannot be read, the figures go on without it: %r", order_id, error)
            return list(orders.values())

        return await self._database.read(work)

    def _measure(self, orders: Sequence[WorkOrder], now: datetime) -> list[Measured]:
        context = self._context
        return [measure(order, context.processes.of(order), now, context.zone) for order in orders]


def freshness(connection: Connection) -> Freshness | None:
    """How far the sheets are; None: there are none yet."""
    text = fact(connection, FACT)
    return msgspec.json.decode(text, type=Freshness) if text else None


_LOOKED_AT = (ORDER.c.id, ORDER.c.version, ORDER.c.reported_at, ORDER.c.changed_at)


def _rows(connection: Connection, order_ids: Collection[str]) -> Sequence[Any]:
    """What `_next` gives, of these orders."""
    return connection.execute(select(*_LOOKED_AT).where(ORDER.c.id.in_(list(order_ids)[:PORTION]))).all()


def _next(connection: Connection, place: tuple[datetime, str]) -> Sequence[Any]:
    """The next changed orders after a place."""
    key = (ORDER.c.changed_at, ORDER.c.id)
    after = tuple_(*key) > tuple_(*(_bound(c, v) for c, v in zip(key, place, strict=True)))
    return connection.execute(select(*_LOOKED_AT).where(after).order_by(*key).limit(LOOKED)).all()


def _bound(column: Any, value: Any) -> Any:
    return literal(value, column.type)


def _running_days(connection: Connection) -> list[str]:
    query = select(SHEET.c.day).where(SHEET.c.running > 0).order_by(SHEET.c.day)
    return list(connection.execute(query).scalars())


def _load(connection: Connection, day: str) -> tuple[Sheet, int]:
    """A day's sheet and its version; an empty one with 0 where there is none."""
    row = connection.execute(select(SHEET).where(SHEET.c.day == day)).first()
    return (unpacked(row.numbers, row.ids), row.version) if row else (together([]), 0)


def _save(connection: Connection, day: str, sheet: Sheet, version: int) -> None:
    numbers, ids = packed(sheet)
    values = {
        "version": version + 1, "orders": len(sheet), "running": int(sheet["running"].sum()),
        "numbers": numbers, "ids": ids,
    }  # fmt: skip
    if version == 0:
        if connection.execute(select(SHEET.c.day).where(SHEET.c.day == day)).first():
            raise Conflict(f"another worker was quicker with {day}", day=day)
        connection.execute(insert(SHEET), {"day": day, **values})
        return
    done = connection.execute(
        update(SHEET).where(SHEET.c.day == day, SHEET.c.version == version).values(**values)
    )
    if done.rowcount != 1:
        raise Conflict(f"another worker was quicker with {day}", day=day)
