"""Workers, database and Redis killed while orders climb: `python -m loadtests.faults [--short] [--json FILE] ...`.

Two workers on PostgreSQL and a server of the Redis protocol, both durable, and a telephone exchange in a process of its own
with its own call log. Drivers take orders in through the real use cases. Workers are killed with SIGKILL, at random and at named
crash points; PostgreSQL is stopped at once, Redis killed; the machine's clock of the workers is stepped. At the end everything is
left alone until it rests, and `fault_judge` compares SQL, the drivers' ledger and the exchange's log.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event

import click
import httpx
import msgspec
from sqlalchemy import Connection, func, select

from dispatch import lifeline
from dispatch.adapters.sql.statements import CLOCK, OUTBOX
from dispatch.bootstrap import definitions
from dispatch.bootstrap.database import at_once
from dispatch.clock import SystemClock, clock_from
from dispatch.services.retries import LEASE
from dispatch.settings import Settings, to_environment
from loadtests import fault_judge as judged
from loadtests.crash_points import POINTS
from loadtests.fault_board import Board
from loadtests.fault_chaos import Chaos, Plan, Tally, Victim
from loadtests.fault_driver import Job
from loadtests.fault_town import phone_log, prepare, teach
from loadtests.objectives import Objective, Outcome, ahead, tell
from loadtests.postgres import postgres_running
from loadtests.processes import Failed, RedisProcess, free_ports, redis_running


class Scale(msgspec.Struct, frozen=True):
    """How much of it is run."""

    orders: int = 100_000
    kills: int = 1_000
    restarts: int = 50
    """Of PostgreSQL, and as many of Redis."""
    steps: int = 40
    """Of the machine's clock as the workers read it."""
    at_once: int = 1_200
    """Orders under way at the same time."""
    centres: int = 60
    speed: float = 20.0
    """Seconds of the installation's clock in a real one: the shipped process's chains last 20 s."""
    lease: float = LEASE
    """Real seconds that a dead worker's effects wait for another one."""
    rest: float = 180.0
    """Real seconds until everything has to be at rest after the last order."""
    seed: int = 1


SHORT = Scale(
    orders=80, kills=10, restarts=1, steps=2, at_once=40, centres=8, speed=60.0, lease=6.0, rest=40.0
)
NAMED_AT_LEAST = 0.3
"""Share of the kills that have to be inside named crash points."""
DRIVERS = 2
LEFT_OPEN = 100
"""Orders of each driver that stay open, at most a tenth of them."""
GRACE = 30.0
"""Real seconds that a rung may be late while everything around it is killed."""
APART = 0.15
"""Real seconds by which an instant may be noted differently by two processes."""


@click.command()
@click.option("--short", is_flag=True, help="End within 50 s; says what it leaves out.")
@click.option("--json", "file", type=click.Path(dir_okay=False), help="Write the outcome to this file, too.")
@click.option("--orders", type=int, help="Orders that are taken in.")
@click.option("--kills", type=int, help="kill -9 of workers.")
@click.option("--restarts", type=int, help="Of PostgreSQL, and as many of Redis.")
@click.option("--at-once", type=int, help="Orders under way at the same time.")
@click.option("--centres", type=int, help="Repair centres with four crews each.")
@click.option("--speed", type=float, help="Of the installation's clock.")
@click.option("--seed", type=int, help="Draws plans, moments and points.")
@click.option(
    "--keep", type=click.Path(path_type=Path), help="Leave logs, ledgers and the database in this folder."
)
def main(short: bool, file: str | None, keep: Path | None, **chosen: float | None) -> None:
    """Kill, restart, step; count what was lost, doubled or forgotten."""
    scale = msgspec.structs.replace(
        SHORT if short else Scale(), **{name: value for name, value in chosen.items() if value is not None}
    )
    with ExitStack() as stack:
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults")))
        outcome = run(folder, scale)
    sys.exit(tell(outcome, file))


def run(folder: Path, scale: Scale) -> Outcome:
    """The whole run, in `folder`."""
    began = SystemClock.monotonic()
    with postgres_running(folder / "pg") as postgres, redis_running(folder) as redis:
        settings = prepare(_settings(folder, postgres.url, redis), scale.centres, scale.speed)
        environment = {**os.environ, **to_environment(settings), "OPENBLAS_NUM_THREADS": "1"}
        board = Board(folder / "board")
        with _exchange(settings, environment, folder), ExitStack() as stack:
            teach(settings.phone_url, scale.centres)
            victims = [Victim(n, settings.port + n, folder, environment, scale.lease) for n in range(2)]
            for victim in victims:
                stack.callback(victim.close)
            chaos = Chaos(
                Plan(scale.kills, scale.restarts, scale.restarts, scale.steps, scale.seed),
                victims,
                postgres,
                redis,
                board,
            )
            ledgers = [folder / f"ledger-{n}" for n in range(DRIVERS)]
            with _drivers(scale, environment, ledgers, folder) as drivers:
                chaos.during(scale.orders // DRIVERS * DRIVERS, drivers)
            worked = SystemClock.monotonic() - began
            resting = _rest(settings, scale)
            ground = judged.Ground(
                ledgers, phone_log(settings), definitions.load(settings), clock_from(settings.clock, mark=settings.time_mark).now(),
                timedelta(seconds=GRACE * scale.speed), timedelta(seconds=scale.lease * scale.speed),
                timedelta(seconds=APART * scale.speed),
            )  # fmt: skip
        found = at_once(settings, lambda c: judged.judge(c, ground), reading=True)
    found.facts["seconds"] = (
        f"{worked:.0f} with kills, {resting:.0f} until rest, {SystemClock.monotonic() - began:.0f} in all"
    )
    return _outcome(scale, chaos.tally, found)


def _settings(folder: Path, database_url: str, redis: RedisProcess) -> Settings:
    port = free_ports()
    return Settings(
        data=folder,
        port=port,
        database_url=database_url,
        redis_url=redis.url,
        phone_url=f"http://127.0.0.1:{port + 4}",
    )


@contextmanager
def _exchange(settings: Settings, environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    command = lifeline.tied([sys.executable, "-m", "dispatch.cli", "exchange"])
    with (folder / "exchange.log").open("ab") as said:
        process = subprocess.Popen(command, env=dict(environment), stdout=said, stderr=said)
        try:
            _until_it_answers(settings.phone_url, process)
            yield
        finally:
            process.terminate()
            process.wait()


def _until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            httpx.get(f"{url}/healthz", trust_env=False).raise_for_status()
        except httpx.HTTPError:
            Event().wait(0.1)
        else:
            return
    raise Failed("the telephone exchange does not start")


@contextmanager
def _drivers(
    scale: Scale, environment: Mapping[str, str], ledgers: list[Path], folder: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    count = scale.orders // DRIVERS
    started: list[subprocess.Popen[bytes]] = []
    try:
        for n, ledger in enumerate(ledgers):
            job = Job(
                n, DRIVERS, count, max(1, scale.at_once // DRIVERS), scale.centres, min(LEFT_OPEN, count // 10),
                scale.seed, str(ledger), str(folder / "board"),
            )  # fmt: skip
            command = [sys.executable, "-m", "loadtests.fault_driver", msgspec.json.encode(job).decode()]
            with (folder / f"driver-{n}.log").open("ab") as said:
                started.append(
                    subprocess.Popen(lifeline.tied(command), env=dict(environment), stdout=said, stderr=said)
                )
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def _rest(settings: Settings, scale: Scale) -> float:
    """Wait until nothing is due any more; the real seconds that it took."""
    clock = clock_from(settings.clock, mark=settings.time_mark)
    began = SystemClock.monotonic()

    def busy(connection: Connection) -> int:
        waiting = select(func.count()).select_from(OUTBOX).where(OUTBOX.c.state.in_(["pending", "sent"]))
        overdue = select(func.count()).select_from(CLOCK).where(CLOCK.c.due < clock.now())
        return int(connection.execute(waiting).scalar_one() + connection.execute(overdue).scalar_one())

    while SystemClock.monotonic() - began < scale.rest and at_once(settings, busy, reading=True):
        Event().wait(0.5)
    return SystemClock.monotonic() - began


def _outcome(scale: Scale, tally: Tally, found: judged.Findings) -> Outcome:
    done = [
        ("kill -9 of workers", tally.kills, scale.kills),
        ("of these inside named crash points", tally.named.total(), int(scale.kills * NAMED_AT_LEAST)),
        ("PostgreSQL stopped at once", tally.postgres, scale.restarts),
        ("Redis killed", tally.redis, scale.restarts),
        ("steps of the machine's clock", tally.steps, scale.steps),
    ]
    objectives = [Objective(name=name, measured=n, wanted=wanted) for name, n, wanted in done]
    objectives += [
        Objective(name=what, measured=len(found.wrong[what]), wanted=0, sense="at most")
        for what in judged.EVERYTHING
    ]
    facts = dict(found.facts)
    late = [seconds / scale.speed for seconds in found.lateness]
    facts["rungs decided after their time"] = (
        f"p50 {ahead(late, 0.5):.2f} s, p99 {ahead(late, 0.99):.2f} s, longest {max(late, default=float('nan')):.2f} s (real)"
    )
    facts["crash points hit"] = f"{len(tally.named)} of {len(POINTS)}: " + ", ".join(
        f"{n} {point}" for point, n in tally.named.most_common()
    )
    facts["workers that ended by themselves"] = str(dict(tally.by_themselves))
    for what, told in found.wrong.items():
        for one in told[:5]:
            facts[f"{what}, {len(told)}"] = one
    full = Scale()
    left_out = [
        f"{name}: {getattr(scale, name):,} instead of {getattr(full, name):,}"
        for name in ("orders", "kills", "restarts", "steps")
        if getattr(scale, name) < getattr(full, name)
    ]
    if scale.lease != full.lease:
        left_out.append(f"leases of {scale.lease:g} s instead of {full.lease:g} s")
    return Outcome(name="faults", objectives=tuple(objectives), facts=facts, left_out=tuple(left_out))


if __name__ == "__main__":
    main()
