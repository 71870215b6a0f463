"""Ringing people: one number at most once a minute, several orders in one call, and only while it is needed.

A key means the same for every order of a call: those of which a 1 would say something else wait for the next one.

A call is prepared in transactions of a part of its orders each: what was answered meanwhile is dropped, and the
call's id is kept before the exchange is asked, so that a worker that dies in between finds the same call again
instead of placing a second one. Where the exchange certainly did not place it, its orders wait for their number
again, and go with whatever else does by then; where nobody knows, the call is asked for again as it was.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from dispatch.core.errors import NotPlaced
from dispatch.core.work_order import WorkOrder
from dispatch.services.callee import Callee, callee, prompt
from dispatch.services.calls import (
    NO_REPORT,
    OVERTAKEN,
    PART,
    UNHEARD,
    attempt,
    cut_if_needless,
    cut_row,
    decided,
    in_parts,
    needless,
    number_of,
    readable,
)
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Dial, Loaded, OutboxRow, Settled
from dispatch.services.retries import LEASE, LONGEST_PAUSE, PATIENCE, TRIES, pause
from dispatch.services.steps import Draft
from dispatch.services.ways_out import Phone, Ports

log = logging.getLogger(__name__)
APART = timedelta(minutes=1)
"""Between two calls to one number."""
AT_ONCE = 50
"""Calls that the exchange is asked for at the same time: it always has a connection to spare for a hang-up."""
LOOK = 3 * PART
"""Waiting rows that are looked through at a time for one number: those of a party may go to several."""
PUT_OFF = 5_000
"""Waiting rows that are put off together where their number was rung less than a minute ago."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that may be placed: the orders in it, which are read out."""

    number: str
    call_id: str = ""
    told: tuple[tuple[OutboxRow, WorkOrder], ...] = ()
    is_asked_again: bool = False
    """It was begun before, and nobody knows what became of that: it may be on its way still."""


async def ring(context: Context, ports: Ports, rows: list[OutboxRow]) -> None:
    """Place the calls that these rows ask for, one for each number and meaning of its keys: first the one that a crew
    accepts its orders in; the second one of a number waits its minute.

    A call that was begun before is asked for again as it was: what came later was not in its prompt.
    """
    calls: dict[tuple[str, str, str], list[OutboxRow]] = {}
    now = context.clock.now()
    for row in rows:
        if row.state != "sent":
            fresh = ("", "") if row.call_id else (callee(context, row, now).number, row.data["keypress"])
            calls.setdefault((*fresh, row.call_id), []).append(row)
    turns: dict[str, asyncio.Lock] = {}
    free = asyncio.Semaphore(AT_ONCE)
    await asyncio.gather(
        _no_report(context, [row for row in rows if row.state == "sent"]),
        *(
            _ring_one(
                context, ports, turns.setdefault(number or begun, asyncio.Lock()), free, number, begun, wanted
            )
            for (number, _, begun), wanted in sorted(calls.items(), key=_accepting_first)
        ),
    )


def _accepting_first(call: tuple[tuple[str, str, str], list[OutboxRow]]) -> bool:
    (_, keypress, _), _ = call
    return keypress != "acknowledge"


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
        await _cannot(context, rows, "no telephone exchange is configured" if number or begun else "")
        return
    async with free:
        async with turn:  # the first call of a number is on its way before the next one is prepared
            call = await (_again(context, begun, rows) if begun else _begin(context, number, rows))
        if call is not None:
            await _place(context, ports.phone, call)


async def _begin(context: Context, number: str, rows: list[OutboxRow]) -> _Call | None:
    """The lease of a call for all that waits for this number, if somebody still has to be rung."""
    call, after = _Call(number), 0
    while after >= 0:
        take = partial(_take_in, context, call=call, rows=rows, after=after)
        call, after = await decided(context, take)
    return call if call.told else None


def _take_in(
    context: Context, loaded: Loaded, now: datetime, call: _Call, rows: list[OutboxRow], after: int
) -> Changes[tuple[_Call, int]]:
    """The call with one part more of what waits for its number, and after which row to go on (-1: that was all)."""
    draft = Draft(context, loaded, now)
    last = loaded.last_dial(call.number)
    if not call.call_id and last is not None and _rung_lately(context, last, now):
        waiting = _ours(context, call.number, _waiting(loaded, now, rows, 0, PUT_OFF), now)
        _put_off(draft, waiting, rows, last.at + APART)
        return draft.changes((call, -1))
    found = _waiting(loaded, now, rows, after, LOOK)
    alike = [row for row in found if row.data["keypress"] == rows[0].data["keypress"]]
    ours = _ours(context, call.number, alike, now)
    taken = ours[:PART]
    open_rows = _still_open(draft, readable(draft, taken))
    if open_rows and not call.call_id:
        call = replace(call, call_id=f"call-{open_rows[0].id}-{open_rows[0].tries}")
        draft.dialled[call.number] = call.call_id
    last_seen = taken[-1].id if len(ours) > PART else found[-1].id if len(found) == LOOK else -1
    return draft.changes((_lease(draft, call, open_rows), last_seen))


def _rung_lately(context: Context, last: Dial, now: datetime) -> bool:
    """Whether the number has to wait. What was rung later than now was so before the clock was set back: nobody waits
    for that time to come again (after a call that was not placed, a number counts as rung at most a pause ahead)."""
    return now < last.at + APART <= now + APART + context.real(LONGEST_PAUSE)


def _waiting(loaded: Loaded, now: datetime, rows: list[OutboxRow], after: int, limit: int) -> list[OutboxRow]:
    """The rows as they stand, and every other one that is due to the same targets of the same centres."""
    centres, targets = {row.centre_id for row in rows}, {row.target for row in rows}
    ids = [row.id for row in rows]
    return list(loaded.waiting_calls(ids, sorted(targets), sorted(centres), now, limit, after))


def _ours(context: Context, number: str, rows: list[OutboxRow], now: datetime) -> list[OutboxRow]:
    return [row for row in rows if callee(context, row, now).number == number]


def _put_off(draft: Draft, waiting: list[OutboxRow], leased: list[OutboxRow], due: datetime) -> None:
    """Its number was rung less than a minute ago: not its turn, so no try is counted of those that were taken."""
    ids = {row.id for row in leased}
    draft.settled.extend(
        Settled(row.id, "pending", "one call a minute", due=due, untried=row.id in ids) for row in waiting
    )


async def _again(context: Context, call_id: str, rows: list[OutboxRow]) -> _Call | None:
    """A call that was begun and of which nothing is known: the same orders, the same number.

    It may be ringing. Where nobody is needed any more it is hung up.
    """
    call = _Call("")

    def take(draft: Draft, found: list[OutboxRow]) -> _Call | None:
        pending = readable(draft, [row for row in found if row.state == "pending"])
        open_rows = _still_open(draft, pending)
        so_far = call
        if open_rows and not so_far.number:
            so_far = _Call(number_of(draft, open_rows[0]), call_id, is_asked_again=True)
            last = draft.loaded.last_dial(so_far.number)
            if last is not None and last.call_id != call_id and _rung_lately(context, last, draft.now):
                whole = [row for row in draft.loaded.calls(call_id) if row.state == "pending"]
                _put_off(draft, whole, rows, last.at + APART)
                return None
            draft.dialled[so_far.number] = call_id
        if len(found) < PART and pending and not so_far.call_id:
            draft.outgoing.append(cut_row(draft, call_id, pending[0], "again", sure=True))
        return _lease(draft, so_far, open_rows)

    async for part in in_parts(context, call_id, take):
        if part is None:
            return None
        call = part
    return call if call.told else None


def _still_open(draft: Draft, rows: list[OutboxRow]) -> list[OutboxRow]:
    """What was answered meanwhile is dropped."""
    over = {row.id for row in rows if needless(draft, row)}
    draft.settled.extend(Settled(row_id, "done", OVERTAKEN) for row_id in sorted(over))
    return [row for row in rows if row.id not in over]


def _lease(draft: Draft, call: _Call, rows: list[OutboxRow]) -> _Call:
    due = draft.now + draft.context.real(LEASE)
    for row in rows:
        draft.settled.append(Settled(row.id, "pending", "dialling", due=due, call_id=call.call_id))
        to = callee(draft.context, row, draft.now)
        to = to if to.number == call.number else Callee(call.number)
        attempt(draft, row, "dialling", to, call.call_id, key=f"{call.call_id}/{row.id}/dialling")
    return replace(call, told=(*call.told, *((row, draft.order(row.order_id)) for row in rows)))


async def _place(context: Context, phone: Phone, call: _Call) -> None:
    said = prompt(context, call.told)
    try:
        async with asyncio.timeout(PATIENCE):
            await phone.ring(call.call_id, call.number, context.language, said)
    except Exception as error:
        log.warning("call to %s not placed: %r", call.number, error)
        why = error
        given_up = await decided(context, lambda loaded, now: _not_placed(context, loaded, now, call, why))
        await _give_up(context, call, given_up, str(error) or repr(error))
    else:
        await decided(context, lambda loaded, now: _placed(context, loaded, now, call))


def _placed(context: Context, loaded: Loaded, now: datetime, call: _Call) -> Changes[None]:
    """The exchange has it; a report that was quicker than this is not overwritten.

    Whoever answered while it was asked could not hang up what did not ring yet: that is done now.
    """
    draft = Draft(context, loaded, now)
    draft.dialled[call.number] = call.call_id  # it began to ring at some moment until now
    rows = loaded.calls(call.call_id)
    pending = [row for row in rows if row.state == "pending"]
    draft.settled.extend(Settled(row.id, "sent", "dialling", due=now + NO_REPORT) for row in pending)
    cut_if_needless(draft, call.call_id, rows, "placed")
    return draft.changes(None)


def _not_placed(
    context: Context, loaded: Loaded, now: datetime, call: _Call, error: Exception
) -> Changes[list[int]]:
    """Again after a pause, the same for all of them; the rows that have been tried often enough are left to _give_up.

    Certainly not placed: the call is no more, and its number counts as rung so that it may be rung after the pause.
    """
    draft = Draft(context, loaded, now)
    rows = [row for row in loaded.calls(call.call_id) if row.state == "pending"]
    if not rows:
        return draft.changes([])
    tries, certainly = (
        max(row.tries for row in rows),
        isinstance(error, NotPlaced) and not call.is_asked_again,
    )
    due = now + pause(context, call.number, tries - 1)
    worn_out = [row.id for row in rows if (row.tries if certainly else tries) >= TRIES]
    draft.settled.extend(
        Settled(row.id, "pending", str(error) or repr(error), due=due, leaves_call=certainly)
        for row in rows
        if row.id not in worn_out
    )
    if not certainly:
        cut_if_needless(draft, call.call_id, rows, "unknown")
    elif (last := loaded.last_dial(call.number)) is not None and last.call_id == call.call_id:
        draft.undialled[call.number] = due - APART
    return draft.changes(worn_out)


async def _give_up(context: Context, call: _Call, row_ids: list[int], why: str) -> None:
    """An attempt that is given up is kept on the order as failed."""
    ids = set(row_ids)

    def dead(draft: Draft, rows: list[OutboxRow]) -> None:
        for row in readable(draft, [row for row in rows if row.id in ids and row.state == "pending"]):
            to, key = Callee(call.number), f"{call.call_id}/{row.id}/dead"
            attempt(draft, row, "failed", to, call.call_id, key=key)
            draft.settled.append(Settled(row.id, "dead", why))

    if ids:
        async for _ in in_parts(context, call.call_id, dead):
            pass


async def _cannot(context: Context, rows: list[OutboxRow], why: str) -> None:
    """There is nobody to ring, or nothing to ring with: it is said on the order, and to the managers."""

    def decide(loaded: Loaded, now: datetime) -> Changes[None]:
        draft = Draft(context, loaded, now)
        for row in readable(draft, rows):
            to = callee(context, row, now)
            reason = why or f"no number on file: {to.note}"
            shown = Callee(why or "no number on file", to.name, to.note)
            attempt(draft, row, "failed", shown, row.call_id, key=f"{row.key}/failed")
            draft.settled.append(Settled(row.id, "dead", reason))
        return draft.changes(None)

    if rows:
        await decided(context, decide)


async def _no_report(context: Context, rows: list[OutboxRow]) -> None:
    """Calls of which nothing was heard for too long."""
    ids = {row.id for row in rows}
    for call_id in sorted({row.call_id for row in rows}):

        def lost(draft: Draft, found: list[OutboxRow], call_id: str = call_id) -> None:
            for row in readable(draft, [row for row in found if row.id in ids and row.state == "sent"]):
                attempt(draft, row, "failed", Callee(), call_id, key=f"{call_id}/{row.id}/lost", note=UNHEARD)
                draft.settled.append(Settled(row.id, "done", UNHEARD))

        async for _ in in_parts(context, call_id, lost):
            pass
