"""The manager's figures are read from the sheets of the days (`day_sheets` keeps them)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, func, select

from dispatch.adapters.sql.day_sheets import LAYOUT, SHEET, freshness
from dispatch.adapters.sql.statements import ORDER
from dispatch.adapters.sql.store import SqlStore
from dispatch.core.sheet import Sheet, together, unpacked
from dispatch.services.context import Context
from dispatch.services.review import Freshness

REMEMBERED = 400
"""Sheets of days that a process keeps, without ids; one of 2,500 orders takes 0.5 MB."""
SPANNED = 1_500_000
"""Orders in all the spans that a process keeps put together, some 0.2 kB each."""
PORTION = 500


class SqlHistories:
    """`Histories` on either store."""

    def __init__(self, database: SqlStore, context: Context) -> None:
        self._database = database
        self._context = context
        self._known: dict[str, tuple[int, Sheet]] = {}
        self._spans: dict[tuple[tuple[str, int], ...], Sheet] = {}

    async def fresh(self) -> Freshness | None:
        """How far the sheets are; None: no pass has ended yet, or they are of another time zone's days or layout."""
        return await self._database.read(self._fresh)

    def _fresh(self, connection: Connection) -> Freshness | None:
        found, mine = freshness(connection), (str(self._context.zone), LAYOUT)
        return found if found and (found.zone, found.layout) == mine else None

    async def sheet(self, first: date, last: date, *, ids: bool = False) -> Sheet:
        """The orders reported on the local days `first` to `last`, both included, as far as the sheets are."""
        days = [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]
        if ids:
            found = await self._database.read(lambda c: self._with_ids(c, days))
            return await asyncio.to_thread(together, found)
        return await self._whole(await self._database.read(lambda c: self._of(c, days)))

    def _of(self, connection: Connection, days: list[str]) -> dict[str, tuple[int, Sheet]]:
        """In one look; only what changed since this process last read it is read again."""
        if self._fresh(connection) is None:
            return {}
        query = select(SHEET.c.day, SHEET.c.version).where(SHEET.c.day.between(days[0], days[-1]))
        versions = {row.day: row.version for row in connection.execute(query.order_by(SHEET.c.day))}
        stale = [day for day, version in versions.items() if self._known.get(day, (0,))[0] != version]
        found = {day: (versions[day], sheet) for day, sheet in _sheets(connection, stale).items()}
        wanted = {day: found.get(day) or self._known[day] for day in versions}
        kept = {**{d: v for d, v in self._known.items() if d not in wanted}, **wanted}
        self._known = dict(list(kept.items())[-REMEMBERED:])
        return wanted

    def _with_ids(self, connection: Connection, days: list[str]) -> list[Sheet]:
        return list(_sheets(connection, days, ids=True).values()) if self._fresh(connection) else []

    async def _whole(self, days: Mapping[str, tuple[int, Sheet]]) -> Sheet:
        """These days as one: of spans that were asked for lately it is there already."""
        key = tuple((day, version) for day, (version, _) in days.items())
        whole = self._spans.pop(key, None)
        if whole is None:
            whole = await asyncio.to_thread(together, [sheet for _, sheet in days.values()])
        self._spans[key] = whole
        while len(self._spans) > 1 and sum(map(len, self._spans.values())) > SPANNED:
            del self._spans[next(iter(self._spans))]
        return whole

    async def of(self, order_ids: Collection[str], first: date, last: date) -> Sheet:
        """Those of these orders that were reported on the local days `first` to `last`, with their ids."""
        wanted = set(order_ids)

        def work(connection: Connection) -> list[Sheet]:
            reported = _each(connection, wanted, ORDER.c.reported_at).values()
            days = {at.astimezone(self._context.zone).date() for at in reported}
            chosen = sorted(day.isoformat() for day in days if first <= day <= last)
            return self._with_ids(connection, chosen)

        def chosen(sheets: list[Sheet]) -> Sheet:
            masks = (np.array([one in wanted for one in sheet.ids], dtype=np.bool_) for sheet in sheets)
            return together([sheet.only(mask) for sheet, mask in zip(sheets, masks, strict=True)])

        return await asyncio.to_thread(chosen, await self._database.read(work))

    async def begun(self) -> datetime | None:
        """When the first order of all was reported; None: there is none."""
        first = select(func.min(ORDER.c.reported_at))
        return await self._database.read(lambda c: c.execute(first).scalar())

    async def addresses(self, order_ids: Collection[str]) -> Mapping[str, str]:
        """Where these orders are."""
        return await self._database.read(lambda c: _each(c, order_ids, ORDER.c.address))


def _each(connection: Connection, order_ids: Collection[str], column: ColumnElement[Any]) -> dict[str, Any]:
    """A column of these orders, by id."""
    found: dict[str, Any] = {}
    every = list(order_ids)
    for start in range(0, len(every), PORTION):
        query = select(ORDER.c.id, column).where(ORDER.c.id.in_(every[start : start + PORTION]))
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found


def _sheets(connection: Connection, days: list[str], *, ids: bool = False) -> dict[str, Sheet]:
    """The sheets of these days that there are."""
    columns = (SHEET.c.day, SHEET.c.numbers, SHEET.c.ids) if ids else (SHEET.c.day, SHEET.c.numbers)
    query = select(*columns).where(SHEET.c.day.in_(days)).order_by(SHEET.c.day)
    return {
        row.day: unpacked(row.numbers, row.ids) if ids else unpacked(row.numbers)
        for row in connection.execute(query)
    }
