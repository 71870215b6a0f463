"""What the use cases need of the world, as small as it can be said.

`Store` is D13: a use case hands it a pure decision over aggregates, and the store commits the whole or nothing.
Ports say what they can prove: a telephone exchange that takes a call has not reached anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, Literal, Protocol, TypeVar

from dispatch.core.alerting import Channel, Told
from dispatch.core.crew import Roster
from dispatch.core.on_call import Duty
from dispatch.core.outage import PlannedOutage
from dispatch.core.outgoing import Outgoing
from dispatch.core.process import Process
from dispatch.core.types import Point
from dispatch.core.work_order import WorkOrder

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact with a customer, on any channel, and what became of it."""

    id: str
    at: datetime
    channel: str
    phone: str
    name: str
    text: str
    order_id: str
    outcome: Literal[
        "new", "joined", "progress", "expedite", "call_back", "not_reached", "planned_outage", "cancelled",
    ]  # fmt: skip
    by: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Why this crew: stored with each dispatch, so that it can be explained and replayed."""

    order_id: str
    generation: int
    at: datetime
    crew_id: str
    by: str
    explanation: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Settled:
    """How an outbox row ended or goes on. `state`: pending (again at `due`), sent, done, dead."""

    id: int
    state: Literal["pending", "sent", "done", "dead"]
    outcome: str = ""
    due: datetime | None = None
    call_id: str = ""
    leaves_call: bool = False
    """Its call certainly was not placed: the row waits for another one."""
    untried: bool = False
    """Nothing was tried: it was not its turn, and no try is counted."""


@dataclass(frozen=True, slots=True)
class Dial:
    """When a number was last rung, and by which call; empty: by what is no call of the telephone's."""

    at: datetime
    call_id: str = ""


@dataclass(frozen=True)
class Changes(Generic[T]):
    """All that one decision changes, committed together; `result` goes back to the caller."""

    result: T
    orders: tuple[WorkOrder, ...] = ()
    rosters: tuple[Roster, ...] = ()
    outgoing: tuple[Outgoing, ...] = ()
    contacts: tuple[Contact, ...] = ()
    decisions: tuple[Decision, ...] = ()
    settled: tuple[Settled, ...] = ()
    dialled: Mapping[str, str] = field(default_factory=dict)
    """Telephone numbers that a call rings now, each with its call; and channels that a letter goes to: only so often."""
    undialled: Mapping[str, datetime] = field(default_factory=dict)
    """Numbers that were not rung after all, each with the moment at which it counts as rung instead."""


class Loaded(Protocol):
    """Aggregates as they stand; what is asked for is loaded and version-checked at the commit."""

    def order(self, order_id: str) -> WorkOrder:
        """The order, or NotFound."""
        ...

    def roster(self, centre_id: str, trade: str) -> Roster:
        """The roster, or NotFound."""
        ...

    def open_near(self, place: Point, metres: float) -> Sequence[tuple[str, Point, str]]:
        """Open orders around a place: id, place, address."""
        ...

    def contact_order(self, contact_id: str) -> str | None:
        """The order that this very contact led to (empty: to none); None: it is not known. A resent call is no second one."""
        ...

    def planned_outages(self, now: datetime) -> Sequence[PlannedOutage]:
        """Those that run at this time."""
        ...

    def incident(self, incident_id: str) -> Sequence[str]:
        """The orders that follow the one that leads an incident, also those that have ended."""
        ...

    def removing(self) -> Sequence[str]:
        """Orders that some device has not yet confirmed to be gone."""
        ...

    def last_dial(self, number: str) -> Dial | None:
        """When this number was last rung; a change of it by somebody else is a version conflict."""
        ...

    def calls(self, call_id: str, after: int = 0, limit: int | None = None) -> Sequence[OutboxRow]:
        """The phone rows that one call carries, by their ids: at most `limit`, after the row `after`."""
        ...

    def waiting_calls(
        self, ids: Sequence[int], targets: Sequence[str], centres: Sequence[str], now: datetime, limit: int,
        after: int = 0,
    ) -> Sequence[OutboxRow]:  # fmt: skip
        """Phone rows that no call carries yet: of these ids, and all that are due to these targets and centres.

        By their ids: at most `limit`, after the row `after`.
        """
        ...

    def fetch(self, order_ids: Sequence[str]) -> Mapping[str, Exception]:
        """Load these orders together; a decision that then asks for them one by one waits for none.

        Those that cannot be read, and why: they hide no other one.
        """
        ...

    def live_calls(self, order_ids: Sequence[str]) -> Sequence[OutboxRow]:
        """The phone rows of these orders whose call may be ringing."""
        ...

    def waiting(self, row_ids: Sequence[int]) -> frozenset[int]:
        """Which of these outbox rows have not ended yet."""
        ...

    def sent(self, keys: Sequence[str]) -> frozenset[str]:
        """Which of these message rows have reached their service."""
        ...

    def alerts(self, keys: Sequence[str]) -> Mapping[str, Told]:
        """Those of these alerts that the pages have, by key."""
        ...

    def channels(self) -> Sequence[Channel]:
        """Every way to a recipient who is to be told, in their order."""
        ...


Decide = Callable[[Loaded, datetime], Changes[T]]
DecideOrder = Callable[[str, Loaded, datetime], Changes[bool]]
"""What one order's clocks decide; whether that was anything."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of one look at the clocks."""

    orders: int
    """Decided and committed."""
    failed: Mapping[str, Exception]
    """Orders that could not be decided, and why: their clocks are armed still."""
    full: bool
    """More may be due."""
    following: datetime | None = None
    """When the next clock is due, where that was asked: not while more is due now."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One leased row: nobody else works on it until the lease ends."""

    id: int
    key: str
    kind: str
    target: str
    order_id: str
    centre_id: str
    data: Mapping[str, Any]
    tries: int
    due: datetime
    call_id: str = ""
    state: str = "pending"
    outcome: str = ""


class Store(Protocol):
    """The only truth (D1)."""

    async def transact(self, decide: Decide[T], order_id: str = "") -> T:
        """Load what `decide` asks for, commit what it returns, or nothing; repeats it on a version conflict.

        `order_id`: `decide` is a step of this one order, which exists; a store may commit those of a moment together.
        Errors that `decide` raises change nothing and reach the caller.
        """
        ...

    async def decide_due(self, decide: DecideOrder, limit: int, aside: Collection[str] = ()) -> Decided:
        """Decide orders with a due clock, the oldest first, at most `limit`, none of those `aside`.

        One transaction, in which nobody else decides them. An order that cannot be decided is left as it was.
        """
        ...

    async def next_due(self) -> datetime | None:
        """When the earliest armed clock or waiting outbox row is due."""
        ...

    async def open_orders(self, states: Sequence[str] = ()) -> list[WorkOrder]:
        """Orders that are not restored yet, of these states (none named: all), the oldest first.

        One that cannot be read is left out and said in the log: it must not stop the others.
        """
        ...

    async def rosters(self) -> list[Roster]:
        """Every roster."""
        ...

    async def lease(
        self, now: datetime, until: datetime, limit: int, kinds: Sequence[str] = ()
    ) -> list[OutboxRow]:
        """Outbox rows that are due (or whose lease has ended), leased until `until`, the oldest first."""
        ...

    async def settle(self, settled: Sequence[Settled], now: datetime) -> None:
        """Say how leased rows ended, where nothing else changes with it."""
        ...


@dataclass(frozen=True, slots=True)
class Leader:
    """One of a department's two leaders."""

    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class Centre:
    """A repair centre."""

    id: str
    name: str
    name_zh: str
    duty_phone: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Department:
    """A supply station, community service station or emergency repair unit; always with two leaders."""

    id: str
    name: str
    name_zh: str
    kind: str
    centre_id: str
    trade: str
    leader1: Leader
    leader2: Leader


@dataclass(frozen=True, slots=True)
class Device:
    """A vehicle's terminal or a crew's phone."""

    id: str
    crew_id: str
    kind: Literal["terminal", "phone"]
    label: str = ""
    protocol: str = ""


@dataclass(frozen=True, slots=True)
class Crew:
    """A crew as the organisation knows it. `shift_*` are local wall times HH:MM; equal = round the clock."""

    id: str
    name: str
    name_zh: str
    department_id: str
    centre_id: str
    trade: str
    duty_phone: str
    capacity: int
    shift_start: str
    shift_end: str
    base_lat: float
    base_lon: float
    same_office: bool
    devices: tuple[Device, ...] = ()


@dataclass(frozen=True)
class Directory:
    """Who works here; read often, changed by administrators."""

    centres: Mapping[str, Centre] = field(default_factory=dict)
    departments: Mapping[str, Department] = field(default_factory=dict)
    crews: Mapping[str, Crew] = field(default_factory=dict)
    territories: Mapping[str, Any] = field(default_factory=dict)
    """A GeoJSON feature collection."""
    on_call: tuple[Duty, ...] = ()

    def crew_of_device(self, device: str) -> Crew | None:
        """The crew that a device belongs to."""
        return self._crew_by_device.get(device)

    @cached_property
    def _crew_by_device(self) -> dict[str, Crew]:
        return {d.id: crew for crew in self.crews.values() for d in crew.devices}


class IdSource(Protocol):
    """Where new ids come from, so that a replay repeats."""

    def order_id(self, now: datetime) -> str: ...

    def contact_id(self) -> str: ...


@dataclass
class Processes:
    """Every process definition by its id; orders pin theirs. One for a whole process: what it learns, all see."""

    by_id: Mapping[str, Process]
    current: str

    def learn(self, process: Process) -> None:
        """A definition that was adopted elsewhere. The mapping is replaced: other threads read it."""
        self.by_id = {**self.by_id, process.id: process}

    def of(self, order: WorkOrder) -> Process:
        """The definition that the order began under."""
        return self.by_id[order.facts.process]
