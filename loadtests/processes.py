"""The processes of a load run: the server of the Redis protocol, gateways, swarms; and what they cost."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import msgspec
from redis import Redis

from dispatch import lifeline
from dispatch.adapters.redis.server import RedisServer
from dispatch.messages import EPOCH_KEY, Desired, desired_key, encode
from loadtests.swarm import Load, Outcome, phone_of

EPOCH = "loads"
PORTS = 20
"""Ports in a row that an installation may use."""


class Failed(Exception):
    """A process of the run did not do its part."""


class RedisProcess:
    """A real server with its append-only file on, that can be killed and started again."""

    def __init__(self, folder: Path, fsync: str = "always") -> None:
        self._server = RedisServer(folder, fsync)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = self._server.url

    def start(self) -> None:
        """Return when it answers."""
        self._server.prepare()
        process = subprocess.Popen(lifeline.tied(self._server.command), stdout=subprocess.DEVNULL)
        self._process = process
        self._server.wait_until_ready(lambda: process.poll() is None)

    def kill(self) -> None:
        """As hard as a power cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def redis_running(folder: Path) -> Iterator[RedisProcess]:
    """A server for the length of the block."""
    server = RedisProcess(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


class GatewayProcess:
    """`dispatch45 gateway` on ports of its own, several of the same if wished."""

    def __init__(self, redis_url: str, port: int, number: int = 0) -> None:
        self._environment = {
            **os.environ,
            "REDIS_URL": redis_url,
            "DISPATCH45_PORT": str(port),
            "DISPATCH45_SECRET": "a secret of the load runs",
            "DISPATCH45_SHARE_PORTS": "1",
            "DISPATCH45_METRICS_PORT": str(port + PORTS - 1 - number),
        }
        self.port = port + 2
        """Of JT/T 808."""
        self._process: subprocess.Popen[bytes] | None = None
        self._drain: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise Failed("the gateway does not run")
        return self._process.pid

    def start(self) -> None:
        """Return when it listens."""
        command = [sys.executable, "-m", "dispatch.cli", "gateway"]
        self._process = subprocess.Popen(command, env=self._environment, stderr=subprocess.PIPE)
        assert self._process.stderr is not None
        said = []
        while f"on 127.0.0.1:{self.port}".encode() not in (line := self._process.stderr.readline()):
            said.append(line)
            if not line:
                raise Failed(f"the gateway did not start: {b''.join(said).decode()}")
        self._drain = subprocess.Popen(["cat"], stdin=self._process.stderr, stdout=subprocess.DEVNULL)
        self._process.stderr.close()

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it with this signal."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            if self._drain is not None:
                self._drain.wait()
            self._process = None

    def kill(self) -> None:
        """kill -9."""
        self.stop(signal.SIGKILL)


@contextmanager
def gateways_running(redis_url: str, count: int = 1) -> Iterator[list[GatewayProcess]]:
    """So many gateways on the same ports."""
    port = free_ports()
    gateways = [GatewayProcess(redis_url, port, number) for number in range(count)]
    try:
        for gateway in gateways:
            gateway.start()
        yield gateways
    finally:
        for gateway in gateways:
            gateway.stop()


APART = 221


def free_ports() -> int:
    """The first of a row of ports that nobody uses; below those that the system gives to clients."""
    rows = range(22_000, 32_000, PORTS)
    start = os.getpid() * APART % len(rows)  # far from where the next process looks
    for first in chain(rows[start:], rows[:start]):
        try:
            for number in range(first, first + PORTS):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", number))
        except OSError:
            continue
        return first
    raise Failed("there are no free ports")


class SwarmProcess:
    """One swarm, logged in when this returns. `go` begins its sending, `outcome` waits for its end."""

    def __init__(self, load: Load) -> None:
        command = [sys.executable, "-m", "loadtests.swarm", msgspec.json.encode(load).decode()]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._read()

    def go(self) -> None:
        """Begin; a second time: send nothing new any more."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def outcome(self) -> Outcome:
        """Once it has ended."""
        found = msgspec.json.decode(self._read(), type=Outcome)
        self.end()
        return found

    def end(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failed("the swarm ended by itself")
        return line


def register(redis_url: str, terminals: int, first: int = 0) -> None:
    """What the centre writes for so many terminals of a swarm: each is known, and nothing is on it."""
    with Redis.from_url(redis_url) as redis:
        pipeline = redis.pipeline(transaction=False)
        pipeline.set(EPOCH_KEY, EPOCH)
        for number in range(first, first + terminals):
            device = phone_of(number)
            pipeline.set(desired_key(device), encode(Desired(device, EPOCH, 0)))
        pipeline.execute()


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process so far (`/proc/PID/task/*/schedstat`, in nanoseconds)."""
    spent = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        spent += int((thread / "schedstat").read_text().split()[0])
    return spent / 1e9


def memory(pid: int) -> int:
    """Resident bytes of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def allow_many_files() -> int:
    """As many open files as this system lets us have; gives the number."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def sums(outcomes: Sequence[Outcome]) -> tuple[int, int]:
    """Sent and acknowledged of several swarms."""
    return sum(one.sent for one in outcomes), sum(one.acknowledged for one in outcomes)
