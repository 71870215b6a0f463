"""What both stores have in common: `Store` over `read` and `write`, which each does in its own way."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from dispatch.adapters.sql import due, open_orders, outbox, statements
from dispatch.adapters.sql.order_rows import Spoilt, give_up
from dispatch.clock import Clock
from dispatch.core.crew import Roster
from dispatch.core.work_order import WorkOrder
from dispatch.services.ports import Changes, Decide, Decided, DecideOrder, OutboxRow, Processes, Settled

log = logging.getLogger(__name__)
T = TypeVar("T")


class SqlStore(ABC):
    """`on_commit` is called after each commit that somebody may wait for, from whatever thread commits."""

    def __init__(
        self, processes: Processes, clock: Clock, on_commit: Callable[[], None] | None = None
    ) -> None:
        self._processes = processes
        self._clock = clock
        self._on_commit = on_commit
        self._open: dict[tuple[str, ...], Mapping[str, open_orders.Seen]] = {}
        """What was open at the last look, by states: it is asked for twice a second, and little has changed."""

    @abstractmethod
    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one look at the database. Raises Unavailable."""

    @abstractmethod
    async def write(
        self, work: Callable[[Connection], T], *, quiet: bool = False, patient: bool = False
    ) -> T:
        """Run `work` in one transaction. Raises Unavailable.

        `quiet`: whoever waits for commits is not told, as by the outbox's own bookkeeping, which would wake itself.
        `patient`: it may take as long as it takes; nobody waits for it.
        """

    async def transact(self, decide: Decide[T], order_id: str = "") -> T:
        def work(connection: Connection, take_back: Callable[[], None] | None = give_up) -> Changes[T]:
            now = self._clock.now()
            loaded = statements.SqlLoaded(connection, self._processes, take_back)
            changes: Changes[T] = decide(loaded, now)
            statements.write(connection, loaded, changes, self._processes, now)
            return changes

        try:
            changes = await self.write(work, quiet=True)
        except Spoilt:  # with a savepoint at each look at several orders
            changes = await self.write(lambda connection: work(connection, None), quiet=True)
        if statements.writes(changes):
            self._announce()
        return changes.result

    async def decide_due(self, decide: DecideOrder, limit: int, aside: Collection[str] = ()) -> Decided:
        def work(connection: Connection) -> Decided:
            now = self._clock.now()
            return due.decide(connection, self._processes, now, limit, aside, decide)

        decided = await self.write(work, quiet=True)
        if decided.orders:
            self._announce()  # a look that found nothing wakes nobody, least of all itself
        return decided

    async def next_due(self) -> datetime | None:
        return await self.read(due.next_due)

    async def open_orders(self, states: Sequence[str] = ()) -> list[WorkOrder]:
        known = self._open.get(tuple(states), open_orders.NOTHING)
        found = await self.read(lambda c: open_orders.look(c, self._processes, states, known))
        self._open[tuple(states)] = found
        return [seen.order for seen in found.values()]

    async def rosters(self) -> list[Roster]:
        return await self.read(statements.rosters)

    async def lease(
        self, now: datetime, until: datetime, limit: int, kinds: Sequence[str] = ()
    ) -> list[OutboxRow]:
        return await self.write(lambda c: outbox.lease(c, now, until, limit, kinds), quiet=True)

    async def settle(self, settled: Sequence[Settled], now: datetime) -> None:
        await self.write(lambda c: outbox.settle(c, settled, now), quiet=True)

    def _announce(self) -> None:
        """What was committed stands, whatever its listener does."""
        try:
            if self._on_commit is not None:
                self._on_commit()
        except Exception:
            log.exception("a commit could not be announced")
