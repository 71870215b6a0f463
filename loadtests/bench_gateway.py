"""How fast the gateway is, held against a bare durable loop: `python -m loadtests.bench_gateway [--short] [--json FILE]`.

CPU-seconds are those of the gateway's process alone, from /proc; the swarm and the server of the Redis protocol are
processes of their own. Exit code 1 where an objective is not met, or the ceiling itself is too low to prove anything.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from threading import Event

import click
import msgspec
from redis import Redis

from dispatch.clock import SystemClock
from dispatch.messages import WAKE_CHANNEL, Desired, DesiredOrder, desired_key, encode
from loadtests import speed
from loadtests.objectives import Objective, Outcome, ahead, tell
from loadtests.processes import (
    EPOCH,
    RedisProcess,
    SwarmProcess,
    allow_many_files,
    gateways_running,
    memory,
    redis_running,
    register,
)
from loadtests.stored import STREAMS, Stored
from loadtests.swarm import Load, phone_of
from loadtests.wakes import Listener

LEAST_CEILING = 35_000
"""Frames a CPU-second; a slower ceiling says that the machine, or the loop, proves nothing."""

IDLE = 20_000
SPARE_FILES = 100
"""Open files of a gateway beside its sessions."""


@click.command()
@click.option("--short", is_flag=True, help="End within 50 s; says what it leaves out.")
@click.option("--json", "file", type=click.Path(dir_okay=False), help="Write the outcome to this file, too.")
def main(short: bool, file: str | None) -> None:
    """Measure every objective, print the table."""
    files = allow_many_files()
    with tempfile.TemporaryDirectory(prefix="loads") as folder, redis_running(Path(folder)) as redis:
        register(redis.url, IDLE)
        sys.exit(tell(run(redis, short, files), file))


def run(redis: RedisProcess, short: bool, files: int) -> Outcome:
    """All measurements, one after the other."""
    facts: dict[str, float | int | str] = {"connections": speed.TERMINALS, "fsync": "always"}
    objectives, ceilings, fastest = [], [], 0.0
    for burst, name in ((1, "positions one by one"), (10, "bursts of 10")):
        ours, bare = speed.compare(redis, burst, *((2.0, 1) if short else (5.0, 6)))
        objectives.append(_share(f"durable, {name}", ours.per_second, bare.per_second))
        facts[f"commands a position, {name}"] = round(ours.commands / ours.frames, 4)
        ceilings.append(bare.per_second)
        fastest = fastest or ours.frames / ours.seconds
    objectives.append(latency(redis, 2.0 if short else 30.0))
    objectives += overload(redis, fastest, 4.0 if short else 600.0, facts)
    objectives.append(idle(redis, 2_000 if short else min(IDLE, files - SPARE_FILES), facts))
    objectives.append(owner(redis, 100 if short else 500))
    low = min(ceilings) < LEAST_CEILING
    return Outcome(
        name="gateway",
        objectives=tuple(objectives),
        facts=facts,
        left_out=_left_out(short, files),
        invalid=f"the ceiling is below {LEAST_CEILING} frames a CPU-second" if low else "",
    )


def _share(name: str, measured: float, ceiling: float) -> Objective:
    return Objective(name=name, measured=measured, ceiling=ceiling, wanted=0.6, unit="frames/CPU-s")


def _left_out(short: bool, files: int) -> tuple[str, ...]:
    lines = []
    if short:
        lines.append("overload ran 4 s instead of 10 minutes: it shows no slow leak")
        lines.append("2,000 idle sessions instead of 20,000; one short round of speed instead of six")
    elif files - SPARE_FILES < IDLE:
        lines.append(
            f"this system allows {files} open files a process: {files - SPARE_FILES} sessions were held"
        )
    return tuple(lines)


def latency(redis: RedisProcess, seconds: float) -> Objective:
    """From the sending to the acknowledgement, which comes after the stream has it: an upper bound of what is asked."""
    with gateways_running(redis.url) as (gateway,):
        swarm = SwarmProcess(Load(ports=[gateway.port], rate=10_000, seconds=seconds))
        Event().wait(speed.CALM)
        swarm.go()
        outcome = swarm.outcome()
    _clear(redis)
    measured = 1000 * outcome.p99 if outcome.acknowledged >= 9_500 * seconds else float("nan")
    return Objective(
        name="p99 from device to stream at 10k/s", measured=measured, wanted=15, sense="at most", unit="ms"
    )


def overload(
    redis: RedisProcess, fastest: float, seconds: float, facts: dict[str, float | int | str]
) -> list[Objective]:
    """Twice as many positions as were taken at best. Terminals keep what is not acknowledged and send it again."""
    stored = Stored(redis.url)
    with gateways_running(redis.url) as (gateway,), tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "acknowledged"
        rate = 2 * fastest
        load = Load(
            ports=[gateway.port], rate=rate, burst=5, seconds=seconds, held=200, resend_after=20.0, settle=25.0,
            acknowledged=str(file),
        )  # fmt: skip
        swarm = SwarmProcess(load)
        swarm.go()
        Event().wait(seconds / 3)
        after_a_third = memory(gateway.pid)
        Event().wait(seconds * 2 / 3 - 1)
        grown = memory(gateway.pid) / after_a_third
        outcome = swarm.outcome()
        stored.finish()
        acknowledged = msgspec.msgpack.decode(file.read_bytes(), type=dict[str, bytes])
    _clear(redis)
    facts["overload"] = (
        f"{rate:,.0f}/s offered for {seconds:.0f} s, {outcome.acknowledged:,} acknowledged, {outcome.resent:,} resent,"
        f" {outcome.postponed:,} packets put off by full lines, {stored.doubled:,} stored twice"
    )
    return [
        Objective(
            name="overload x2: acknowledged positions lost",
            measured=stored.lacks(acknowledged) if outcome.acknowledged else float("nan"),
            wanted=0, sense="at most",
        ),
        Objective(
            name="overload x2: memory at the end to that after a third",
            measured=grown, wanted=1.1, sense="at most",
        ),
    ]  # fmt: skip


def idle(redis: RedisProcess, sessions: int, facts: dict[str, float | int | str]) -> Objective:
    """Resident memory that authenticated, silent terminals add."""
    with gateways_running(redis.url) as (gateway,):
        warm = SwarmProcess(Load(ports=[gateway.port], terminals=50))
        before = memory(gateway.pid)
        swarm = SwarmProcess(Load(ports=[gateway.port], terminals=sessions - 50, first=50, seconds=0))
        Event().wait(2 * speed.CALM)
        each = (memory(gateway.pid) - before) / (sessions - 50)
        for one in (warm, swarm):
            one.end()
    facts["idle sessions"] = sessions
    return Objective(
        name="memory of an idle session", measured=each / 1000, wanted=6, sense="at most", unit="kB"
    )


def owner(redis: RedisProcess, rounds: int) -> Objective:
    """Two gateways on one port: from the wish's wake to the question at whichever of them has the terminal."""
    first = IDLE - 200
    times: list[float] = []
    devices = [phone_of(first + n) for n in range(40)]
    with gateways_running(redis.url, 2) as gateways, Redis.from_url(redis.url) as client:
        listener = Listener(gateways[0].port, devices)
        with listener:
            Event().wait(speed.CALM)
            for n in range(rounds):
                device = devices[n % 40]
                order = DesiredOrder(f"L{n}", 1, 1, f"L{n}")
                client.set(desired_key(device), encode(Desired(device, EPOCH, n + 2, (order,))))
                began = SystemClock.monotonic()
                client.publish(WAKE_CHANNEL, device)
                times.append(listener.question(device, f"L{n}") - began)
                Event().wait(0.01)
    return Objective(
        name="downlink finds the owner of two processes, p99",
        measured=1000 * ahead(times, 0.99), wanted=5, sense="at most", unit="ms",
    )  # fmt: skip


def _clear(redis: RedisProcess) -> None:
    with Redis.from_url(redis.url) as client:
        client.delete(*STREAMS)


if __name__ == "__main__":
    main()
