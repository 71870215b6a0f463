"""The judgement of a fault run: SQL, the drivers' ledger and the exchange's own call log, against each other.

Nothing of it asks a worker. Histories are folded again by the core, and what the core says is compared with what
the tables hold.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from dispatch.adapters.sql import trail
from dispatch.adapters.sql.order_rows import load_orders
from dispatch.adapters.sql.statements import CLOCK, CONTACT, EVENT, ORDER, OUTBOX
from dispatch.core.escalation import clocks, open_watches
from dispatch.core.process import Process
from dispatch.core.work_order import WorkOrder, fold
from dispatch.services.ports import Processes
from dispatch.services.ringing import APART
from loadtests.fault_driver import Line
from simulators.phone_log import CallLine, Entry

AT_ONCE = 500
"""Orders that are folded at the same time."""


@dataclass
class Findings:
    """What must be empty, and figures beside it. Each finding is told in words, the first ones are shown."""

    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    facts: dict[str, float | int | str] = field(default_factory=dict)
    lateness: list[float] = field(default_factory=list)
    """Of each rung, from its due time until it was decided, in seconds on the installation's clock."""

    def add(self, what: str, told: str) -> None:
        self.wrong[what].append(told)


@dataclass(frozen=True)
class Ground:
    """What the judgement is made on."""

    ledgers: Sequence[Path]
    log: Path
    processes: Processes
    now: datetime
    grace: timedelta
    """How late a rung may be decided, on the installation's clock, before it counts as forgotten."""
    lease: timedelta
    """How long after an acknowledgement a call that was prepared before it may still begin."""
    tolerance: timedelta
    """What the clocks of two processes may differ by, on the installation's clock."""


LOST, DOUBLED = "orders lost or steps lost", "decisions doubled"
AFTER, FORGOTTEN = "rungs or calls begun after a committed acknowledgement", "rungs forgotten"
CALLS, MINUTE = "calls in the exchange's log without one outbox call", "numbers rung twice within a minute"
CLOCKS, TRAIL = "clocks that differ from the core's", "rows that the audit trail does not vouch for"
OUT = "outbox rows that never ended"
EVERYTHING = (LOST, DOUBLED, AFTER, FORGOTTEN, CALLS, MINUTE, CLOCKS, TRAIL, OUT)


def judge(connection: Connection, ground: Ground) -> Findings:
    """Everything, on one connection."""
    found = Findings()
    calls = list(_calls(ground.log))
    _ledger(connection, ground, found)
    _doubles(connection, found)
    answered = _histories(connection, ground, found)
    _against_the_exchange(connection, ground, calls, answered, found)
    _ended(connection, found)
    for wrong in trail.verify(connection, "").findings:
        found.add(TRAIL, f"{wrong.row} {wrong.what}")
    return found


def _calls(file: Path) -> Iterator[CallLine]:
    decode = msgspec.json.Decoder(Entry).decode
    for line in file.read_bytes().splitlines() if file.exists() else ():
        entry = decode(line)
        if isinstance(entry, CallLine):
            yield entry


def _ledger(connection: Connection, ground: Ground, found: Findings) -> None:
    """What a use case has confirmed is in the database, each once."""
    keys = {
        (r.order_id, r.key)
        for r in connection.execute(select(EVENT.c.order_id, EVENT.c.key).where(EVENT.c.key != ""))
    }
    contacts: dict[str, str] = {
        r.id: r.order_id for r in connection.execute(select(CONTACT.c.id, CONTACT.c.order_id))
    }
    orders = set(connection.execute(select(ORDER.c.id)).scalars())
    taken: Counter[str] = Counter()
    plans: Counter[str] = Counter()
    for file in ground.ledgers:
        for raw in file.read_bytes().splitlines():
            line = msgspec.json.decode(raw, type=Line)
            if line.step == "taken":
                taken[line.order] += 1
                plans[line.plan] += 1
                if contacts.get(line.key) != line.order or line.order not in orders:
                    found.add(LOST, f"call {line.key} was confirmed as {line.order}, which is not there")
            elif (line.order, line.key) not in keys:
                found.add(LOST, f"{line.step} of {line.order} was confirmed and is not in its history")
    for order_id, times in taken.items():
        if times != 1:
            found.add(DOUBLED, f"{times} calls became one order {order_id}")
    for order_id in orders - set(taken):
        found.add(DOUBLED, f"order {order_id} belongs to no confirmed call")
    found.facts["orders"] = ", ".join(f"{n:,} {plan}" for plan, n in sorted(plans.items()))


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


Answers = Mapping[tuple[str, int], datetime]


def _histories(connection: Connection, ground: Ground, found: Findings) -> Answers:
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
                if clock.due < ground.now - ground.grace:
                    found.add(FORGOTTEN, f"{order.id}: {clock} at {ground.now}")
            _story(order, process, ground, found, answers)
            rungs.update(str(e.data["watch"]) for e in order.history if e.kind == "rung")
    found.facts["rungs"] = ", ".join(f"{n:,} {watch}" for watch, n in sorted(rungs.items()))
    return answers


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
    for place, event in enumerate(order.history):
        if event.kind in {"acknowledge", "cancel", "dispatch", "accept"}:
            _none_left_out(order, place, event.recorded_at, process, ground, found)


def _is_open(order: WorkOrder, place: int, process: Process, rung: Mapping[str, Any]) -> bool:
    """Whether the rung's watch had no answer when the event at `place` was written."""
    before = fold(order.facts, order.history[:place], process)
    known = {(w.watch.name, w.generation) for w in open_watches(before, process)}
    return (rung["watch"], rung["generation"]) in known


def _none_left_out(
    order: WorkOrder, place: int, at: datetime, process: Process, ground: Ground, found: Findings
) -> None:
    """Before the step at `place` no watch of the order was overdue for longer than the grace."""
    before = fold(order.facts, order.history[:place], process)
    for watch in open_watches(before, process):
        if watch.next_due < at - ground.grace:
            found.add(FORGOTTEN, f"{order.id}: {watch.watch.name} was due at {watch.next_due}, it is {at}")


def _against_the_exchange(
    connection: Connection, ground: Ground, calls: Sequence[CallLine], answers: Answers, found: Findings
) -> None:
    rows: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(select(OUTBOX).where(OUTBOX.c.kind == "phone", OUTBOX.c.call_id != "")):
        rows[row.call_id].append(row)
    numbers: dict[str, set[str]] = defaultdict(set)
    dialled = select(EVENT.c.data).where(
        EVENT.c.kind == "attempt", EVENT.c.data["state"].as_string() == "dialling"
    )
    for data in connection.execute(dialled).scalars():
        numbers[data["call_id"]].add(data["number"])
    rung: dict[str, list[datetime]] = defaultdict(list)
    times = Counter(call.request.call_id for call in calls)
    within = 0
    for call in calls:
        request = call.request
        rung[request.number].append(call.at)
        if (
            times[request.call_id] != 1
            or numbers[request.call_id] != {request.number}
            or not rows[request.call_id]
        ):
            found.add(CALLS, f"{request.call_id} to {request.number}: {numbers[request.call_id]}")
        ends = [
            answers.get((r.order_id, int(r.data["generation"])))
            for r in rows[request.call_id]
            if r.data["watch"] == "crew"
        ]
        if (
            ends
            and len(ends) == len(rows[request.call_id])
            and all(end is not None and end < call.at for end in ends)
        ):
            after = max(call.at - end for end in ends if end is not None)
            within += after <= ground.lease
            if after > ground.lease:
                found.add(AFTER, f"{request.call_id} rang {after} after the last answer")
    gaps = []
    for number, instants in rung.items():
        for one, other in pairwise(sorted(instants)):
            gaps.append((other - one).total_seconds())
            if other - one < APART - ground.tolerance:
                found.add(MINUTE, f"{number} at {one} and {other}")
    carried = sum(len(rows[call.request.call_id]) for call in calls)
    found.facts["telephone"] = (
        f"{len(calls):,} calls rang at the exchange for {carried:,} rungs; the shortest time between two to one number"
        f" {min(gaps, default=float('nan')):.1f} s; {within} began within the lease after the answer"
    )


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
