"""Real processes in tests: waiting for what they do, and nothing left behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from itertools import cycle, islice
from threading import Event

from dispatch.clock import SystemClock
from dispatch.supervisor import PORTS


def until(true: Callable[[], object], within: float = 15.0) -> None:
    """Wait for something to become true; fails after `within` seconds."""
    deadline = SystemClock.monotonic() + within
    while not true():
        assert SystemClock.monotonic() < deadline, "it did not happen in time"
        Event().wait(0.05)


ROW = 10
ROWS = range(10_000, 22_000, ROW)
"""Beside those of the load tests (loadtests/processes.py)."""
APART = 742
"""Rows between the first ones of two processes whose numbers follow one another: what one of them has just chosen is not
listened at yet."""
_rows = islice(cycle(ROWS), os.getpid() * APART % len(ROWS), None)


def free_ports() -> int:
    """The first of PORTS ports in a row that are free now.

    Below those that the system hands out by itself (Linux: from 32768), so that nobody gets one of them meanwhile;
    test processes that run side by side begin at different places.
    """
    return next(first for first in _rows if all(_free(port) for port in range(first, first + PORTS)))


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def alive(process: int) -> bool:
    """Whether this process runs (one that only waits to be reaped does not)."""
    try:
        os.kill(process, 0)
        with open(f"/proc/{process}/stat") as stat:  # noqa: PTH123
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def children_of(process: int) -> list[int]:
    """The processes that it has started and that still run (Linux)."""
    with open(f"/proc/{process}/task/{process}/children") as listed:  # noqa: PTH123
        return [int(number) for number in listed.read().split()]
