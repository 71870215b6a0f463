"""Which trade and which centre a call belongs to: ordered rules, read as data.

A call is routed by fault type, voltage and the kind of territory that its place lies on. What cannot be routed
says why, for the person who then decides.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from dispatch.core.errors import ProcessInvalid
from dispatch.core.territory import Territories, Territory, TerritoryKind
from dispatch.core.types import AreaClass, Point

FaultType = Literal[
    "service_drop",
    "meter",
    "lv_distribution",
    "low_voltage_line",
    "mv_line",
    "transformer",
    "cable",
    "no_supply",
    "other",
]
Voltage = Literal["lv", "10kv"]

FAULT_TYPES: tuple[str, ...] = get_args(FaultType)
VOLTAGES: tuple[str, ...] = get_args(Voltage)
TERRITORY_KINDS: tuple[str, ...] = get_args(TerritoryKind)

_LISTS = {"fault_types": FAULT_TYPES, "voltages": VOLTAGES, "territory_kinds": TERRITORY_KINDS}
_TEXTS = ("id", "trade", "department")
_NOWHERE = "the place lies on no territory"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; an empty set fits everything."""

    id: str
    trade: str
    department: str
    """Kind of the responsible department."""
    fault_types: frozenset[str] = frozenset()
    voltages: frozenset[str] = frozenset()
    territory_kinds: frozenset[str] = frozenset()

    def fits_fault(self, fault_type: str, voltage: str) -> bool:
        """Whether the rule is about this fault, wherever it is."""
        return _within(fault_type, self.fault_types) and _within(voltage, self.voltages)


@dataclass(frozen=True, slots=True)
class Rules:
    """Ordered rules, and which territory kind counts as which other one."""

    rules: tuple[Rule, ...]
    same_as: Mapping[str, str] = field(default_factory=dict)

    def first(self, fault_type: str, voltage: str, kind: str) -> Rule | None:
        """The first rule that fits; None where none does."""
        about = [rule for rule in self.rules if rule.fits_fault(fault_type, voltage)]
        named = any(kind in rule.territory_kinds for rule in about)
        effective = kind if named else self.same_as.get(kind, kind)
        return next((rule for rule in about if _within(effective, rule.territory_kinds)), None)


@dataclass(frozen=True, slots=True)
class Routed:
    """Who is responsible, and by which rule."""

    territory: Territory
    centre_id: str
    trade: str
    department: str
    area_class: AreaClass
    rule: str

    def as_data(self) -> dict[str, str]:
        """As the event that it follows from has it."""
        routing = {"centre_id": self.centre_id, "trade": self.trade, "area_class": self.area_class}
        return {**routing, "territory": self.territory.id, "rule": self.rule}


@dataclass(frozen=True, slots=True)
class Unroutable:
    """A person must decide; `code` is stable, `reason` is for reading."""

    code: Literal["no_place", "no_territory", "several_territories", "no_rule"]
    reason: str
    territories: tuple[str, ...] = ()
    """Names of the territories in question."""


def territory_of(place: Point, territories: Territories) -> Territory | Unroutable:
    """Whose land a place lies on. Territories that overlap but agree in centre, area class and kind are no obstacle."""
    found = territories.at(place)
    if not found:
        return Unroutable("no_territory", _NOWHERE)
    if len({(one.centre_id, one.area_class, one.kind) for one in found}) > 1:
        names = tuple(one.name for one in found)
        return Unroutable("several_territories", f"the place lies on {' and '.join(names)}", names)
    return found[0]


def route_responsibility(
    call_place: Point | None, fault_type: str, voltage: str, territories: Territories, rules: Rules
) -> Routed | Unroutable:
    """Find the responsible centre and trade of a call.

    A place that is not known, a fault type or a voltage that no rule mentions, are values too: `Unroutable`.
    """
    if call_place is None:
        return Unroutable("no_place", "the place of the call is not known")
    land = territory_of(call_place, territories)
    if isinstance(land, Unroutable):
        return land
    rule = rules.first(fault_type, voltage, land.kind)
    if rule is None:
        what = f"fault {fault_type or 'unknown'}, voltage {voltage or 'unknown'}, territory {land.kind}"
        return Unroutable(
            "no_rule", f"no rule for {what}", tuple(one.name for one in territories.at(call_place))
        )
    return Routed(land, land.centre_id, rule.trade, rule.department, land.area_class, rule.id)


def parse_responsibility(text: str, source: str = "responsibility.toml") -> Rules:
    """Read and check the rules. Raises ProcessInvalid naming `source`, the line and what was expected."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProcessInvalid(f"{source}: {error}") from None
    lines = _Lines(text, source)
    for key in data.keys() - {"rule", "same_as"}:
        raise lines.wrong(0, key, "only [same_as] and [[rule]]")
    raw = data.get("rule")
    if not isinstance(raw, list) or not raw or not all(isinstance(one, dict) for one in raw):
        raise lines.wrong(0, "rule", "at least one [[rule]]")
    rules = tuple(_rule(number, one, lines) for number, one in enumerate(raw, start=1))
    for number, rule in enumerate(rules, start=1):
        if rule.id in {other.id for other in rules[: number - 1]}:
            raise lines.wrong(number, "id", f"an id that no other rule has, found {rule.id!r}")
    return Rules(rules, _same_as(data.get("same_as", {}), lines))


def _within(value: str, allowed: frozenset[str]) -> bool:
    return not allowed or value in allowed


class _Lines:
    """Finds the line that a value of the n-th [[rule]] (1-based; 0: the rest of the file) stands on."""

    def __init__(self, text: str, source: str) -> None:
        self._source = source
        self._at: dict[tuple[int, str], int] = {}
        rule = count = 0
        for number, line in enumerate(text.splitlines(), start=1):
            if re.match(r"\s*\[\[\s*rule\s*\]\]", line):
                count += 1
                rule = count
                self._at[rule, ""] = number
            elif header := re.match(r"\s*\[\[?\s*([\w-]+)", line):
                rule = 0
                self._at.setdefault((0, header[1]), number)
            elif key := re.match(r"""\s*["']?([\w-]+)["']?\s*=""", line):
                self._at.setdefault((rule, key[1]), number)

    def wrong(self, rule: int, key: str, expected: str) -> ProcessInvalid:
        line = self._at.get((rule, key)) or self._at.get((rule, ""), 1)
        return ProcessInvalid(f"{self._source} line {line}, {key}: expected {expected}", line=line, key=key)


def _rule(number: int, raw: dict[str, Any], lines: _Lines) -> Rule:
    for key in raw:
        if key not in _LISTS and key not in _TEXTS:
            raise lines.wrong(number, key, f"one of {', '.join((*_TEXTS, *_LISTS))}")
    for key in _TEXTS:
        if not isinstance(raw.get(key), str) or not raw[key].strip():
            raise lines.wrong(number, key, f"a text, found {raw.get(key)!r}")
    sets = {key: _choices(number, key, raw[key], lines) for key in _LISTS if key in raw}
    return Rule(raw["id"], raw["trade"], raw["department"], **sets)


def _choices(number: int, key: str, value: object, lines: _Lines) -> frozenset[str]:
    allowed = _LISTS[key]
    if not isinstance(value, list) or not value:
        raise lines.wrong(number, key, f"a list of {', '.join(allowed)}")
    for one in value:
        if one not in allowed:
            raise lines.wrong(number, key, f"only {', '.join(allowed)}, found {one!r}")
    return frozenset(value)


def _same_as(raw: object, lines: _Lines) -> dict[str, str]:
    if not isinstance(raw, dict):
        raise lines.wrong(0, "same_as", "a table of territory kinds")
    for kind, other in raw.items():
        if kind not in TERRITORY_KINDS or other not in TERRITORY_KINDS:
            raise lines.wrong(0, kind, f"kinds among {', '.join(TERRITORY_KINDS)}, found {kind} = {other!r}")
    return dict(raw)
