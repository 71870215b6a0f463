"""Watches and their chains, as the process file says them: whom a rung tells and rings, when, and when not.

A chain never falls silent: `watches` refuses a file in which at some minute of the day every telephone of a watch
would be quiet. Words and keys: docs/process-file.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from typing import Any, get_args

from dispatch.core.toml_lines import LinedToml
from dispatch.core.types import Role

PHONES = frozenset({"centre_duty", "crew_duty", "leader1", "leader2", "on_call"})
UNITS = frozenset({"hotline", "centre", "department"})
"""Whose schedule says who is on call: the hotline's, the order's centre's, its crew's department's."""
KEYPRESSES = frozenset({"acknowledge", "in_hand"})
CHANNELS = ("page", "message")
"""`page`: sounds in the pages. `message`: also by whatever is configured outside them."""
IN_HAND = "in_hand"
"""A remark: somebody pressed 1 who is not the crew; the chain pauses."""
ROUTE = "route"
"""The remark that gives an order to another centre; the only remark that may end a watch."""
_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
DAY = [time(minute // 60, minute % 60) for minute in range(24 * 60)]


@dataclass(frozen=True, slots=True)
class Quiet:
    """When a telephone is not rung: from `start` to before `end` (local wall time, over midnight too), unless the
    order's priority is at least `unless_priority` (0: without exception)."""

    start: time
    end: time
    unless_priority: int = 0

    def silences(self, local: time, priority: int) -> bool:
        """Whether a call at this local time, about an order of this priority, is not made."""
        if self.unless_priority and priority >= self.unless_priority:
            return False
        if self.start < self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a chain: whom it alerts and by which channels, whom it phones, `after` the rung before it."""

    after: timedelta
    alert: tuple[str, ...]
    phone: str
    keypress: str
    of: str = ""
    """Where `phone` is `on_call`: whose schedule; empty: the crew's department, or the centre while there is no crew."""
    channels: tuple[str, ...] = CHANNELS
    quiet: Quiet | None = None

    def silent(self, local: time, priority: int) -> bool:
        """Whether its telephone is quiet now."""
        return self.quiet is not None and self.quiet.silences(local, priority)


@dataclass(frozen=True, slots=True)
class Watch:
    """An acknowledgement watch and its chain."""

    name: str
    start: str
    """The point that opens it; empty where only the steps of `again` do."""
    until: frozenset[str]
    again: frozenset[str]
    """Steps that open it (anew): an order that came back has nobody yet."""
    limit: timedelta
    repeat: timedelta
    pause: timedelta
    rungs: tuple[Rung, ...]

    def opens(self, step: str, point: str) -> bool:
        """Whether a step that sets this point (empty: none) opens it."""
        return step in self.again or (bool(point) and point == self.start)


@dataclass(frozen=True, slots=True)
class Owner:
    """Who answers for a party's segments: who is told and rung, and who above them, when somebody chases."""

    name: str
    told: Rung
    superior: Rung


def _rung_of(*alert: str, phone: str = "", keypress: str = "in_hand") -> Rung:
    return Rung(timedelta(), alert, phone, keypress)


_CREW = _rung_of("crew", "dispatcher", phone="crew_duty")
OWNERS: Mapping[str, Owner] = {
    "hotline": Owner("hotline", _rung_of("hotline"), _rung_of("manager")),
    "network": Owner("network", _rung_of("dispatcher"), _rung_of("manager")),
    "repair_centre": Owner("repair_centre", _rung_of("dispatcher", phone="centre_duty"), _rung_of("manager")),
    "crew_receiver": Owner(
        "crew_receiver", replace(_CREW, keypress="acknowledge"), _rung_of("dispatcher", phone="leader1")
    ),
    "crew": Owner("crew", _CREW, _rung_of("dispatcher", phone="leader1")),
}
"""For process files of the first version, which do not say it."""


@dataclass
class _Count:
    """LinedToml finds the n-th table of a name in the whole file."""

    seen: dict[str, int] = field(default_factory=dict)

    def next(self, header: str) -> int:
        self.seen[header] = self.seen.get(header, -1) + 1
        return self.seen[header]


def watches(read: LinedToml, steps: set[str]) -> tuple[Watch, ...]:
    """Every `[[watch]]`. Raises ProcessInvalid, also where a chain would fall silent."""
    count = _Count()
    found = tuple(
        _watch(read, table, index, steps, count) for index, table in enumerate(read.tables("watch"))
    )
    names = [one.name for one in found]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise read.fail("watch", index, "name", f"there are two watches called {name!r}")
    return found


def _watch(read: LinedToml, table: Mapping[str, Any], index: int, steps: set[str], count: _Count) -> Watch:
    here = ("watch", index)
    until = read.known(table, *here, "until", steps | {ROUTE})
    if not set(until) - {ROUTE}:
        raise read.fail(*here, "until", "until: expected the steps that answer it, at least one")
    again = read.known(table, *here, "again", steps)
    start = read.get(table, *here, "from", str) if "from" in table or not again else ""
    if (start or not again) and (len(start) != 1 or start not in "ABCDEFGH"):
        raise read.fail(*here, "from", f"from = {start!r}: expected one of A to H")
    if both := sorted(set(again) & set(until)):
        raise read.fail(*here, "again", f"{both[0]!r} cannot both open and end it")
    if not read.duration(table, *here, "repeat"):
        raise read.fail(*here, "repeat", "repeat: expected more than nothing")
    rungs = [
        rung
        for number, given in enumerate(read.tables("rung", table))
        for rung in _rungs(read, given, count.next("watch.rung"), first=number == 0)
    ]
    if not rungs:
        raise read.fail(*here, "", "a watch without a rung alerts nobody")
    _never_silent(read, index, rungs)
    return Watch(
        read.get(table, *here, "name", str), start, frozenset(until), frozenset(again),
        read.duration(table, *here, "limit"), read.duration(table, *here, "repeat"),
        read.duration(table, *here, "pause"), tuple(rungs),
    )  # fmt: skip


def _never_silent(read: LinedToml, index: int, rungs: list[Rung]) -> None:
    """At every minute of the day one telephone of the chain rings, where it has any."""
    phones = [rung for rung in rungs if rung.phone]
    for minute in DAY if phones else ():
        if all(rung.silent(minute, 0) for rung in phones):
            raise read.fail(
                "watch", index, "", f"at {minute:%H:%M} every telephone of the chain would be quiet: nobody is rung"
            )  # fmt: skip


def _rungs(read: LinedToml, table: Mapping[str, Any], index: int, *, first: bool) -> list[Rung]:
    """A rung of `times` is so many rungs, `every` apart."""
    here = ("watch.rung", index)
    after = timedelta() if first else read.duration(table, *here, "after")
    rung = replace(_told(read, table, *here), after=after)
    times = read.number(table, *here, "times") if "times" in table else 1
    if times != int(times) or not 1 <= times <= 20:
        raise read.fail(*here, "times", f"times = {table['times']!r}: expected a whole number from 1 to 20")
    if times == 1:
        return [rung]
    return [rung, *[replace(rung, after=read.duration(table, *here, "every"))] * (int(times) - 1)]


def _told(read: LinedToml, table: Mapping[str, Any], header: str, index: int) -> Rung:
    """Whom, by which channels, and when not."""
    here = (header, index)
    phone = read.choice(table, *here, "phone", PHONES)
    keypress = read.choice(table, *here, "keypress", KEYPRESSES) or "in_hand"
    if keypress == "acknowledge" and phone != "crew_duty":
        raise read.fail(*here, "keypress", "only the crew's own phone acknowledges; expected in_hand")
    of = read.choice(table, *here, "of", UNITS)
    if of and phone != "on_call":
        raise read.fail(*here, "of", 'of: only a rung with phone = "on_call" asks a schedule')
    channels = read.known(table, *here, "channels", CHANNELS) if "channels" in table else CHANNELS
    if "page" not in channels:
        raise read.fail(
            *here, "channels", 'channels: "page" is always among them: what is told is kept there'
        )
    alert = read.known(table, *here, "alert", get_args(Role))
    if not alert and not phone:
        raise read.fail(*here, "alert", "it tells nobody: expected alert, phone, or both")
    return Rung(timedelta(), alert, phone, keypress, of, channels, _quiet(read, table, *here))


def _quiet(read: LinedToml, table: Mapping[str, Any], header: str, index: int) -> Quiet | None:
    unless = read.number(table, header, index, "unless_priority")
    if "quiet" not in table:
        if unless:
            raise read.fail(header, index, "unless_priority", "unless_priority needs quiet")
        return None
    value = read.get(table, header, index, "quiet", str)
    match = _WINDOW.fullmatch(value.strip())
    if match is None or match[1] + match[2] == match[3] + match[4]:
        raise read.fail(
            header, index, "quiet", f'quiet = "{value}": expected a part of the day such as "22:00-06:00"'
        )
    return Quiet(time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4])), int(unless))


def owners(read: LinedToml, parties: set[str]) -> Mapping[str, Owner]:
    """Every `[[owner]]`, one for each party that owns a segment; those of the first version where there is none."""
    tables = read.tables("owner")
    if not tables:
        unknown = {
            name: Owner(name, _rung_of("manager"), _rung_of("manager")) for name in parties - set(OWNERS)
        }
        return {**OWNERS, **unknown}
    found = {}
    for index, table in enumerate(tables):
        name = read.get(table, "owner", index, "name", str)
        superior = table.get("superior")
        if not isinstance(superior, dict):
            raise read.fail("owner", index, "", f"{name}: expected a table [owner.superior]")
        told = _told(read, table, "owner", index)
        found[name] = Owner(name, told, _told(read, superior, "owner.superior", index))
    for party in sorted({*parties, "hotline", "crew"} - set(found)):
        raise read.fail("owner", len(tables) - 1, "", f"nobody is told for the party {party!r}")
    return found
