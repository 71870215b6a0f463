"""One fault run: what is started for it, killed while it works, and left alone until it rests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import msgspec
from sqlalchemy import Connection, func, select

from dispatch import lifeline
from dispatch.adapters.sql.statements import CLOCK, OUTBOX
from dispatch.bootstrap import definitions
from dispatch.bootstrap.database import at_once
from dispatch.clock import SystemClock, clock_from
from dispatch.services.retries import PATIENCE
from dispatch.settings import Settings, to_environment
from loadtests.fault_board import Board
from loadtests.fault_chaos import EVERY, Chaos, Plan, Say, Tally, Victim
from loadtests.fault_driver import Job
from loadtests.fault_findings import Findings, Ground
from loadtests.fault_judge import judge
from loadtests.fault_town import habits, phone_log, prepare, teach
from loadtests.postgres import postgres_running
from loadtests.processes import Failed, RedisProcess, free_ports, redis_running

DRIVERS = 2
GOES_WITHIN = 10.0
"""Real seconds in which the exchange may end by itself."""
LEFT_OPEN = 100
"""Last orders of each driver that may stay open, at most a fifth of them."""
PASSED = 12.0
"""Real seconds: a rung is forgotten when others that are due so much later were decided before it. How late all of
them are depends on the machine."""
APART = 1.0
"""Real seconds by which an instant may be noted differently by two processes of a machine that is short of time."""
APART_AT_MOST = timedelta(seconds=20)
"""The same on the installation's clock: a third of what is between two calls to a number."""


class Scale(msgspec.Struct, frozen=True):
    """How much of it is run."""

    orders: int = 100_000
    kills: int = 1_000
    restarts: int = 50
    """Of PostgreSQL, and as many of Redis."""
    steps: int = 40
    """Of the machine's clock as the workers read it."""
    at_once: int = 1_600
    """Orders under way at the same time."""
    centres: int = 24
    speed: float = 10.0
    """Seconds of the installation's clock in a real one: a chain of the shipped process lasts 45 s."""
    lease: float = 6.0
    """Real seconds that a dead worker's effects, and its part of the streams, wait for another one."""
    rest: float = 120.0
    """Real seconds in which what waits after the last order has to become less, until nothing does."""
    seed: int = 1


def silent(told: str) -> None:
    """Nobody wants to know how far it is."""


@dataclass(frozen=True)
class Rested:
    """A run whose workers have ended; its database still answers."""

    settings: Settings
    ground: Ground
    tally: Tally
    worked: float
    """Real seconds until the last order was finished, and from there until nothing was due."""
    resting: float

    def judge(self, say: Say = silent) -> Findings:
        """What SQL, the ledgers and the exchange's log say."""
        return at_once(self.settings, lambda c: judge(c, self.ground, say), reading=True)


@contextmanager
def rested(folder: Path, scale: Scale, say: Say = silent) -> Iterator[Rested]:
    """The whole run in `folder`, and its database for the length of the block."""
    with postgres_running(folder / "pg") as postgres, redis_running(folder) as redis:
        settings = prepare(_settings(folder, postgres.url, redis), scale.centres, scale.speed)
        environment = {**os.environ, **to_environment(settings), "OPENBLAS_NUM_THREADS": "1"}
        plan = Plan(scale.kills, scale.restarts, scale.restarts, scale.steps, scale.seed, scale.at_once)
        with (
            exchange_running(settings, folder, habits(scale.centres)),
            _victims(settings, environment, folder, scale) as victims,
        ):
            chaos = Chaos(plan, victims, postgres, redis, Board(folder / "board"), say)
            ledgers = [folder / f"ledger-{n}" for n in range(DRIVERS)]
            began = SystemClock.monotonic()
            with _drivers(scale, environment, ledgers, folder) as drivers:
                chaos.during(scale.orders // DRIVERS * DRIVERS, drivers)
            worked = SystemClock.monotonic() - began
            resting = _rest(settings, scale, say)
            ground = _ground(settings, scale, ledgers)
        yield Rested(settings, ground, chaos.tally, worked, resting)


def _settings(folder: Path, database_url: str, redis: RedisProcess) -> Settings:
    port = free_ports()
    phone = f"http://127.0.0.1:{port + 4}"
    return Settings(data=folder, port=port, database_url=database_url, redis_url=redis.url, phone_url=phone)


def _ground(settings: Settings, scale: Scale, ledgers: list[Path]) -> Ground:
    def real(seconds: float) -> timedelta:
        return timedelta(seconds=seconds * scale.speed)

    return Ground(
        ledgers, phone_log(settings), definitions.load(settings), clock_from(settings.clock, mark=settings.time_mark).now(),
        passed=real(PASSED), lease=real(max(scale.lease, PATIENCE)), tolerance=min(real(APART), APART_AT_MOST),
    )  # fmt: skip


@contextmanager
def _victims(
    settings: Settings, environment: Mapping[str, str], folder: Path, scale: Scale
) -> Iterator[list[Victim]]:
    """Two places for workers."""
    with ExitStack() as stack:
        victims = []
        for number in range(2):
            victims.append(Victim(number, settings.port + number, folder, environment, scale.lease))
            stack.callback(victims[-1].close)
        yield victims


@contextmanager
def exchange_running(
    settings: Settings, folder: Path, habits: Mapping[str, Mapping[str, Any]]
) -> Iterator[None]:
    """The telephone exchange in a process of its own, told who answers."""
    command = lifeline.tied([sys.executable, "-m", "dispatch.cli", "exchange"])
    with (folder / "exchange.log").open("ab") as said:
        environment = {**os.environ, **to_environment(settings)}
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        try:
            _until_it_answers(settings.phone_url, process)
            teach(settings.phone_url, habits)
            yield
        finally:
            process.terminate()
            try:
                process.wait(GOES_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
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
                n, DRIVERS, count, max(1, scale.at_once // DRIVERS), scale.centres, min(LEFT_OPEN, count // 5),
                scale.seed, str(ledger), str(folder / "board"),
            )  # fmt: skip
            command = lifeline.tied(
                [sys.executable, "-m", "loadtests.fault_driver", msgspec.json.encode(job).decode()]
            )
            with (folder / f"driver-{n}.log").open("ab") as said:
                started.append(subprocess.Popen(command, env=dict(environment), stdout=said, stderr=said))
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def _rest(settings: Settings, scale: Scale, say: Say) -> float:
    """Wait until nothing is due any more, as long as it becomes less; the real seconds that it took."""
    clock = clock_from(settings.clock, mark=settings.time_mark)
    began = lowered = said = SystemClock.monotonic()
    least = float("inf")

    def busy(connection: Connection) -> int:
        waiting = select(func.count()).select_from(OUTBOX).where(OUTBOX.c.state.in_(["pending", "sent"]))
        overdue = select(func.count()).select_from(CLOCK).where(CLOCK.c.due < clock.now())
        return int(connection.execute(waiting).scalar_one() + connection.execute(overdue).scalar_one())

    while left := at_once(settings, busy, reading=True):
        now = SystemClock.monotonic()
        if left < least:
            least, lowered = left, now
        elif now - lowered > scale.rest:
            break
        if now - said > EVERY:
            say(f"{left:,} effects and clocks are due still")
            said = now
        Event().wait(0.5)
    return SystemClock.monotonic() - began
