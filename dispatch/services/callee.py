"""Who is rung for a row of the outbox, and what they hear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatch.core.on_call import HOTLINE, on_call
from dispatch.core.work_order import WorkOrder
from dispatch.services.context import Context
from dispatch.services.ports import Crew, Department, OutboxRow

NAMED = 5
"""Addresses that a call reads out; the rest is a number."""


@dataclass(frozen=True, slots=True)
class Callee:
    """Whom a call reaches; `note` says why it is somebody else than was meant."""

    number: str = ""
    name: str = ""
    note: str = ""


NOBODY = Callee()


def callee(context: Context, row: OutboxRow, now: datetime) -> Callee:
    """Who answers for a row's target now; without a number where there is nobody."""
    directory = context.directory
    crew = directory.crews.get(str(row.data.get("crew_id", "")))
    if row.target == "on_call":
        return _on_call(context, row, crew, now)
    if row.target == "centre_duty":
        centre = directory.centres.get(row.centre_id)
        return Callee(centre.duty_phone) if centre else NOBODY
    if crew is None:
        return NOBODY
    if row.target == "crew_duty":
        return Callee(crew.duty_phone)
    return _leader(directory.departments.get(crew.department_id), row.target)


def _on_call(context: Context, row: OutboxRow, crew: Crew | None, now: datetime) -> Callee:
    """By the schedule; where nobody is on it, the leader of the department that the order is for."""
    of = str(row.data.get("of", "")) or ("department" if crew else "centre")
    department = context.directory.departments.get(crew.department_id) if crew else _department(context, row)
    unit = {"hotline": HOTLINE, "centre": row.centre_id}.get(of, department.id if department else "")
    duty = on_call(context.directory.on_call, unit, now.astimezone(context.zone))
    if duty is not None:
        return Callee(duty.phone, duty.name)
    leader = _leader(department, "leader1")
    return Callee(
        leader.number, leader.name, f"nobody is on call for {unit or 'this order'}: leader 1 instead"
    )


def _department(context: Context, row: OutboxRow) -> Department | None:
    """The department of the order's centre and trade; any of the centre's where the trade has none."""
    ours = [d for d in context.directory.departments.values() if d.centre_id == row.centre_id]
    trade = row.data.get("trade")
    return min(ours, key=lambda d: (d.trade != trade, d.id), default=None)


def _leader(department: Department | None, which: str) -> Callee:
    if department is None:
        return NOBODY
    leader = department.leader1 if which == "leader1" else department.leader2
    return Callee(leader.phone, leader.name)


def prompt(context: Context, told: Sequence[tuple[OutboxRow, WorkOrder]]) -> str:
    """What is read out: how many orders of each kind, a few addresses, the keys."""
    chinese = context.language.startswith("zh")
    said: dict[str, list[WorkOrder]] = {}
    for row, order in told:
        said.setdefault(str(row.data.get("why", "")), []).append(order)
    parts = [(_chinese if chinese else _english)(why, orders) for why, orders in said.items()]
    crews_own = all(row.data["keypress"] == "acknowledge" for row, _ in told)
    if chinese:
        keys = "接单请按1,重听请按2,无法出动请按9。" if crews_own else "由您督办请按1,重听请按2。"
        return f"您好,这里是报修中心。{''.join(parts)}{keys}"
    which = "all of them" if len(told) > 1 else ""
    keys = "accept" if crews_own else "take in hand"
    cannot = ", 9 if you cannot" if crews_own else ""
    it = f"{keys} {which}".strip() if which or crews_own else "take it in hand"
    return f"This is the repair centre. {' '.join(parts)} Press 1 to {it}, 2 to hear it again{cannot}."


def _places(orders: Sequence[WorkOrder], separator: str) -> tuple[str, int]:
    """The most urgent addresses, and how many are not named."""
    first = sorted(orders, key=lambda o: (-o.priority, o.facts.reported_at))[:NAMED]
    return separator.join(o.facts.address or o.id for o in first), len(orders) - len(first)


def _chinese(why: str, orders: Sequence[WorkOrder]) -> str:
    what = {"expedite": "客户催办", "supervise": "上级督办"}.get(why, "尚未接单")
    named, rest = _places(orders, ";")
    return f"有{len(orders)}张工单{what}:{named}{f';另有{rest}张' if rest else ''}。"


def _english(why: str, orders: Sequence[WorkOrder]) -> str:
    what = {"expedite": "chased by the customer", "supervise": "watched by a superior"}.get(
        why, "not acknowledged"
    )
    named, rest = _places(orders, "; ")
    return f"{len(orders)} work order(s) {what}: {named}{f'; and {rest} more' if rest else ''}."
