"""Two workers on one database, for the contract suite."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from dispatch.adapters.sql.organisation import replace_organisation
from dispatch.adapters.sql.postgres import PostgresStore, open_engine
from dispatch.adapters.sql.statements import ROSTER
from dispatch.clock import VirtualClock
from dispatch.core.outgoing import Outgoing
from dispatch.core.types import SYSTEM, Actor
from dispatch.core.work_order import Facts, WorkOrder, begin, remark, take
from dispatch.services.ports import Changes, Loaded
from tests.dispatch.centre import HERE, PROCESS, PROCESSES, START, organisation
from tests.dispatch.databases import AnyStore, Database

HOTLINE = Actor("hotline", "holly")


class Two:
    """Two workers on one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = VirtualClock(START)
        database.at_once(lambda c: replace_organisation(c, organisation()))
        self.first: AnyStore = database.store(PROCESSES, self.clock)
        self.second: AnyStore = database.store(PROCESSES, self.clock)

    async def new(self, order_id: str = "W1", **more: Any) -> WorkOrder:
        """A new order, taken now and sent."""
        now = self.clock.now()
        facts = Facts(order_id, PROCESS.id, now, "phone", "1 Lane", HERE, "meter", "lv")
        made = begin(facts, PROCESS, by=HOTLINE, now=now, data={"centre_id": "north", "trade": "service"})
        made = take(made, PROCESS, "send", by=HOTLINE, now=now)
        await self.first.transact(lambda loaded, now: Changes(None, orders=(made,), **more))
        return made

    async def several(self, count: int) -> list[str]:
        """The ids of so many new orders: W0 and on."""
        return [(await self.new(f"W{n}")).id for n in range(count)]

    async def order(self, order_id: str = "W1") -> WorkOrder:
        return await self.second.transact(lambda loaded, now: Changes(loaded.order(order_id)))

    async def count(self, table: Any) -> int:
        query = select(func.count()).select_from(table)
        return await self.first.read(lambda c: c.execute(query).scalar_one())

    async def fill(self, *due: datetime, kind: str = "alert") -> None:
        """Outbox rows that are due then."""
        rows = tuple(Outgoing(f"k{n}", kind, "t", at) for n, at in enumerate(due))  # type: ignore[arg-type]
        await self.first.transact(lambda loaded, now: Changes(None, outgoing=_quiet(rows)))


def _quiet(rows: tuple[Outgoing, ...]) -> tuple[Outgoing, ...]:
    return tuple(replace(row, data={"code": "x"}) for row in rows)


def note(order: WorkOrder, now: datetime, **data: Any) -> WorkOrder:
    return remark(order, PROCESS, "attempt", by=SYSTEM, now=now, data=data)


async def touch_order(two: Two) -> None:
    """Another worker is first."""
    other = PostgresStore(open_engine(two.database.settings.database_url), PROCESSES, two.clock)
    await other.transact(lambda loaded, now: Changes(None, orders=(note(loaded.order("W1"), now),)))
    await other.close()


def touch_roster(connection: Any) -> None:
    """Another worker is first."""
    connection.execute(
        ROSTER.update().where(ROSTER.c.centre_id == "north").values(version=ROSTER.c.version + 1)
    )


def step(two: Two, order_id: str, **data: Any) -> Any:
    """A step of one order, by the first worker."""

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        after = note(loaded.order(order_id), now, **data)
        return Changes(after, orders=(after,))

    return two.first.transact(decide, order_id)


async def attempts(two: Two, order_id: str) -> list[Any]:
    """What those steps have written, the first one first."""
    return [e.data for e in (await two.order(order_id)).history if e.kind == "attempt"]
