"""The embedded store: one writer thread, BEGIN IMMEDIATE, group commit; readers beside it (D11, D13)."""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError
from sqlalchemy.pool import QueuePool

from dispatch.adapters.sql.lines import Stale
from dispatch.adapters.sql.store import SqlStore
from dispatch.clock import Clock
from dispatch.core.errors import Conflict, Unavailable
from dispatch.services.ports import Processes

log = logging.getLogger(__name__)
T = TypeVar("T")
GROUP = 256
"""Decisions that one commit carries at most."""


def open_engine(path: Path, *, durable: bool = True) -> Engine:
    """An engine on one file, in WAL mode. `durable`: every commit reaches the disk (synchronous=FULL)."""
    engine = create_engine(
        f"sqlite+pysqlite:///{path}", poolclass=QueuePool, pool_size=4, max_overflow=4, hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": 10.0},
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
    )  # fmt: skip

    @event.listens_for(engine, "connect")
    def on_connect(connection: sqlite3.Connection, record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN IMMEDIATE ourselves
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
        connection.execute("PRAGMA foreign_keys=ON")

    return engine


class SqliteStore(SqlStore):
    """`Store` on one SQLite file. Deciding happens inside the writer thread, so nothing changes under it."""

    def __init__(
        self, engine: Engine, processes: Processes, clock: Clock, on_commit: Callable[[], None] | None = None
    ) -> None:
        super().__init__(processes, clock, on_commit)
        self.engine = engine
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._closed = False
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="sql-read")
        self._writer = threading.Thread(target=self._run, name="sql-write", daemon=True)
        self._writer.start()

    async def write(
        self, work: Callable[[Connection], T], *, quiet: bool = False, patient: bool = False
    ) -> T:
        """Run `work` in the writer thread, inside a transaction of its own or of a group."""
        if self._closed:
            raise Unavailable("the database is closed")
        item = _Work(work, asyncio.get_running_loop(), quiet)
        self._queue.put(item)
        result: T = await item.future
        return result

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a reader's connection, in one snapshot."""

        def run() -> T:
            try:
                with self.engine.connect() as connection:
                    connection.exec_driver_sql("BEGIN")
                    return work(connection)  # leaving the block rolls back
            except DatabaseError as error:
                raise Unavailable(f"the database cannot be read: {error.orig or error}") from error

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    def close(self) -> None:
        """Finish what is queued, then stop."""
        self._closed = True
        self._queue.put(None)
        self._writer.join()
        self._readers.shutdown()
        self.engine.dispose()

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            self._commit(group)

    def _next_group(self) -> list[_Work] | None:
        """Wait for one piece of work and take whatever else is waiting."""
        first = self._queue.get()
        if first is None:
            return None
        group = [first]
        while len(group) < GROUP:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is None:
                self._queue.put(None)
                break
            group.append(item)
        return group

    def _commit(self, group: list[_Work]) -> None:
        try:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                for item in group:
                    self._attempt(connection, item)
                connection.exec_driver_sql("COMMIT")
        except DatabaseError as error:
            for item in group:
                item.fail(Unavailable(f"the database does not take writes: {error.orig or error}"))
            return
        except Exception as error:
            log.exception("the writer could not commit")
            for item in group:
                item.fail(Unavailable(f"the database does not take writes: {error!r}"))
            return
        for item in group:
            item.finish()
        if not all(item.quiet for item in group):
            self._announce()

    def _attempt(self, connection: Connection, item: _Work) -> None:
        """One decision under a savepoint: if it fails, the others of the group still stand."""
        connection.exec_driver_sql("SAVEPOINT decision")
        try:
            item.result = item.work(connection)
        except Exception as error:
            connection.exec_driver_sql("ROLLBACK TO decision")
            item.error = error
            if isinstance(error, OperationalError):
                item.error = Unavailable(f"the database does not take writes: {error.orig or error}")
            elif isinstance(error, IntegrityError | Stale):
                item.error = Conflict(f"somebody else was first: {getattr(error, 'orig', error)}")
        connection.exec_driver_sql("RELEASE decision")


class _Work:
    """A piece of work in the queue, and the future of whoever waits for it."""

    def __init__(
        self, work: Callable[[Connection], Any], loop: asyncio.AbstractEventLoop, quiet: bool
    ) -> None:
        self.work = work
        self.quiet = quiet
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.result: Any = None
        self.error: Exception | None = None

    def finish(self) -> None:
        self._tell(self.error)

    def fail(self, error: Exception) -> None:
        self._tell(self.error or error)

    def _tell(self, error: Exception | None) -> None:
        def tell() -> None:
            if self.future.cancelled():
                return
            if error is not None:
                self.future.set_exception(error)
            else:
                self.future.set_result(self.result)

        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self.loop.call_soon_threadsafe(tell)
