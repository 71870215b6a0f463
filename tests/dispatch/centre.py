"""A repair centre with its organisation on a real store, a virtual clock, and everything beyond its ports faked.

`Centre.until` lets time pass: whatever is due (clocks, outbox, receipts, telephone reports) happens in its order.
"""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import count
from typing import Any

from sqlalchemy import select

from dispatch.adapters.roads.speeds import load_speeds
from dispatch.adapters.sql.organisation import load_directory, replace_organisation, set_territories
from dispatch.adapters.sql.statements import ALERT, CLOCK, CONTACT, OUTBOX
from dispatch.clock import VirtualClock
from dispatch.core.errors import DispatchError, Unavailable
from dispatch.core.position import Fix, LastKnown
from dispatch.core.process import parse
from dispatch.core.responsibility import parse_responsibility
from dispatch.core.territory import territories_from_geojson
from dispatch.core.travel import StraightLine
from dispatch.core.types import Actor, Point
from dispatch.core.work_order import WorkOrder
from dispatch.messages import Desired, Receipt
from dispatch.services import clocks, delivery, dispatcher, hotline, telephone
from dispatch.services import crew as crews
from dispatch.services.context import Context
from dispatch.services.hotline import Call
from dispatch.services.ports import Changes, Crew, Ports, Processes
from dispatch.services.tracking import device_event
from tests.dispatch.databases import AnyStore, Database

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
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


@dataclass
class Port:
    """What every faked port has: it may be down, and counts how often it was asked."""

    down: bool = False
    asked: int = 0

    def ask(self, what: str) -> None:
        self.asked += 1
        if self.down:
            raise Unavailable(f"{what} does not answer")


@dataclass
class Placed:
    """One call that the exchange took."""

    call_id: str
    number: str
    prompt: str
    at: datetime
    ended: str = ""


@dataclass
class Exchange(Port):
    """Telephones: what each number does when it rings. A call id is taken once."""

    centre: Any = None
    habits: dict[str, str] = field(default_factory=dict)
    calls: dict[str, Placed] = field(default_factory=dict)
    rings: list[str] = field(default_factory=list)
    hung_up: list[str] = field(default_factory=list)
    seqs: dict[str, int] = field(default_factory=dict)

    async def ring(self, call_id: str, number: str, language: str, prompt: str) -> None:
        self.ask("the exchange")
        self.rings.append(call_id)
        if call_id in self.calls:
            return
        self.calls[call_id] = Placed(call_id, number, prompt, self.centre.clock.now())
        self.centre.in_seconds(1, lambda: self.tell(call_id, "ringing"))
        habit = self.habits.get(number, "no_answer")
        script = {
            "no_answer": [(25, "no_answer", "")],
            "busy": [(2, "busy", "")],
            "voicemail": [(10, "answered", ""), (12, "machine", ""), (27, "completed", "")],
            "listens": [(10, "answered", ""), (40, "completed", "")],
            "silent": [],
        }.get(habit, [(10, "answered", ""), (15, "keypress", habit[-1]), (17, "completed", "")])
        for seconds, state, digit in script:
            self.centre.in_seconds(seconds, lambda s=state, d=digit: self.tell(call_id, s, d))

    async def hang_up(self, call_id: str) -> None:
        self.ask("the exchange")
        self.hung_up.append(call_id)
        if call_id in self.calls and not self.calls[call_id].ended:
            await self.tell(call_id, "cut")

    async def tell(self, call_id: str, state: str, digit: str = "") -> None:
        """Report a state, unless the call has ended."""
        call = self.calls[call_id]
        if call.ended:
            return
        if state in telephone.ENDED - {"machine"}:
            call.ended = state
        seq = self.seqs[call_id] = self.seqs.get(call_id, 0) + 1
        await telephone.phone_reported(
            self.centre.context,
            telephone.PhoneReport(call_id, call.number, seq, state, digit, self.centre.clock.now()),
        )

    def log(self) -> list[tuple[float, str]]:
        """Every call: minutes after START, number."""
        return [(round((c.at - START) / timedelta(minutes=1), 2), c.number) for c in self.calls.values()]


@dataclass
class Terminals(Port):
    """Vehicles' terminals: they take what they should show, and give receipts, while they are online."""

    centre: Any = None
    online: set[str] = field(default_factory=set)
    desired: dict[str, Desired] = field(default_factory=dict)
    shown: dict[str, dict[str, int]] = field(default_factory=dict)
    ever: list[tuple[str, str, int]] = field(default_factory=list)
    receipts: bool = True

    async def write_desired(self, desired: Desired) -> None:
        self.ask("Redis")
        known = self.desired.get(desired.device)
        if known is None or desired.revision > known.revision:
            self.desired[desired.device] = desired
        if desired.device in self.online:
            self.centre.in_seconds(2, lambda: self.sync(desired.device))

    async def come_online(self, device: str) -> None:
        self.online.add(device)
        await self.sync(device)

    async def sync(self, device: str) -> None:
        """Bring the screen to what it should show; then the receipts."""
        desired = self.desired.get(device)
        if desired is None or device not in self.online:
            return
        before = self.shown.get(device, {})
        self.shown[device] = {o.order_id: o.version for o in desired.orders}
        at = self.centre.clock.now().timestamp()
        new = {o: v for o, v in self.shown[device].items() if before.get(o) != v}
        self.ever.extend((device, o, v) for o, v in new.items())
        if not self.receipts:
            return
        events = [Receipt(device, o, v, "delivered", at) for o, v in new.items()]
        for event in (*events, Receipt(device, "", desired.revision, "settled", at)):
            await device_event(self.centre.context, event)


@dataclass
class Inbox(Port):
    """The way to the centres' inboxes; what arrives there gives its receipt by itself."""

    centre: Any = None
    arrived: list[tuple[str, str, int]] = field(default_factory=list)
    receipts: bool = True
    loses: int = 0  # so many of the next ones, after they were handed over

    async def deliver(self, centre_id: str, order_id: str, send: int) -> None:
        self.ask("Redis")
        if self.loses:
            self.loses -= 1
            return
        self.arrived.append((centre_id, order_id, send))
        if self.receipts:
            self.centre.in_seconds(1, lambda: self.receipt(centre_id, order_id, send))

    async def receipt(self, centre_id: str, order_id: str, send: int) -> None:
        await dispatcher.centre_received(self.centre.context, order_id, centre_id=centre_id, send=send)


@dataclass
class Mail(Port):
    """Alerts outside the pages."""

    told: list[tuple[str, str]] = field(default_factory=list)

    async def tell(self, role: str, title: str, body: str) -> str:
        self.ask("the mail server")
        self.told.append((role, title))
        return "told"


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


async def refused(doing: Awaitable[Any]) -> DispatchError:
    """The error that this must raise."""
    try:
        await doing
    except DispatchError as error:
        return error
    raise AssertionError("it was not refused")
