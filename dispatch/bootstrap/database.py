"""Which database an installation uses, opened and brought to the present schema."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DatabaseError, DBAPIError

from dispatch.adapters.sql import postgres, sqlite
from dispatch.adapters.sql.migrations import migrate, migrate_positions
from dispatch.adapters.sql.postgres import PostgresStore
from dispatch.adapters.sql.sqlite import SqliteStore
from dispatch.clock import Clock
from dispatch.core.errors import Unavailable
from dispatch.services.ports import Processes
from dispatch.settings import Settings

T = TypeVar("T")
AnyStore = SqliteStore | PostgresStore


def is_postgres(settings: Settings) -> bool:
    """Whether the installation runs on PostgreSQL."""
    return settings.database_url.startswith("postgresql")


def sqlite_file(settings: Settings) -> Path:
    """The file with the orders."""
    return settings.data / "dispatch45.sqlite"


def positions_file(settings: Settings) -> Path:
    """The file with the positions: a second one, so that their volume never delays an order."""
    return settings.data / "positions.sqlite"


def open_store(
    settings: Settings, processes: Processes, clock: Clock, on_commit: Callable[[], None] | None = None
) -> AnyStore:
    """The store of a process."""
    if is_postgres(settings):
        return PostgresStore(postgres.open_engine(settings.database_url), processes, clock, on_commit)
    return SqliteStore(sqlite.open_engine(sqlite_file(settings)), processes, clock, on_commit)


def open_history(
    settings: Settings, processes: Processes, clock: Clock, store: AnyStore
) -> SqliteStore | PostgresStore:
    """Where positions are kept: the second file, or the same PostgreSQL."""
    if isinstance(store, PostgresStore):
        return store
    return SqliteStore(sqlite.open_engine(positions_file(settings)), processes, clock)


def at_once(settings: Settings, work: Callable[[Connection], T], *, reading: bool = False) -> T:
    """Run `work` in one transaction, outside any event loop. Raises Unavailable saying what to do.

    `reading`: nothing is changed, and no writer waits.
    """
    if is_postgres(settings):
        url = settings.database_url.replace("postgresql://", "postgresql+asyncpg://", 1)
        return _with_asyncpg(url, work)
    engine = sqlite.open_engine(sqlite_file(settings))
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
            result = work(connection)
            connection.exec_driver_sql("COMMIT")
            return result
    except DatabaseError as error:
        raise Unavailable(
            f"The database {sqlite_file(settings)} cannot be used ({error.orig}): put a backup in its place,"
            " or start with another folder (--data DIR)"
        ) from None
    finally:
        engine.dispose()


def _with_asyncpg(url: str, work: Callable[[Connection], T]) -> T:
    import asyncio

    from sqlalchemy.ext.asyncio import create_async_engine

    async def run() -> T:
        engine = create_async_engine(url)
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        except (DBAPIError, OSError) as error:
            raise Unavailable(f"The database does not answer: {error}. Check DATABASE_URL") from None
        finally:
            await engine.dispose()

    return asyncio.run(run())


def make_ready(settings: Settings) -> None:
    """Bring every schema to the present version."""
    at_once(settings, migrate)
    if is_postgres(settings):
        at_once(settings, migrate_positions)
        return
    engine = create_engine(f"sqlite:///{positions_file(settings)}")
    try:
        with engine.begin() as connection:
            migrate_positions(connection)
    except DatabaseError as error:
        raise Unavailable(
            f"The position history {positions_file(settings)} cannot be used ({error.orig}): move it away;"
            " a new one is made"
        ) from None
    finally:
        engine.dispose()
