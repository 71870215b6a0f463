"""A gateway and its Redis, as real processes of their own; they end with the block that started them.

Both are started outside the terminal's process group: Ctrl-C is for the command, which then ends them in order.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from dispatch import lifeline
from dispatch.adapters.redis.server import RedisServer
from dispatch.clock import SystemClock
from dispatch.core.errors import Unavailable
from dispatch.settings import Settings, to_environment

STARTS_WITHIN = 20.0
"""Real seconds that a gateway may take until it listens."""
ENDS_WITHIN = 10.0
OFFSETS = (2, 3, 5, 6, 7, 8)
"""The ports that a gateway listens on, counted from the installation's own; see Settings."""
ROWS = range(30_000, 32_700, 10)


@contextmanager
def platform(folder: Path, host: str, port: int | None, clock: str) -> Iterator[Settings]:
    """A gateway that listens, on `clock`. Raises Unavailable with what it said where it does not start."""
    server = RedisServer(folder)
    server.prepare()
    redis = _start(lifeline.tied(server.command), None, folder / "redis.log")
    try:
        server.wait_until_ready(lambda: redis.poll() is None)
        settings = Settings(
            data=folder, host=host, port=port or free_port(host), redis_url=server.url,
            secret=secrets.token_hex(16), clock=clock,
        )  # fmt: skip
        command = lifeline.tied([sys.executable, "-m", "dispatch.cli", "gateway"])
        gateway = _start(command, {**os.environ, **to_environment(settings)}, folder / "gateway.log")
        try:
            _wait_until_listening(gateway, settings, folder / "gateway.log")
            yield settings
        finally:
            _end(gateway)
    finally:
        _end(redis)


def free_port(host: str) -> int:
    """An installation's port of which the gateway's ports are free.

    Below those that the system hands out by itself (Linux: from 32768), so that nobody gets one of them meanwhile.
    """
    begin = os.getpid() % len(ROWS)
    rows: list[int] = [*ROWS[begin:], *ROWS[:begin]]
    for base in rows:
        if all(_is_free(host, base + offset) for offset in OFFSETS):
            return base
    raise Unavailable(f"no free ports on {host}: name one with --port")


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _start(command: list[str], environment: dict[str, str] | None, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )


def _wait_until_listening(process: subprocess.Popen[bytes], settings: Settings, log: Path) -> None:
    deadline = SystemClock.monotonic() + STARTS_WITHIN
    while True:
        if process.poll() is not None or SystemClock.monotonic() > deadline:
            said = log.read_text("utf-8", "replace").strip().splitlines()[-3:]
            raise Unavailable("The gateway does not start: " + (" / ".join(said) or "it said nothing"))
        with socket.socket() as probe:
            if probe.connect_ex((settings.host, settings.jt808_port)) == 0:
                return
        Event().wait(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
