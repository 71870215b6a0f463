"""Ringing people: one number at most once a minute, several orders in one call, and only while it is needed.

A call is prepared in one transaction: each order is re-read, what was answered meanwhile is dropped, and the
call's id is kept before the exchange is asked, so that a worker that dies in between finds the same call again
instead of placing a second one. Only a keypress counts; voicemail, silence and a busy line climb on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dispatch.core.errors import DispatchError
from dispatch.core.escalation import IN_HAND, is_answered
from dispatch.core.types import SYSTEM, Actor
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Loaded, OutboxRow, Phone, Ports, Settled
from dispatch.services.retries import LEASE, PATIENCE, failed
from dispatch.services.steps import Draft

log = logging.getLogger(__name__)
APART = timedelta(minutes=1)
"""Between two calls to one number."""
NO_REPORT = timedelta(minutes=3)
"""A call of which nothing is heard for so long has failed."""
ENDED = {"busy", "no_answer", "failed", "machine", "completed", "cut", "rejected"}


@dataclass(frozen=True, slots=True)
class PhoneReport:
    """What the exchange says of a call. `state`: ringing, answered, keypress (with `digit`) or one of ENDED."""

    call_id: str
    number: str
    seq: int
    state: str
    digit: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that may be placed: the orders in it and what is read out."""

    call_id: str
    number: str
    rows: tuple[OutboxRow, ...]
    prompt: str


async def ring(context: Context, ports: Ports, rows: list[OutboxRow]) -> None:
    """Place the calls that these rows ask for, one for each number.

    A call that was begun before is asked for again as it was: what came later was not in its prompt.
    """
    calls: dict[tuple[str, str], list[OutboxRow]] = {}
    for row in rows:
        if row.state != "sent":
            calls.setdefault((number_of(context, row), row.call_id), []).append(row)
    await asyncio.gather(
        *(_no_report(context, row) for row in rows if row.state == "sent"),
        *(_ring_number(context, ports, number, wanted) for (number, _), wanted in calls.items()),
    )


async def _ring_number(context: Context, ports: Ports, number: str, rows: list[OutboxRow]) -> None:
    if not number or ports.phone is None:
        why = "no telephone exchange is configured" if number else "no number on file"
        await _cannot(context, rows, why)
        return
    call = await context.store.transact(lambda loaded, now: _prepare(context, loaded, now, number, rows))
    if call is not None:
        await _place(context, ports.phone, call)


def number_of(context: Context, row: OutboxRow) -> str:
    """The number that a row's target has now; empty where there is none."""
    directory = context.directory
    if row.target == "centre_duty":
        centre = directory.centres.get(row.centre_id)
        return centre.duty_phone if centre else ""
    crew = directory.crews.get(str(row.data.get("crew_id", "")))
    if crew is None:
        return ""
    if row.target == "crew_duty":
        return crew.duty_phone
    department = directory.departments.get(crew.department_id)
    if department is None:
        return ""
    return (department.leader1 if row.target == "leader1" else department.leader2).phone


async def _place(context: Context, phone: Phone, call: _Call) -> None:
    """Ask the exchange; hang up again where everything was answered while it was asked."""
    try:
        async with asyncio.timeout(PATIENCE):
            await phone.ring(call.call_id, call.number, context.language, call.prompt)
    except Exception as error:
        log.warning("call to %s not placed: %r", call.number, error)
        said = error
        await context.store.transact(lambda loaded, now: _not_placed(context, loaded, now, call, said))
        return
    if await context.store.transact(lambda loaded, now: _placed(context, loaded, now, call)):
        try:
            await phone.hang_up(call.call_id)
        except DispatchError as error:
            log.warning("call to %s rings although answered: %s", call.number, error)


def _not_placed(
    context: Context, loaded: Loaded, now: datetime, call: _Call, error: Exception
) -> Changes[None]:
    """Again later under the same id; an attempt that is given up is kept on the order as failed."""
    draft = Draft(context, loaded, now)
    for row in call.rows:
        settled = failed(context, row, error)
        draft.settled.append(settled)
        if settled.state == "dead":
            _attempt(draft, row, "failed", call.number, call.call_id, key=f"{call.call_id}/{row.id}/dead")
    return draft.changes(None)


def _placed(context: Context, loaded: Loaded, now: datetime, call: _Call) -> Changes[bool]:
    """The exchange has it; a report that was quicker than this is not overwritten. Whether it is needless now."""
    draft = Draft(context, loaded, now)
    rows = loaded.calls(call.call_id)
    draft.settled.extend(
        Settled(row.id, "sent", "dialling", due=now + NO_REPORT) for row in rows if row.state == "pending"
    )
    return draft.changes(all(_answered(draft, row) for row in rows))


def _prepare(
    context: Context, loaded: Loaded, now: datetime, number: str, rows: list[OutboxRow]
) -> Changes[_Call | None]:
    """The lease of a call, on condition that somebody still has to be rung."""
    draft = Draft(context, loaded, now)
    begun = next((row.call_id for row in rows if row.call_id), "")
    last = loaded.last_dial(number)
    if not begun and last is not None and now < last + APART:
        draft.settled.extend(
            Settled(row.id, "pending", "one call a minute", due=last + APART) for row in rows
        )
        return draft.changes(None)
    open_rows = []
    for row in rows:
        if _answered(draft, row):
            draft.settled.append(Settled(row.id, "done", "answered meanwhile"))
        else:
            open_rows.append(row)
    if not open_rows:
        return draft.changes(None)
    call_id = begun or f"call-{open_rows[0].id}-{open_rows[0].tries}"
    due = now + context.real(LEASE)
    for row in open_rows:
        draft.settled.append(Settled(row.id, "pending", "dialling", due=due, call_id=call_id))
        _attempt(draft, row, "dialling", number, call_id, key=f"{call_id}/dialling")
    if not begun:
        draft.dialled.append(number)
    return draft.changes(_Call(call_id, number, tuple(open_rows), _prompt(draft, open_rows)))


def _answered(draft: Draft, row: OutboxRow) -> bool:
    order = draft.order(row.order_id)
    return is_answered(order, draft.process(order), str(row.data["watch"]), int(row.data["generation"]))


def _attempt(draft: Draft, row: OutboxRow, state: str, number: str, call_id: str, *, key: str) -> None:
    """Every attempt is kept on the order: who, which channel, when, with what outcome."""
    data: dict[str, Any] = {
        "channel": "phone", "to": row.target, "number": number, "state": state, "call_id": call_id,
        "watch": row.data["watch"], "generation": row.data["generation"], "rung": row.data["rung"],
    }  # fmt: skip
    draft.remark(row.order_id, "attempt", by=SYSTEM, data=data, key=key)


def _prompt(draft: Draft, rows: Sequence[OutboxRow]) -> str:
    orders = [draft.order(row.order_id) for row in rows]
    addresses = "; ".join(o.facts.address or o.id for o in orders)
    crews_own = all(row.data["keypress"] == "acknowledge" for row in rows)
    if draft.context.language.startswith("zh"):
        keys = "接单请按1,重听请按2,无法出动请按9。" if crews_own else "由您督办请按1,重听请按2。"
        return f"您好,这里是报修中心。有{len(orders)}张工单尚未接单:{addresses}。{keys}"
    keys = (
        "accept, 2 to hear it again, 9 if you cannot."
        if crews_own
        else "take it in hand, 2 to hear it again."
    )
    return f"This is the repair centre. {len(orders)} work order(s) not acknowledged: {addresses}. Press 1 to {keys}"


async def _cannot(context: Context, rows: list[OutboxRow], why: str) -> None:
    def decide(loaded: Loaded, now: datetime) -> Changes[None]:
        draft = Draft(context, loaded, now)
        for row in rows:
            _attempt(draft, row, "failed", why, "", key=f"{row.key}/failed")
            draft.settled.append(Settled(row.id, "dead", why))
        return draft.changes(None)

    await context.store.transact(decide)


async def _no_report(context: Context, row: OutboxRow) -> None:
    def decide(loaded: Loaded, now: datetime) -> Changes[None]:
        draft = Draft(context, loaded, now)
        _attempt(draft, row, "failed", "", row.call_id, key=f"{row.call_id}/{row.id}/lost")
        draft.settled.append(Settled(row.id, "done", "nothing was heard of the call"))
        return draft.changes(None)

    await context.store.transact(decide)


async def phone_reported(context: Context, report: PhoneReport) -> None:
    """What the exchange says. Late and doubled reports change nothing."""

    def decide(loaded: Loaded, now: datetime) -> Changes[None]:
        draft = Draft(context, loaded, now)
        for row in loaded.calls(report.call_id):
            _report_of(draft, row, report)
        return draft.changes(None)

    await context.store.transact(decide)


def _report_of(draft: Draft, row: OutboxRow, report: PhoneReport) -> None:
    key = f"{report.call_id}/{row.id}/{report.seq}"
    if draft.order(row.order_id).has_key(key) or row.state == "dead":
        return
    if report.state in {"ringing", "answered"}:
        if row.state != "done":
            due = draft.now + NO_REPORT
            draft.settled.append(Settled(row.id, "sent", report.state, due=due, call_id=report.call_id))
        return
    if row.state == "done" and report.state != "keypress":
        return
    if report.state == "keypress" and report.digit == "2":
        return
    state = f"keypress {report.digit}" if report.state == "keypress" else report.state
    _attempt(draft, row, state, report.number, report.call_id, key=key)
    draft.settled.append(Settled(row.id, "done", state, call_id=report.call_id))
    if report.state == "keypress" and not _answered(draft, row):
        _pressed(draft, row, report, key)


CREWS_KEYS: dict[str, tuple[str, dict[str, str]]] = {
    "1": ("acknowledge", {}),
    "9": ("reject", {"reason": "cannot_leave"}),
}
"""What a crew's own phone can say to each order of a call: a step, and its facts."""


def _pressed(draft: Draft, row: OutboxRow, report: PhoneReport, key: str) -> None:
    """The crew's own phone acknowledges or rejects; anybody else takes it in hand, which only pauses the chain."""
    key = f"{key}/{report.digit}"
    if row.data["keypress"] == "acknowledge":
        if (meant := CREWS_KEYS.get(report.digit)) is not None:
            step, facts = meant
            crew_id = str(row.data["crew_id"])
            via = {"crew_id": crew_id, "generation": row.data["generation"], "via": f"phone {report.number}"}
            by = Actor("crew", crew_id)
            draft.take(row.order_id, step, by=by, at=report.at, data={**via, **facts}, key=key)
    elif report.digit == "1":
        data = {"watch": row.data["watch"], "who": row.target, "number": report.number}
        draft.remark(row.order_id, IN_HAND, by=SYSTEM, at=report.at, data=data, key=key)


async def cut(context: Context, ports: Ports, row: OutboxRow) -> str:
    """Hang up what still rings for an order, unless the same call carries another one that is unanswered."""

    def needless(loaded: Loaded, now: datetime) -> Changes[list[str]]:
        draft = Draft(context, loaded, now)
        calls = {r.call_id for r in loaded.live_calls(row.order_id)} | set(row.data.get("calls", ()))
        return Changes([c for c in sorted(calls) if all(_answered(draft, r) for r in loaded.calls(c))])

    calls = await context.store.transact(needless)
    if ports.phone is not None:
        for call_id in calls:
            await ports.phone.hang_up(call_id)
    return f"{len(calls)} call(s) cut"
