"""Orders for tests of the core: the process that ships, and one order taken through its steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

from dispatch.core.escalation import clocks, fire
from dispatch.core.outgoing import Outgoing
from dispatch.core.process import parse
from dispatch.core.types import SYSTEM, Actor, Point
from dispatch.core.work_order import Facts, WorkOrder, begin, remark, take

TEXT = files("dispatch").joinpath("process", "fault_repair.toml").read_text(encoding="utf-8")
PROCESS = parse(TEXT, "fault_repair.toml")
A = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
HOTLINE = Actor("hotline", "holly")
DISPATCHER = Actor("dispatcher", "dora")
CREW = Actor("crew", "N1")
DEVICE = Actor("device", "t-N1")
MINUTE = timedelta(minutes=1)

BY = {
    "send": HOTLINE, "centre_receipt": SYSTEM, "accept": DISPATCHER, "return": DISPATCHER,
    "dispatch": DISPATCHER, "receipt": DEVICE, "acknowledge": CREW, "reject": CREW, "recall": DISPATCHER,
    "depart": CREW, "arrive": CREW, "restore": CREW, "record": CREW, "call_back": HOTLINE, "close": HOTLINE,
    "cancel": HOTLINE,
}  # fmt: skip
"""Somebody who may take each step."""
DATA: dict[str, dict[str, Any]] = {
    "return": {"reason": "misrouted"},
    "dispatch": {"crew_id": "N1", "devices": ["t-N1"], "revision": 1},
    "receipt": {"crew_id": "N1"},
    "reject": {"reason": "vehicle_breakdown"},
    "recall": {"reason": "nearer_crew"},
    "depart": {"crew_id": "N1"},
    "arrive": {"crew_id": "N1"},
    "record": {"cause": "rust", "work_done": "a new clamp"},
    "call_back": {"satisfied": True},
    "cancel": {"reason": "customer_withdrew"},
}
"""What each step needs."""
A_TO_H = ("send", "centre_receipt", "dispatch", "receipt", "acknowledge", "depart", "arrive")
A_TO_CLOSED = (*A_TO_H, "restore", "record", "call_back", "close")


def facts(order_id: str = "W1", at: datetime = A) -> Facts:
    """A call about a meter, ended at A."""
    return Facts(order_id, PROCESS.id, at, "phone", "1 Lane", Point(30.05, 120.05), "meter", "lv")


def order(order_id: str = "W1", *, routed: bool = True, area_class: str = "urban") -> WorkOrder:
    """A new order, taken by the hotline at A."""
    data = {"centre_id": "north", "trade": "service", "area_class": area_class} if routed else {}
    return begin(facts(order_id), PROCESS, by=HOTLINE, now=A, data=data)


def step(
    before: WorkOrder,
    name: str,
    now: datetime,
    *,
    by: Actor | None = None,
    key: str = "",
    at: datetime | None = None,
    **data: Any,
) -> WorkOrder:
    """One step by somebody who may, with all that it needs; `data` overrides."""
    facts = {**DATA.get(name, {}), **data}
    return take(before, PROCESS, name, by=by or BY[name], now=now, at=at, data=facts, key=key)


def run(before: WorkOrder, *steps: tuple[str, float] | tuple[str, float, dict[str, Any]]) -> WorkOrder:
    """Several steps: name, minutes after A, and data."""
    for name, minutes, *data in steps:
        before = step(before, name, A + minutes * MINUTE, **(data[0] if data else {}))
    return before


def after(*minutes: float, steps: tuple[str, ...] = A_TO_CLOSED) -> WorkOrder:
    """An order taken through the first steps of its life, each at so many minutes after A."""
    return run(order(), *zip(steps, minutes, strict=False))


def in_state(state: str) -> WorkOrder:
    """An order in this state, the shortest way."""
    if state == "received":
        return order()
    if state == "returned":
        return after(1, 2, steps=("send", "return"))
    if state == "cancelled":
        return after(1, steps=("cancel",))
    for count in range(1, len(A_TO_CLOSED) + 1):
        found = after(*range(1, count + 1))
        if found.state == state:
            return found
    raise AssertionError(f"no way to {state}")


@dataclass
class Waited:
    """What clocks decided while time passed: (minutes after A, clock name, rung), and what followed."""

    order: WorkOrder
    fired: list[tuple[float, str, int]] = field(default_factory=list)
    outgoing: list[Outgoing] = field(default_factory=list)

    def until(self, minutes: float, *, family: str = "") -> Waited:
        """Let every clock fire when it is due, until so many minutes after A."""
        end = A + minutes * MINUTE
        while due := [c for c in clocks(self.order, PROCESS) if c.due <= end]:
            clock = min(due, key=lambda c: (c.due, c.name))
            now = max(clock.due, self.order.history[-1].at)
            self.order, out = fire(self.order, PROCESS, clock, now)
            self.outgoing.extend(out)
            if clock.name.startswith(family):
                self.fired.append(((now - A) / MINUTE, clock.name, clock.rung))
        return self

    def in_hand(self, minutes: float, watch: str) -> Waited:
        """A leader pressed 1."""
        self.order = remark(
            self.order, PROCESS, "in_hand", by=SYSTEM, now=A + minutes * MINUTE, data={"watch": watch}
        )
        return self
