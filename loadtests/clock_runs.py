"""What the clock benchmark does: seeds a database, lets processes work on it, and reads the result back by SQL."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, func, select, text

from dispatch.adapters.sql.statements import EVENT
from dispatch.bootstrap.database import at_once
from dispatch.clock import SystemClock
from dispatch.services.clocks import BATCH
from dispatch.settings import Settings
from loadtests.clock_seed import LINES, Family, organise
from loadtests.clock_worker import Job, Report, begin_at
from loadtests.postgres import Postgres
from loadtests.processes import Failed

T = TypeVar("T")
WORKERS = 2
"""Processes that fire, on PostgreSQL; on SQLite one process does all."""
PATIENCE = 120.0
"""Seconds that a run waits for what is overdue."""
AGAINST = """
SELECT count(*) FROM order_event r JOIN order_event a ON a.order_id = r.order_id AND a.kind = 'acknowledge'
WHERE r.kind = 'rung' AND r.order_id LIKE :family AND r.seq > a.seq"""
"""Rungs that were committed after the acknowledgement: numbers within an order are given in the order of commits."""
EFFECTS = """
SELECT count(*) FROM outbox o WHERE o.order_id LIKE :family AND o.kind IN ('phone', 'alert')
AND o."key" LIKE '%/crew/1/%' AND NOT EXISTS (
  SELECT 1 FROM order_event r WHERE r.order_id = o.order_id AND r.kind = 'rung' AND o."key" LIKE '%' || r."key" || '%'
  AND r.seq < (SELECT coalesce(min(a.seq), 1000000) FROM order_event a
               WHERE a.order_id = r.order_id AND a.kind = 'acknowledge'))"""
"""Calls and alerts of a rung that is not in the history before the acknowledgement."""


class Worker:
    """A process of `clock_worker`, ready when this returns."""

    def __init__(self, job: Job) -> None:
        command = [sys.executable, "-m", "loadtests.clock_worker", msgspec.json.encode(job).decode()]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            self.kill()
            raise Failed("a worker ended by itself")
        self.ready = SystemClock().timestamp()

    def end(self) -> Report:
        """Stop its roles; what it saw."""
        said, _ = self._process.communicate(b"\n")
        return msgspec.json.decode(said.splitlines()[-1], type=Report)

    def kill(self) -> None:
        """Whatever it does."""
        self._process.kill()
        self._process.communicate()


@dataclass
class Place:
    """A database of the run, on PostgreSQL or in a SQLite file, and how long things take there at present."""

    settings: Settings
    server: Postgres | None = None
    startup: float = 0.0
    """Seconds until a process is ready."""
    an_order: float = 0.0
    """Seconds to seed one."""

    @property
    def name(self) -> str:
        return "PostgreSQL" if self.server else "SQLite"

    def do(self, work: Callable[[Connection], T]) -> T:
        """One transaction beside the workers."""
        return at_once(self.settings, work)

    def prepare(self) -> None:
        """The organisation."""
        self.do(organise)
        began = SystemClock.monotonic()
        with self.at_work() as workers:
            self.startup = SystemClock.monotonic() - began
            for worker in workers:
                worker.end()

    def lead(self, orders: int) -> float:
        """Seconds until so many orders are seeded and the processes are ready: what falls due must lie ahead."""
        return 2.0 + 2 * self.startup + 3 * self.an_order * orders

    def seed(self, *families: Family) -> None:
        """Write them, some tens of thousands of orders a transaction."""
        began = SystemClock.monotonic()
        for family in families:
            for first in range(1, family.count + 1, LINES):
                last = min(first + LINES - 1, family.count)
                self.do(lambda c, f=family, a=first, b=last: f.write(c, a, b))  # type: ignore[misc]
        self.do(lambda c: c.execute(text("ANALYZE")) and None)
        took = SystemClock.monotonic() - began
        weight = sum(family.count / (3 if family.received else 1) for family in families)
        self.an_order = max(self.an_order, took / weight)

    @contextmanager
    def at_work(self, *roles: str, **job: Any) -> Iterator[list[Worker]]:
        """Processes that fire, and one for the other roles; on SQLite they are one."""
        parts = [("fire",)] * WORKERS + ([roles] if roles else []) if self.server else [("fire", *roles)]
        settings, workers = self.settings, list[Worker]()
        try:
            for part in parts:
                workers.append(
                    Worker(
                        Job(roles=part, data=str(settings.data), database_url=settings.database_url, **job)
                    )
                )
            yield workers
        except BaseException:
            for worker in workers:
                worker.kill()
            raise

    def wait_for_rungs(self, family: Family, seconds: float = PATIENCE) -> int:
        """Until every order of the family has its rung; how many have."""
        end = SystemClock.monotonic() + seconds
        while (found := self.do(lambda c: _rungs(c, family.prefix))) < family.count:
            if SystemClock.monotonic() > end:
                break
            Event().wait(0.5)
        return found


def _rungs(connection: Connection, prefix: str) -> int:
    query = select(func.count(EVENT.c.order_id.distinct()))
    query = query.where(EVENT.c.kind == "rung", EVENT.c.order_id.startswith(prefix))
    return int(connection.execute(query).scalar_one())


@dataclass(frozen=True)
class Fired:
    """The first rung of an order: when it was due, and when the decision was committed (seconds since 1970)."""

    due: float
    committed: float

    @property
    def late(self) -> float:
        return self.committed - self.due


def fired(place: Place, family: Family, reports: Sequence[Report]) -> list[Fired]:
    """Every first rung of the family, in the order of their commits."""
    commits = {datetime.fromisoformat(at).astimezone(UTC): when for r in reports for at, when in r.commits}
    query = select(EVENT.c.recorded_at, EVENT.c.data).where(
        EVENT.c.kind == "rung", EVENT.c.order_id.startswith(family.prefix)
    )
    rows = place.do(lambda c: c.execute(query.order_by(EVENT.c.id)).all())
    found = [
        Fired(datetime.fromisoformat(row.data["due"]).timestamp(), commits[row.recorded_at])
        for row in rows
        if row.data["rung"] == 1 and row.data["cycle"] == 1
    ]
    return sorted(found, key=lambda one: one.committed)


def out_of_order(rungs: Sequence[Fired]) -> int:
    """How far an order was decided from its place by age, at most; those of one commit have no order."""
    by_age = {id(one): n for n, one in enumerate(sorted(rungs, key=lambda one: one.due))}
    return max((abs(by_age[id(one)] - n) for n, one in enumerate(rungs)), default=0)


ALLOWED = 2 * WORKERS * BATCH
"""Orders of difference between age and commit: batches that are under way at once may end in any order."""


@dataclass
class Steady:
    """Lateness under a steady load, and the pairs that were decided beside it."""

    rungs: list[Fired]
    wanted: int
    reports: list[Report]
    seconds: float
    server: float
    """CPU-seconds of the database server meanwhile; on SQLite there is none."""

    @property
    def pairs(self) -> list[float]:
        return [taken for report in self.reports for taken in report.taken]


def steady(place: Place, armed: int, rate: float, pair_rate: float, seconds: float) -> Steady:
    """`armed` clocks wait; `rate` fall due a second while `pair_rate` orders a second are sent and accepted."""
    place.seed(Family("B", begin_at(3600), 0.01, armed // 2, received=True))  # two clocks each
    lead = place.lead(int((rate + pair_rate) * seconds))
    start = begin_at(lead)
    due = Family("F", start, 1 / rate, int(rate * seconds))
    calls = Family("P", begin_at(lead + 295), 1 / pair_rate, int(pair_rate * seconds), received=True)
    place.seed(due, calls)
    job = {"start": start.timestamp(), "rate": pair_rate, "count": calls.count, "prefix": "P"}
    with place.at_work("pairs", **job) as workers:
        if SystemClock().now() > start:
            raise Failed("seeding took longer than expected: the machine is too busy")
        before = place.server.cpu() if place.server else 0.0
        Event().wait(max(0.0, start.timestamp() + seconds - SystemClock().timestamp()))
        place.wait_for_rungs(due, 45)
        server = place.server.cpu() - before if place.server else 0.0
        reports = [worker.end() for worker in workers]
    return Steady(fired(place, due, reports), due.count, reports, seconds, server)


@dataclass
class Drained:
    """After an outage: seconds from the first accepted connection to the first and the last commit."""

    first: float
    last: float
    displaced: int
    found: int


def drain(place: Place, overdue: int, outage: float) -> Drained:
    """Cut the database off (PostgreSQL) or have no worker (SQLite) while `overdue` clocks fall due."""
    start = begin_at(place.lead(overdue))
    due = Family("D", start, outage / overdue, overdue)
    place.seed(due)
    server = place.server
    if server is None:
        Event().wait(max(0.0, start.timestamp() + outage - SystemClock().timestamp()))
        with place.at_work() as workers:
            accepted = workers[0].ready
            place.wait_for_rungs(due)
            reports = [worker.end() for worker in workers]
    else:
        with place.at_work() as workers:
            server.cut()
            Event().wait(max(0.0, start.timestamp() + outage - SystemClock().timestamp()))
            accepted = asyncio.run(_restarted(server))
            place.wait_for_rungs(due)
            reports = [worker.end() for worker in workers]
    rungs = fired(place, due, reports)
    committed = [one.committed - accepted for one in rungs] or [float("nan")]
    return Drained(committed[0], committed[-1], out_of_order(rungs), len(rungs))


async def _restarted(server: Postgres) -> float:
    starting = asyncio.create_task(asyncio.to_thread(server.start))
    accepted = await server.accepts()
    await starting
    return accepted


@dataclass
class Raced:
    """Acknowledgements against rungs. `after`: rungs, and effects of rungs, after the acknowledgement's commit."""

    after: int
    effects: int
    answered: int
    fired_first: int
    failed: dict[str, int]


def race(place: Place, count: int, rate: float, jitter: float, prefix: str = "R") -> Raced:
    """Crews acknowledge `count` orders within `jitter` seconds of the instant at which their rung is due."""
    start = begin_at(place.lead(count))
    family = Family(prefix, start, 1 / rate, count)
    place.seed(family)
    job = {"start": start.timestamp(), "rate": rate, "count": count, "prefix": prefix, "jitter": jitter}
    with place.at_work("acknowledge", **job) as workers:
        Event().wait(max(0.0, start.timestamp() + count / rate + 1.0 - SystemClock().timestamp()))
        _wait_for_answers(place, family)
        reports = [worker.end() for worker in workers]
    failed: dict[str, int] = {}
    for report in reports:
        for name, number in report.failed.items():
            failed[name] = failed.get(name, 0) + number
    return judge(place.do, prefix, failed)


def judge(do: Callable[[Callable[[Connection], Any]], Any], prefix: str, failed: dict[str, int]) -> Raced:
    """What SQL says of the races."""

    def work(connection: Connection) -> Raced:
        family = {"family": f"{prefix}%"}
        after = connection.execute(text(AGAINST), family).scalar_one()
        effects = connection.execute(text(EFFECTS), family).scalar_one()
        answered = connection.execute(text(ANSWERED), family).scalar_one()
        return Raced(after, effects, answered, _both(connection, prefix), failed)

    raced: Raced = do(work)
    return raced


ANSWERED = "SELECT count(*) FROM order_event WHERE kind = 'acknowledge' AND order_id LIKE :family"


def _both(connection: Connection, prefix: str) -> int:
    """Answered orders whose rung came first."""
    rung, answer = EVENT.alias(), EVENT.alias()
    query = select(func.count(rung.c.order_id.distinct())).join(answer, answer.c.order_id == rung.c.order_id)
    query = query.where(rung.c.kind == "rung", answer.c.kind == "acknowledge", rung.c.seq < answer.c.seq)
    return int(connection.execute(query.where(rung.c.order_id.startswith(prefix))).scalar_one())


def _wait_for_answers(place: Place, family: Family, seconds: float = 60.0) -> None:
    end = SystemClock.monotonic() + seconds
    query, values = text(ANSWERED), {"family": f"{family.prefix}%"}
    while place.do(lambda c: c.execute(query, values).scalar_one()) < family.count:
        if SystemClock.monotonic() > end:
            return
        Event().wait(0.5)


def load() -> str:
    """What else the machine does: processes that want to run, over 1, 5 and 15 minutes."""
    return " ".join(f"{one:.1f}" for one in os.getloadavg())


def folder_of(base: Path, name: str) -> Settings:
    """Settings of a SQLite installation in a folder of its own."""
    (base / name).mkdir(parents=True)
    return Settings(data=base / name)
