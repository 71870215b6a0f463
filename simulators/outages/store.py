"""The embedded store for a replay: the same file, statements and decisions, without a second thread.

A replay does one thing at a time, so that its order (and with it every row's number) is the same each time. What
was committed is remembered, so that an order's history is not folded anew whenever somebody looks at it; the
report at the end is made from the file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, Engine, select

from dispatch.adapters.sql import armed, statements
from dispatch.adapters.sql.order_rows import load_orders
from dispatch.adapters.sql.statements import ORDER, SqlLoaded
from dispatch.adapters.sql.store import SqlStore
from dispatch.clock import Clock
from dispatch.core.work_order import WorkOrder
from dispatch.services.ports import Decide, Decided, DecideOrder, Processes

T = TypeVar("T")
Seen = Callable[[WorkOrder, int], None]
"""Told of each order that a commit changed, and how many events of it were known before."""


class ReplayStore(SqlStore):
    """`Store` on one SQLite file. `seen` stands for the pages and screens that show what has changed."""

    def __init__(self, engine: Engine, processes: Processes, clock: Clock, seen: Seen) -> None:
        super().__init__(processes, clock)
        self._seen = seen
        self._engine = engine
        self._orders: dict[str, WorkOrder] = {}
        self._line = engine.connect()
        self._next: datetime | None = None
        self._written = True

    async def transact(self, decide: Decide[T], order_id: str = "") -> T:
        changed: Sequence[WorkOrder] = ()

        def work(connection: Connection) -> T:
            nonlocal changed
            now = self._clock.now()
            loaded = _Remembered(connection, self._processes, self._orders)
            changes = decide(loaded, now)
            statements.write(connection, loaded, changes, self._processes, now)
            changed = changes.orders
            return changes.result

        result = await self.write(work)
        for order in changed:
            before = self._orders.get(order.id)
            self._orders[order.id] = order
            self._seen(order, before.version if before else 0)
        return result

    async def decide_due(self, decide: DecideOrder, limit: int, aside: Collection[str] = ()) -> Decided:
        """One after the other: what each commit changes is seen before the next is decided."""
        now = self._clock.now()
        rows = await self.read(lambda c: c.execute(armed.claim(c, now, limit, aside)).all())
        decided = 0
        for order_id in dict.fromkeys(row.id for row in rows):
            decided += await self.transact(partial(decide, order_id))
        return Decided(decided, {}, len(rows) >= limit)

    async def next_due(self) -> datetime | None:
        """Asked at every instant, and the same until something is written."""
        if self._written:
            self._next = await super().next_due()
            self._written = False
        return self._next

    async def write(
        self, work: Callable[[Connection], T], *, quiet: bool = False, patient: bool = False
    ) -> T:
        self._written = True
        return self._inside("BEGIN IMMEDIATE", work, "COMMIT")

    async def read(self, work: Callable[[Connection], T]) -> T:
        return self._inside("BEGIN", work, "ROLLBACK")

    async def open_orders(self, states: Sequence[str] = ()) -> list[WorkOrder]:
        query = select(ORDER.c.id).where(ORDER.c.is_open).order_by(ORDER.c.reported_at, ORDER.c.id)
        query = query.where(ORDER.c.state.in_(list(states))) if states else query
        ids = await self.read(lambda c: list(c.execute(query).scalars()))
        return [self._orders[order_id] for order_id in ids]

    def known(self, order_id: str) -> WorkOrder | None:
        """An order as it was committed last."""
        return self._orders.get(order_id)

    def close(self) -> None:
        """Finish, and give the file back."""
        self._line.close()
        self._engine.dispose()

    async def from_file(self) -> list[WorkOrder]:
        """Every order, folded from what the file holds, in the order of their ids."""
        query = select(ORDER).order_by(ORDER.c.id)
        return await self.read(lambda c: load_orders(c, self._processes, query))

    def _inside(self, begin: str, work: Callable[[Connection], T], end: str) -> T:
        self._line.exec_driver_sql(begin)
        try:
            result = work(self._line)
        except BaseException:
            self._line.exec_driver_sql("ROLLBACK")
            raise
        self._line.exec_driver_sql(end)
        return result


class _Remembered(SqlLoaded):
    """Loads an order from what is remembered, else from the file."""

    def __init__(
        self, connection: Connection, processes: Processes, remembered: dict[str, WorkOrder]
    ) -> None:
        super().__init__(connection, processes)
        self._remembered = remembered

    def order(self, order_id: str) -> WorkOrder:
        if order_id not in self.orders and (known := self._remembered.get(order_id)) is not None:
            self.orders[order_id] = known
        return super().order(order_id)
