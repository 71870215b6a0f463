"""CPU-seconds a frame of the gateway and of the bare durable loop, in turns, with the same Redis and the same swarm."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from redis import Redis

from dispatch.messages import all_shards, positions_stream
from loadtests.processes import Failed, RedisProcess, SwarmProcess, cpu_seconds, gateways_running
from loadtests.swarm import Load

TERMINALS = 1000
CALM = 1.0
"""Seconds after the logins until the gateway has brought every terminal to its desired state."""


class Speed:
    """Frames acknowledged and CPU-seconds spent on them."""

    def __init__(self) -> None:
        self.frames = 0
        self.spent = 0.0
        self.commands = 0
        self.seconds = 0.0

    @property
    def per_second(self) -> float:
        """Frames a CPU-second."""
        return self.frames / self.spent if self.spent else float("nan")


@contextmanager
def durable_loop(url: str) -> Iterator[tuple[int, int]]:
    """The ceiling's process: its id and its port."""
    command = [sys.executable, "-m", "loadtests.durable_loop", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield process.pid, int(process.stdout.readline())
        finally:
            process.kill()


@contextmanager
def gateway(url: str) -> Iterator[tuple[int, int]]:
    """The gateway's process: its id and its port."""
    with gateways_running(url) as (running,):
        yield running.pid, running.port


def compare(redis: RedisProcess, burst: int, seconds: float, rounds: int) -> tuple[Speed, Speed]:
    """Gateway and ceiling, each in a process of its own that lives for all rounds."""
    ours, bare = Speed(), Speed()
    with gateway(redis.url) as first, durable_loop(redis.url) as second:
        for _ in range(rounds):
            measure(redis.url, ours, *first, burst, seconds)
            measure(redis.url, bare, *second, burst, seconds)
    return ours, bare


def measure(url: str, speed: Speed, pid: int, port: int, burst: int, seconds: float) -> None:
    """Let a swarm run for some seconds, each terminal sending when its last frames are acknowledged."""
    swarm = SwarmProcess(Load(ports=[port], terminals=TERMINALS, burst=burst, seconds=seconds))
    with Redis.from_url(url) as redis:
        Event().wait(CALM)
        before, commands = cpu_seconds(pid), _appends(redis)
        swarm.go()
        outcome = swarm.outcome()
        speed.spent += cpu_seconds(pid) - before
        speed.commands += _appends(redis) - commands
        speed.frames += outcome.acknowledged
        speed.seconds += outcome.seconds
        if outcome.acknowledged != outcome.sent:
            raise Failed(f"{outcome.sent - outcome.acknowledged} positions were not acknowledged")
        redis.delete(*(positions_stream(tag) for tag in all_shards()))


def _appends(redis: Redis) -> int:
    """XADD commands that the server has seen."""
    return int(redis.info("commandstats").get("cmdstat_xadd", {}).get("calls", 0))
