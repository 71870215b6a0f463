"""What survives kill -9: `python -m loadtests.gateway_faults [--short] [--json FILE]`.

First positions: the gateway and the server of the Redis protocol (fsync always) are killed while a swarm sends; every position
that a terminal was told to be safe has to be in the stream. Then orders to a fleet over bad lines.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from threading import Event

import click
import msgspec

from loadtests import order_faults
from loadtests.objectives import Objective, Outcome, tell
from loadtests.processes import (
    RedisProcess,
    SwarmProcess,
    allow_many_files,
    gateways_running,
    redis_running,
    register,
)
from loadtests.stored import Stored
from loadtests.swarm import Load


class Scale(msgspec.Struct, frozen=True):
    """How much of it is run."""

    gateway_kills: int = 100
    redis_kills: int = 30
    terminals: int = 2_000
    orders: int = 50
    """To each terminal."""
    every: float = 20.0
    """Seconds between two kills while orders are carried."""
    longest: float = 3_600.0


SHORT = Scale(gateway_kills=4, redis_kills=2, terminals=100, orders=2, every=5.0, longest=30.0)


@click.command()
@click.option("--short", is_flag=True, help="End within 50 s; says what it leaves out.")
@click.option("--json", "file", type=click.Path(dir_okay=False), help="Write the outcome to this file, too.")
@click.option("--orders", type=int, help="Orders to each terminal.")
@click.option("--terminals", type=int, help="Terminals that get orders.")
def main(short: bool, file: str | None, orders: int | None, terminals: int | None) -> None:
    """Break things, count what is lost."""
    allow_many_files()
    scale = SHORT if short else Scale()
    chosen = {"orders": orders, "terminals": terminals}
    scale = msgspec.structs.replace(scale, **{name: n for name, n in chosen.items() if n})
    facts: dict[str, float | int | str] = {}
    objectives = []
    with tempfile.TemporaryDirectory(prefix="faults") as folder, redis_running(Path(folder)) as redis:
        objectives.append(positions(redis, scale, facts))
        click.echo(f"{objectives[0].measured:.0f} lost: {facts['positions']}")
    with tempfile.TemporaryDirectory(prefix="faults") as folder, redis_running(Path(folder)) as redis:
        register(redis.url, scale.terminals)
        with gateways_running(redis.url) as (gateway,):
            objectives += order_faults.run(
                redis.url, gateway, scale.terminals, scale.orders, scale.every, scale.longest, facts
            )
    full = Scale()
    left_out = tuple(
        f"{name}: {getattr(scale, name):,} instead of {getattr(full, name):,}"
        for name in ("gateway_kills", "redis_kills", "terminals", "orders")
        if getattr(scale, name) < getattr(full, name)
    )
    outcome = Outcome(name="gateway faults", objectives=tuple(objectives), facts=facts, left_out=left_out)
    sys.exit(tell(outcome, file))


def positions(redis: RedisProcess, scale: Scale, facts: dict[str, float | int | str]) -> Objective:
    """Kill in mid-load, compare what terminals were told with what the stream has."""
    luck = random.Random(1)
    terminals = 300
    register(redis.url, terminals)
    stored = Stored(redis.url)
    victims = ["gateway"] * scale.gateway_kills + ["redis"] * scale.redis_kills
    luck.shuffle(victims)
    with gateways_running(redis.url) as (gateway,), tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "acknowledged"
        load = Load(
            ports=[gateway.port], terminals=terminals, rate=3_000, burst=3, seconds=36_000, held=300,
            resend_after=2.0, settle=30.0, acknowledged=str(file),
        )  # fmt: skip
        swarm = SwarmProcess(load)
        swarm.go()
        for victim in victims:
            Event().wait(luck.uniform(0.3, 1.2))
            (gateway if victim == "gateway" else redis).kill()
            Event().wait(luck.uniform(0, 0.3))
            (gateway if victim == "gateway" else redis).start()
        Event().wait(2.0)
        swarm.go()
        outcome = swarm.outcome()
        stored.finish()
        acknowledged = msgspec.msgpack.decode(file.read_bytes(), type=dict[str, bytes])
    facts["positions"] = (
        f"{scale.gateway_kills} kill -9 of the gateway, {scale.redis_kills} of Redis; {outcome.sent:,} sent,"
        f" {outcome.acknowledged:,} acknowledged, {outcome.resent:,} resent, {outcome.connections:,} connections,"
        f" {stored.positions:,} stored, {stored.doubled:,} of them twice"
    )
    lost = stored.lacks(acknowledged) if outcome.acknowledged else float("nan")
    return Objective(name="acknowledged positions lost", measured=lost, wanted=0, sense="at most")


if __name__ == "__main__":
    main()
