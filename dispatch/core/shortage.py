"""Chronic shortage of crews (DOMAIN section 4): when it is one, on what evidence, and its way to an end.

An order that waits while a trade of its centre, or a department, has no free crew is an occasion. Too many occasions
in a window, or too many promises missed because of them, open a report on that trade or department. A report ends only
by a person who says what came of it; until then it is told again. What was counted by a closed report is not
counted by the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from dispatch.core.crew import CrewDuty, Roster
from dispatch.core.errors import BadInput, GuardRefused
from dispatch.core.toml_lines import LinedToml
from dispatch.core.types import Actor

NO_FREE_CREW = "no_free_crew"
"""A remark on an order: it waits, and these scopes have nobody."""
State = Literal["open", "taken_up", "closed"]


@dataclass(frozen=True, slots=True)
class Rule:
    """When it is too often; see shortage.toml."""

    waited: timedelta
    window: timedelta
    orders: int
    missed: int
    answer_within: timedelta


def parse_rule(text: str, name: str = "shortage.toml") -> Rule:
    """Read the rule. Raises ProcessInvalid naming file and line."""
    file = LinedToml(text, name)
    table = file.table("shortage")
    orders, missed = (file.get(table, "shortage", 0, key, int) for key in ("orders", "missed"))
    for key, value in (("orders", orders), ("missed", missed)):
        if value < 1:
            raise file.fail("shortage", 0, key, f"{key} = {value}: expected a whole number above 0")
    waited, window, answer_within = (
        file.duration(table, "shortage", 0, key) for key in ("waited", "window", "answer_within")
    )
    return Rule(waited, window, orders, missed, answer_within)


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Who has too few: a trade of a centre, or one department of it."""

    centre_id: str
    trade: str
    department_id: str = ""

    @property
    def key(self) -> str:
        """Its name in an order's history."""
        return f"{self.centre_id}/{self.trade}/{self.department_id}".rstrip("/")


def scope_from(key: str) -> Scope:
    """The scope that `key` names."""
    centre_id, trade, *department = key.split("/")
    return Scope(centre_id, trade, *department)


def is_free(duty: CrewDuty, on_shift: frozenset[str]) -> bool:
    """On shift, on standby, with nothing aboard."""
    return duty.crew_id in on_shift and duty.presence == "standby" and not duty.stack


def lacking(
    roster: Roster, departments: Mapping[str, str], on_shift: frozenset[str]
) -> tuple[tuple[Scope, ...], dict[str, int]]:
    """Which scopes of a roster have no free crew now, and what the crews do (the evidence).

    `departments`: the department of each crew.
    """
    groups: dict[Scope, list[CrewDuty]] = {}
    whole = Scope(roster.centre_id, roster.trade)
    for duty in roster.crews:
        groups.setdefault(whole, []).append(duty)
        if department := departments.get(duty.crew_id, ""):
            groups.setdefault(replace(whole, department_id=department), []).append(duty)
    none = [scope for scope, crews in groups.items() if not any(is_free(one, on_shift) for one in crews)]
    here = [one for one in roster.crews if one.crew_id in on_shift]
    facts = {
        "crews": len(roster.crews), "off_shift": len(roster.crews) - len(here),
        "away": sum(one.presence == "away" for one in here), "busy": sum(bool(one.stack) for one in here),
    }  # fmt: skip
    return tuple(sorted(none)), facts


@dataclass(frozen=True, slots=True)
class Occasion:
    """An order that waited while a scope had nobody. `missed`: its promise was missed."""

    scope: Scope
    order_id: str
    at: datetime
    missed: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a report's follow-up: opened, took_up, noted, told_again, closed."""

    at: datetime
    kind: str
    by: Actor
    text: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A shortage on the desk of its leaders. `evidence`: what opened it; `until`: when the measure should have worked."""

    id: str
    scope: Scope
    opened_at: datetime
    evidence: tuple[Occasion, ...]
    state: State = "open"
    until: datetime | None = None
    steps: tuple[Step, ...] = ()
    version: int = 0

    @property
    def remind_at(self) -> datetime:
        """From when on it would be told again, before the rule's patience is added."""
        return max([s.at for s in self.steps if s.kind != "noted"], default=self.opened_at)


def findings(
    occasions: Iterable[Occasion], reports: Sequence[Report], rule: Rule, now: datetime
) -> list[tuple[Scope, tuple[Occasion, ...]]]:
    """Scopes that call for a report, each with its evidence: one occasion an order, the oldest first."""
    busy = {one.scope for one in reports if one.state != "closed"}
    ended = {one.scope: one.steps[-1].at for one in sorted(reports, key=lambda r: r.opened_at)}
    by_scope: dict[Scope, dict[str, Occasion]] = {}
    for one in sorted(occasions, key=lambda o: (o.at, o.order_id)):
        begins = max(now - rule.window, ended.get(one.scope, now - rule.window))
        if one.scope not in busy and one.at > begins:
            by_scope.setdefault(one.scope, {})[one.order_id] = one
    return [
        (scope, tuple(found.values()))
        for scope, found in sorted(by_scope.items())
        if len(found) >= rule.orders or sum(one.missed for one in found.values()) >= rule.missed
    ]


def open_report(scope: Scope, evidence: tuple[Occasion, ...], by: Actor, now: datetime) -> Report:
    """A new report, named by its scope and day."""
    name = f"{scope.key.replace('/', '-')}-{now:%Y%m%d%H%M}"
    return Report(name, scope, now, evidence, steps=(Step(now, "opened", by),))


def take_up(report: Report, text: str, until: datetime, by: Actor, now: datetime) -> Report:
    """Somebody responsible says what will be done and by when; again for another measure."""
    _is_open(report)
    if not text.strip():
        raise BadInput("say what will be done", field="text")
    if until <= now:
        raise BadInput(f"by when: {until.isoformat()} is in the past", field="until")
    return _with(replace(report, state="taken_up", until=until), Step(now, "took_up", by, text))


def add_note(report: Report, text: str, by: Actor, now: datetime) -> Report:
    """A line in the follow-up."""
    _is_open(report)
    if not text.strip():
        raise BadInput("the note is empty", field="text")
    return _with(report, Step(now, "noted", by, text))


def close(report: Report, text: str, by: Actor, now: datetime) -> Report:
    """The end: what came of it."""
    _is_open(report)
    if report.state == "open":
        raise GuardRefused(f"take {report.id} up first: say what is done about it", guard="close")
    if not text.strip():
        raise BadInput("say what came of it", field="text")
    return _with(replace(report, state="closed"), Step(now, "closed", by, text))


def is_overdue(report: Report, rule: Rule, now: datetime) -> bool:
    """Whether it has to be told again: nobody took it up in time, or its measure's day has passed."""
    if report.state == "closed":
        return False
    waiting_since = report.remind_at
    if report.state == "taken_up" and report.until is not None:
        waiting_since = max(waiting_since, report.until - rule.answer_within)
    return now >= waiting_since + rule.answer_within


def tell_again(report: Report, by: Actor, now: datetime) -> Report:
    """It was told again."""
    return _with(report, Step(now, "told_again", by))


def _is_open(report: Report) -> None:
    if report.state == "closed":
        raise GuardRefused(f"{report.id} is closed", guard="shortage", why="closed")


def _with(report: Report, step: Step) -> Report:
    return replace(report, steps=(*report.steps, step))
