"""The clocks of an order, and what each of them decides when it is due.

Nothing here is stored: which clocks are armed follows from the order's history and its process. SQL keeps the
answer of `clocks` beside the order as an index on due time, written in the same transaction, so that an order
without its clocks cannot exist. `fire` decides once for each (order, watch, generation, rung): the rung that
fired becomes part of the history, which arms the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from dispatch.core.chains import IN_HAND, ROUTE, Owner, Watch
from dispatch.core.outgoing import Outgoing, alert, told
from dispatch.core.process import Process, Transition
from dispatch.core.segments import STACKED, deadline, dispatching, limit, same_walk, timeline
from dispatch.core.types import SYSTEM
from dispatch.core.unconfirmed import Silence, silences, tell_next, unconfirmed
from dispatch.core.work_order import WorkOrder, remark, worked_out

RUNG = "rung"
OVERDUE = "overdue"
MISSED = "promise_missed"
ATTEMPT = "attempt"
CHASED = ("expedite", "supervise")


@dataclass(frozen=True, slots=True)
class Clock:
    """One armed clock. `name` is `watch:<name>`, `segment:<AB..GH>` or `promise`; of what a terminal has not confirmed
    `unreceipted:<device>` or `recall_unreceipted:<device>`, which outlasts the order."""

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


@dataclass(slots=True)
class _Running:
    """One watch as the history passes: the steps that open and end it, the rungs that fired, the pauses."""

    watch: Watch
    since: datetime | None
    due: datetime
    paused: datetime
    generation: int = 0
    fired: int = 0

    def open(self, at: datetime) -> None:
        self.since, self.generation, self.fired = at, self.generation + 1, 0
        self.due, self.paused = at + self.watch.limit, at

    def climb(self, at: datetime, *, skipped: bool) -> None:
        """After a rung; one that was quiet gives way at once, and only to the next of the same round."""
        self.fired += 1
        index = self.fired % len(self.watch.rungs)
        gap = self.watch.repeat if index == 0 else self.watch.rungs[index].after
        self.due = at if skipped and index else at + gap


def open_watches(order: WorkOrder, process: Process) -> tuple[OpenWatch, ...]:
    """Every watch that is running on this order.

    An order that is routed to another centre has nobody there yet: what the first one answered no longer counts, nor
    that it was rung, or took the order in hand.
    """
    return worked_out(order, "watches", process, _open_watches)


def _open_watches(order: WorkOrder, process: Process) -> tuple[OpenWatch, ...]:
    start = order.facts.reported_at
    running = [_Running(watch, None, start, start) for watch in process.watches]
    state = centre = ""
    for event in order.history:
        row = process.transitions.get((state, event.kind))
        point = "" if row is None else row.point
        if not state:
            point = "A"
        state = process.moved(state, event.kind)
        before, centre = centre, event.data.get("centre_id", centre)
        moved = event.kind == ROUTE and centre != before
        for one in running:
            step = "" if row is None else event.kind
            if one.since is None:
                if one.watch.opens(step, point) or (moved and _reopens(one, state, process)):
                    one.open(event.at)
            elif (step or (ROUTE if moved else "")) in one.watch.until:
                one.since = None
            elif moved and (one.fired or one.paused > one.since) and _is_centres(one, state, process):
                one.open(event.at)
            elif event.data.get("watch") == one.watch.name and event.kind == RUNG:
                one.climb(event.at, skipped=bool(event.data.get("skipped")))
            elif event.data.get("watch") == one.watch.name and event.kind == IN_HAND:
                one.paused = event.at + one.watch.pause
    return tuple(
        OpenWatch(one.watch, one.generation, one.since, one.fired, max(one.due, one.paused))
        for one in running
        if one.since is not None
    )


def _reopens(one: _Running, state: str, process: Process) -> bool:
    """Whether another centre has to answer it again: it was answered, and one of its steps, other than giving the
    order up, is possible in this state."""
    return bool(one.generation) and ROUTE not in one.watch.until and bool(_answers(one.watch, state, process))


def _is_centres(one: _Running, state: str, process: Process) -> bool:
    """Whether it waits for somebody at the centre. What the hotline owes is no younger for a change of the centre."""
    return any("dispatcher" in row.by for row in _answers(one.watch, state, process))


def _answers(watch: Watch, state: str, process: Process) -> list[Transition]:
    """The steps that end it in this state, other than giving the order up."""
    rows = (process.transitions.get((state, step)) for step in watch.until)
    return [row for row in rows if row is not None and row.to not in process.final]


def clocks(order: WorkOrder, process: Process) -> tuple[Clock, ...]:
    """Every clock that should be armed for this order as it stands."""
    return worked_out(order, "clocks", process, _clocks)


def _clocks(order: WorkOrder, process: Process) -> tuple[Clock, ...]:
    return (*_of_the_order(order, process), *map(_of_a_silence, silences(order, process)))


def _of_a_silence(one: Silence) -> Clock:
    return Clock(f"{one.what}:{one.device}", one.edition, len(one.told), one.due)


def _of_the_order(order: WorkOrder, process: Process) -> tuple[Clock, ...]:
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
    attempt = attempt_of(order)
    if line.running in {s.name for s in process.segments} and (line.running, attempt) not in announced:
        spent = line.duration(line.running) - line.intervals[-1].duration
        due = line.intervals[-1].start + limit(order, process, line.running) - spent
        armed.append(Clock(f"segment:{line.running}", attempt, 0, due))
    if order.last(MISSED) is None:
        armed.append(Clock("promise", 1, 0, deadline(order, process)))
    return tuple(armed)


def attempt_of(order: WorkOrder) -> int:
    """Counts sends and dispatches, so that each new attempt may be overdue once again."""
    return order.sends + order.generation


def fire(
    order: WorkOrder, process: Process, clock: Clock, now: datetime, zone: tzinfo = UTC, heard: str = ""
) -> tuple[WorkOrder, tuple[Outgoing, ...]]:
    """The order after `clock` was due, and what follows. A clock that is no longer armed decides nothing.

    `zone`: whose wall time the quiet parts of the day are told in. `heard`: who has acknowledged an alert that the clock
    `asks_about`; empty: nobody.
    """
    if clock not in clocks(order, process) or clock.due > now:
        return order, ()
    fired, following = _fired(order, process, clock, now, zone, heard)
    same_walk(order, fired)
    return fired, following


def _fired(
    order: WorkOrder, process: Process, clock: Clock, now: datetime, zone: tzinfo, heard: str
) -> tuple[WorkOrder, tuple[Outgoing, ...]]:
    """With lines that say so; none of them moves a point."""
    family, _, name = clock.name.partition(":")
    if family == "watch":
        return _fire_watch(order, process, process.watch(name), clock, now, zone)
    if family == "segment":
        return _fire_segment(order, process, name, clock, now)
    if (silence := _silence_of(order, process, clock)) is not None:
        return tell_next(order, process, silence, now, zone, heard)
    return _fire_promise(order, process, clock, now)


def asks_about(order: WorkOrder, process: Process, clock: Clock) -> tuple[str, ...]:
    """The keys of the alerts whose acknowledgement makes this clock needless."""
    silence = _silence_of(order, process, clock)
    return silence.alerts(order) if silence else ()


def _silence_of(order: WorkOrder, process: Process, clock: Clock) -> Silence | None:
    return next((one for one in silences(order, process) if _of_a_silence(one) == clock), None)


def _fire_watch(
    order: WorkOrder, process: Process, watch: Watch, clock: Clock, now: datetime, zone: tzinfo
) -> tuple[WorkOrder, tuple[Outgoing, ...]]:
    cycle, index = divmod(clock.rung, len(watch.rungs))
    rung = watch.rungs[index]
    key = f"{order.id}/{watch.name}/{clock.generation}/{clock.rung}"
    facts = {"watch": watch.name, "generation": clock.generation, "rung": index + 1, "cycle": cycle + 1}
    data = {**facts, "due": clock.due.isoformat(), "phone": rung.phone, "alert": list(rung.alert)}
    silent = rung.silent(now.astimezone(zone).time(), order.priority)
    if silent:
        data["skipped"] = f"quiet {rung.quiet}"
    fired = remark(order, process, RUNG, by=SYSTEM, now=now, key=key, data=data)
    if silent:
        skipped = {
            **facts, "channel": "phone", "to": rung.phone, "number": "", "state": "skipped",
            "why": data["skipped"],
        }  # fmt: skip
        fired = remark(fired, process, ATTEMPT, by=SYSTEM, now=now, key=f"{key}/skipped", data=skipped)
    roles = (*rung.alert, *(("manager",) if cycle else ()))
    follow = told(
        order, rung, key=key, code=f"unanswered_{watch.name}", now=now, roles=roles, silent=silent, **facts
    )
    return fired, follow


def _fire_segment(
    order: WorkOrder, process: Process, name: str, clock: Clock, now: datetime
) -> tuple[WorkOrder, tuple[Outgoing, ...]]:
    """Announced once to the segment's owner, as the evidence says who that is, beside the watches; nobody is rung for it."""
    running = timeline(order, process, now).intervals[-1]
    owner = running.owner if running.label == name else process.segment(name).owner
    key = f"{order.id}/{name}/{clock.generation}"
    data = {"segment": name, "attempt": clock.generation, "owner": owner}
    late = remark(order, process, OVERDUE, by=SYSTEM, now=now, key=key, data=data)
    rung = (process.owners.get(owner) or process.owners[process.segment(name).owner]).told
    return late, told(
        order,
        rung,
        key=key,
        code="segment_overdue",
        now=now,
        silent=True,
        segment=name,
        owner=owner,
        attempt=clock.generation,
    )


def owner_now(order: WorkOrder, process: Process) -> Owner:
    """Whose turn it is: the owner of the segment that runs; after the arrival the crew until it has written its
    record, then the hotline."""
    running = timeline(order, process, order.history[-1].at).running
    if running == STACKED:
        return process.owners[dispatching(process)]
    if running:
        return process.owners[process.segment(running).owner]
    return process.owners["crew" if order.crew_id and order.record is None else "hotline"]


def chase(
    order: WorkOrder, process: Process, kind: str, now: datetime, zone: tzinfo = UTC
) -> tuple[Outgoing, ...]:
    """Who hears of an expedite or a supervise that was just noted: the party whose turn it is, and its superior."""
    owner = owner_now(order, process)
    local = now.astimezone(zone).time()
    facts: dict[str, Any] = {
        "watch": "",
        "why": kind,
        "owner": owner.name,
        "generation": order.generation,
        "rung": 0,
    }
    code = {"expedite": "expedited", "supervise": "supervised"}[kind]
    follow: list[Outgoing] = []
    for whom, rung in (("owner", owner.told), ("superior", owner.superior)):
        key = f"{order.id}/{kind}/{order.version}/{whom}"
        silent = rung.silent(local, order.priority)
        follow += told(
            order, rung, key=key, code=code, now=now, silent=silent, above=whom == "superior", **facts
        )
    return tuple({(one.kind, one.target): one for one in reversed(follow)}.values())[::-1]


def _fire_promise(
    order: WorkOrder, process: Process, clock: Clock, now: datetime
) -> tuple[WorkOrder, tuple[Outgoing, ...]]:
    key = f"{order.id}/promise"
    late = remark(
        order, process, MISSED, by=SYSTEM, now=now, key=key, data={"deadline": clock.due.isoformat()}
    )
    following = tuple(
        alert(
            key=key, role=role, code="promise_missed", due=now, order_id=order.id, centre_id=order.centre_id
        )
        for role in ("dispatcher", "manager")
    )
    return late, following


def is_answered(order: WorkOrder, process: Process, watch: str, generation: int) -> bool:
    """Whether a telephone call of this watch and generation has become needless."""
    return not any(w.watch.name == watch and w.generation == generation for w in open_watches(order, process))


def is_needless(order: WorkOrder, process: Process, call: Mapping[str, Any]) -> bool:
    """Whether a telephone call need not be made any more; `call`: the facts of its outbox row.

    A watch's: it was answered. One about what a terminal holds back: it is confirmed. One about a chase: its owner's turn
    has passed.
    """
    if about := call.get("about"):
        return about not in unconfirmed(order, process)
    if call["watch"]:
        return is_answered(order, process, str(call["watch"]), int(call["generation"]))
    if order.state in process.final:
        return True
    return (owner_now(order, process).name, order.generation) != (call["owner"], call["generation"])
