"""Who is rung for a row of the outbox, and what they hear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatch.core.on_call import HOTLINE, on_call
from dispatch.core.work_order import WorkOrder
from dispatch.services.context import Context
from dispatch.services.ports import Crew, Department, OutboxRow

NO_CENTRE = "the order has no centre yet"
NAMED = 5
"""Addresses that a call reads out; the rest is a number."""


@dataclass(frozen=True, slots=True)
class Callee:
    """Whom a call reaches; `note` says why it is somebody else than was meant."""

    number: str = ""
    name: str = ""
    note: str = ""


def callee(context: Context, row: OutboxRow, now: datetime) -> Callee:
    """Who answers for a row's target now; where nobody has a number, `note` says whose is missing.

    A call of which a 1 only means "in hand" goes to another voice then: whoever is on call for the hotline, else the
    duty phone of the order's centre, and for an order without a centre the first centre's that has one.
    """
    meant = _meant(context, row, now)
    if meant.number or row.data["keypress"] == "acknowledge":
        return meant
    if duty := on_call(context.directory.on_call, HOTLINE, now.astimezone(context.zone)):
        return Callee(duty.phone, duty.name, f"{meant.note}: the hotline's on call instead")
    for centre in sorted(context.directory.centres.values(), key=lambda centre: centre.id):
        if centre.duty_phone and row.centre_id in {"", centre.id}:
            return Callee(centre.duty_phone, note=f"{meant.note}: the duty phone of {centre.id} instead")
    return meant


def _meant(context: Context, row: OutboxRow, now: datetime) -> Callee:
    directory = context.directory
    crew_id = str(row.data.get("crew_id", ""))
    crew = directory.crews.get(crew_id)
    if row.target == "on_call":
        return _on_call(context, row, crew, now)
    if row.target == "centre_duty":
        centre = directory.centres.get(row.centre_id)
        missing = f"centre {row.centre_id} has no duty phone" if row.centre_id else NO_CENTRE
        return _known(centre.duty_phone if centre else "", missing)
    if row.target == "crew_duty":
        return _known(crew.duty_phone if crew else "", f"crew {crew_id} has no duty phone")
    department = directory.departments.get(crew.department_id) if crew else None
    return _leader(department, row.target, f"crew {crew_id}")


def _known(number: str, missing: str) -> Callee:
    return Callee(number) if number else Callee(note=missing)


def _on_call(context: Context, row: OutboxRow, crew: Crew | None, now: datetime) -> Callee:
    """By the schedule; where nobody is on it, the leader of the department that the order is for."""
    of = str(row.data.get("of", "")) or ("department" if crew else "centre")
    department = context.directory.departments.get(crew.department_id) if crew else _department(context, row)
    unit = {"hotline": HOTLINE, "centre": row.centre_id}.get(of, department.id if department else "")
    duty = on_call(context.directory.on_call, unit, now.astimezone(context.zone))
    if duty is not None:
        return Callee(duty.phone, duty.name)
    nobody = f"nobody is on call for {unit}" if unit else NO_CENTRE
    leader = _leader(department, "leader1", row.centre_id and f"centre {row.centre_id}")
    if leader.number:
        return Callee(leader.number, leader.name, f"{nobody}: leader 1 instead")
    return Callee(note=f"{nobody}, and {leader.note}" if unit else nobody)


def _department(context: Context, row: OutboxRow) -> Department | None:
    """The department of the order's centre and trade; any of the centre's where the trade has none."""
    ours = [d for d in context.directory.departments.values() if d.centre_id == row.centre_id]
    trade = row.data.get("trade")
    return min(ours, key=lambda d: (d.trade != trade, d.id), default=None)


def _leader(department: Department | None, which: str, whose: str) -> Callee:
    if department is None:
        return Callee(note=f"{whose} has no department, and so no {which}")
    leader = department.leader1 if which == "leader1" else department.leader2
    missing = Callee(note=f"{which} of department {department.id} has no number")
    return Callee(leader.phone, leader.name) if leader.phone else missing


def prompt(context: Context, told: Sequence[tuple[OutboxRow, WorkOrder]]) -> str:
    """What is read out: how many orders of each kind, a few addresses, the keys."""
    chinese = context.language.startswith("zh")
    said: dict[str, list[WorkOrder]] = {}
    for row, order in told:
        said.setdefault(str(row.data.get("why", "")), []).append(order)
    parts = [(_chinese if chinese else _english)(why, orders) for why, orders in said.items()]
    crews_own = told[0][0].data["keypress"] == "acknowledge"  # a key means the same for all of them
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
    what = {
        "expedite": "客户催办",
        "supervise": "上级督办",
        "unheard": "车载终端未确认变更,报修中心无人处理",
    }.get(why, "尚未接单")
    named, rest = _places(orders, ";")
    return f"有{len(orders)}张工单{what}:{named}{f';另有{rest}张' if rest else ''}。"


def _english(why: str, orders: Sequence[WorkOrder]) -> str:
    what = {
        "expedite": "chased by the customer", "supervise": "watched by a superior",
        "unheard": "changed, which a terminal does not confirm, and nobody at the centre answers",
    }.get(why, "not acknowledged")  # fmt: skip
    named, rest = _places(orders, "; ")
    return f"{len(orders)} work order(s) {what}: {named}{f'; and {rest} more' if rest else ''}."
