"""Ringing people: one number at most once a minute, several orders in one call, and only while it is needed.

A call is prepared in one transaction: each order is re-read, what was answered meanwhile is dropped, and the
call's id is kept before the exchange is asked, so that a worker that dies in between finds the same call again
instead of placing a second one. Only a keypress counts; voicemail, silence and a busy line climb on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from dispatch.core.errors import DispatchError
from dispatch.core.escalation import ATTEMPT, IN_HAND, is_needless
from dispatch.core.types import SYSTEM, Actor
from dispatch.services.callee import Callee, callee, prompt
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Dial, Loaded, OutboxRow, Phone, Ports, Settled
from dispatch.services.retries import LEASE, PATIENCE, failed
from dispatch.services.steps import Draft

log = logging.getLogger(__name__)
APART = timedelta(minutes=1)
"""Between two calls to one number."""
NO_REPORT = timedelta(minutes=3)
"""A call of which nothing is heard for so long has failed."""
ENDED = {"busy", "no_answer", "failed", "machine", "completed", "cut", "rejected"}
REACHED = {"dialling": 0, "ringing": 1, "answered": 2}
"""How far a live call has come; a report that is late does not take it back."""
AT_ONCE = 50
"""Calls that the exchange is asked for at the same time: it always has a connection to spare for a hang-up."""
BUNDLE = 5_000
"""Waiting rows that are looked through for one number: a storm is one call a number, not one call an order."""
CUT_PATIENCE = 2.0
"""Real seconds that a hang-up may take until it is asked for again."""


@dataclass(frozen=True, slots=True)
class PhoneReport:
    """What the exchange says of a call. `state`: ringing, answered, keypress (with `digit`) or one of ENDED."""

    call_id: str
    number: str
    seq: int
    state: str
    digit: str
    at: datetime
    why: str = ""
    """Why a call failed, in words."""


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
    now = context.clock.now()
    for row in rows:
        if row.state != "sent":
            number = "" if row.call_id else callee(context, row, now).number
            calls.setdefault((number, row.call_id), []).append(row)
    turn, free = asyncio.Lock(), asyncio.Semaphore(AT_ONCE)
    await asyncio.gather(
        *(_no_report(context, row) for row in rows if row.state == "sent"),
        *(_ring_one(context, ports, turn, free, *which, wanted) for which, wanted in calls.items()),
    )


async def _ring_one(
    context: Context,
    ports: Ports,
    turn: asyncio.Lock,
    free: asyncio.Semaphore,
    number: str,
    begun: str,
    rows: list[OutboxRow],
) -> None:
    if not (number or begun) or ports.phone is None:
        why = "no telephone exchange is configured" if number or begun else "no number on file"
        await _cannot(context, rows, why)
        return
    prepare = _again if begun else _prepare
    async with free:
        async with turn:  # one by one: an acknowledgement waits for one of them, not for all
            call = await context.store.transact(
                lambda loaded, now: prepare(context, loaded, now, begun or number, rows)
            )
        if call is not None:
            await _place(context, ports.phone, call)


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
            async with asyncio.timeout(CUT_PATIENCE):
                await phone.hang_up(call.call_id)
        except (DispatchError, TimeoutError) as error:
            log.warning("call to %s rings although answered: %r", call.number, error)


def _not_placed(
    context: Context, loaded: Loaded, now: datetime, call: _Call, error: Exception
) -> Changes[None]:
    """Again later under the same id; an attempt that is given up is kept on the order as failed."""
    draft = Draft(context, loaded, now)
    for row in call.rows:
        leased = replace(row, tries=max(row.tries - 1, 0))  # as it was when this try began
        settled = failed(context, leased, error)
        draft.settled.append(settled)
        if settled.state == "dead":
            to = Callee(call.number)
            _attempt(draft, row, "failed", to, call.call_id, key=f"{call.call_id}/{row.id}/dead")
    return draft.changes(None)


def _placed(context: Context, loaded: Loaded, now: datetime, call: _Call) -> Changes[bool]:
    """The exchange has it; a report that was quicker than this is not overwritten. Whether it is needless now."""
    draft = Draft(context, loaded, now)
    draft.dialled[call.number] = call.call_id  # it began to ring at some moment until now
    rows = loaded.calls(call.call_id)
    draft.settled.extend(
        Settled(row.id, "sent", "dialling", due=now + NO_REPORT) for row in rows if row.state == "pending"
    )
    return draft.changes(all(_needless(draft, row) for row in rows))


def _prepare(
    context: Context, loaded: Loaded, now: datetime, number: str, rows: list[OutboxRow]
) -> Changes[_Call | None]:
    """The lease of a call, on condition that somebody still has to be rung, for all that waits for this number."""
    draft = Draft(context, loaded, now)
    last = loaded.last_dial(number)
    waiting = _waiting(context, loaded, now, number, rows)
    if last is not None and now < last.at + APART:
        return _a_minute_later(draft, waiting, last)
    open_rows = _still_open(draft, waiting)
    if not open_rows:
        return draft.changes(None)
    call_id = f"call-{open_rows[0].id}-{open_rows[0].tries}"
    return draft.changes(_lease(draft, call_id, number, open_rows))


def _waiting(
    context: Context, loaded: Loaded, now: datetime, number: str, rows: list[OutboxRow]
) -> list[OutboxRow]:
    """The rows as they stand, and every other one that is due and rings the same number."""
    centres, targets = {row.centre_id for row in rows}, {row.target for row in rows}
    found = loaded.waiting_calls([row.id for row in rows], sorted(targets), sorted(centres), now, BUNDLE)
    return [row for row in found if callee(context, row, now).number == number]


def _again(
    context: Context, loaded: Loaded, now: datetime, call_id: str, rows: list[OutboxRow]
) -> Changes[_Call | None]:
    """A call that was begun and of which nothing is known: the same orders, the same number.

    The exchange may not have it yet, so that it rings only now: not within a minute of another call.
    """
    draft = Draft(context, loaded, now)
    open_rows = _still_open(draft, [row for row in loaded.calls(call_id) if row.state == "pending"])
    if not open_rows:
        return draft.changes(None)
    number = _dialled(draft, open_rows[0])
    last = loaded.last_dial(number)
    if last is not None and last.call_id != call_id and now < last.at + APART:
        return _a_minute_later(draft, open_rows, last)
    return draft.changes(_lease(draft, call_id, number, open_rows))


def _a_minute_later(draft: Draft, rows: list[OutboxRow], last: Dial) -> Changes[_Call | None]:
    """The number has just been rung."""
    due = last.at + APART
    draft.settled.extend(Settled(row.id, "pending", "one call a minute", due=due) for row in rows)
    return draft.changes(None)


def _still_open(draft: Draft, rows: list[OutboxRow]) -> list[OutboxRow]:
    """What was answered meanwhile is dropped."""
    draft.loaded.fetch([row.order_id for row in rows])
    needless = [row for row in rows if _needless(draft, row)]
    draft.settled.extend(Settled(row.id, "done", "answered meanwhile") for row in needless)
    return [row for row in rows if row not in needless]


def _lease(draft: Draft, call_id: str, number: str, rows: list[OutboxRow]) -> _Call:
    due = draft.now + draft.context.real(LEASE)
    draft.dialled[number] = call_id
    for row in rows:
        draft.settled.append(Settled(row.id, "pending", "dialling", due=due, call_id=call_id))
        to = callee(draft.context, row, draft.now)
        to = to if to.number == number else Callee(number)
        _attempt(draft, row, "dialling", to, call_id, key=f"{call_id}/{row.id}/dialling")
    told = prompt(draft.context, [(row, draft.order(row.order_id)) for row in rows])
    return _Call(call_id, number, tuple(rows), told)


def _needless(draft: Draft, row: OutboxRow) -> bool:
    order = draft.order(row.order_id)
    return is_needless(order, draft.process(order), row.data)


def _attempt(
    draft: Draft, row: OutboxRow, state: str, to: Callee, call_id: str, *, key: str, **more: str
) -> None:
    """Every attempt is kept on the order: who, which channel, when, with what outcome."""
    data: dict[str, Any] = {
        "channel": "phone", "to": row.target, "number": to.number, "state": state, "call_id": call_id,
        "watch": row.data["watch"], "generation": row.data["generation"], "rung": row.data["rung"],
        **{k: v for k, v in {"name": to.name, "note": to.note, **more}.items() if v},
    }  # fmt: skip
    if why := row.data.get("why"):
        data["why"] = why
    draft.remark(row.order_id, ATTEMPT, by=SYSTEM, data=data, key=key)


async def _cannot(context: Context, rows: list[OutboxRow], why: str) -> None:
    def decide(loaded: Loaded, now: datetime) -> Changes[None]:
        draft = Draft(context, loaded, now)
        for row in rows:
            to = callee(context, row, now)
            _attempt(
                draft, row, "failed", Callee(why, to.name, to.note), row.call_id, key=f"{row.key}/failed"
            )
            draft.settled.append(Settled(row.id, "dead", why))
        return draft.changes(None)

    await context.store.transact(decide)


async def _no_report(context: Context, row: OutboxRow) -> None:
    def decide(loaded: Loaded, now: datetime) -> Changes[None]:
        draft = Draft(context, loaded, now)
        if any(r.id == row.id and r.state == "sent" for r in draft.call(row.call_id)):
            key = f"{row.call_id}/{row.id}/lost"
            _attempt(
                draft, row, "failed", Callee(), row.call_id, key=key, note="nothing was heard of the call"
            )
            draft.settled.append(Settled(row.id, "done", "nothing was heard of the call"))
        return draft.changes(None)

    await context.store.transact(decide)


async def phone_reported(context: Context, report: PhoneReport) -> None:
    """What the exchange says. Late and doubled reports change nothing, in whatever order they come."""

    def decide(loaded: Loaded, now: datetime) -> Changes[None]:
        draft = Draft(context, loaded, now)
        last = loaded.last_dial(report.number) if report.state == "ringing" else None
        if last is not None and last.call_id == report.call_id:
            draft.dialled[report.number] = report.call_id  # whoever placed it may have died before saying so
        for row in loaded.calls(report.call_id) if report.state in REACHED else draft.call(report.call_id):
            _report_of(draft, row, report)
        return draft.changes(None)

    await context.store.transact(decide)


def _report_of(draft: Draft, row: OutboxRow, report: PhoneReport) -> None:
    pressed = report.state == "keypress"
    has_ended = row.state in {"done", "dead"}
    if report.state in REACHED or (pressed and report.digit == "2"):
        if not has_ended:
            _goes_on(draft, row, "answered" if pressed else report.state)
        return
    if has_ended and (not pressed or _needless(draft, row)):
        return
    state = f"keypress {report.digit}" if pressed else report.state
    key = f"{report.call_id}/{row.id}/{state if pressed else report.seq}"
    if draft.order(row.order_id).has_key(key):
        return
    more = {"by": _ended_by(draft, row)} if state == "cut" else {}
    if row.outcome in REACHED:
        more["reached"] = "answered" if pressed else row.outcome
    _attempt(draft, row, state, Callee(report.number, note=report.why), report.call_id, key=key, **more)
    if not has_ended:
        outcome = f"{state}: {report.why}" if report.why else state
        draft.settled.append(Settled(row.id, "done", outcome, call_id=report.call_id))
    if pressed and not _needless(draft, row):
        _pressed(draft, row, report, key)


def _goes_on(draft: Draft, row: OutboxRow, state: str) -> None:
    """A call is ringing, or somebody has taken it up: it has until NO_REPORT to say more."""
    if REACHED.get(row.outcome, -1) < REACHED[state] or state == "answered":
        due = draft.now + NO_REPORT
        draft.settled.append(Settled(row.id, "sent", state, due=due, call_id=row.call_id))


def _ended_by(draft: Draft, row: OutboxRow) -> str:
    """The step that made a call needless, and who took it: `acknowledge by crew:N1`."""
    order = draft.order(row.order_id)
    steps = draft.process(order).steps
    last = next((e for e in reversed(order.history) if e.kind in steps), None)
    return f"{last.kind} by {last.by}" if last and _needless(draft, row) else ""


CREWS_KEYS: dict[str, tuple[str, dict[str, str]]] = {
    "1": ("acknowledge", {}),
    "9": ("reject", {"reason": "cannot_leave"}),
}
"""What a crew's own phone can say to each order of a call: a step, and its facts."""


def _pressed(draft: Draft, row: OutboxRow, report: PhoneReport, key: str) -> None:
    """The crew's own phone acknowledges or rejects; anybody else takes it in hand, which only pauses the chain."""
    key = f"{key}/pressed"
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
    """Hang up what still rings for an order, unless the same call carries another one that is unanswered.

    The attempt ends here as cut, by whom: the exchange's own report may be late, or never come. Raises what a
    hang-up raised, after all others were asked.
    """

    def needless(loaded: Loaded, now: datetime) -> Changes[list[str]]:
        draft = Draft(context, loaded, now)
        calls = {r.call_id for r in loaded.live_calls(row.order_id)} | set(row.data.get("calls", ()))
        return Changes([c for c in sorted(calls) if _is_over(draft, loaded.calls(c))])

    calls = await context.store.transact(needless)
    if ports.phone is None:
        return "no telephone exchange is configured"
    hung_up = await asyncio.gather(
        *(_hang_up(context, ports.phone, c) for c in calls), return_exceptions=True
    )
    for error in hung_up:
        if isinstance(error, BaseException):
            raise error
    return f"{len(calls)} call(s) cut"


def _is_over(draft: Draft, rows: Sequence[OutboxRow]) -> bool:
    """Whether a call is live and needless; one in which a key was pressed ends by itself."""
    live = any(row.state in {"pending", "sent"} for row in rows)
    return live and all(_needless(draft, row) for row in rows)


async def _hang_up(context: Context, phone: Phone, call_id: str) -> None:
    async with asyncio.timeout(CUT_PATIENCE):
        await phone.hang_up(call_id)

    def decide(loaded: Loaded, now: datetime) -> Changes[None]:
        draft = Draft(context, loaded, now)
        for row in draft.call(call_id):
            if row.state in {"pending", "sent"}:
                number = _dialled(draft, row)
                key = f"{call_id}/{row.id}/cut"
                by = _ended_by(draft, row)
                _attempt(draft, row, "cut", Callee(number), call_id, key=key, by=by)
                draft.settled.append(Settled(row.id, "done", f"cut: {by}"))
        return draft.changes(None)

    await context.store.transact(decide)


def _dialled(draft: Draft, row: OutboxRow) -> str:
    """The number of the call that a row is in, as it was dialled."""
    history = draft.order(row.order_id).history
    found = (e.data["number"] for e in reversed(history) if e.data.get("call_id") == row.call_id)
    return str(next(found, ""))
