"""When too few crews are a report, on what evidence, and how it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest

from dispatch.core.crew import CrewDuty, Roster, Stacked
from dispatch.core.errors import BadInput, GuardRefused, ProcessInvalid
from dispatch.core.shortage import (
    Occasion,
    Report,
    Scope,
    add_note,
    close,
    findings,
    is_overdue,
    lacking,
    open_report,
    parse_rule,
    scope_from,
    take_up,
    tell_again,
)
from dispatch.core.types import SYSTEM, Actor

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TEXT = files("dispatch").joinpath("process", "shortage.toml").read_text(encoding="utf-8")
RULE = parse_rule(TEXT)
MONA = Actor("manager", "mona")
TRADE, STATION = Scope("north", "service"), Scope("north", "service", "d1")


def occasions(
    count: int, *, missed: int = 0, scope: Scope = TRADE, first: datetime = NOW - HOUR
) -> list[Occasion]:
    return [Occasion(scope, f"W{n}", first + timedelta(seconds=n), n < missed) for n in range(count)]


def report(**changes: object) -> Report:
    return replace(open_report(TRADE, tuple(occasions(5)), SYSTEM, NOW), **changes)  # type: ignore[arg-type]


def test_a_scope_is_found_again_by_its_key() -> None:
    for scope in (TRADE, STATION):
        assert scope_from(scope.key) == scope


def test_a_crew_is_free_only_on_shift_on_standby_and_with_nothing_aboard() -> None:
    crews = (
        CrewDuty("busy", stack=(Stacked("W1", 1, ""),)),
        CrewDuty("away", "away"),
        CrewDuty("home"),
        CrewDuty("free"),
    )
    departments = {"busy": "d1", "away": "d1", "home": "d1", "free": "d2"}
    on_shift = frozenset({"busy", "away", "free"})
    found, facts = lacking(Roster("north", "service", crews), departments, on_shift)
    assert found == (STATION,)
    assert facts == {"crews": 4, "off_shift": 1, "away": 1, "busy": 1}
    found, _ = lacking(Roster("north", "service", crews[:3]), departments, on_shift)
    assert found == (TRADE, STATION)


def test_too_many_orders_or_missed_promises_open_a_report() -> None:
    assert findings(occasions(RULE.orders - 1, missed=RULE.missed - 1), [], RULE, NOW) == []
    ((scope, evidence),) = findings(occasions(RULE.orders), [], RULE, NOW)
    assert (scope, len(evidence)) == (TRADE, RULE.orders)
    ((_, evidence),) = findings(occasions(RULE.missed, missed=RULE.missed), [], RULE, NOW)
    assert [one.order_id for one in evidence] == ["W0", "W1"]


def test_one_order_that_waits_again_and_again_is_one_order() -> None:
    again = [replace(one, order_id="W0") for one in occasions(20)]
    assert findings(again, [], RULE, NOW) == []


def test_what_lies_before_the_window_or_was_counted_does_not_count() -> None:
    assert findings(occasions(9, first=NOW - RULE.window - HOUR), [], RULE, NOW) == []
    assert findings(occasions(9), [report()], RULE, NOW) == []
    closed = close(take_up(report(), "one more crew", NOW + DAY, MONA, NOW), "it helped", MONA, NOW + HOUR)
    assert findings(occasions(9), [closed], RULE, NOW + 2 * HOUR) == []
    assert findings(occasions(9, first=NOW + HOUR), [closed], RULE, NOW + 3 * HOUR) != []
    assert findings(occasions(9, scope=STATION), [report()], RULE, NOW) != []


def test_a_report_ends_only_by_somebody_who_says_what_came_of_it() -> None:
    with pytest.raises(GuardRefused, match="up first"):
        close(report(), "nothing", MONA, NOW)
    with pytest.raises(BadInput, match="what will be done"):
        take_up(report(), "  ", NOW + DAY, MONA, NOW)
    with pytest.raises(BadInput, match="past"):
        take_up(report(), "hire", NOW, MONA, NOW)
    taken = add_note(take_up(report(), "hire", NOW + DAY, MONA, NOW), "two applied", MONA, NOW)
    with pytest.raises(BadInput, match="what came of it"):
        close(taken, "", MONA, NOW)
    ended = close(taken, "one came", MONA, NOW)
    assert [step.kind for step in ended.steps] == ["opened", "took_up", "noted", "closed"]
    for late in (lambda: take_up(ended, "x", NOW + DAY, MONA, NOW), lambda: add_note(ended, "x", MONA, NOW)):
        with pytest.raises(GuardRefused, match="closed"):
            late()


def test_nobody_who_answers_is_told_again_every_so_often() -> None:
    one = report()
    assert not is_overdue(one, RULE, NOW + RULE.answer_within - timedelta(seconds=1))
    assert is_overdue(one, RULE, NOW + RULE.answer_within)
    told = tell_again(one, SYSTEM, NOW + RULE.answer_within)
    assert not is_overdue(told, RULE, NOW + RULE.answer_within + HOUR)
    assert is_overdue(told, RULE, NOW + 2 * RULE.answer_within)
    noted = add_note(one, "I look into it", MONA, NOW + HOUR)
    assert is_overdue(noted, RULE, NOW + RULE.answer_within), "a note is not an answer"


def test_a_measure_whose_day_has_passed_is_told_again() -> None:
    taken = take_up(report(), "hire", NOW + 7 * DAY, MONA, NOW)
    assert not is_overdue(taken, RULE, NOW + 7 * DAY - HOUR)
    assert is_overdue(taken, RULE, NOW + 7 * DAY)
    assert not is_overdue(close(taken, "hired", MONA, NOW), RULE, NOW + 99 * DAY)


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("orders = 5", "orders = 0", r"own.toml:9: shortage: orders = 0"),
        ("missed = 2", 'missed = "two"', r"own.toml:10: shortage: missed"),
        ('waited = "2m"', 'waited = "soon"', r"own.toml:5: shortage: waited"),
        ('window = "168h"', "", r"window"),
    ],
)
def test_a_rule_that_cannot_be_used_names_its_line(before: str, after: str, complaint: str) -> None:
    with pytest.raises(ProcessInvalid, match=complaint):
        parse_rule(TEXT.replace(before, after), "own.toml")
