"""The manager's rows: orders of a period, measured by the core from their histories."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, select

from dispatch.adapters.sql.order_rows import load_orders
from dispatch.adapters.sql.statements import ORDER
from dispatch.adapters.sql.store import SqlStore
from dispatch.core.compliance import Measured, measure
from dispatch.core.work_order import WorkOrder
from dispatch.services.context import Context

PORTION = 500
"""Orders folded at once: others want the database too."""


class SqlHistories:
    """Measured orders on either store."""

    def __init__(self, database: SqlStore, context: Context) -> None:
        self._database = database
        self._context = context

    async def measured(self, first: date, last: date) -> list[Measured]:
        """Orders reported on the local days `first` to `last`, both included."""
        since, until = self._midnight(first), self._midnight(last + timedelta(days=1))
        query = select(ORDER.c.id).where(ORDER.c.reported_at >= since, ORDER.c.reported_at < until)
        query = query.order_by(ORDER.c.reported_at, ORDER.c.id)
        ids = await self._database.read(lambda c: list(c.execute(query).scalars()))
        found: list[Measured] = []
        for start in range(0, len(ids), PORTION):
            orders = await self._orders(ids[start : start + PORTION])
            found += await asyncio.to_thread(self._measure, orders)
        return found

    async def _orders(self, ids: Sequence[str]) -> list[WorkOrder]:
        def work(connection: Connection) -> list[WorkOrder]:
            query = select(ORDER).where(ORDER.c.id.in_(ids)).order_by(ORDER.c.reported_at, ORDER.c.id)
            return load_orders(connection, self._context.processes, query)

        return await self._database.read(work)

    def _measure(self, orders: Sequence[WorkOrder]) -> list[Measured]:
        context, now = self._context, self._context.clock.now()
        return [measure(order, context.processes.of(order), now, context.zone) for order in orders]

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self._context.zone)
