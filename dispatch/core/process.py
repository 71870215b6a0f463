"""A process definition: the life cycle's one table, its segments, limits, owners and watches.

`parse` turns the text of a TOML file (dispatch/process/*.toml; reference in docs/process-file.md) into a
`Process` and refuses anything that it cannot interpret with ProcessInvalid, naming the line. Steps, states and
points may be added by a utility; guards and effects are known to the core by name (GUARDS, EFFECTS).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any, get_args

from dispatch.core.errors import ProcessInvalid
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
PHONES = frozenset({"centre_duty", "crew_duty", "leader1", "leader2"})
KEYPRESSES = frozenset({"acknowledge", "in_hand"})
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
class Rung:
    """One step of a watch's chain: whom it alerts, whom it phones, `after` the rung before it."""

    after: timedelta
    alert: tuple[str, ...]
    phone: str
    keypress: str


@dataclass(frozen=True, slots=True)
class Watch:
    """An acknowledgement watch and its chain."""

    name: str
    start: str
    until: frozenset[str]
    limit: timedelta
    repeat: timedelta
    pause: timedelta
    rungs: tuple[Rung, ...]


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
    reasons: Mapping[str, Reason]
    repeat_radius: float
    repeat_priority: int
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

    @property
    def steps(self) -> tuple[str, ...]:
        """Every step, in the order of the file."""
        return tuple(dict.fromkeys(step for _, step in self.transitions))

    def segment(self, name: str) -> Segment:
        """The segment called `name`."""
        return next(s for s in self.segments if s.name == name)

    def watch(self, name: str) -> Watch:
        """The watch called `name`."""
        return next(w for w in self.watches if w.name == name)


_DURATION = re.compile(r"(\d+)\s*([smh])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


class _Reader:
    """Reads one file and knows on which line each table began."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.lines = text.splitlines()
        try:
            self.data: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ProcessInvalid(f"{name}: {error}") from None

    def line_of(self, header: str, index: int, key: str = "") -> int:
        """1-based line of the `index`-th `[header]` or `[[header]]`, or of `key` inside it."""
        starts = [n for n, line in enumerate(self.lines) if line.strip() in {f"[{header}]", f"[[{header}]]"}]
        if index >= len(starts):
            return 1
        for n in range(starts[index] + 1, len(self.lines)):
            if self.lines[n].lstrip().startswith("["):
                break
            if key and re.match(rf"\s*{re.escape(key)}\s*=", self.lines[n]):
                return n + 1
        return starts[index] + 1

    def fail(self, header: str, index: int, key: str, message: str) -> ProcessInvalid:
        return ProcessInvalid(f"{self.name}:{self.line_of(header, index, key)}: {header}: {message}")

    def get(self, table: Mapping[str, Any], header: str, index: int, key: str, kind: type) -> Any:
        if key not in table:
            raise self.fail(header, index, "", f"{key!r} is missing")
        value = table[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.fail(header, index, key, f"{key} = {value!r}: expected {kind.__name__}")
        return value

    def names(self, table: Mapping[str, Any], header: str, index: int, key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.fail(header, index, key, f"{key} = {value!r}: expected a list of names")
        return tuple(value)

    def duration(self, table: Mapping[str, Any], header: str, index: int, key: str) -> timedelta:
        value = self.get(table, header, index, key, str)
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise self.fail(
                header, index, key, f'{key} = "{value}": expected a duration such as "90s" or "4m"'
            )
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


def parse(text: str, name: str = "process.toml") -> Process:
    """Read and validate a definition. Raises ProcessInvalid with `file:line: what was expected`."""
    read = _Reader(text, name)
    head = read.data.get("process", {})
    transitions = _transitions(read)
    process = Process(
        name=read.get(head, "process", 0, "name", str),
        version=read.get(head, "process", 0, "version", int),
        title=head.get("title", {}),
        first=read.get(head, "process", 0, "first", str),
        final=frozenset(read.names(head, "process", 0, "final")),
        transitions=transitions,
        segments=_segments(read),
        promise=_promise(read),
        watches=_watches(read, {row.step for row in transitions.values()}),
        reasons=_reasons(read),
        repeat_radius=float(read.data.get("repeat", {}).get("radius", 0)),
        repeat_priority=int(read.data.get("repeat", {}).get("priority", 0)),
        fault_types=read.data.get("fault_type", {}),
        voltages=read.data.get("voltage", {}),
        text=text,
    )
    _check_states(read, process)
    return process


def _transitions(read: _Reader) -> dict[tuple[str, str], Transition]:
    rows: dict[tuple[str, str], Transition] = {}
    for index, table in enumerate(read.data.get("transition", [])):
        step = read.get(table, "transition", index, "step", str)
        to = read.get(table, "transition", index, "to", str)
        by = read.names(table, "transition", index, "by")
        point = table.get("point", "")
        _known(read, "transition", index, "by", by, get_args(Role))
        _known(read, "transition", index, "guards", read.names(table, "transition", index, "guards"), GUARDS)
        _known(
            read, "transition", index, "effects", read.names(table, "transition", index, "effects"), EFFECTS
        )
        if point and (len(point) != 1 or point not in POINTS):
            raise read.fail("transition", index, "point", f"point = {point!r}: expected one of A to H")
        for state in read.names(table, "transition", index, "from"):
            if (state, step) in rows:
                raise read.fail("transition", index, "from", f"{step!r} leaves {state!r} twice")
            rows[state, step] = Transition(
                step,
                state,
                state if to == STAY else to,
                frozenset(by),
                point,
                read.names(table, "transition", index, "guards"),
                read.names(table, "transition", index, "effects"),
                table.get("withdraws", ""),
            )
    return rows


def _known(
    read: _Reader,
    header: str,
    index: int,
    key: str,
    given: Sequence[str],
    known: Sequence[str] | frozenset[str],
) -> None:
    for word in given:
        if word not in known:
            raise read.fail(
                header, index, key, f"{key}: {word!r} is not known; expected {', '.join(sorted(known))}"
            )


def _segments(read: _Reader) -> tuple[Segment, ...]:
    rows = []
    for index, table in enumerate(read.data.get("segment", [])):
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
                table.get("title", {}),
                same,
                by_area,
            )
        )
    expected = [a + b for a, b in pairwise(POINTS)]
    if [row.name for row in rows] != expected:
        raise read.fail("segment", 0, "name", f"expected the segments {', '.join(expected)} in this order")
    return tuple(rows)


def _promise(read: _Reader) -> dict[str, timedelta]:
    table = read.data.get("promise", {})
    return {area: read.duration(table, "promise", 0, area) for area in get_args(AreaClass)}


def _watches(read: _Reader, steps: set[str]) -> tuple[Watch, ...]:
    watches = []
    rung_index = 0
    for index, table in enumerate(read.data.get("watch", [])):
        until = read.names(table, "watch", index, "until")
        _known(read, "watch", index, "until", until, sorted(steps))
        rungs = []
        for number, rung in enumerate(table.get("rung", [])):
            rungs.append(_rung(read, rung, rung_index, first=number == 0))
            rung_index += 1
        if not rungs:
            raise read.fail("watch", index, "", "a watch without a rung alerts nobody")
        start = read.get(table, "watch", index, "from", str)
        if start not in POINTS:
            raise read.fail("watch", index, "from", f"from = {start!r}: expected one of A to H")
        watches.append(
            Watch(
                read.get(table, "watch", index, "name", str),
                start,
                frozenset(until),
                read.duration(table, "watch", index, "limit"),
                read.duration(table, "watch", index, "repeat"),
                read.duration(table, "watch", index, "pause"),
                tuple(rungs),
            )
        )
    return tuple(watches)


def _rung(read: _Reader, table: Mapping[str, Any], index: int, *, first: bool) -> Rung:
    after = timedelta() if first else read.duration(table, "watch.rung", index, "after")
    phone = table.get("phone", "")
    keypress = table.get("keypress", "in_hand")
    alert = read.names(table, "watch.rung", index, "alert")
    _known(read, "watch.rung", index, "alert", alert, get_args(Role))
    _known(read, "watch.rung", index, "phone", [phone] if phone else [], PHONES)
    _known(read, "watch.rung", index, "keypress", [keypress], KEYPRESSES)
    if keypress == "acknowledge" and phone != "crew_duty":
        raise read.fail(
            "watch.rung", index, "keypress", "only the crew's own phone acknowledges; expected in_hand"
        )
    return Rung(after, alert, phone, keypress)


def _reasons(read: _Reader) -> dict[str, Reason]:
    reasons = {}
    for index, table in enumerate(read.data.get("reason", [])):
        code = read.get(table, "reason", index, "code", str)
        reasons[code] = Reason(code, read.get(table, "reason", index, "cause", str), table.get("title", {}))
    return reasons


def _check_states(read: _Reader, process: Process) -> None:
    leaves = {state for state, _ in process.transitions}
    reached = {process.first} | {row.to for row in process.transitions.values()}
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
