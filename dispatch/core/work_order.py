"""A work order: the facts it began with, and its history. Everything else is folded from the two.

`take` is the only way to change state; `remark` adds what is worth keeping without changing it (a rung that
fired, a telephone attempt, a second call for the same place). Both return a new value. Given the same key twice
they return the order unchanged, so that a resend is harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from dispatch.core.call_back import callers, unended
from dispatch.core.errors import BadInput, GuardRefused, IllegalStep
from dispatch.core.process import Process, Transition
from dispatch.core.types import Actor, AreaClass, Point

T = TypeVar("T")

TAKE_CALL = "take_call"
FREED = "crew_free"
"""A remark: the order ahead on the same vehicle was finished. It ends the waiting, so it has a place among the steps."""
REORDERED = "reordered"
"""A remark: its `place` (from 1) on its vehicle was changed. It ends or begins the waiting."""
LOCATE = "locate"
"""A remark: a person gave or corrected `lat`, `lon` and `address`; `was`: what they were (see core.locating)."""
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Facts:
    """What was known when the call ended. Point A is `reported_at`.

    Only `address` and `place` ever change: they are what LOCATE said last. What they were stands in the history.
    """

    id: str
    process: str
    reported_at: datetime
    channel: str
    address: str
    place: Point | None
    fault_type: str
    voltage: str
    customer_name: str = ""
    customer_phone: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the history. `at` is when it happened, `recorded_at` when it was committed here."""

    seq: int
    kind: str
    at: datetime
    recorded_at: datetime
    by: Actor
    key: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """One piece of work for one crew. All fields after `facts` are folded from the history."""

    facts: Facts
    state: str = ""
    history: tuple[Event, ...] = ()
    centre_id: str = ""
    trade: str = ""
    area_class: AreaClass = "urban"
    priority: int = 0
    sends: int = 0
    generation: int = 0
    """How often it was dispatched."""
    editions: tuple[int, ...] = ()
    """Each version of the order on devices (the first is 1), as the dispatch that it belongs to: every dispatch makes
    one, and every change of what the crew that has it reads."""
    crew_id: str = ""
    behind: bool = False
    """Stacked behind another order of the same vehicle which is not finished yet."""
    same_office: bool = False
    satisfied: bool | None = None
    record: Mapping[str, Any] | None = None
    in_centre_hands: bool = False
    incident_id: str = ""
    """The order that leads its incident (its own id where it leads); empty: it belongs to none."""
    removing: Mapping[str, int] = field(default_factory=dict)
    """Devices that have not yet confirmed that a recalled order is gone (`recall_pending`), each with the
    revision of its desired state that no longer holds the order."""
    derived: dict[str, tuple[Process, Any]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What was worked out of this value already, under which definition: it never changes, so neither does that."""

    @property
    def id(self) -> str:
        return self.facts.id

    @property
    def follows(self) -> bool:
        """Whether another order of its incident is the one that a crew works on."""
        return self.incident_id not in {"", self.id}

    def dispatch_of(self, edition: int) -> int:
        """The dispatch (generation) that a version of the order on a device belongs to; 0: there is none such."""
        return self.editions[edition - 1] if 0 < edition <= len(self.editions) else 0

    def is_corrected(self, edition: int) -> bool:
        """Whether this version said something else than the dispatch that it belongs to."""
        return self.dispatch_of(edition) == self.dispatch_of(edition - 1) != 0

    @property
    def version(self) -> int:
        """Number of events; what optimistic writers compare."""
        return len(self.history)

    def last(self, kind: str) -> Event | None:
        """The latest event of this kind."""
        return next((e for e in reversed(self.history) if e.kind == kind), None)

    def has_key(self, key: str) -> bool:
        """Whether this very message was taken before."""
        return bool(key) and any(e.key == key for e in self.history)


def worked_out(order: WorkOrder, name: str, process: Process, work: Callable[[WorkOrder, Process], T]) -> T:
    """What follows from an order and its process, worked out once for each value of an order."""
    known = order.derived.get(name)
    if known is None or known[0] is not process:
        known = order.derived[name] = (process, work(order, process))
    found: T = known[1]
    return found


def begin(facts: Facts, process: Process, *, by: Actor, now: datetime, data: Mapping[str, Any]) -> WorkOrder:
    """A new order in the first state. `data` may hold centre_id, trade, area_class and priority."""
    first = Event(1, TAKE_CALL, min(facts.reported_at, now), now, by, "", data)
    return apply(WorkOrder(facts), first, process)


def take(
    order: WorkOrder,
    process: Process,
    step: str,
    *,
    by: Actor,
    now: datetime,
    at: datetime | None = None,
    data: Mapping[str, Any] = NOTHING,
    key: str = "",
) -> WorkOrder:
    """The order after `step`. Raises IllegalStep (not in this state, not by this role) or GuardRefused."""
    if order.has_key(key):
        return order
    row = process.transitions.get((order.state, step))
    if row is None:
        raise IllegalStep(
            f"order {order.id} is {order.state}: {step} is not possible for {by}",
            order=order.id,
            state=order.state,
            step=step,
        )
    if by.role not in row.by:
        raise IllegalStep(
            f"{step} is for {', '.join(sorted(row.by))}, not for {by.role}", order=order.id, step=step
        )
    for guard in row.guards:
        _GUARDS.get(guard, _always)(order, process, by, data)
    return apply(order, _event(order, process, step, by, at or now, now, data, key), process)


def remark(
    order: WorkOrder,
    process: Process,
    kind: str,
    *,
    by: Actor,
    now: datetime,
    at: datetime | None = None,
    data: Mapping[str, Any] = NOTHING,
    key: str = "",
) -> WorkOrder:
    """The order with one more line that changes no state."""
    if order.has_key(key):
        return order
    return apply(order, _event(order, process, kind, by, at or now, now, data, key), process)


def fold(facts: Facts, history: Iterable[Event], process: Process) -> WorkOrder:
    """The order as its history says. Nobody has it until then, so it is written in place: a value for each line would
    be most of what reading a long history costs."""
    order = WorkOrder(facts)
    for event in history:
        for name, value in _changes(order, event, process).items():
            object.__setattr__(order, name, value)
    order.derived.clear()
    return order


def last_move(order: WorkOrder, process: Process) -> Event | None:
    """The latest step since it was sent that brought the order into another state: who decided last, what and when.

    What a machine receipts decides nothing. None: nobody has decided anything since.
    """
    moving = {row.step: row.point for row in process.transitions.values() if row.to != row.state}
    decided = (e for e in reversed(order.history) if moving.get(e.kind, "C") not in {"C", "E"})
    last = next(decided, None)
    return last if last is not None and moving[last.kind] != "B" else None


def apply(order: WorkOrder, event: Event, process: Process) -> WorkOrder:
    """One event more. Never refuses: what is in the history has happened."""
    return replace(order, **_changes(order, event, process))


def _changes(order: WorkOrder, event: Event, process: Process) -> dict[str, Any]:
    """The fields of the order that this event changes."""
    row = process.transitions.get((order.state, event.kind))
    data = event.data
    changes: dict[str, Any] = {"history": (*order.history, event)}
    if event.kind == TAKE_CALL:
        changes["state"] = process.first
    elif row is not None:
        changes["state"] = row.to
        changes |= _effects_on_fields(order, row, event, ended=row.to in process.final)
    if event.kind in {TAKE_CALL, "route"}:
        changes |= {k: data[k] for k in ("centre_id", "trade", "area_class") if k in data}
        changes["in_centre_hands"] = order.in_centre_hands and changes.get("centre_id") == order.centre_id
    if event.kind in {TAKE_CALL, "joined", "expedite", "supervise"}:
        changes["priority"] = order.priority + int(data.get("priority", 0))
    if event.kind == FREED:
        changes["behind"] = False
    elif event.kind == REORDERED:
        changes["behind"] = data["place"] > 1
    elif event.kind == "call_back":
        said = callers(replace(order, history=changes["history"]))
        changes["satisfied"] = all(one.outcome != "unsatisfied" for one in said)
    elif event.kind in {"grouped", "parted"}:
        changes["incident_id"] = str(data.get("incident_id", "")) if event.kind == "grouped" else ""
    elif event.kind == "record":
        changes["record"] = data
    elif event.kind == LOCATE:
        changes["facts"] = replace(
            order.facts, place=Point(data["lat"], data["lon"]), address=data["address"]
        )
        if order.crew_id and not order.follows:
            changes["editions"] = (*order.editions, order.generation)
    elif event.kind == "removed":
        changes["removing"] = {d: r for d, r in order.removing.items() if d != data.get("device")}
    return changes


def _effects_on_fields(order: WorkOrder, row: Transition, event: Event, *, ended: bool) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if row.point == "B":
        changes |= {"sends": order.sends + 1, "in_centre_hands": False}
    if event.kind == "accept":
        changes["in_centre_hands"] = True
    if row.point == "D":
        changes |= {
            "generation": order.generation + 1,
            "editions": (*order.editions, order.generation + 1),
            "crew_id": event.data["crew_id"],
            "behind": bool(event.data.get("behind")),
            "same_office": bool(event.data.get("same_office")),
            "removing": {d: r for d, r in order.removing.items() if d not in event.data.get("devices", ())},
        }
    if row.withdraws == "dispatch" or (ended and "unstack" in row.effects):
        changes |= {
            "crew_id": "",
            "behind": False,
            "in_centre_hands": True,
            "removing": {
                **order.removing,
                **dict.fromkeys(event.data.get("devices", ()), int(event.data.get("revision", 0))),
            },
        }
    return changes


def _event(
    order: WorkOrder,
    process: Process,
    kind: str,
    by: Actor,
    at: datetime,
    now: datetime,
    data: Mapping[str, Any],
    key: str,
) -> Event:
    """An event in its place: never before the step ahead of it, never after now; a claim that had to be moved is kept.

    Remarks ahead of it (a rung, a second call) move nothing: a device that was offline tells of them too late.
    """
    marks = {TAKE_CALL, FREED, REORDERED, *process.steps}
    ahead = next(e.at for e in reversed(order.history) if e.kind in marks)
    placed = max(min(at, now), ahead)
    if placed != at:
        data = {**data, "claimed_at": at.isoformat()}
    return Event(len(order.history) + 1, kind, placed, max(now, placed), by, key, data)


def _always(order: WorkOrder, process: Process, by: Actor, data: Mapping[str, Any]) -> None:
    """Guards that need more than the order (`crew_can_take`) are asked where the roster is at hand."""


def _routed(order: WorkOrder, process: Process, by: Actor, data: Mapping[str, Any]) -> None:
    if not (order.centre_id and order.trade):
        raise GuardRefused(f"order {order.id} has no centre or trade yet: route it first", guard="routed")


def _reason(order: WorkOrder, process: Process, by: Actor, data: Mapping[str, Any]) -> None:
    code = data.get("reason", "")
    if code not in process.reasons:
        raise BadInput(
            f"a reason is needed, one of {', '.join(process.reasons)}; got {code!r}", field="reason"
        )


def _own_order(order: WorkOrder, process: Process, by: Actor, data: Mapping[str, Any]) -> None:
    if by.id != order.crew_id and data.get("crew_id") != order.crew_id:
        raise GuardRefused(f"order {order.id} is not with {by.id}", guard="own_order")
    generation = data.get("generation")
    if generation is not None and generation != order.generation:
        raise GuardRefused(f"order {order.id} was dispatched anew meanwhile", guard="own_order")


def _fault_record(order: WorkOrder, process: Process, by: Actor, data: Mapping[str, Any]) -> None:
    missing = [k for k in ("cause", "work_done") if not str(data.get(k, "")).strip()]
    if missing:
        raise BadInput(f"the fault record needs {' and '.join(missing)}", field=missing[0])


def _satisfaction(order: WorkOrder, process: Process, by: Actor, data: Mapping[str, Any]) -> None:
    if not isinstance(data.get("satisfied"), bool):
        raise BadInput("say whether the customer is satisfied: true or false", field="satisfied")


def _called_back(order: WorkOrder, process: Process, by: Actor, data: Mapping[str, Any]) -> None:
    if unended(order):
        raise GuardRefused(f"order {order.id}: call the customer back first", guard="called_back")


_GUARDS = {
    "routed": _routed,
    "reason": _reason,
    "own_order": _own_order,
    "fault_record": _fault_record,
    "satisfaction": _satisfaction,
    "called_back": _called_back,
}
