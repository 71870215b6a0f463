"""The store at scale: PostgreSQL through asyncpg, any number of workers, version checks in SQL (D13)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from dispatch.adapters.sql import statements
from dispatch.adapters.sql.store import SqlStore
from dispatch.clock import Clock
from dispatch.core.errors import Conflict, Unavailable
from dispatch.services.ports import Processes

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


class PostgresStore(SqlStore):
    """`Store` on PostgreSQL. A decision that meets another version is made again on what stands then."""

    def __init__(
        self,
        engine: AsyncEngine,
        processes: Processes,
        clock: Clock,
        on_commit: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(processes, clock, on_commit)
        self.engine = engine

    async def write(self, work: Callable[[Connection], T], *, quiet: bool = False) -> T:
        """Run `work` in one transaction; again from the start when somebody else was first."""
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

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a read-only look at the database."""
        try:
            async with self.engine.connect() as connection:
                return await connection.run_sync(work)
        except (OperationalError, InterfaceError, ConnectionError, OSError) as error:
            raise Unavailable(f"the database does not answer: {error}") from error

    async def close(self) -> None:
        """Give the connections back."""
        await self.engine.dispose()
