"""Whether the promise was kept, and whose minutes were lost: figures over many orders.

`measure` turns one order into what is counted of it, `summarise` counts. Percentiles are by nearest rank: a
figure that is shown was really measured. An order is judged when it has arrived, or when its deadline has
passed without; what was cancelled before either is neither kept nor broken.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from math import ceil

from dispatch.core.escalation import RUNG
from dispatch.core.process import Process
from dispatch.core.segments import Timeline, deadline, overruns, timeline
from dispatch.core.work_order import WorkOrder


@dataclass(frozen=True, slots=True)
class Late:
    """A limit that was exceeded: by whom, by how many seconds."""

    label: str
    owner: str
    excess_s: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One order, as it is counted. `day` is local; `within` is None where it cannot be judged yet."""

    id: str
    day: str
    state: str
    centre_id: str
    crew_id: str
    trade: str
    area_class: str
    fault_type: str
    address: str
    reported_at: datetime
    deadline: datetime
    arrived_at: datetime | None
    total_s: float
    within: bool | None
    segments: Mapping[str, float]
    """Seconds of each segment that is over."""
    late: tuple[Late, ...]
    rungs: tuple[tuple[str, int], ...]
    """Watch and rung (from 1) of each escalation."""
    dispatches: int
    stacked: int
    joined: int
    satisfied: bool | None


@dataclass(frozen=True, slots=True)
class Share:
    """How many orders of one day, centre, crew, trade or area class arrived within the promise."""

    name: str
    orders: int
    arrived: int
    within: int
    within_pct: float | None
    """Of those that can be judged: arrived, or too late already."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of `n` durations, in seconds."""

    n: int
    p50: float | None
    p90: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class SegmentFigures:
    """One segment: its limit, its spread, and how often it was exceeded."""

    name: str
    limit_s: float
    owner: str
    n: int
    p50: float | None
    p90: float | None
    p95: float | None
    median_plus_1min: float | None
    """What the limit would be, set as it once was: usual consumption and a minute."""
    overruns: int


@dataclass(frozen=True, slots=True)
class OwnerLate:
    """What one party's overruns sum to."""

    owner: str
    seconds: float
    orders: int


@dataclass(frozen=True, slots=True)
class RungCount:
    """How often a rung of a watch fired."""

    watch: str
    rung: int
    count: int


@dataclass(frozen=True, slots=True)
class Compliance:
    """All figures of a period."""

    orders: int
    arrived: int
    within: int
    within_pct: float | None
    by_day: tuple[Share, ...]
    by_centre: tuple[Share, ...]
    by_crew: tuple[Share, ...]
    by_trade: tuple[Share, ...]
    by_area: tuple[Share, ...]
    segments: tuple[SegmentFigures, ...]
    total: Spread
    late_by_owner: tuple[OwnerLate, ...]
    escalations: tuple[RungCount, ...]
    stacked_pct: float | None
    joined: int
    satisfied_pct: float | None


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that at least `percent` of all do not exceed (nearest rank); None of nothing."""
    if not values:
        return None
    return sorted(values)[max(1, ceil(percent / 100 * len(values))) - 1]


def measure(order: WorkOrder, process: Process, now: datetime, zone: tzinfo) -> Measured:
    """What is counted of one order."""
    facts, line = order.facts, timeline(order, process, now)
    promise, arrived = deadline(order, process), line.points.get("H")
    judged_late = False if facts.reported_at + line.total > promise else None
    dispatches = [e for e in order.history if e.kind == "dispatch"]
    return Measured(
        id=order.id, day=facts.reported_at.astimezone(zone).date().isoformat(), state=order.state,
        centre_id=order.centre_id, crew_id=order.crew_id, trade=order.trade, area_class=order.area_class,
        fault_type=facts.fault_type, address=facts.address, reported_at=facts.reported_at, deadline=promise,
        arrived_at=arrived, total_s=line.total.total_seconds(),
        within=arrived <= promise if arrived else judged_late, segments=_ended(line, process),
        late=tuple(
            Late(o.label, o.owner, o.excess.total_seconds()) for o in overruns(order, process, now)
        ),
        rungs=tuple((str(e.data["watch"]), int(e.data["rung"])) for e in order.history if e.kind == RUNG),
        dispatches=len(dispatches), stacked=sum(1 for e in dispatches if e.data.get("behind")),
        joined=sum(1 for e in order.history if e.kind == "joined"), satisfied=order.satisfied,
    )  # fmt: skip


def _ended(line: Timeline, process: Process) -> dict[str, float]:
    """The segments that were passed; the one that runs, or was cut off by a cancellation, is not over."""
    passed = {i.label for i in line.intervals}
    if "H" not in line.points:
        passed.discard(line.intervals[-1].label)
    return {s.name: line.duration(s.name).total_seconds() for s in process.segments if s.name in passed}


def summarise(orders: Sequence[Measured], process: Process) -> Compliance:
    """All figures over these orders, with the limits of `process`."""
    whole = share("", orders)
    stacked = sum(o.stacked for o in orders)
    answered = [o for o in orders if o.satisfied is not None]
    return Compliance(
        whole.orders, whole.arrived, whole.within, whole.within_pct,
        _by(orders, lambda o: o.day), _by(orders, lambda o: o.centre_id), _by(orders, lambda o: o.crew_id),
        _by(orders, lambda o: o.trade), _by(orders, lambda o: o.area_class),
        tuple(_segment(orders, process, s.name) for s in process.segments),
        spread([o.total_s for o in orders if o.arrived_at is not None]),
        _late_by_owner(orders), _escalations(orders),
        _percent(stacked, sum(o.dispatches for o in orders)), sum(o.joined for o in orders),
        _percent(sum(1 for o in answered if o.satisfied), len(answered)),
    )  # fmt: skip


def share(name: str, orders: Sequence[Measured]) -> Share:
    """How many of these orders kept the promise."""
    arrived = sum(1 for o in orders if o.arrived_at is not None)
    within = sum(1 for o in orders if o.within)
    judged = sum(1 for o in orders if o.within is not None)
    return Share(name, len(orders), arrived, within, _percent(within, judged))


def spread(values: Sequence[float]) -> Spread:
    """Median, 90th and 95th percentile."""
    return Spread(len(values), *(percentile(values, p) for p in (50, 90, 95)))


def _by(orders: Sequence[Measured], key: Callable[[Measured], str]) -> tuple[Share, ...]:
    groups: dict[str, list[Measured]] = defaultdict(list)
    for order in orders:
        groups[key(order)].append(order)
    return tuple(share(name, group) for name, group in sorted(groups.items()))


def _segment(orders: Sequence[Measured], process: Process, name: str) -> SegmentFigures:
    segment = process.segment(name)
    found = spread([o.segments[name] for o in orders if name in o.segments])
    late = sum(1 for o in orders if any(one.label == name for one in o.late))
    return SegmentFigures(
        name, segment.limit.total_seconds(), segment.owner, found.n, found.p50, found.p90, found.p95,
        None if found.p50 is None else found.p50 + 60, late,
    )  # fmt: skip


def _late_by_owner(orders: Sequence[Measured]) -> tuple[OwnerLate, ...]:
    seconds: dict[str, float] = defaultdict(float)
    touched: dict[str, set[str]] = defaultdict(set)
    for order in orders:
        for late in order.late:
            seconds[late.owner] += late.excess_s
            touched[late.owner].add(order.id)
    return tuple(OwnerLate(owner, round(s, 3), len(touched[owner])) for owner, s in sorted(seconds.items()))


def _escalations(orders: Sequence[Measured]) -> tuple[RungCount, ...]:
    counts = Counter(rung for order in orders for rung in order.rungs)
    return tuple(RungCount(watch, rung, count) for (watch, rung), count in sorted(counts.items()))


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None
