"""What is counted of one order: whether the promise was kept, whose minutes were lost, what its escalations achieved.

An order is judged when it has arrived, or when its deadline has passed without; what was cancelled before either is
neither kept nor broken. Figures over many orders: `core.sheet` and `core.figures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from dispatch.core.chains import IN_HAND
from dispatch.core.escalation import RUNG
from dispatch.core.process import Process
from dispatch.core.segments import Timeline, deadline, overruns, timeline
from dispatch.core.types import Point
from dispatch.core.work_order import Event, WorkOrder

ENDS = ("answered", "in_hand", "next_rung", "withdrawn", "quiet", "open")
"""What came of a rung: the step that was waited for; a person took it in hand; the next rung; the order was withdrawn
or cancelled; it was silent by rule; nothing yet."""


@dataclass(frozen=True, slots=True)
class Late:
    """A limit that was exceeded: by whom, by how many seconds."""

    label: str
    owner: str
    excess_s: float


@dataclass(frozen=True, slots=True)
class Climbed:
    """A rung (from 1) of a watch that fired, one of ENDS, and the seconds until that (None: nothing yet)."""

    watch: str
    rung: int
    end: str
    after_s: float | None


@dataclass(frozen=True, slots=True)
class Busy:
    """A crew worked on it: from its acknowledgement until it was restored, taken from the crew, or ended (None: not yet)."""

    crew: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Measured:
    """One order, as it is counted. `day` and `hour` are local; `within` is None where it cannot be judged yet."""

    id: str
    version: int
    day: str
    hour: int
    state: str
    centre_id: str
    crew_id: str
    trade: str
    area_class: str
    fault_type: str
    cause: str
    """From the crew's fault record; empty until it is written."""
    address: str
    place: Point | None
    reported_at: datetime
    deadline: datetime
    arrived_at: datetime | None
    total_s: float
    within: bool | None
    segments: Mapping[str, float]
    """Seconds of each segment that is over."""
    late: tuple[Late, ...]
    rungs: tuple[Climbed, ...]
    dispatches: int
    stacked: int
    joined: int
    satisfied: bool | None
    running: bool
    """It has neither arrived nor ended: its times still grow, and are those of the moment it was measured."""
    busy: tuple[Busy, ...]


def measure(order: WorkOrder, process: Process, now: datetime, zone: tzinfo) -> Measured:
    """What is counted of one order."""
    facts, line = order.facts, timeline(order, process, now)
    reported = line.points["A"]
    promise, arrived = deadline(order, process), line.points.get("H")
    judged_late = False if reported + line.total > promise else None
    dispatches = [e for e in order.history if e.kind == "dispatch"]
    local, record = reported.astimezone(zone), order.record or {}
    return Measured(
        id=order.id, version=order.version, day=local.date().isoformat(), hour=local.hour, state=order.state,
        centre_id=order.centre_id, crew_id=order.crew_id, trade=order.trade, area_class=order.area_class,
        fault_type=facts.fault_type, cause=str(record.get("cause") or ""), address=facts.address,
        place=facts.place, reported_at=reported, deadline=promise,
        arrived_at=arrived, total_s=line.total.total_seconds(),
        within=arrived <= promise if arrived else judged_late, segments=_ended(line, process),
        late=tuple(
            Late(o.label, o.owner, o.excess.total_seconds()) for o in overruns(order, process, now)
        ),
        rungs=_climbed(order, process), dispatches=len(dispatches),
        stacked=sum(1 for e in dispatches if e.data.get("behind")),
        joined=sum(1 for e in order.history if e.kind == "joined"), satisfied=order.satisfied,
        running=bool(line.running), busy=_busy(order, process),
    )  # fmt: skip


def _busy(order: WorkOrder, process: Process) -> tuple[Busy, ...]:
    """Of every crew that had it, also of those from whom it was withdrawn; whose it was, its dispatches say."""
    found: list[Busy] = []
    state = crew = ""
    since: datetime | None = None
    for event in order.history:
        row = process.transitions.get((state, event.kind))
        state = process.moved(state, event.kind)
        if row is None:
            continue
        rid = row.point == "D" or row.withdraws or event.kind == "restore" or state in process.final
        if since is not None and rid:
            found.append(Busy(crew, since, event.at))
            since = None
        if row.point == "D":
            crew = str(event.data["crew_id"])
        elif row.point == "F":
            since = event.at
    return tuple(found) if since is None else (*found, Busy(crew, since, None))


def _ended(line: Timeline, process: Process) -> dict[str, float]:
    """The segments that were passed; the one that runs, or was cut off by a cancellation, is not over."""
    passed = {i.label for i in line.intervals}
    if "H" not in line.points:
        passed.discard(line.intervals[-1].label)
    return {s.name: line.duration(s.name).total_seconds() for s in process.segments if s.name in passed}


def _climbed(order: WorkOrder, process: Process) -> tuple[Climbed, ...]:
    """Every rung that fired, with what came of it."""
    return tuple(
        _achieved(event, order.history[place + 1 :], process)
        for place, event in enumerate(order.history)
        if event.kind == RUNG
    )


def _achieved(rung: Event, after: Sequence[Event], process: Process) -> Climbed:
    watch, number = str(rung.data["watch"]), int(rung.data["rung"])
    generation = rung.data.get("generation")
    until = next((set(w.until) for w in process.watches if w.name == watch), set[str]())
    if rung.data.get("skipped"):
        return Climbed(watch, number, "quiet", 0.0)
    for event in after:
        of = event.data.get("generation", generation)  # who takes it in hand names the watch only
        same = event.data.get("watch") == watch and of == generation
        end = {RUNG: "next_rung", IN_HAND: "in_hand"}.get(event.kind, "") if same else ""
        if event.kind in until:
            end = "withdrawn" if _gives_up(event.kind, process) else "answered"
        if end:
            return Climbed(watch, number, end, (event.at - rung.at).total_seconds())
    return Climbed(watch, number, "open", None)


def _gives_up(step: str, process: Process) -> bool:
    """Whether the step takes the order away instead of answering."""
    rows = [row for (_, kind), row in process.transitions.items() if kind == step]
    return any(row.withdraws or row.to in process.final for row in rows)
