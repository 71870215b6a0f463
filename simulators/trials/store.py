"""One database, and each worker's line to it: slow, broken at times, and without an answer now and then.

What was committed stands even where its answer is lost; a worker that dies on the way leaves either all of it or nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine

from dispatch.adapters.sql.store import SqlStore
from dispatch.clock import Clock
from dispatch.core.errors import Unavailable
from dispatch.services.ports import Decided, DecideOrder, OutboxRow, Processes
from simulators.trials.fortune import Fortune
from simulators.trials.loop import seconds

T = TypeVar("T")
UNKNOWN = datetime.min.replace(tzinfo=UTC)


class Database:
    """The one SQLite file of a trial. `watch` looks at every commit before anything else happens."""

    def __init__(self, engine: Engine, fortune: Fortune) -> None:
        self._engine, self._line = engine, engine.connect()
        self.fortune = fortune
        self.commits = 0
        self.next_due: datetime | None = UNKNOWN
        """Remembered between two writes."""
        self.watch: Callable[[Connection, datetime], None] = lambda *_: None
        self._listeners: list[Callable[[], None]] = []

    def listen(self, nudge: Callable[[], None]) -> None:
        """Call this after each commit."""
        self._listeners.append(nudge)

    def run(self, work: Callable[[Connection], T], now: datetime | None) -> T:
        """In one transaction; `now`: that of the worker who writes, None: it only reads."""
        if now:
            self.next_due = UNKNOWN
        self._line.exec_driver_sql("BEGIN IMMEDIATE" if now else "BEGIN")
        try:
            result = work(self._line)
        except BaseException:
            self._line.exec_driver_sql("ROLLBACK")
            raise
        self._line.exec_driver_sql("COMMIT" if now else "ROLLBACK")
        if now:
            self.commits += 1
            self.watch(self._line, now)
        return result

    def nudge(self) -> None:
        """A decision was committed: whoever waits for one looks."""
        for nudge in self._listeners:
            nudge()

    def close(self) -> None:
        """Give the file back."""
        self._line.close()
        self._engine.dispose()


class Line(SqlStore):
    """`Store` as one worker, or one person's page, has it."""

    def __init__(self, database: Database, processes: Processes, clock: Clock, name: str) -> None:
        super().__init__(processes, clock, database.nudge)
        self._database = database
        self._luck = database.fortune.stream(f"line of {name}")

    async def write(
        self, work: Callable[[Connection], T], *, quiet: bool = False, patient: bool = False
    ) -> T:
        await self._way()
        result = self._database.run(work, self._clock.now())
        await self._way(answer=True)
        return result

    async def read(self, work: Callable[[Connection], T]) -> T:
        await self._way()
        return self._database.run(work, None)

    async def next_due(self) -> datetime | None:
        """The same until something is written."""
        if self._database.next_due is UNKNOWN:
            self._database.next_due = await super().next_due()
        return self._database.next_due

    async def decide_due(self, decide: DecideOrder, limit: int, aside: Collection[str] = ()) -> Decided:
        """As ever; where nothing at all is due nothing is asked."""
        due = await self.next_due()
        if due is None or due > self._clock.now():
            return Decided(0, {}, False, due)
        return await super().decide_due(decide, limit, aside)

    async def lease(
        self, now: datetime, until: datetime, limit: int, kinds: Sequence[str] = ()
    ) -> list[OutboxRow]:
        """As ever; where nothing at all is due nothing is asked."""
        due = await self.next_due()
        return [] if due is None or due > now else await super().lease(now, until, limit, kinds)

    async def _way(self, *, answer: bool = False) -> None:
        """To the database or back. Raises Unavailable where it is gone, or the answer is."""
        await asyncio.sleep(self._luck.uniform(0.0005, 0.02))
        fortune, now = self._database.fortune, seconds()
        if fortune.down("database", now):
            raise Unavailable("the database does not answer")
        if answer and now < fortune.seconds and self._luck.random() < fortune.severity.lost / 3:
            raise Unavailable("the answer of the database was lost")
