"""The clocks of an order, and what each of them decides when it is due.

Nothing here is stored: which clocks are armed follows from the order's history and its process. SQL keeps the
answer of `clocks` beside the order as an index on due time, written in the same transaction, so that an order
without its clocks cannot exist. `fire` decides once for each (order, watch, generation, rung): the rung that
fired becomes part of the history, which arms the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatch.core.outgoing import Outgoing, alert
from dispatch.core.process import Process, Watch
from dispatch.core.segments import deadline, limit, timeline
from dispatch.core.types import SYSTEM
from dispatch.core.work_order import WorkOrder, remark

RUNG = "rung"
OVERDUE = "overdue"
MISSED = "promise_missed"
IN_HAND = "in_hand"

OWNER_ROLE = {
    "hotline": "hotline",
    "repair_centre": "dispatcher",
    "network": "dispatcher",
    "device": "dispatcher",
    "our_queue": "dispatcher",
    "crew_receiver": "dispatcher",
    "crew": "dispatcher",
}
"""Who is told when a party's segment is overdue; a crew's is told to its centre, which can act."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One armed clock. `name` is `watch:<name>`, `segment:<AB..GH>` or `promise`."""

    name: str
    generation: int
    rung: int
    due: datetime


@dataclass(frozen=True, slots=True)
class OpenWatch:
    """A watch that nobody has answered yet: since when, and how far it has climbed."""

    watch: Watch
    generation: int
    since: datetime
    fired: int
    next_due: datetime


def open_watches(order: WorkOrder, process: Process) -> tuple[OpenWatch, ...]:
    """Every watch that is running on this order."""
    return tuple(w for w in (_watch(order, process, watch) for watch in process.watches) if w is not None)


def _watch(order: WorkOrder, process: Process, watch: Watch) -> OpenWatch | None:
    """Pass over the history: the start point opens the watch anew, one of its steps ends it.

    An order that is routed to another centre has nobody there yet: what the first one answered no longer counts.
    """
    since: datetime | None = None
    generation = fired = 0
    centre = ""
    due = paused = order.facts.reported_at
    state = ""
    for event in order.history:
        row = process.transitions.get((state, event.kind))
        state = process.first if not state else (row.to if row else state)
        before, centre = centre, event.data.get("centre_id", centre)
        elsewhere = event.kind == "route" and centre != before and since is None and generation > 0
        if (row is not None and (row.point == watch.start or event.kind in watch.again)) or (
            elsewhere and _can_be_answered(watch, state, process)
        ):
            since, generation, fired = event.at, generation + 1, 0
            due, paused = event.at + watch.limit, event.at
        elif row is not None and event.kind in watch.until:
            since = None
        elif event.data.get("watch") == watch.name and event.kind == RUNG:
            fired += 1
            due = event.at + _gap(watch, fired)
        elif event.data.get("watch") == watch.name and event.kind == IN_HAND:
            paused = event.at + watch.pause
    return None if since is None else OpenWatch(watch, generation, since, fired, max(due, paused))


def _can_be_answered(watch: Watch, state: str, process: Process) -> bool:
    """Whether one of the watch's steps is possible in this state, other than giving the order up."""
    rows = (process.transitions.get((state, step)) for step in watch.until)
    return any(row is not None and row.to not in process.final for row in rows)


def _gap(watch: Watch, fired: int) -> timedelta:
    """From the rung that fired last to the next one."""
    index = fired % len(watch.rungs)
    return watch.repeat if index == 0 else watch.rungs[index].after


def clocks(order: WorkOrder, process: Process) -> tuple[Clock, ...]:
    """Every clock that should be armed for this order as it stands."""
    if order.state in process.final:
        return ()
    armed = [
        Clock(f"watch:{w.watch.name}", w.generation, w.fired, w.next_due)
        for w in open_watches(order, process)
    ]
    line = timeline(order, process, order.history[-1].at)
    if not line.running:
        return tuple(armed)
    announced = {(e.data.get("segment"), e.data.get("attempt")) for e in order.history if e.kind == OVERDUE}
    attempt = _attempt(order)
    if line.running in {s.name for s in process.segments} and (line.running, attempt) not in announced:
        spent = line.duration(line.running) - line.intervals[-1].duration
        due = line.intervals[-1].start + limit(order, process, line.running) - spent
        armed.append(Clock(f"segment:{line.running}", attempt, 0, due))
    if order.last(MISSED) is None:
        armed.append(Clock("promise", 1, 0, deadline(order, process)))
    return tuple(armed)


def _attempt(order: WorkOrder) -> int:
    """Counts sends and dispatches, so that each new attempt may be overdue once again."""
    return order.sends + order.generation


def fire(
    order: WorkOrder, process: Process, clock: Clock, now: datetime
) -> tuple[WorkOrder, tuple[Outgoing, ...]]:
    """The order after `clock` was due, and what follows. A clock that is no longer armed decides nothing."""
    if clock not in clocks(order, process) or clock.due > now:
        return order, ()
    family, _, name = clock.name.partition(":")
    if family == "watch":
        return _fire_watch(order, process, process.watch(name), clock, now)
    if family == "segment":
        return _fire_segment(order, process, name, clock, now)
    return _fire_promise(order, process, clock, now)


def _fire_watch(
    order: WorkOrder, process: Process, watch: Watch, clock: Clock, now: datetime
) -> tuple[WorkOrder, tuple[Outgoing, ...]]:
    cycle, index = divmod(clock.rung, len(watch.rungs))
    rung = watch.rungs[index]
    key = f"{order.id}/{watch.name}/{clock.generation}/{clock.rung}"
    facts = {"watch": watch.name, "generation": clock.generation, "rung": index + 1, "cycle": cycle + 1}
    fired = remark(
        order,
        process,
        RUNG,
        by=SYSTEM,
        now=now,
        key=key,
        data={**facts, "due": clock.due.isoformat(), "phone": rung.phone, "alert": list(rung.alert)},
    )
    roles = dict.fromkeys((*rung.alert, *(("manager",) if cycle else ())))
    follow = [
        alert(
            key=key,
            role=role,
            code=f"unanswered_{watch.name}",
            due=now,
            order_id=order.id,
            centre_id=order.centre_id,
            crew_id=order.crew_id,
            **facts,
        )
        for role in roles
    ]
    if rung.phone:
        follow.append(
            Outgoing(
                f"phone/{key}",
                "phone",
                rung.phone,
                now,
                order.id,
                order.centre_id,
                {"crew_id": order.crew_id, "keypress": rung.keypress, **facts},
            )
        )
    return fired, tuple(follow)


def _fire_segment(
    order: WorkOrder, process: Process, name: str, clock: Clock, now: datetime
) -> tuple[WorkOrder, tuple[Outgoing, ...]]:
    running = timeline(order, process, now).intervals[-1]
    owner = running.owner if running.label == name else process.segment(name).owner
    key = f"{order.id}/{name}/{clock.generation}"
    late = remark(
        order,
        process,
        OVERDUE,
        by=SYSTEM,
        now=now,
        key=key,
        data={"segment": name, "attempt": clock.generation, "owner": owner},
    )
    told = alert(
        key=key,
        role=OWNER_ROLE.get(owner, "manager"),
        code="segment_overdue",
        due=now,
        order_id=order.id,
        centre_id=order.centre_id,
        segment=name,
        owner=owner,
    )
    return late, (told,)


def _fire_promise(
    order: WorkOrder, process: Process, clock: Clock, now: datetime
) -> tuple[WorkOrder, tuple[Outgoing, ...]]:
    key = f"{order.id}/promise"
    late = remark(
        order, process, MISSED, by=SYSTEM, now=now, key=key, data={"deadline": clock.due.isoformat()}
    )
    told = tuple(
        alert(
            key=key, role=role, code="promise_missed", due=now, order_id=order.id, centre_id=order.centre_id
        )
        for role in ("dispatcher", "manager")
    )
    return late, told


def is_answered(order: WorkOrder, process: Process, watch: str, generation: int) -> bool:
    """Whether a telephone call of this watch and generation has become needless."""
    return not any(w.watch.name == watch and w.generation == generation for w in open_watches(order, process))
