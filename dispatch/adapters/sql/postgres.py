"""The store at scale: PostgreSQL through asyncpg, any number of workers, version checks in SQL (D13)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from dispatch.adapters.sql import statements
from dispatch.clock import Clock
from dispatch.core.crew import Roster
from dispatch.core.errors import Conflict, Unavailable
from dispatch.core.work_order import WorkOrder
from dispatch.services.ports import Changes, Decide, OutboxRow, Processes, Settled

log = logging.getLogger(__name__)
T = TypeVar("T")
ATTEMPTS = 12
_RETRY_CODES = {"40001", "40P01", "23505"}
"""Serialisation failure, deadlock, and a key that somebody else wrote a moment earlier."""


def open_engine(url: str) -> AsyncEngine:
    """An engine for `postgresql://…` (the driver is added)."""
    address = url.replace("postgresql://", "postgresql+asyncpg://", 1)
    return create_async_engine(
        address, pool_size=8, max_overflow=8, pool_pre_ping=True,
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
    )  # fmt: skip


class PostgresStore:
    """`Store` on PostgreSQL. A decision that meets another version is made again on what stands then."""

    def __init__(
        self,
        engine: AsyncEngine,
        processes: Processes,
        clock: Clock,
        on_commit: Callable[[], None] | None = None,
    ) -> None:
        self.engine = engine
        self._processes = processes
        self._clock = clock
        self._on_commit = on_commit

    async def transact(self, decide: Decide[T]) -> T:
        def work(connection: Connection) -> T:
            now = self._clock.now()
            loaded = statements.SqlLoaded(connection, self._processes)
            changes: Changes[T] = decide(loaded, now)
            statements.write(connection, loaded, changes, self._processes, now)
            return changes.result

        return await self.write(work)

    async def write(self, work: Callable[[Connection], T], *, quiet: bool = False) -> T:
        """Run `work` in one transaction; again from the start when somebody else was first.

        `quiet`: whoever waits for commits is not told, as by the outbox's own bookkeeping, which would wake itself.
        """
        for attempt in range(ATTEMPTS):
            try:
                async with self.engine.begin() as connection:
                    result = await connection.run_sync(work)
            except statements.Stale:
                pass
            except (OperationalError, InterfaceError, ConnectionError, OSError) as error:
                raise Unavailable(f"the database does not answer: {error}") from error
            except (DBAPIError, IntegrityError) as error:
                if getattr(error.orig, "sqlstate", "") not in _RETRY_CODES:
                    raise
            else:
                if not quiet:
                    self._announce()
                return result
            await asyncio.sleep(0.002 * attempt)
        raise Conflict("others keep changing the same order: try again")

    def _announce(self) -> None:
        """What was committed stands, whatever its listener does."""
        try:
            if self._on_commit is not None:
                self._on_commit()
        except Exception:
            log.exception("a commit could not be announced")

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a read-only look at the database."""
        try:
            async with self.engine.connect() as connection:
                return await connection.run_sync(work)
        except (OperationalError, InterfaceError, ConnectionError, OSError) as error:
            raise Unavailable(f"the database does not answer: {error}") from error

    async def due_orders(self, now: datetime, limit: int) -> list[str]:
        return await self.read(lambda c: statements.due_orders(c, now, limit))

    async def next_due(self) -> datetime | None:
        return await self.read(statements.next_due)

    async def open_orders(self, states: Sequence[str] = ()) -> list[WorkOrder]:
        return await self.read(lambda c: statements.open_orders(c, self._processes, states))

    async def rosters(self) -> list[Roster]:
        return await self.read(statements.rosters)

    async def lease(
        self, now: datetime, until: datetime, limit: int, kinds: Sequence[str] = ()
    ) -> list[OutboxRow]:
        return await self.write(lambda c: statements.lease(c, now, until, limit, kinds), quiet=True)

    async def settle(self, settled: Sequence[Settled], now: datetime) -> None:
        await self.write(lambda c: statements.settle(c, settled, now), quiet=True)

    async def close(self) -> None:
        """Give the connections back."""
        await self.engine.dispose()
