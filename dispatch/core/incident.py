"""Incidents: several orders of one fault. One of them leads and is worked on, the others follow it step by step.

Each order stays whole: its own call (A), sending (B) and receipt (C), its own promise, watches, call-back and end. From
the dispatch on, what happens to the leading order happens to those that follow it, at the same time or, for one that
joined later, when it joined: the crew that arrives has arrived for every caller, and nobody's minutes are lost or made
fewer. A follower is on no vehicle by itself. Parted, it is an order like any other that waits at the centre.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dispatch.core.errors import GuardRefused, IllegalStep
from dispatch.core.process import Process, Transition
from dispatch.core.segments import LEFT, deadline
from dispatch.core.types import distance
from dispatch.core.work_order import FREED, REORDERED, Event, WorkOrder

GROUPED = "grouped"
"""A remark: the order belongs to `incident_id` from now on; `lead_seq` is the last event of the lead not to follow."""
PARTED = "parted"
AFTER_DISPATCH = frozenset("DEFGH")
ON_THE_WAY = frozenset({FREED, REORDERED, LEFT})
"""Remarks that move the time of a dispatch: those that follow have them too."""
OF_THE_VEHICLE = frozenset({"devices", "revision", "claimed_at"})
"""Facts of an event that are true of the leading order alone."""
NEAR_M = 800.0
"""Metres within which orders may be of one fault: about the reach of one low-voltage transformer's feeders."""
WITHIN = timedelta(hours=2)
_EQUIPMENT = re.compile(
    r"(?:transformer|feeder|substation|变压器|配变|箱变|台区|线路|开关站)\s*(?:no\.?|#|号)?\s*([0-9a-z][0-9a-z-]*)"
    r"|([0-9a-z][0-9a-z-]*)\s*(?:#|号)\s*(?:变压器|配变|箱变|台区)",
    re.IGNORECASE,
)


def is_followed(row: Transition) -> bool:
    """Whether those that follow take this step of the leading order too."""
    return row.point in AFTER_DISPATCH or row.withdraws == "dispatch" or "crew" in row.by


def breaks_up(row: Transition, lead: WorkOrder, process: Process) -> bool:
    """Whether an incident cannot go on after this step of its leading order: it left the centre, or ended unrepaired."""
    return row.withdraws == "send" or (row.to in process.final and lead.last("restore") is None)


def to_follow(order: WorkOrder, lead: WorkOrder, process: Process) -> Sequence[Event]:
    """What the leading order went through that this one has still to follow, the oldest first."""
    since = next((e.seq for e in reversed(order.history) if e.kind == GROUPED), 0)
    done = max((int(e.data.get("lead_seq", 0)) for e in order.history if e.seq >= since), default=0)
    left: list[Event] = []
    state = ""
    for event in lead.history:
        row = process.transitions.get((state, event.kind))
        state = process.moved(state, event.kind)
        if event.seq <= done:
            continue
        if row is not None and row.withdraws == "dispatch" and not order.crew_id:
            left.clear()  # what was withdrawn again before this order could follow it
        elif (row is not None and is_followed(row)) or event.kind in ON_THE_WAY:
            left.append(event)
    return left


def as_followed(order: WorkOrder, lead: WorkOrder, event: Event) -> Mapping[str, Any]:
    """The facts of the leading order's event as one that follows keeps them."""
    data = {k: v for k, v in event.data.items() if k not in OF_THE_VEHICLE}
    if "generation" in data:
        data["generation"] = order.generation
    return {**data, "lead": lead.id, "lead_seq": event.seq}


def before_joining(lead: WorkOrder) -> int:
    """The last event of the leading order that one which joins now does not follow."""
    dispatched = lead.last("dispatch")
    return dispatched.seq - 1 if lead.crew_id and dispatched is not None else lead.version


def choose_lead(orders: Sequence[WorkOrder], processes: Mapping[str, Process]) -> WorkOrder:
    """The one that a crew has; else the one that leads already; else the one whose promise ends first.

    Raises GuardRefused where two crews are at it: one has to be recalled first.
    """
    with_crew = [o for o in orders if o.crew_id and not o.follows]
    if len(with_crew) > 1:
        raise GuardRefused(
            f"{with_crew[0].id} and {with_crew[1].id} are both with a crew: recall one first",
            guard="incident", why="two_crews",
        )  # fmt: skip
    leading = [o for o in orders if o.incident_id == o.id]
    return min(with_crew or leading or orders, key=lambda o: (deadline(o, processes[o.facts.process]), o.id))


def check_joinable(order: WorkOrder, lead: WorkOrder, process: Process) -> None:
    """Raises where an order cannot belong to an incident: repaired or ended, nobody's yet, another centre's."""
    if order.state in process.final or order.last("restore") is not None:
        raise IllegalStep(f"order {order.id} is {order.state}: it joins no incident", order=order.id)
    if not order.centre_id or order.centre_id != lead.centre_id:
        raise GuardRefused(
            f"{order.id} belongs to another centre than {lead.id}", guard="incident", why="other_centre"
        )
    if order.last("send") is None or order.state == "returned":
        raise GuardRefused(f"{order.id} has not been sent to the centre", guard="incident", why="not_sent")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An order that may be of the same fault, and why: `near`, `same_territory`, `same_equipment`."""

    order_id: str
    metres: float | None
    minutes: float
    """Between the two reports."""
    why: tuple[str, ...]


def suggest(order: WorkOrder, others: Iterable[WorkOrder], territory: Mapping[str, str]) -> list[Suggestion]:
    """Open orders that may be of the fault of `order`, the likeliest first. `territory`: where each order lies.

    Reported within WITHIN, and near, or of the same named transformer or feeder.
    """
    found = []
    equipment = _equipment(order)
    belongs: dict[str, str] = {}
    for one in others:
        belongs[one.id] = one.incident_id
        if one.id == order.id or (one.incident_id and one.incident_id == order.incident_id):
            continue
        apart = abs(one.facts.reported_at - order.facts.reported_at)
        if apart > WITHIN or one.centre_id != order.centre_id or one.last("restore") is not None:
            continue
        here, there = order.facts.place, one.facts.place
        metres = float(distance(here, there)) if here and there else None
        why = ["same_equipment"] if equipment & _equipment(one) else []
        if metres is not None and metres <= NEAR_M:
            why.append("near")
        if not why:
            continue
        if territory.get(one.id) and territory.get(one.id) == territory.get(order.id):
            why.append("same_territory")
        found.append(Suggestion(one.id, metres, apart / timedelta(minutes=1), tuple(why)))
    found.sort(
        key=lambda one: ("same_equipment" not in one.why, one.metres is None, one.metres or 0.0, one.order_id)
    )
    first: dict[str, Suggestion] = {}
    for likely in found:  # of an incident, its likeliest order stands for all
        first.setdefault(belongs.get(likely.order_id) or likely.order_id, likely)
    return list(first.values())


def _equipment(order: WorkOrder) -> set[str]:
    text = f"{order.facts.address}\n{order.facts.description}"
    return {(one[1] or one[2]).casefold() for one in _EQUIPMENT.finditer(text)}
