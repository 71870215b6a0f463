"""An alert stands as long as its cause does: whatever happens to an order, none that is true is settled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.core.alert_codes import CODES, cause_of, causes, ended, roster_ended, tells_again
from dispatch.core.crew import CrewDuty, Roster, answered, ask_away, due_reminders, go_away, return_to_standby
from dispatch.core.escalation import chase, clocks, fire, is_answered
from dispatch.core.outgoing import Outgoing
from dispatch.core.types import SYSTEM, Actor
from dispatch.core.work_order import FREED, REORDERED, WorkOrder, begin, remark
from dispatch.services.words import words
from tests.dispatch.core.orders import HOTLINE, MINUTE, PROCESS, A, facts, in_state, run, step
from tests.dispatch.core.test_always_watched import something

RUNS = {
    "AB": {"received", "returned"}, "BC": {"sent"}, "CD": {"at_centre"}, "DE": {"dispatched"},
    "EF": {"delivered"}, "FG": {"acknowledged"}, "GH": {"en_route"},
}  # fmt: skip
"""In which states of the shipped process each segment runs, or waits to run on."""


@dataclass
class Standing:
    """What was told of one order and not settled, by hand: (cause, alert, order when it was told)."""

    told: list[tuple[str, Outgoing, WorkOrder]]
    over: list[tuple[Outgoing, WorkOrder]]

    def hear(self, outgoing: tuple[Outgoing, ...], order: WorkOrder) -> None:
        for one in outgoing:
            if one.kind == "alert" and (cause := cause_of(one.data["code"], one.order_id, one.data)):
                self.told.append((cause, one, order))

    def settle(self, before: WorkOrder, after: WorkOrder) -> None:
        gone = {one.cause for one in ended(before, after, PROCESS)}
        self.over += [(one, then) for cause, one, then in self.told if cause in gone]
        self.told = [one for one in self.told if one[0] not in gone]


def is_true(one: Outgoing, then: WorkOrder, order: WorkOrder) -> bool:
    """Whether an alert says what is so, told by the order's state alone."""
    if order.state in PROCESS.final:
        return False
    code, said = one.data["code"], one.data
    if code.startswith("unanswered_"):
        return not is_answered(order, PROCESS, said["watch"], said["generation"])
    if code == "segment_overdue":
        return order.state in RUNS[said["segment"]] and (then.sends, then.generation) == (
            order.sends,
            order.generation,
        )
    return then.last("restore") == order.last("restore")


def stacked_or_chased(
    order: WorkOrder, draw: Random, minutes: float
) -> tuple[WorkOrder, tuple[Outgoing, ...]]:
    """The order is moved behind another one of its vehicle or to the front, or somebody chases it."""
    now = A + minutes * MINUTE
    kind = draw.choice([FREED, REORDERED, "expedite", "supervise"])
    data: dict[str, Any] = {"place": draw.choice([1, 2])} if kind == REORDERED else {"priority": 1}
    after = remark(order, PROCESS, kind, by=SYSTEM, now=now, data=data)
    return after, chase(after, PROCESS, kind, now) if kind in {"expedite", "supervise"} else ()


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.integers(5, 60))
def test_no_alert_that_is_true_is_settled_and_none_that_is_over_stands(
    seed: int, routed: bool, length: int
) -> None:
    draw = Random(seed)
    data = {"centre_id": "north", "trade": "service"} if routed else {}
    order = begin(facts(), PROCESS, by=HOTLINE, now=A, data=data)
    standing, minutes = Standing([], []), 0.0
    for _ in range(length):
        minutes += draw.choice([0.1, 1, 5, 30])
        before, outgoing = order, ()
        due = [c for c in clocks(order, PROCESS) if c.due <= A + minutes * MINUTE]
        if due and draw.random() < 0.6:
            order, outgoing = fire(order, PROCESS, draw.choice(due), A + minutes * MINUTE)
        elif draw.random() < 0.2 and order.state not in PROCESS.final:
            order, outgoing = stacked_or_chased(order, draw, minutes)
        else:
            order = something(order, PROCESS, draw, minutes)
        standing.settle(before, order)
        standing.hear(outgoing, order)
        for cause, one, then in standing.told:
            assert is_true(one, then, order), (cause, order.state, [e.kind for e in order.history])
        for one, then in standing.over:
            assert not is_true(one, then, order), (
                one,
                order.state,
                [e.kind for e in order.history],
            )
    assert {f"{order.id} {cause}" for cause in causes(order, PROCESS)} >= {
        cause for cause, _, _ in standing.told
    }


def test_what_ends_a_cause_is_named_with_who_did_it() -> None:
    order = in_state("dispatched")
    order = order_after(order, 12)
    after = step(step(order, "receipt", A + 13 * MINUTE), "acknowledge", A + 13 * MINUTE)
    found = {one.cause: (one.step, str(one.by)) for one in ended(order, after, PROCESS)}
    assert found["W1 watch crew 1"] == ("acknowledge", "crew:N1")
    assert found["W1 segment DE 2"] == ("receipt", "device:t-N1")


def order_after(order: WorkOrder, minutes: float) -> WorkOrder:
    """The order when every clock that was due until then has fired."""
    now = A + minutes * MINUTE
    while due := [c for c in clocks(order, PROCESS) if c.due <= now]:
        order, _ = fire(order, PROCESS, due[0], now)
    return order


def test_an_order_that_waits_behind_another_is_no_less_late() -> None:
    order = order_after(in_state("acknowledged"), 30)
    assert "segment FG 2" in causes(order, PROCESS)
    behind = remark(order, PROCESS, REORDERED, by=SYSTEM, now=A + 30 * MINUTE, data={"place": 2})
    assert ended(order, behind, PROCESS) == []
    gone = step(behind, "depart", A + 31 * MINUTE)
    assert [one.cause for one in ended(behind, gone, PROCESS)] == ["W1 segment FG 2"]


def test_another_dispatch_of_the_same_order_ends_no_later_watch() -> None:
    """Of the first dispatch nobody has to hear; the second one is unanswered by itself."""
    order = order_after(in_state("delivered"), 9)
    again = run(order, ("recall", 10), ("dispatch", 11), ("receipt", 12))
    assert "W1 watch crew 1" in {one.cause for one in ended(order, again, PROCESS)}
    late = order_after(again, 17)
    assert "watch crew 2" in causes(late, PROCESS)
    other = remark(late, PROCESS, "message", by=SYSTEM, now=A + 18 * MINUTE, data={})
    assert ended(late, other, PROCESS) == []


@pytest.mark.parametrize(
    ("code", "steps", "still", "over"),
    [
        ("order_return", ("send", "centre_receipt", "return"), "expedite", "send"),
        ("order_reject", ("send", "centre_receipt", "dispatch", "receipt", "reject"), "accept", "dispatch"),
        ("order_recall", ("send", "centre_receipt", "dispatch", "recall"), "accept", "dispatch"),
        ("expedited", ("send", "centre_receipt", "expedite"), "dispatch", "cancel"),
        ("repeat_call", ("send", "centre_receipt", "joined"), "dispatch", "cancel"),
        ("unreceipted", ("send", "centre_receipt", "dispatch", "unreceipted"), "joined", "receipt"),
        ("unreceipted", ("send", "centre_receipt", "dispatch", "unreceipted"), "joined", "recall"),
        ("recall_unreceipted", ("send", "centre_receipt", "dispatch", "recall"), "cancel", "removed"),
    ],
)  # fmt: skip
def test_each_cause_ends_with_its_step_and_no_sooner(
    code: str, steps: tuple[str, ...], still: str, over: str
) -> None:
    remarks: dict[str, dict[str, Any]] = {
        "joined": {}, "expedite": {"priority": 1}, "removed": {"device": "t-N1"},
        "unreceipted": {"device": "t-N1", "crew_id": "N1", "generation": 1},
    }  # fmt: skip

    def go(order: WorkOrder, name: str, minute: int) -> WorkOrder:
        if name in remarks:
            return remark(order, PROCESS, name, by=SYSTEM, now=A + minute * MINUTE, data=remarks[name])
        data = {"receipt": {"generation": 1}, "recall": {"devices": ["t-N1"], "revision": 2}}.get(name, {})
        return step(order, name, A + minute * MINUTE, **data)

    order = begin(facts(), PROCESS, by=HOTLINE, now=A, data={"centre_id": "north", "trade": "service"})
    for minute, name in enumerate(steps, 1):
        order = go(order, name, minute)
    cause = cause_of(code, "W1", {"crew_id": "N1", "device": "t-N1", "generation": 1, "edition": 1})
    assert cause.removeprefix("W1 ") in causes(order, PROCESS)
    other = go(order, still, 8)
    assert cause not in {one.cause for one in ended(order, other, PROCESS)}
    done = go(order if over in {"cancel", "recall", "dispatch"} else other, over, 9)
    assert cause in {one.cause for one in ended(order, done, PROCESS)}


def test_of_a_crew_each_is_true_as_long_as_it_stands_so() -> None:
    idle = Roster("north", "service", (CrewDuty("N1"), CrewDuty("N2")))
    asks = ask_away(idle, "N1", until=A + 20 * MINUTE, reason="", now=A)
    assert gone(idle, asks) == {("away_refused N1", "standby")}
    refused = answered(asks, "N1")
    assert gone(asks, refused) == {("away_asked N1", "standby")}
    away = go_away(refused, "N1", until=A + 20 * MINUTE, reason="", now=A, on_shift=frozenset({"N1", "N2"}))
    late, names = due_reminders(away, A + 30 * MINUTE)
    assert names == ("N1",)
    assert gone(away, late) == set(), "it is away still, and has to be told so"
    assert gone(late, return_to_standby(late, "N2")) == set(), "another crew's return"
    assert gone(late, return_to_standby(late, "N1")) == {
        ("away_granted N1", "standby"), ("away_over N1", "standby"),
    }  # fmt: skip


def gone(before: Roster, after: Roster) -> set[tuple[str, str]]:
    return {(one.cause, one.step) for one in roster_ended(before, replace(after, version=1), A)}


STAYS = {
    "promise_missed", "unsatisfied", "order_cancel", "order_located", "undelivered", "crew_message", "centre_message"
}  # fmt: skip


@pytest.mark.parametrize("over", ["receipt", "arrive", "recall"])
def test_a_correction_that_a_terminal_holds_back_is_told_while_its_crew_may_be_driving_astray(
    over: str,
) -> None:
    order = begin(facts(), PROCESS, by=HOTLINE, now=A, data={"centre_id": "north", "trade": "service"})
    for minute, name in enumerate(("send", "centre_receipt", "dispatch", "receipt", "acknowledge"), 1):
        order = step(order, name, A + minute * MINUTE, **({"generation": 1} if name == "receipt" else {}))
    moved = {"lat": 30.1, "lon": 120.1, "address": "2 Lane", "was": {}}
    order = remark(order, PROCESS, "locate", by=HOTLINE, now=A + 6 * MINUTE, data=moved)
    silent = {"device": "t-N1", "crew_id": "N1", "generation": 1}
    old = remark(order, PROCESS, "unreceipted", by=SYSTEM, now=A + 7 * MINUTE, data={**silent, "edition": 1})
    assert not {one for one in causes(old, PROCESS) if "unreceipted" in one}, "of what it said before"
    order = remark(
        order, PROCESS, "unreceipted", by=SYSTEM, now=A + 7 * MINUTE, data={**silent, "edition": 2}
    )
    cause = cause_of("unreceipted", "W1", {**silent, "edition": 2}).removeprefix("W1 ")
    order = step(order, "depart", A + 8 * MINUTE)
    assert cause in causes(order, PROCESS)
    if over == "receipt":
        heard = {"crew_id": "N1", "generation": 1, "edition": 2}
        device = Actor("device", "t-N1")
        order = remark(order, PROCESS, "also_received", by=device, now=A + 9 * MINUTE, data=heard)
    else:
        order = step(
            order, over, A + 9 * MINUTE, **({"devices": [], "revision": 2} if over == "recall" else {})
        )
    assert cause not in causes(order, PROCESS)


def test_what_people_have_to_see_even_when_it_is_over_has_no_cause() -> None:
    assert {code for code, one in CODES.items() if not one.cause} == STAYS
    assert cause_of("audit_nobody_waits", "", {"count": 1}) == ""
    assert cause_of("order_bounce", "W1", {}) == "", (
        "of a step that another process adds nobody knows the end"
    )
    assert cause_of("segment_overdue", "W1", {"segment": "AB"}) == "", "told before causes were kept"


def test_the_first_rung_replaces_nothing_and_each_later_one_the_former() -> None:
    assert not tells_again("unanswered_crew", {"rung": 1, "cycle": 1})
    assert tells_again("unanswered_crew", {"rung": 1, "cycle": 2})
    assert tells_again("unanswered_crew", {"rung": 2, "cycle": 1})
    assert not tells_again("segment_overdue", {})


def test_every_code_that_has_a_name_is_classed_and_stands_in_the_documentation() -> None:
    said = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")
    for code in words()["alert_codes"]:
        if not code.startswith(("unanswered_", "audit_")):
            assert code in CODES, code
            assert f"`{code}`" in said, code
