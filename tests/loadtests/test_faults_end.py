"""Whoever stops a fault run finds nothing of it running afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import pytest

from dispatch.clock import SystemClock
from loadtests.fault_board import READY, Board
from tests.dispatch.databases import NoServer, server

PATIENCE = 60.0
"""Real seconds that start and end may take."""


def _processes_of(folder: str) -> list[str]:
    """Commands of living processes that name the folder, or were given it."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                told = (process / "cmdline").read_bytes() + b"\0" + (process / "environ").read_bytes()
            except OSError:  # it has ended
                continue
            if folder.encode() in told:
                found.append(told.split(b"\0\0")[0].decode(errors="replace")[:200])
    return found


def _until(what: str, true: object, folder: str) -> None:
    """Else says which processes are there still."""
    assert callable(true)
    end = SystemClock.monotonic() + PATIENCE
    while not true():
        assert SystemClock.monotonic() < end, f"not {what}: {_processes_of(folder)}"
        Event().wait(0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_signal_ends_database_redis_exchange_drivers_and_workers() -> None:
    if isinstance(found := server(), NoServer):
        pytest.skip(str(found))
    with TemporaryDirectory(prefix="ends") as folder:
        command = [
            sys.executable,
            "-m",
            "loadtests.faults",
            "--orders",
            "400",
            "--kills",
            "4",
            "--keep",
            folder,
        ]
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        board = Path(folder) / "board"
        try:
            _until("a worker is at work", lambda: board.exists() and Board(board).get(READY), folder)
            assert len(_processes_of(folder)) >= 8, (
                "harness, servers, exchange, drivers, two workers and their places"
            )
            run.send_signal(signal.SIGTERM)
            _until("the run has ended", lambda: run.poll() is not None, folder)
            assert run.returncode == 128 + signal.SIGTERM
            _until("all have ended", lambda: not _processes_of(folder), folder)
        finally:
            run.kill()
            run.wait()
