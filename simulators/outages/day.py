"""One day of outages from the first call to the last closed order, in virtual time.

The next instant is the earliest of: what people, vehicles and lines do next, the centre's next clock or outbox row,
and the telephone exchange. At each, everything that is due is done, until nothing is due any more. The run ends
when nobody has anything left to do; it gives up where no order has come further for `PATIENCE`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path
from random import Random

from sqlalchemy import Engine

from dispatch.adapters.roads.csv import load_roads
from dispatch.adapters.sql.migrations import migrate
from dispatch.adapters.sql.organisation import load_directory, replace_organisation, set_territories
from dispatch.adapters.sql.sqlite import open_engine
from dispatch.clock import VirtualClock
from dispatch.core.errors import DispatchError
from dispatch.core.road_graph import RoadGraph
from dispatch.core.speeds import SpeedTable
from dispatch.core.territory import territories_from_geojson
from dispatch.core.travel import RoadTravel, StraightLine
from dispatch.core.work_order import Event, WorkOrder
from dispatch.services import clocks, delivery
from dispatch.services.context import Context
from dispatch.services.ports import Directory, Processes
from dispatch.services.ways_out import Ports
from simulators.exchange import Exchange
from simulators.outages.agenda import Agenda
from simulators.outages.crews import FieldCrew, Silence, World
from simulators.outages.edge import Bells, Lines, PhoneLine, SeededIds, Transport
from simulators.outages.office import Centre, Hotline
from simulators.outages.rows import Outage
from simulators.outages.store import ReplayStore
from simulators.outages.utility import organisation, territory
from simulators.people import People
from simulators.shipped import shipped_processes, shipped_rules

PATIENCE = timedelta(hours=72)
"""Longer than any repair and any drive: when no order has come further for so long, they are stuck."""
ADVANCES = {"take_call", "arrive", "restore", "record", "close"}
"""Events that bring an order nearer to its end, other than being dispatched once more."""
AT_ONE_INSTANT = 10_000
"""Rounds of clocks and outbox at one instant, after which something runs in a circle."""
MEALS = (10.5, 14.0)
"""Local hours between which a crew goes away for a while, if it does."""


class Stuck(DispatchError):
    """The replay cannot go on; says why."""

    code = "stuck"


@dataclass(frozen=True)
class Plan:
    """What is to be replayed."""

    day: date
    zone: tzinfo
    outages: Sequence[Outage]
    repairs: dict[str, float]
    """Seconds on the site, by outage."""
    repairs_guessed: int
    """How many of them are a median, because the file does not say."""
    usual_repair_s: float
    trades: dict[str, int]
    roads: Path
    speeds: SpeedTable
    people: People
    transport: Transport
    policy: str


@dataclass
class Outcome:
    """What came of it; `orders` as the store's file has them."""

    processes: Processes
    ended_at: datetime
    orders: list[WorkOrder] = field(default_factory=list)
    led_to: dict[str, tuple[str, str]] = field(default_factory=dict)
    batches: int = 0
    stuck: str = ""


class Day:
    """Everybody who takes part in one replay."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        seed = plan.people.seed
        first = min((o.start for o in plan.outages), default=None)
        midnight = datetime.combine(plan.day, datetime.min.time(), plan.zone)
        self.clock = VirtualClock(min(first, midnight) if first else midnight)
        self.agenda = Agenda(self.clock)
        self.processes = shipped_processes()
        graph = load_roads(plan.roads)
        engine = open_engine(folder / "replay.sqlite", durable=False)
        self.store = ReplayStore(engine, self.processes, self.clock, self._seen)
        travel = RoadTravel(graph, plan.speeds)
        self.context = self._context(travel, _founded(engine, graph, plan))
        self.lines = Lines(self.context, self.agenda, plan.transport, seed)
        self.phone = PhoneLine(self.clock, Exchange(plan.people))
        self.ports = Ports(self.lines, self.lines, self.phone, Bells())
        self.hotline = Hotline(self.context, self.agenda, plan.people)
        self.centre = Centre(
            self.context, self.store, self.agenda, plan.people, plan.transport, self._look_out
        )
        silence = Silence(plan.people.behaviour.shares["crew_silent"], len(plan.outages), seed)
        self.world = World(
            self.context, self.agenda, plan.people, silence, travel, StraightLine(plan.speeds),
            self.hotline.calls, plan.repairs, plan.transport.report_every,
        )  # fmt: skip
        self.crews = {c.id: FieldCrew(self.world, c) for c in self.context.directory.crews.values()}
        self.lines.terminals.update({c.device: c.show for c in self.crews.values()})
        self.closed = 0
        self.advanced_at = max((o.start for o in plan.outages), default=midnight)

    def _context(self, travel: RoadTravel, directory: Directory) -> Context:
        return Context(
            store=self.store, clock=self.clock, processes=self.processes, directory=directory,
            territories=territories_from_geojson(directory.territories),
            rules=shipped_rules(), travel=travel, ids=SeededIds(),
            zone=self.plan.zone, language="en", policy=self.plan.policy, repair_s=self.plan.usual_repair_s,
            epoch="replay",
        )  # fmt: skip

    async def run(self, progress: Callable[[int, datetime], None]) -> Outcome:
        """All of it. `progress` is told how many orders are closed and what time it is."""
        outcome = Outcome(self.processes, self.clock.now())
        try:
            await self._begin()
            await self._pass_time(progress)
        except Stuck as error:
            outcome.stuck = error.message
        finally:
            outcome.orders = await self.store.from_file()
            self.store.close()
        outcome.led_to = self.hotline.led_to
        outcome.ended_at, outcome.batches = self.clock.now(), self.centre.batches
        return outcome

    async def _begin(self) -> None:
        for crew in self.crews.values():
            await crew.come_online()
            self._plan_meal(crew)
        for outage in self.plan.outages:
            self.hotline.expect(outage)

    def _plan_meal(self, crew: FieldCrew) -> None:
        people, name = self.plan.people, f"{crew.crew.id}/{self.plan.day}"
        if people.happens("crew_away", name):
            midnight = datetime.combine(self.plan.day, datetime.min.time(), self.plan.zone)
            hour = Random(f"{people.seed}:meal:{name}").uniform(*MEALS)
            seconds = people.delay("away", name)
            self.agenda.after(hour * 3600, lambda: crew.leave(seconds), since=midnight)

    async def _pass_time(self, progress: Callable[[int, datetime], None]) -> None:
        while (at := await self._next()) is not None:
            if at - self.advanced_at > PATIENCE:
                raise Stuck(f"no order has come further since {self.advanced_at.isoformat()}, for {PATIENCE}")
            self.clock.advance_to(at)
            for action in self.agenda.due():
                await action()
            await self._machines()
            progress(self.closed, self.clock.now())

    async def _next(self) -> datetime | None:
        ahead = (self.agenda.next(), await self.store.next_due(), self.phone.exchange.next_due())
        return min((instant for instant in ahead if instant is not None), default=None)

    async def _machines(self) -> None:
        """Clocks, outbox and telephone, until nothing of theirs is due at this instant."""
        for _ in range(AT_ONE_INSTANT):
            await self.phone.report(self.context)
            due = await self.store.next_due()
            if due is None or due > self.clock.now():
                return
            await clocks.fire_due(self.context)
            await delivery.deliver_due(self.context, self.ports)
        raise Stuck(f"clocks or outbox run in a circle at {self.clock.now().isoformat()}")

    def _seen(self, order: WorkOrder, known: int) -> None:
        """Everybody's screens, after each commit."""
        for event in order.history[known:]:
            self.hotline.seen(order, event)
            self.centre.seen(order, event)
            self._leader_told(order, event)
            self.closed += event.kind == "close"
            if event.kind in ADVANCES:
                self.advanced_at = max(self.advanced_at, self.clock.now())

    def _leader_told(self, order: WorkOrder, event: Event) -> None:
        if event.kind == "in_hand" and event.data["watch"] == "crew" and order.crew_id:
            self.crews[order.crew_id].told_by_a_leader(order.id)

    def _look_out(self) -> None:
        for crew in self.crews.values():
            crew.report()


def _founded(engine: Engine, graph: RoadGraph, plan: Plan) -> Directory:
    """A new database with the organisation in it."""
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        migrate(connection)
        replace_organisation(connection, organisation(graph, plan.trades, plan.people.seed))
        set_territories(connection, territory(graph))
        directory = load_directory(connection)
        connection.exec_driver_sql("COMMIT")
    return directory
