"""The judgement of a fault run: SQL, the drivers' ledger and the exchange's own call log, against each other.

Nothing of it asks a worker. Histories are folded again by the core, and what the core says is compared with what
the tables hold.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from dispatch.adapters.sql import trail
from dispatch.adapters.sql.order_rows import load_orders
from dispatch.adapters.sql.statements import CLOCK, CONTACT, EVENT, ORDER, OUTBOX
from dispatch.core.escalation import clocks, open_watches
from dispatch.core.process import Process
from dispatch.core.work_order import WorkOrder, fold
from loadtests.fault_calls import against_the_exchange, calls_of
from loadtests.fault_driver import Line
from loadtests.fault_findings import (
    AFTER,
    CALLS,
    CLOCKS,
    DOUBLED,
    FORGOTTEN,
    LOST,
    OUT,
    TRAIL,
    Answers,
    Findings,
    Ground,
)

AT_ONCE = 500
"""Orders that are folded at the same time."""


def judge(connection: Connection, ground: Ground, say: Callable[[str], object]) -> Findings:
    """Everything, on one connection; `say` is told how far it is."""
    found = Findings()
    calls = list(calls_of(ground.log))
    confirmed = _ledger(connection, ground, found)
    _doubles(connection, found)
    answered = _histories(connection, ground, found, confirmed, say)
    passed_over(ground, found)
    against_the_exchange(connection, ground, calls, answered, found)
    _ended(connection, found)
    for wrong in trail.verify(connection, "").findings:
        found.add(TRAIL, f"{wrong.row} {wrong.what}")
    return found


Confirmed = dict[str, dict[str, str]]
"""Of each order, the steps that were confirmed, by their keys."""


def _ledger(connection: Connection, ground: Ground, found: Findings) -> Confirmed:
    """Each call that was confirmed is one order of the database; gives the steps, which the histories have to hold."""
    contacts: dict[str, str] = {
        r.id: r.order_id for r in connection.execute(select(CONTACT.c.id, CONTACT.c.order_id))
    }
    orders = set(connection.execute(select(ORDER.c.id)).scalars())
    taken: Counter[str] = Counter()
    plans: Counter[str] = Counter()
    steps: Confirmed = defaultdict(dict)
    for file in ground.ledgers:
        for raw in file.read_bytes().splitlines():
            line = msgspec.json.decode(raw, type=Line)
            if line.step == "taken":
                taken[line.order] += 1
                plans[line.plan] += 1
                if contacts.get(line.key) != line.order or line.order not in orders:
                    found.add(LOST, f"call {line.key} was confirmed as {line.order}, which is not there")
            else:
                steps[line.order][line.key] = line.step
    for order_id, times in taken.items():
        if times != 1:
            found.add(DOUBLED, f"{times} calls became one order {order_id}")
    for order_id in orders - set(taken):
        found.add(DOUBLED, f"order {order_id} belongs to no confirmed call")
    found.facts["orders"] = ", ".join(f"{n:,} {plan}" for plan, n in sorted(plans.items()))
    return steps


def _doubles(connection: Connection, found: Findings) -> None:
    """By SQL alone: rungs, outbox keys, attempts."""
    rung = [EVENT.c.data[name].as_string() for name in ("watch", "generation", "cycle", "rung")]
    _more_than_one(connection, found, select(EVENT.c.order_id, *rung).where(EVENT.c.kind == "rung"), "rung")
    _more_than_one(connection, found, select(OUTBOX.c.key, OUTBOX.c.kind, OUTBOX.c.target), "outbox row")
    rung_of_row = [OUTBOX.c.data[name].as_string() for name in ("watch", "generation", "cycle", "rung")]
    _more_than_one(
        connection,
        found,
        select(OUTBOX.c.order_id, *rung_of_row).where(OUTBOX.c.kind == "phone"),
        "phone row",
    )
    _chains(connection, found)


def _chains(connection: Connection, found: Findings) -> None:
    """Each rung that a call carries has one attempt that begins, and at most one that ends or presses."""
    rows = Counter(
        (r.order_id, r.call_id)
        for r in connection.execute(
            select(OUTBOX.c.order_id, OUTBOX.c.call_id).where(
                OUTBOX.c.kind == "phone", OUTBOX.c.call_id != ""
            )
        )
    )
    seen: Counter[tuple[str, str, str]] = Counter()
    for order_id, data in connection.execute(
        select(EVENT.c.order_id, EVENT.c.data).where(EVENT.c.kind == "attempt")
    ):
        if call_id := data.get("call_id"):
            seen[order_id, call_id, data["state"]] += 1
    for (order_id, call_id, state), times in seen.items():
        if times > rows[order_id, call_id]:
            found.add(
                DOUBLED,
                f"{times} attempts {state!r} of {order_id} in {call_id} for {rows[order_id, call_id]} rungs",
            )
    for (order_id, call_id), rungs in rows.items():
        if seen[order_id, call_id, "dialling"] != rungs:
            found.add(CALLS, f"{call_id} carries {rungs} rungs of {order_id} without as many attempts")


def _more_than_one(connection: Connection, found: Findings, query: Any, what: str) -> None:
    columns = list(query.selected_columns)
    for row in connection.execute(query.group_by(*columns).having(func.count() > 1)):
        found.add(DOUBLED, f"{what} {tuple(row)}")


def _histories(
    connection: Connection,
    ground: Ground,
    found: Findings,
    confirmed: Confirmed,
    say: Callable[[str], object],
) -> Answers:
    """Fold every order again: its clocks, its rungs, its acknowledgements. Gives when each dispatch was answered."""
    answers: dict[tuple[str, int], datetime] = {}
    rungs: Counter[str] = Counter()
    every = connection.execute(select(ORDER.c.id).order_by(ORDER.c.id)).scalars().all()
    for first in range(0, len(every), AT_ONCE):
        ids = every[first : first + AT_ONCE]
        kept: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
        for row in connection.execute(select(CLOCK).where(CLOCK.c.order_id.in_(ids))):
            kept[row.order_id].add((row.name, row.generation, row.rung, row.due))
        for order in load_orders(connection, ground.processes, select(ORDER).where(ORDER.c.id.in_(ids))):
            process = ground.processes.of(order)
            armed = clocks(order, process)
            if {(c.name, c.generation, c.rung, c.due) for c in armed} != kept[order.id]:
                found.add(CLOCKS, f"{order.id}: armed {sorted(kept[order.id])}, by the core {armed}")
            for clock in armed:
                if clock.due < ground.now - ground.passed:
                    found.add(FORGOTTEN, f"{order.id}: {clock} at {ground.now}")
            _steps(order, confirmed.pop(order.id, {}), found)
            _story(order, process, ground, found, answers)
            rungs.update(str(e.data["watch"]) for e in order.history if e.kind == "rung")
        if first // AT_ONCE % 20 == 19:
            say(f"{first + AT_ONCE:,} of {len(every):,} histories are folded again")
    for order_id, steps in confirmed.items():
        found.add(
            LOST, f"{', '.join(steps.values())} of {order_id} was confirmed, and there is no such order"
        )
    found.facts["rungs"] = ", ".join(f"{n:,} {watch}" for watch, n in sorted(rungs.items()))
    return answers


def _steps(order: WorkOrder, confirmed: Mapping[str, str], found: Findings) -> None:
    keys = {event.key for event in order.history}
    for key, step in confirmed.items():
        if key not in keys:
            found.add(LOST, f"{step} of {order.id} was confirmed and is not in its history")


def _story(
    order: WorkOrder,
    process: Process,
    ground: Ground,
    found: Findings,
    answers: dict[tuple[str, int], datetime],
) -> None:
    """One order: no rung and no dialling after the answer, none left out before it."""
    generation = 0
    for place, event in enumerate(order.history):
        if event.kind == "dispatch":
            generation += 1
        elif event.kind in {"acknowledge", "cancel"}:
            answers.setdefault((order.id, generation), event.recorded_at)
        begins = event.kind == "attempt" and event.data.get("state") == "dialling"
        if (event.kind == "rung" or begins) and not _is_open(order, place, process, event.data):
            found.add(AFTER, f"{order.id}: {event.kind} {event.seq} at {event.recorded_at}")
        if event.kind == "rung":
            due = datetime.fromisoformat(event.data["due"])
            found.lateness.append((event.recorded_at - due).total_seconds())
            found.rungs.append((event.recorded_at, due))
    for place, event in enumerate(order.history):
        if event.kind in {"acknowledge", "cancel", "dispatch", "accept"}:
            _overdue(order, place, event.recorded_at, process, ground, found)


def _is_open(order: WorkOrder, place: int, process: Process, rung: Mapping[str, Any]) -> bool:
    """Whether the rung's watch had no answer when the event at `place` was written."""
    before = fold(order.facts, order.history[:place], process)
    known = {(w.watch.name, w.generation) for w in open_watches(before, process)}
    return (rung["watch"], rung["generation"]) in known


def _overdue(
    order: WorkOrder, place: int, at: datetime, process: Process, ground: Ground, found: Findings
) -> None:
    """The watches of the order that were overdue before the step at `place`."""
    before = fold(order.facts, order.history[:place], process)
    for watch in open_watches(before, process):
        if watch.next_due < at - ground.passed:
            told = f"{order.id}: {watch.watch.name} was due at {watch.next_due}, it is {at}"
            found.overdue.append((at, watch.next_due, told))


def passed_over(ground: Ground, found: Findings) -> None:
    """No watch that waited at its order's next step had been left behind by those that were due later.

    The oldest is decided first: however slow the machine is, a rung that others have overtaken was forgotten.
    """
    decided, newest, last = sorted(found.rungs), datetime.min.replace(tzinfo=UTC), 0
    for at, due, told in sorted(found.overdue):
        while last < len(decided) and decided[last][0] <= at:
            newest, last = max(newest, decided[last][1]), last + 1
        if newest - due > ground.passed:
            found.add(FORGOTTEN, f"{told}; others had been decided up to {newest}")


def _ended(connection: Connection, found: Findings) -> None:
    """Nothing hangs: every effect was carried out or given up with its reason."""
    states = connection.execute(
        select(OUTBOX.c.kind, OUTBOX.c.state, func.count()).group_by(OUTBOX.c.kind, OUTBOX.c.state)
    )
    counted = {(kind, state): n for kind, state, n in states}
    for (kind, state), n in counted.items():
        if state != "done":
            found.add(OUT, f"{n} {kind} {state}")
    found.facts["outbox"] = ", ".join(
        f"{n:,} {kind}" for (kind, state), n in sorted(counted.items()) if state == "done"
    )
