"""A repair centre with its organisation on a real store, a virtual clock, and everything beyond its ports faked.

`Centre.until` lets time pass: whatever is due (clocks, outbox, receipts, telephone reports) happens in its order.
"""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from importlib.resources import files
from itertools import count
from typing import Any

from sqlalchemy import select

from dispatch.adapters.roads.speeds import load_speeds
from dispatch.adapters.sql import alert_book
from dispatch.adapters.sql.organisation import load_directory, replace_organisation, set_territories
from dispatch.adapters.sql.statements import ALERT, CLOCK, CONTACT, OUTBOX
from dispatch.clock import VirtualClock
from dispatch.core.errors import DispatchError
from dispatch.core.position import Fix, LastKnown
from dispatch.core.process import parse
from dispatch.core.responsibility import parse_responsibility
from dispatch.core.territory import territories_from_geojson
from dispatch.core.travel import StraightLine
from dispatch.core.types import Actor, Point
from dispatch.core.work_order import WorkOrder
from dispatch.services import clocks, delivery, dispatcher, hotline
from dispatch.services import crew as crews
from dispatch.services.context import Context
from dispatch.services.hotline import Call
from dispatch.services.ports import Changes, Crew, Processes
from dispatch.services.ways_out import Ports
from tests.dispatch.databases import AnyStore, Database
from tests.dispatch.outside import START, Exchange, Inbox, Mail, Terminals

HOLLY, DORA, LIZ = Actor("hotline", "holly"), Actor("dispatcher", "dora"), Actor("dispatcher", "liz")
HERE, THERE, NOWHERE = Point(30.05, 120.05), Point(30.06, 120.06), Point(35.0, 110.0)
CENTRE, DUTY, LEADER1, LEADER2 = "+8610001", "+8620001", "+8630001", "+8630002"


def _text(name: str) -> str:
    return files("dispatch").joinpath("process", name).read_text(encoding="utf-8")


def _crew(name: str, centre: str, duty: str) -> dict[str, Any]:
    return {
        "id": name, "name": f"Crew {name}", "department_id": f"d-{centre}", "centre_id": centre,
        "trade": "service", "duty_phone": duty, "capacity": 3, "shares_office": False,
        "vehicle": {"device": f"t-{name}", "plate": name, "protocol": "jt808"}, "phone_device": f"p-{name}",
    }  # fmt: skip


def organisation() -> dict[str, Any]:
    """Two centres of one trade; `north` has three crews, every telephone number is its own."""
    leaders = {
        "north": ({"name": "Li", "phone": LEADER1}, {"name": "Wu", "phone": LEADER2}),
        "south": ({"name": "He", "phone": "+8630003"}, {"name": "Yu", "phone": "+8630004"}),
    }
    return {
        "centres": [
            {"id": "north", "name": "North", "duty_phone": CENTRE, "lat": 30.0, "lon": 120.0},
            {"id": "south", "name": "South", "duty_phone": "+8610002", "lat": 29.9, "lon": 120.0},
        ],
        "departments": [
            {"id": f"d-{c}", "name": c, "kind": "community_service_station", "centre_id": c,
             "trade": "service", "leader1": one, "leader2": two}
            for c, (one, two) in leaders.items()
        ],
        "crews": [
            _crew("N1", "north", DUTY), _crew("N2", "north", "+8620002"), _crew("N3", "north", "+8620003"),
            _crew("S1", "south", "+8620004"),
        ],
    }  # fmt: skip


def _land(name: str, south: float) -> dict[str, Any]:
    ring = [[120.0, south], [120.1, south], [120.1, south + 0.1], [120.0, south + 0.1], [120.0, south]]
    properties = {"id": name, "name": name, "centre_id": name, "area_class": "urban", "kind": "city"}
    return {
        "type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}
    }  # fmt: skip


LAND = {"type": "FeatureCollection", "features": [_land("north", 30.0), _land("south", 29.9)]}
PROCESS = parse(_text("fault_repair.toml"))
PROCESSES = Processes({PROCESS.id: PROCESS}, PROCESS.id)


class CountedIds:
    """W1, W2, ..."""

    def __init__(self) -> None:
        self._orders, self._contacts = count(1), count(1)

    def order_id(self, now: datetime) -> str:
        return f"W{next(self._orders)}"

    def contact_id(self) -> str:
        return f"C{next(self._contacts)}"


Happening = tuple[datetime, int, Callable[[], Awaitable[None]]]


class Centre:
    """The whole story: services over a real store, faked edges, and the passing of time."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = VirtualClock(START)
        database.at_once(_settle)
        directory = database.at_once(load_directory)
        self.store: AnyStore = database.store(PROCESSES, self.clock)
        self.context = Context(
            store=self.store, clock=self.clock, processes=PROCESSES, directory=directory,
            territories=territories_from_geojson(LAND),
            rules=parse_responsibility(_text("responsibility.toml")),
            travel=StraightLine(load_speeds("UTC")), ids=CountedIds(), policy="manual", language="en",
            epoch="e",
        )  # fmt: skip
        self.exchange, self.inbox, self.mail = Exchange(centre=self), Inbox(centre=self), Mail()
        self.terminals = Terminals(centre=self, online={f"t-{c}" for c in directory.crews})
        self.ports = Ports(self.terminals, self.inbox, self.exchange, self.mail)
        self._happenings: list[Happening] = []
        self._order = count()

    def in_seconds(self, seconds: float, what: Callable[[], Awaitable[None]]) -> None:
        """Something beyond the ports happens then."""
        at = self.clock.now() + timedelta(seconds=seconds)
        heapq.heappush(self._happenings, (at, next(self._order), what))

    async def until(self, minutes: float, *, matching: bool = False) -> None:
        """Let time pass until so many minutes after START."""
        end = START + timedelta(minutes=minutes)
        while True:
            await self._now(matching)
            due = [d for d in (await self.store.next_due(), self._next_happening()) if d is not None]
            following = min((d for d in due if d > self.clock.now()), default=end)
            if following > end or (following == end and self.clock.now() == end):
                break
            self.clock.advance_to(following)
        self.clock.advance_to(end)
        await self._now(matching)

    async def _now(self, matching: bool) -> None:
        """All that is due now, until nothing is."""
        for _ in range(200):
            busy = 0
            while self._happenings and self._happenings[0][0] <= self.clock.now():
                busy += 1
                await heapq.heappop(self._happenings)[2]()
            busy += await clocks.fire_due(self.context)
            busy += await delivery.deliver_due(self.context, self.ports)
            if matching:
                self.fix_all()
                busy += await dispatcher.match_waiting(self.context)
            if not busy:
                return
        raise AssertionError("it never comes to rest")

    def _next_happening(self) -> datetime | None:
        return self._happenings[0][0] if self._happenings else None

    def crew(self, name: str = "N1") -> Crew:
        return self.context.directory.crews[name]

    def fix_all(self) -> None:
        """Every vehicle is where it should be, as of now."""
        at = self.clock.now().timestamp()
        for n, crew in enumerate(self.context.directory.crews.values()):
            self.context.fixes.put(LastKnown(f"t-{crew.id}", Fix(30.05 + n / 1000, 120.05, at, at)))

    async def call(self, place: Point | None = HERE, **facts: Any) -> str:
        """A customer reports a fault; the order's id."""
        return (await self.take_call(place, **facts)).order_id

    async def take_call(self, place: Point | None = HERE, **facts: Any) -> hotline.Taken:
        given = {"channel": "phone", "address": "1 Lane", "fault_type": "meter", "voltage": "lv", **facts}
        return await hotline.take_call(self.context, Call(place=place, **given), by=HOLLY)

    async def sent(self, place: Point | None = HERE, at: float = 1.0, **facts: Any) -> str:
        """An order that was sent at `at` and has reached its centre."""
        order_id = await self.call(place, **facts)
        await self.until(at)
        await hotline.send(self.context, order_id, by=HOLLY)
        await self.until(at + 0.25)
        return order_id

    async def dispatched(self, crew: str = "N1", place: Point = HERE, at: float = 2.0) -> str:
        """An order that went to a crew at `at` and has reached its terminal."""
        order_id = await self.sent(place, at - 1)
        await self.until(at)
        await dispatcher.dispatch(self.context, order_id, crew_id=crew, by=DORA)
        await self.until(at + 0.25)
        return order_id

    async def step(self, order_id: str, name: str, crew: str = "N1", **more: Any) -> WorkOrder:
        """A crew's step."""
        return await crews.step(self.context, order_id, name, crew=self.crew(crew), **more)

    async def order(self, order_id: str) -> WorkOrder:
        return await self.context.store.transact(lambda loaded, now: Changes(loaded.order(order_id)))

    async def rungs(self, order_id: str) -> list[tuple[float, str]]:
        """Rungs that fired: minutes after START, whose phone."""
        order = await self.order(order_id)
        found = [e for e in order.history if e.kind == "rung"]
        return [(round((e.at - START) / timedelta(minutes=1), 2), e.data["phone"]) for e in found]

    async def attempts(self, order_id: str) -> list[tuple[str, str]]:
        """Telephone attempts kept on the order: to whom, with what outcome."""
        order = await self.order(order_id)
        return [(e.data["to"], e.data["state"]) for e in order.history if e.kind == "attempt"]

    async def rows(self, table: Any = OUTBOX, **where: Any) -> Sequence[Any]:
        """Rows of a table, as they stand."""
        query = select(table)
        for name, value in where.items():
            query = query.where(table.c[name] == value)
        return await self.store.read(lambda c: c.execute(query).all())

    async def alerts(self, code: str) -> list[str]:
        """Roles that were told this in the pages, in order."""
        rows = await self.rows(ALERT, code=code)
        return [r.role for r in sorted(rows, key=lambda r: r.id)]

    async def contacts(self) -> list[str]:
        return [r.outcome for r in await self.rows(CONTACT)]

    async def armed(self, order_id: str) -> set[str]:
        return {r.name for r in await self.rows(CLOCK, order_id=order_id)}


def _settle(connection: Any) -> None:
    replace_organisation(connection, organisation())
    set_territories(connection, LAND)
    roles = [(role, f"test://{role}") for role in ("hotline", "dispatcher", "crew", "manager")]
    alert_book.take_in(connection, roles, START)


async def refused(doing: Awaitable[Any]) -> DispatchError:
    """The error that this must raise."""
    try:
        await doing
    except DispatchError as error:
        return error
    raise AssertionError("it was not refused")
