"""A process definition: the life cycle's one table, its segments, limits, owners and watches.

`parse` turns the text of a TOML file (dispatch/process/*.toml; reference in docs/process-file.md) into a
`Process` and refuses anything that it cannot interpret with ProcessInvalid, naming the line. Steps, states and
points may be added by a utility; guards and effects are known to the core by name (GUARDS, EFFECTS).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any, get_args

from dispatch.core.chains import Owner, Watch, owners, watches
from dispatch.core.toml_lines import LinedToml
from dispatch.core.types import AreaClass, Role

GUARDS = frozenset(
    {"routed", "reason", "crew_can_take", "own_order", "fault_record", "satisfaction", "called_back"}
)
EFFECTS = frozenset(
    {
        "deliver_to_centre",
        "tell_hotline",
        "tell_centre",
        "tell_crew",
        "stack",
        "unstack",
        "show_acknowledged",
        "cut_calls",
    }
)
REMARKS = frozenset(
    {
        "take_call",
        "route",
        "joined",
        "expedite",
        "supervise",
        "crew_free",
        "reordered",
        "locate",
        "removed",
        "late_receipt",
        "also_received",
        "unreceipted",
        "recall_unreceipted",
        "escalated",
        "gps_departed",
        "attempt",
        "rung",
        "overdue",
        "promise_missed",
        "in_hand",
        "not_reached",
        "grouped",
        "parted",
    }
)
"""What the core itself writes into a history: no step may be called so, or a remark would take it."""
WITHDRAWN_STEPS = frozenset({"send", "dispatch"})
POINTS = "ABCDEFGH"
STAY = "="


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the life cycle: `step` leads from `state` to `to`."""

    step: str
    state: str
    to: str
    by: frozenset[str]
    point: str = ""
    guards: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    withdraws: str = ""
    """The step whose attempt this one ends without success (`send` or `dispatch`)."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What passes between two neighbouring points, who owns it, and its usual limit."""

    name: str
    limit: timedelta
    owner: str
    title: Mapping[str, str]
    same_office: timedelta | None = None
    by_area: Mapping[str, timedelta] = field(default_factory=dict)

    def limit_for(self, area: AreaClass, same_office: bool) -> timedelta:
        """The limit that holds for an order of this area class and this crew's office."""
        if same_office and self.same_office is not None:
            return self.same_office
        return self.by_area.get(area, self.limit)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an order came back, and the party that caused it (empty: the party that says so)."""

    code: str
    cause: str
    title: Mapping[str, str]


@dataclass(frozen=True)
class Process:
    """A whole definition; orders pin `id`."""

    name: str
    version: int
    title: Mapping[str, str]
    first: str
    final: frozenset[str]
    transitions: Mapping[tuple[str, str], Transition]
    segments: tuple[Segment, ...]
    promise: Mapping[str, timedelta]
    watches: tuple[Watch, ...]
    owners: Mapping[str, Owner]
    """Who is told of a party's segments, and who above them."""
    reasons: Mapping[str, Reason]
    repeat_radius: float
    repeat_near: float
    """Metres around a call in which open orders are shown as perhaps the same fault; only within `repeat_radius` does
    it join one by itself."""
    repeat_priority: int
    chase_priority: Mapping[str, int]
    """What an expedite (催办) and a supervise (督办) add to the priority."""
    fault_types: Mapping[str, Mapping[str, str]]
    voltages: Mapping[str, Mapping[str, str]]
    text: str = ""

    @property
    def id(self) -> str:
        """Name and version, as every order pins it: `fault_repair@1`."""
        return f"{self.name}@{self.version}"

    @property
    def states(self) -> tuple[str, ...]:
        """Every state, in the order of the file."""
        seen = dict.fromkeys([self.first])
        for (state, _), row in self.transitions.items():
            seen.setdefault(state)
            seen.setdefault(row.to)
        return tuple(seen)

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """Every step, in the order of the file."""
        return tuple(dict.fromkeys(step for _, step in self.transitions))

    def segment(self, name: str) -> Segment:
        """The segment called `name`."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Segment]:
        return {segment.name: segment for segment in self.segments}

    def watch(self, name: str) -> Watch:
        """The watch called `name`."""
        return next(w for w in self.watches if w.name == name)

    def moved(self, state: str, step: str) -> str:
        """The state after an event: the first one after the call, the same one after a remark."""
        row = self.transitions.get((state, step))
        return self.first if not state else (row.to if row else state)


def parse(text: str, name: str = "process.toml") -> Process:
    """Read and validate a definition. Raises ProcessInvalid with `file:line: what was expected`."""
    read = LinedToml(text, name)
    head = read.table("process")
    called = read.get(head, "process", 0, "name", str)
    transitions = _transitions(read)
    repeat = {"near": 300, **read.table("repeat")}
    chase = {"expedite": 1, "supervise": 1, **read.table("chase")}
    segments = _segments(read)
    process = Process(
        name=called,
        version=read.get(head, "process", 0, "version", int),
        title=read.titles(head, "process", 0),
        first=read.get(head, "process", 0, "first", str),
        final=frozenset(read.names(head, "process", 0, "final")),
        transitions=transitions,
        segments=segments,
        promise=_promise(read),
        watches=watches(read, {row.step for row in transitions.values()}),
        owners=owners(read, {segment.owner for segment in segments}),
        reasons=_reasons(read),
        repeat_radius=read.number(repeat, "repeat", 0, "radius"),
        repeat_near=read.number(repeat, "repeat", 0, "near"),
        repeat_priority=int(read.number(repeat, "repeat", 0, "priority")),
        chase_priority={
            kind: int(read.number(chase, "chase", 0, kind)) for kind in ("expedite", "supervise")
        },
        fault_types=_labels(read, "fault_type"),
        voltages=_labels(read, "voltage"),
        text=text,
    )
    _check_states(read, process)
    return process


def _labels(read: LinedToml, header: str) -> dict[str, Mapping[str, str]]:
    table = read.table(header)
    return {key: read.titles(table, header, 0, key) for key in table}


def _transitions(read: LinedToml) -> dict[tuple[str, str], Transition]:
    rows: dict[tuple[str, str], Transition] = {}
    for index, table in enumerate(read.tables("transition")):
        row = _transition(read, table, index)
        for state in read.names(table, "transition", index, "from"):
            if (state, row.step) in rows:
                raise read.fail("transition", index, "from", f"{row.step!r} leaves {state!r} twice")
            rows[state, row.step] = replace(row, state=state, to=state if row.to == STAY else row.to)
    return rows


def _transition(read: LinedToml, table: Mapping[str, Any], index: int) -> Transition:
    here = ("transition", index)
    step = read.get(table, *here, "step", str)
    if step in REMARKS:
        raise read.fail(*here, "step", f"{step!r} is what the core itself writes: call the step otherwise")
    by = read.known(table, *here, "by", get_args(Role))
    guards, effects = read.known(table, *here, "guards", GUARDS), read.known(table, *here, "effects", EFFECTS)
    point = read.get(table, *here, "point", str) if "point" in table else ""
    if point and (len(point) != 1 or point not in POINTS):
        raise read.fail(*here, "point", f"point = {point!r}: expected one of A to H")
    withdraws = read.choice(table, *here, "withdraws", WITHDRAWN_STEPS)
    to = read.get(table, *here, "to", str)
    return Transition(step, "", to, frozenset(by), point, guards, effects, withdraws)


def _segments(read: LinedToml) -> tuple[Segment, ...]:
    rows = []
    for index, table in enumerate(read.tables("segment")):
        by_area = {
            area: read.duration(table, "segment", index, f"limit_{area}")
            for area in get_args(AreaClass)
            if f"limit_{area}" in table
        }
        same = (
            read.duration(table, "segment", index, "limit_same_office")
            if "limit_same_office" in table
            else None
        )
        rows.append(
            Segment(
                read.get(table, "segment", index, "name", str),
                read.duration(table, "segment", index, "limit"),
                read.get(table, "segment", index, "owner", str),
                read.titles(table, "segment", index),
                same,
                by_area,
            )
        )
    expected = [a + b for a, b in pairwise(POINTS)]
    if [row.name for row in rows] != expected:
        raise read.fail("segment", 0, "name", f"expected the segments {', '.join(expected)} in this order")
    return tuple(rows)


def _promise(read: LinedToml) -> dict[str, timedelta]:
    table = read.table("promise")
    return {area: read.duration(table, "promise", 0, area) for area in get_args(AreaClass)}


def _reasons(read: LinedToml) -> dict[str, Reason]:
    reasons = {}
    for index, table in enumerate(read.tables("reason")):
        code = read.get(table, "reason", index, "code", str)
        cause = read.get(table, "reason", index, "cause", str)
        reasons[code] = Reason(code, cause, read.titles(table, "reason", index))
    return reasons


def _check_states(read: LinedToml, process: Process) -> None:
    leaves = {state for state, _ in process.transitions}
    reached = _reachable(process)
    for state in sorted(leaves - reached):
        raise read.fail("process", 0, "first", f"state {state!r} is left but never reached")
    for state in sorted(reached - leaves - process.final):
        raise read.fail("process", 0, "final", f"state {state!r} is a dead end and not final")
    for state in sorted(process.final - reached):
        raise read.fail("process", 0, "final", f"final state {state!r} is never reached")
    for state in sorted(process.final & leaves):
        raise read.fail("process", 0, "final", f"final state {state!r} is left again")
    points = {row.point for row in process.transitions.values() if row.point}
    missing = sorted(set(POINTS[1:]) - points)
    if missing:
        raise read.fail("process", 0, "first", f"no transition sets the point {', '.join(missing)}")


def _reachable(process: Process) -> set[str]:
    reached, fresh = {process.first}, {process.first}
    while fresh:
        fresh = {row.to for row in process.transitions.values() if row.state in fresh} - reached
        reached |= fresh
    return reached
