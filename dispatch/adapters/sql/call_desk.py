"""What a call is compared with, in SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from dispatch.adapters.sql import outages
from dispatch.adapters.sql.order_rows import NOT_FINAL
from dispatch.adapters.sql.statements import CONTACT, ORDER
from dispatch.adapters.sql.store import SqlStore
from dispatch.core.outage import PlannedOutage
from dispatch.core.types import Point
from dispatch.services.call_desk import Running


class SqlDesk:
    """`Desk` on either store."""

    def __init__(self, database: SqlStore) -> None:
        self._database = database

    async def running(self) -> Sequence[Running]:
        return await self._database.read(self._running)

    async def outages(self, now: datetime, until: datetime) -> Sequence[PlannedOutage]:
        return await self._database.read(lambda c: outages.running(c, now, until))

    def _running(self, connection: Connection) -> list[Running]:
        columns = (
            ORDER.c.id,
            ORDER.c.address,
            ORDER.c.lat,
            ORDER.c.lon,
            ORDER.c.customer_phone,
            ORDER.c.is_open,
        )
        orders = connection.execute(select(*columns).where(NOT_FINAL).order_by(ORDER.c.reported_at)).all()
        phones: dict[str, set[str]] = defaultdict(set)
        called = select(CONTACT.c.order_id, CONTACT.c.phone).join(ORDER, ORDER.c.id == CONTACT.c.order_id)
        for row in connection.execute(called.where(NOT_FINAL, CONTACT.c.phone != "")):
            phones[row.order_id].add(row.phone)
        return [
            Running(
                o.id, o.address, None if o.lat is None else Point(o.lat, o.lon),
                tuple(sorted(phones[o.id] | ({o.customer_phone} - {""}))), o.is_open,
            )
            for o in orders
        ]  # fmt: skip
