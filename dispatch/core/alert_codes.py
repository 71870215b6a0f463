"""What each alert says, how much it matters, and until when it is true.

An alert with a cause is settled in the transaction of the step that ends the cause; it keeps its row and says by what
(`adapters/sql/statements.py`). One without a cause stays until somebody acknowledges it: what people have to see even
when it is over. The causes that still hold are derived from an order's history or a roster, as clocks are
(`core/escalation.py`): nothing is stored that could be forgotten. The table in words: docs/alerts.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from dispatch.core.crew import Roster
from dispatch.core.escalation import OVERDUE, RUNG, attempt_of, open_watches
from dispatch.core.incident import PARTED
from dispatch.core.process import Process
from dispatch.core.segments import STACKED, timeline
from dispatch.core.shortage import Report
from dispatch.core.types import SYSTEM, Actor
from dispatch.core.unconfirmed import RECALL_UNRECEIPTED, UNHEARD, UNRECEIPTED, unconfirmed
from dispatch.core.work_order import WorkOrder, apply, worked_out

AGAIN = "told_again"
"""How an alert is settled in whose place the same was told anew: a later rung of the same watch, a second chase
by the same side."""


class Rank(IntEnum):
    """In which order alerts are shown and heard: the lowest first."""

    PROMISE = 0
    NOBODY = 1
    """Somebody who had to answer has not."""
    ACT = 2
    """Somebody has to do something."""
    LATE = 3
    NEWS = 4


@dataclass(frozen=True, slots=True)
class Code:
    """One code. `cause`: what has to hold as long as it is true, over the alert's facts; empty: it stays."""

    rank: Rank
    cause: str = ""


CODES: Mapping[str, Code] = {
    # of an order
    "promise_missed": Code(Rank.PROMISE),
    "unroutable": Code(Rank.ACT, "unroutable"),
    "expedited": Code(Rank.ACT, "expedited"),
    "supervised": Code(Rank.ACT, "supervised"),
    "parted": Code(Rank.ACT, "parted"),
    "order_return": Code(Rank.ACT, "returned"),
    "order_reject": Code(Rank.ACT, "rejected"),
    "order_located": Code(Rank.ACT),  # before lateness: it may be late because it drives elsewhere
    "order_recall": Code(Rank.NEWS, "withdrawn {crew_id}"),
    "order_cancel": Code(Rank.NEWS),
    UNRECEIPTED: Code(Rank.ACT, "unreceipted {device} {edition}"),
    RECALL_UNRECEIPTED: Code(Rank.ACT, "removing {device}"),
    UNHEARD: Code(Rank.NOBODY, "{about}"),
    "segment_overdue": Code(Rank.LATE, "segment {segment} {attempt}"),
    "repeat_call": Code(Rank.NEWS, "joined"),
    "unsatisfied": Code(Rank.NEWS),
    # of a crew
    "away_asked": Code(Rank.LATE, "away_asked {crew_id}"),
    "away_over": Code(Rank.NEWS, "away_over {crew_id}"),
    "away_granted": Code(Rank.NEWS, "away_granted {crew_id}"),
    "away_refused": Code(Rank.NEWS, "away_refused {crew_id}"),
    "crew_message": Code(Rank.NEWS),
    "centre_message": Code(Rank.NEWS),
    # of the organisation and the machine
    "shortage": Code(Rank.LATE, "shortage {shortage}"),
    "shortage_again": Code(Rank.LATE, "shortage_again {shortage}"),
    "undelivered": Code(Rank.ACT),
}
"""Of the shipped process; a code that is not here (another process's step, the auditor's findings) stays."""
UNANSWERED = "unanswered_"
"""How the codes of the watches begin."""
_UNANSWERED = Code(Rank.NOBODY, "watch {watch} {generation}")
_OTHER = Code(Rank.ACT)


def code_of(code: str) -> Code:
    """What is known of a code."""
    return CODES.get(code) or (_UNANSWERED if code.startswith(UNANSWERED) else _OTHER)


def cause_of(code: str, order_id: str, facts: Mapping[str, Any]) -> str:
    """The cause of one alert, unique in the installation; empty where it stays until somebody acknowledges it."""
    try:
        found = code_of(code).cause.format_map(facts)
    except KeyError:
        return ""
    return f"{order_id} {found}".strip() if found else ""


def tells_again(code: str, facts: Mapping[str, Any]) -> bool:
    """Whether it may take the place of one that says the same; a first rung and an overdue segment come once."""
    return code != "segment_overdue" and (facts.get("rung"), facts.get("cycle")) != (1, 1)


@dataclass(frozen=True, slots=True)
class Ended:
    """A cause that holds no more: who ended it and by which step; `role`: only for its alerts (empty: everybody's)."""

    cause: str
    at: datetime
    by: Actor
    step: str
    role: str = ""


def causes(order: WorkOrder, process: Process) -> frozenset[str]:
    """What holds of this order, as far as alerts speak of it."""
    return worked_out(order, "causes", process, _causes)


def _causes(order: WorkOrder, process: Process) -> frozenset[str]:
    kinds = {event.kind for event in order.history}
    found = set(unconfirmed(order, process)) if order.removing or UNRECEIPTED in kinds else set()
    if "recall" in kinds:
        found |= {f"withdrawn {crew}" for crew in _crews_before(order) - {order.crew_id}}
    if order.state in process.final:
        return frozenset(found)
    if RUNG in kinds:
        fired = (one for one in open_watches(order, process) if one.fired)
        found |= {f"watch {one.watch.name} {one.generation}" for one in fired}
    if OVERDUE in kinds:
        found |= _overdue(order, process)
    if not (order.centre_id and order.trade):
        found.add("unroutable")
    found |= {
        cause
        for cause, (begins, ends) in _UNTIL.items()
        if not kinds.isdisjoint(begins) and _lasts(order, begins, ends)
    }
    return frozenset(found)


_UNTIL: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "expedited": (("expedite",), ("restore",)),
    "supervised": (("supervise",), ("restore",)),
    "joined": (("joined",), ("restore",)),
    "parted": ((PARTED,), ("dispatch",)),
    "returned": (("return",), ("send",)),
    "rejected": (("reject",), ("dispatch", "return")),
}
"""What begins with some lines of the history and lasts until one of others, or until the order is finished."""


def _lasts(order: WorkOrder, begins: tuple[str, ...], ends: tuple[str, ...]) -> bool:
    last = next((e.kind for e in reversed(order.history) if e.kind in begins or e.kind in ends), "")
    return last in begins


def _crews_before(order: WorkOrder) -> set[str]:
    return {str(e.data.get("crew_id", "")) for e in order.history if e.kind == "dispatch"}


def _overdue(order: WorkOrder, process: Process) -> set[str]:
    """A segment that was announced, of this attempt, and has not ended; waiting behind another order ends none."""
    line, attempt = timeline(order, process, order.history[-1].at), attempt_of(order)
    announced = {
        str(e.data.get("segment", ""))
        for e in order.history
        if e.kind == OVERDUE and e.data.get("attempt") == attempt
    }
    return {
        f"segment {name} {attempt}"
        for name in announced
        if line.running == name or (line.running == STACKED and name[-1:] > max(line.points))
    }


def ended(before: WorkOrder, after: WorkOrder, process: Process) -> list[Ended]:
    """The causes that the steps from `before` to `after` ended, each with the step that did."""
    held = causes(before, process)
    if not held or held <= causes(after, process):  # mostly nothing holds: what comes after is not worked out
        return []
    found: list[Ended] = []
    order = before
    for event in after.history[before.version :]:
        then = apply(order, event, process)
        gone = sorted(causes(order, process) - causes(then, process))
        found += [Ended(f"{order.id} {cause}", event.recorded_at, event.by, event.kind) for cause in gone]
        order = then
    return found


def roster_causes(roster: Roster) -> frozenset[str]:
    """What holds of these crews, as far as alerts speak of it."""
    found: set[str] = set()
    for duty in roster.crews:
        if duty.asked_at is not None:
            found.add(f"away_asked {duty.crew_id}")
        if duty.presence == "away":
            found.add(f"away_granted {duty.crew_id}")
            if duty.reminded:
                found.add(f"away_over {duty.crew_id}")
        elif duty.asked_at is None:
            found.add(f"away_refused {duty.crew_id}")
    return frozenset(found)


def roster_ended(before: Roster, after: Roster, now: datetime) -> list[Ended]:
    """The causes that hold of no crew any more; `step` is how the crew stands since."""
    stands = {duty.crew_id: duty.presence for duty in after.crews}
    gone = sorted(roster_causes(before) - roster_causes(after))
    return [Ended(cause, now, SYSTEM, stands.get(cause.partition(" ")[2], "standby")) for cause in gone]


def report_ended(report: Report) -> list[Ended]:
    """What the last step of a shortage report settles: it waits no more once somebody takes it up."""
    step = report.steps[-1]
    over = {"took_up": ("shortage_again",), "closed": ("shortage", "shortage_again")}.get(step.kind, ())
    return [Ended(f"{code} {report.id}", step.at, step.by, step.kind) for code in over]
