"""Who has to be called back about an order, and how far that is: folded from its history.

Everybody who reported the fault is: the first caller, and each later one whose call joined the order. A call-back ends
in one of three ways: the caller was reached and is satisfied or not, or it is given up after tries that reached nobody.
One that reached nobody yet may name when to try again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dispatch.core.work_order import Event, WorkOrder

CALL_BACK = "call_back"
NOT_REACHED = "not_reached"
Outcome = Literal["waiting", "satisfied", "unsatisfied", "given_up"]


@dataclass(frozen=True, slots=True)
class Caller:
    """One who reported the fault. `phone` may be empty: withheld, or a report that gave none."""

    phone: str
    name: str
    called_at: datetime
    outcome: Outcome = "waiting"
    tries: int = 0
    """How often nobody was reached."""
    again_at: datetime | None = None


def number(phone: str) -> str:
    """What of a telephone number tells it from another: its digits."""
    return "".join(c for c in phone if c.isdigit())


def callers(order: WorkOrder) -> tuple[Caller, ...]:
    """Everybody who has to be called back, the first caller first; a later one who gave no number cannot be."""
    facts = order.facts
    known = {
        number(facts.customer_phone): Caller(facts.customer_phone, facts.customer_name, facts.reported_at)
    }
    own = number(facts.customer_phone)
    for event in order.history:
        if event.kind == "joined" and (later := number(str(event.data.get("phone", "")))):
            one = Caller(str(event.data["phone"]), str(event.data.get("name", "")), event.at)
            known.setdefault(later, one)
        elif event.kind in {CALL_BACK, NOT_REACHED}:
            said = str(event.data.get("phone", ""))
            for key, one in known.items():
                if number(said) == key or (not said and (event.kind == CALL_BACK or key == own)):
                    known[key] = _after(one, event)
    return tuple(known.values())


def _after(one: Caller, event: Event) -> Caller:
    if event.kind == CALL_BACK:
        outcome: Outcome = "satisfied" if event.data.get("satisfied") else "unsatisfied"
        return replace(one, outcome=outcome, again_at=None)
    if event.data.get("given_up"):
        return replace(one, outcome="given_up", tries=one.tries + 1, again_at=None)
    again = event.data.get("again_at")
    return replace(one, tries=one.tries + 1, again_at=datetime.fromisoformat(str(again)) if again else None)


def unended(order: WorkOrder) -> tuple[Caller, ...]:
    """Those whose call-back has no end yet."""
    return tuple(one for one in callers(order) if one.outcome == "waiting")
