"""The store at scale: PostgreSQL through asyncpg, any number of workers, version checks in SQL (D13)."""

from __future__ import annotations

import asyncio
import builtins
import logging
from collections.abc import Awaitable, Callable
from random import uniform
from typing import Any, TypeVar

import asyncpg  # type: ignore[import-untyped]
import msgspec
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, TimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from dispatch.adapters.sql.crowd import Crowd
from dispatch.adapters.sql.lines import Stale
from dispatch.adapters.sql.store import SqlStore
from dispatch.clock import Clock
from dispatch.core.errors import Conflict, Contended, Unavailable
from dispatch.services.ports import Decide, Processes

log = logging.getLogger(__name__)
T = TypeVar("T")
ATTEMPTS = 12
_TAKEN = "23505"
_RETRY_CODES = {"40001", "40P01", _TAKEN}
"""Serialisation failure, deadlock, and a key that somebody else wrote a moment earlier."""
_OUR_CLASSES = {"22", "23", "42"}
"""Classes of SQLSTATE that a statement of ours causes (data, constraint, syntax); all others are the server's."""
_BROKEN = (DBAPIError, TimeoutError, asyncpg.PostgresError, OSError)
FROZEN = 15.0
"""Seconds after which the server ends a transaction whose process is not heard of: one that is stopped, or whose host
is gone, would keep the orders that it has locked, and everybody's clocks pass those by. Work is computed in the event
loop between its statements: one that takes so long has stopped its process anyway. Below the auditor's limit."""

LONGEST, LONGEST_LOOK = 20.0, 60.0
"""Real seconds that a write (however often it meets others), and a look, may take. A connection that has gone silent
would keep the clocks' loop, or an order, for ever. Longer than the server waits for us."""


def open_engine(url: str) -> AsyncEngine:
    """An engine for `postgresql://…` (the driver is added)."""
    address = url.replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(
        address, pool_size=8, max_overflow=8, hide_parameters=True,
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode, connect_args={"server_settings": _patience()},
    )  # fmt: skip

    @event.listens_for(engine.sync_engine, "checkout")
    def on_checkout(connection: Any, record: Any, proxy: Any) -> None:
        """Never one whose server has hung up. To ask the server (`pool_pre_ping`) costs three journeys a decision."""
        if connection.driver_connection.is_closed():
            raise DisconnectionError

    return engine


def _patience() -> dict[str, str]:
    """How long the server waits for us: between two statements, for a host without a sign of life (5 + 3 * 3 s), and
    for one that takes no more of an answer (PostgreSQL, "Client Connection Defaults", "TCP Settings")."""
    frozen = str(round(FROZEN * 1000))  # milliseconds
    return {
        "idle_in_transaction_session_timeout": frozen, "tcp_user_timeout": frozen,
        "tcp_keepalives_idle": "5", "tcp_keepalives_interval": "3", "tcp_keepalives_count": "3",
    }  # fmt: skip


class PostgresStore(SqlStore):
    """`Store` on PostgreSQL. A decision that meets another version is made again on what stands then.

    Steps of single orders (`transact` with an `order_id`) that come at the same moment share a transaction (crowd.py).
    """

    def __init__(
        self,
        engine: AsyncEngine,
        processes: Processes,
        clock: Clock,
        on_commit: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(processes, clock, on_commit)
        self.engine = engine
        self._crowd = Crowd(self, processes, clock, alone=super().transact, announce=self._announce)

    async def transact(self, decide: Decide[T], order_id: str = "") -> T:
        if order_id:
            return await self._crowd.transact(decide, order_id)
        return await super().transact(decide)

    async def write(
        self,
        work: Callable[[Connection], T],
        *,
        quiet: bool = False,
        patient: bool = False,
        taken: int = ATTEMPTS,
    ) -> T:
        """Run `work` in one transaction; again from the start when somebody else was first.

        `taken`: attempts where it is a key that somebody else wrote. After LONGEST whether it was committed is not known,
        as where the answer to a commit is lost.
        """
        return await _in_time(None if patient else LONGEST, self._written(work, quiet, taken))

    async def _written(self, work: Callable[[Connection], T], quiet: bool, taken: int) -> T:
        for attempt in range(ATTEMPTS):
            try:
                async with self.engine.begin() as connection:
                    result = await connection.run_sync(work)
            except Stale:
                pass
            except _BROKEN as error:
                if (state := _state(error)) not in _RETRY_CODES:
                    raise _said(error) from error
                if state == _TAKEN and attempt >= taken - 1:
                    raise Conflict(f"somebody else was first: {getattr(error, 'orig', error)}") from error
            else:
                if not quiet:
                    self._announce()
                return result
            await asyncio.sleep(uniform(0, min(0.2, 0.002 * 2**attempt)))  # apart, or they meet again
        raise Contended("others keep changing the same order: try again")

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a read-only look at the database."""
        return await _in_time(LONGEST_LOOK, self._looked(work))

    async def _looked(self, work: Callable[[Connection], T]) -> T:
        try:
            async with self.engine.connect() as connection:
                return await connection.run_sync(work)
        except _BROKEN as error:
            raise _said(error) from error

    async def close(self) -> None:
        """Finish what is under way, and give the connections back."""
        await self._crowd.close()
        await self.engine.dispose()


async def _in_time(seconds: float | None, work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except builtins.TimeoutError as error:
        raise Unavailable("the database did not answer in time") from error


def _state(error: Exception) -> str:
    return str(getattr(getattr(error, "orig", error), "sqlstate", None) or "")


def _said(error: Exception) -> Exception:
    """Unavailable, unless it is our statement that is wrong (asyncpg refuses a value before the server sees it)."""
    orig = getattr(error, "orig", None) or error
    if _state(error)[:2] in _OUR_CLASSES or isinstance(orig.__cause__, ValueError):
        return error
    return Unavailable(f"the database does not answer: {orig}")
