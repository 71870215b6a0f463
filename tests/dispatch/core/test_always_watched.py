"""Nobody is forgotten: whatever happens to an order, before the acknowledgement one rung is armed, after it none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.core.errors import DispatchError
from dispatch.core.escalation import clocks, fire, open_watches
from dispatch.core.process import Process, parse
from dispatch.core.types import SYSTEM
from dispatch.core.work_order import WorkOrder, begin, fold, remark, take
from tests.dispatch.core.orders import BY, DATA, HOTLINE, MINUTE, PROCESS, A, facts

FIRST = parse((Path(__file__).parent / "fault_repair_1.toml").read_text(encoding="utf-8"))
CENTRES = ("north", "south")


def acknowledged(order: WorkOrder, process: Process) -> bool:
    """Whether the crew that has it has said so."""
    found = False
    for before, event in zip(states(order, process), order.history, strict=True):
        row = process.transitions.get((before, event.kind))
        if row is not None:
            found = (found or row.point == "F") and not row.withdraws
    return found


def states(order: WorkOrder, process: Process) -> list[str]:
    """The state before each event."""
    found = [""]
    for event in order.history:
        found.append(process.moved(found[-1], event.kind))
    return found[:-1]


def something(order: WorkOrder, process: Process, draw: Random, minutes: float) -> WorkOrder:
    """A step, a route, a chase, a leader's keypress, or whatever has come due; nothing where it is refused."""
    now = A + minutes * MINUTE
    due = [c for c in clocks(order, process) if c.due <= now]
    if due and draw.random() < 0.6:
        return fire(order, process, draw.choice(due), now)[0]
    what = draw.choice([*process.steps, *process.steps, "route", "in_hand", "expedite", "supervise"])
    noted: dict[str, dict[str, Any]] = {
        "route": {"centre_id": draw.choice(CENTRES), "trade": "service", "area_class": "urban"},
        "in_hand": {"watch": draw.choice(process.watches).name},
        "expedite": {"priority": 1},
        "supervise": {"priority": 2},
    }
    if what == "route" and order.crew_id:  # services refuse it: recall it first
        return order
    if what in noted:
        return remark(order, process, what, by=SYSTEM, now=now, data=noted[what])
    try:
        return take(order, process, what, by=BY[what], now=now, data=DATA.get(what, {}))
    except DispatchError:
        return order


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.integers(5, 60))
def test_in_every_state_before_the_acknowledgement_one_rung_is_armed(
    seed: int, routed: bool, length: int
) -> None:
    draw = Random(seed)
    data = {"centre_id": "north", "trade": "service"} if routed else {}
    order = begin(facts(), PROCESS, by=HOTLINE, now=A, data=data)
    minutes = 0.0
    for _ in range(length):
        minutes += draw.choice([0.1, 1, 5])
        order = something(order, PROCESS, draw, minutes)
        armed = [c for c in clocks(order, PROCESS) if c.name.startswith("watch:")]
        over = order.state in PROCESS.final or acknowledged(order, PROCESS)
        told = [(e.kind, e.data.get("centre_id")) for e in order.history]
        assert len(armed) == (0 if over else 1), (order.state, armed, told)
        longest = max(max(w.repeat, w.limit, w.pause) for w in PROCESS.watches)
        assert all(c.due <= A + minutes * MINUTE + longest for c in armed), "and it fires within minutes"
    assert clocks(fold(order.facts, order.history, PROCESS), PROCESS) == clocks(order, PROCESS)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_orders_of_the_first_version_run_as_they_did(seed: int) -> None:
    """Never two watches; one from the sending until an answer, and from the dispatch until F."""
    draw = Random(seed)
    order = begin(facts(), FIRST, by=HOTLINE, now=A, data={"centre_id": "north", "trade": "service"})
    minutes = 0.0
    for _ in range(40):
        minutes += draw.choice([0.1, 1, 5])
        order = something(order, FIRST, draw, minutes)
        names = [w.watch.name for w in open_watches(order, FIRST)]
        assert names in ([], ["centre"], ["crew"])
        if order.state in {"dispatched", "delivered"}:
            assert names == ["crew"]
        if order.state in {"received", "returned"} or acknowledged(order, FIRST):
            assert names == []


@pytest.mark.parametrize("kind", ["return", "accept"])
def test_a_process_that_forgets_an_order_is_found_by_it(kind: str) -> None:
    """The property sees what version 1 lacked."""
    order = begin(facts(), FIRST, by=HOTLINE, now=A, data={"centre_id": "north", "trade": "service"})
    for minutes, step in enumerate(("send", "centre_receipt", kind), 1):
        order = take(order, FIRST, step, by=BY[step], now=A + minutes * MINUTE, data=DATA.get(step, {}))
    assert not acknowledged(order, FIRST)
    assert open_watches(order, FIRST) == ()


def test_a_dispatcher_who_accepts_again_and_again_does_not_put_it_off() -> None:
    order = begin(facts(), PROCESS, by=HOTLINE, now=A, data={"centre_id": "north", "trade": "service"})
    for minutes, step in enumerate(("send", "accept", "accept", "accept", "accept"), 1):
        order = take(order, PROCESS, step, by=BY[step], now=A + minutes * MINUTE)
    (watch,) = open_watches(order, PROCESS)
    assert (watch.watch.name, watch.generation, watch.next_due) == ("hand", 1, A + 6 * MINUTE)
    assert watch.next_due - watch.since == timedelta(minutes=4)
