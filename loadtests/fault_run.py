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
from loadtests.fault_board import Board
from loadtests.fault_chaos import Chaos, Plan, Tally, Victim
from loadtests.fault_driver import Job
from loadtests.fault_judge import Findings, Ground, judge
from loadtests.fault_town import phone_log, prepare, teach
from loadtests.postgres import postgres_running
from loadtests.processes import Failed, RedisProcess, free_ports, redis_running

DRIVERS = 2
LEFT_OPEN = 100
"""Last orders of each driver that may stay open, at most a fifth of them."""
GRACE = 30.0
"""Real seconds that a rung may be late while everything around it is killed."""
APART = 0.15
"""Real seconds by which an instant may be noted differently by two processes."""


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
    centres: int = 24
    speed: float = 5.0
    """Seconds of the installation's clock in a real one: a chain of the shipped process lasts 85 s."""
    lease: float = LEASE
    """Real seconds that a dead worker's effects wait for another one."""
    rest: float = 180.0
    """Real seconds until everything has to be at rest after the last order."""
    seed: int = 1


@dataclass(frozen=True)
class Rested:
    """A run whose workers have ended; its database still answers."""

    settings: Settings
    ground: Ground
    tally: Tally
    worked: float
    """Real seconds until the last order was finished, and from there until nothing was due."""
    resting: float

    def judge(self) -> Findings:
        """What SQL, the ledgers and the exchange's log say."""
        return at_once(self.settings, lambda c: judge(c, self.ground), reading=True)


@contextmanager
def rested(folder: Path, scale: Scale) -> Iterator[Rested]:
    """The whole run in `folder`, and its database for the length of the block."""
    with postgres_running(folder / "pg") as postgres, redis_running(folder) as redis:
        settings = prepare(_settings(folder, postgres.url, redis), scale.centres, scale.speed)
        environment = {**os.environ, **to_environment(settings), "OPENBLAS_NUM_THREADS": "1"}
        plan = Plan(scale.kills, scale.restarts, scale.restarts, scale.steps, scale.seed)
        with (
            _exchange(settings, environment, folder, scale.centres),
            _victims(settings, environment, folder, scale) as victims,
        ):
            chaos = Chaos(plan, victims, postgres, redis, Board(folder / "board"))
            ledgers = [folder / f"ledger-{n}" for n in range(DRIVERS)]
            began = SystemClock.monotonic()
            with _drivers(scale, environment, ledgers, folder) as drivers:
                chaos.during(scale.orders // DRIVERS * DRIVERS, drivers)
            worked = SystemClock.monotonic() - began
            resting = _rest(settings, scale)
        yield Rested(settings, _ground(settings, scale, ledgers), chaos.tally, worked, resting)


def _settings(folder: Path, database_url: str, redis: RedisProcess) -> Settings:
    port = free_ports()
    phone = f"http://127.0.0.1:{port + 4}"
    return Settings(data=folder, port=port, database_url=database_url, redis_url=redis.url, phone_url=phone)


def _ground(settings: Settings, scale: Scale, ledgers: list[Path]) -> Ground:
    def real(seconds: float) -> timedelta:
        return timedelta(seconds=seconds * scale.speed)

    return Ground(
        ledgers, phone_log(settings), definitions.load(settings), clock_from(settings.clock, mark=settings.time_mark).now(),
        grace=real(GRACE), lease=real(scale.lease), tolerance=real(APART),
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
def _exchange(
    settings: Settings, environment: Mapping[str, str], folder: Path, centres: int
) -> Iterator[None]:
    """The telephone exchange in a process of its own, told who answers."""
    command = lifeline.tied([sys.executable, "-m", "dispatch.cli", "exchange"])
    with (folder / "exchange.log").open("ab") as said:
        process = subprocess.Popen(command, env=dict(environment), stdout=said, stderr=said)
        try:
            _until_it_answers(settings.phone_url, process)
            teach(settings.phone_url, centres)
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
