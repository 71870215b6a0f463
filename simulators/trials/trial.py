"""One trial: a day of a small organisation in which everything goes wrong, then calm until all has come to its end."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, Engine, select

from dispatch.adapters.roads.speeds import load_speeds
from dispatch.adapters.sql.migrations import migrate
from dispatch.adapters.sql.organisation import load_directory, replace_organisation, set_territories
from dispatch.adapters.sql.sqlite import open_engine
from dispatch.adapters.sql.statements import EVENT, OUTBOX
from dispatch.clock import InstallationClock
from dispatch.core.territory import territories_from_geojson
from dispatch.core.travel import StraightLine
from dispatch.services.context import Context
from dispatch.services.ports import Directory
from dispatch.services.telephone import PhoneReport
from dispatch.services.ways_out import Ports
from dispatch.tracker import Mark
from simulators.exchange import Exchange
from simulators.outages.edge import SeededIds
from simulators.people import People
from simulators.shipped import shipped_processes, shipped_rules
from simulators.trials.edges import Bells, Streams, Telephone
from simulators.trials.fortune import Fortune, Severity
from simulators.trials.loop import live, seconds
from simulators.trials.machine import TrialMachine, true_time
from simulators.trials.people import CrewPeople, Dispatcher, Hotline
from simulators.trials.promises import Promises
from simulators.trials.store import Database, Line
from simulators.trials.terminal import Terminal
from simulators.trials.worker import Worker

CREWS = ("N1", "N2", "N3", "N4")
RIGHT = 1.5
"""Seconds that the installation's time may be off in any process."""
QUIET = 900.0
"""Seconds that are lived after the last order has come to its end and all trouble is over."""
CALM = 12 * 3600.0
"""Seconds of calm after which everything must have come to its end."""


@dataclass(frozen=True, slots=True)
class Day:
    """Which day. `digest` of two runs of one seed is the same."""

    seed: int
    hours: float = 3.0
    calls_an_hour: float = 4.0
    severity: Severity = field(default_factory=Severity)


@dataclass(frozen=True, slots=True)
class Lived:
    """What came of it."""

    seed: int
    broken: tuple[str, ...]
    digest: str
    facts: dict[str, int]


class Part(Protocol):
    """Somebody or something that goes on for ever."""

    async def run(self) -> None: ...


def trial(day: Day) -> Lived:
    """Live one day to its end."""
    logging.disable(logging.CRITICAL)
    try:
        with tempfile.TemporaryDirectory(prefix="trial") as folder:
            engine = open_engine(Path(folder) / "trial.sqlite", durable=False)
            with engine.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                directory = _settled(connection)
                connection.exec_driver_sql("COMMIT")
            return live(_lived(day, engine, directory))
    finally:
        logging.disable(logging.NOTSET)


async def _lived(day: Day, engine: Engine, directory: Directory) -> Lived:
    return await Trial(day, engine, directory).run()


class Trial:
    """Everybody and everything of one day."""

    def __init__(self, day: Day, engine: Engine, directory: Directory) -> None:
        self.day, self.directory = day, directory
        self.processes = shipped_processes()
        self.fortune = Fortune(day.seed, day.hours, day.severity, [f"t-{c}" for c in CREWS])
        self.database = Database(engine, self.fortune)
        self.promises = Promises(self.processes, self._excused)
        self.database.watch = self.promises.watch
        self.ids, self.mark = SeededIds(), ""
        self.clocks: dict[str, InstallationClock] = {}
        self.streams = Streams(self.fortune)
        self.telephone = Telephone(
            self.fortune, Exchange(People(day.seed)), true_time, self._heard,
            lambda request: self.promises.dialled(request, true_time()),
        )  # fmt: skip
        self.ports = Ports(self.streams, self.streams, self.telephone, Bells())
        self.workers = [
            Worker(name, self.fortune, self._context, lambda: self.ports, self.streams) for name in ("a", "b")
        ]
        for worker in self.workers:
            self.database.listen(worker.nudge)
        pages = self._context("pages")
        self.hotline = Hotline(pages, self.fortune, day.calls_an_hour)
        self.dispatcher = Dispatcher(pages, self.fortune)
        self.terminals = [
            Terminal(f"t-{c}", self.fortune, self.streams, true_time, self.promises.say) for c in CREWS
        ]
        self.crews = [
            CrewPeople(pages, self.fortune, directory.crews[c], terminal)
            for c, terminal in zip(CREWS, self.terminals, strict=True)
        ]

    def _context(self, name: str) -> Context:
        """Of a process that starts; its time goes on from the mark that the last one left."""
        machine = TrialMachine(self.fortune, name.split(maxsplit=1)[0])
        clock = InstallationClock(Mark.of(self.mark), true_time().timestamp(), machine)
        self.clocks[name.split(maxsplit=1)[0]] = clock
        return Context(
            store=Line(self.database, self.processes, clock, name), clock=clock, processes=self.processes,
            directory=self.directory, territories=territories_from_geojson(self.directory.territories),
            rules=shipped_rules(), travel=StraightLine(load_speeds("UTC")), ids=self.ids, language="en",
            policy="manual" if self.day.seed % 2 else "risk", epoch="trial",
        )  # fmt: skip

    async def _heard(self, report: PhoneReport) -> bool:
        alive = [worker for worker in self.workers if worker.context is not None]
        return bool(alive) and await alive[report.seq % len(alive)].heard(report)

    async def run(self) -> Lived:
        """The day, the calm after it, the judgement."""
        everybody: list[Part] = [self.dispatcher, self.telephone, *self.workers, *self.terminals, *self.crews]
        running = [asyncio.create_task(one.run()) for one in everybody]
        running.append(asyncio.create_task(self._keep_time()))
        losing = asyncio.create_task(self._lose_redis())
        calls = asyncio.create_task(self.hotline.run())
        try:
            async with asyncio.timeout(self.day.hours * 3600 + CALM):
                done, _ = await asyncio.wait([calls, *running], return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                await asyncio.sleep(max(0.0, self.fortune.seconds - seconds()) + QUIET)
        except TimeoutError:
            self.promises.say("not everything came to its end")
        finally:
            for task in (*running, calls, losing):
                task.cancel()
            await asyncio.gather(*running, calls, losing, return_exceptions=True)
        return self._judged()

    async def _keep_time(self) -> None:
        """As every process does with its heartbeat: it hears the database's clock, and leaves its mark."""
        while True:
            for name, clock in self.clocks.items():
                since = clock.boot()
                clock.heard(true_time().timestamp(), since, self.mark, "")
                self.mark = str(clock.mark())
                off = abs(clock.timestamp() - true_time().timestamp())
                if off > RIGHT:
                    self.promises.say(f"the time of {name} is off by {off:.1f} s")
            await asyncio.sleep(2.0)

    def _excused(self, begin: float, end: float) -> bool:
        """Whether a rung could not be decided in time: no database, or nobody there to decide."""
        gone = [(one.begin, one.end) for one in self.fortune.outages["database"]]
        both = [
            (max(a, c), min(b, d))
            for a, b in self.workers[0].dead for c, d in self.workers[1].dead if max(a, c) < min(b, d)
        ]  # fmt: skip
        return any(a <= end and begin <= b for a, b in (*gone, *both))

    async def _lose_redis(self) -> None:
        for at in self.fortune.moments("redis lost", 0.1):
            await asyncio.sleep(max(0.0, at - seconds()))
            self.streams.lose()

    def _judged(self) -> Lived:
        now = true_time()
        self.database.run(lambda c: self.promises.at_the_end(c, now, self.hotline.contacts), None)
        for terminal in self.terminals:
            if terminal.screen or not terminal.quiet:
                self.promises.say(f"{terminal.device} still shows {sorted(terminal.screen)}")
        facts = {
            "orders": self.ids._orders, "contacts": len(self.hotline.contacts), "events": self.promises.events,
            "rungs": self.promises.rungs, "calls": len(self.telephone.exchange.calls),
            "crashes": sum(len(worker.dead) for worker in self.workers), "commits": self.database.commits,
        }  # fmt: skip
        digest = self.database.run(_digest, None)
        self.database.close()
        return Lived(self.day.seed, tuple(self.promises.broken), digest, facts)


def _digest(connection: Connection) -> str:
    """Of everything that happened, in its order."""
    found = sha256()
    for table in (EVENT, OUTBOX):
        for row in connection.execute(select(table).order_by(table.c.id)):
            found.update(msgspec.json.encode(dict(row._mapping), order="deterministic"))
    return found.hexdigest()


def _settled(connection: Connection) -> Directory:
    migrate(connection)
    replace_organisation(connection, _organisation())
    set_territories(connection, _land())
    return load_directory(connection)


def _organisation() -> dict[str, Any]:
    leaders = [{"name": "First", "phone": "+8610011"}, {"name": "Second", "phone": "+8610012"}]
    return {
        "centres": [{"id": "north", "name": "North", "duty_phone": "+8610001", "lat": 30.0, "lon": 120.0}],
        "departments": [
            {"id": "d", "name": "Station", "kind": "community_service_station", "centre_id": "north",
             "trade": "service", "leader1": leaders[0], "leader2": leaders[1]}
        ],
        "crews": [
            {"id": name, "name": f"Crew {name}", "department_id": "d", "centre_id": "north", "trade": "service",
             "duty_phone": f"+861010{n}", "capacity": 3, "base": {"lat": 30.05, "lon": 120.05},
             "shares_office": False, "vehicle": {"device": f"t-{name}", "plate": name, "protocol": "jt808"},
             "phone_device": f"p-{name}"}
            for n, name in enumerate(CREWS)
        ],
    }  # fmt: skip


def _land() -> dict[str, Any]:
    ring = [[120.0, 30.0], [120.1, 30.0], [120.1, 30.1], [120.0, 30.1], [120.0, 30.0]]
    properties = {"id": "land", "name": "Land", "centre_id": "north", "area_class": "urban", "kind": "city"}
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": properties, "geometry": geometry}
    return {"type": "FeatureCollection", "features": [feature]}
