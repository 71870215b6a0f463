"""Hanging up what has become needless: while a call rings, nobody should have to answer it for nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime

from dispatch.core.errors import Conflict, Unavailable
from dispatch.services.callee import Callee
from dispatch.services.calls import LIVE, all_needless, attempt, ended_by, in_parts, number_of, readable
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Loaded, OutboxRow, Settled
from dispatch.services.retries import PATIENCE, failed
from dispatch.services.steps import Draft
from dispatch.services.ways_out import Phone, Ports

log = logging.getLogger(__name__)
AT_ONCE = 8
"""Calls that are hung up at the same time."""
CUT_PATIENCE = 2.0
"""Real seconds that a hang-up may take until it is asked for again."""


async def cut(context: Context, ports: Ports, rows: Sequence[OutboxRow]) -> list[Settled]:
    """Hang up what still rings for the orders of these rows, unless the same call carries another one that is unanswered.

    A call is looked at once, however many of its orders were answered at this moment. The attempt ends here as cut, by
    whom: the exchange's own report may be late, or never come. What could not be hung up is asked for again.
    """
    if not rows or ports.phone is None:
        return [Settled(row.id, "done", "no telephone exchange is configured") for row in rows]
    try:
        async with asyncio.timeout(PATIENCE):
            concerned = await _calls_of(context, rows)
    except Exception as error:
        if len(rows) > 1 and not isinstance(error, Unavailable | Conflict | TimeoutError):
            return [one for row in rows for one in await cut(context, ports, [row])]  # one cannot be read
        log.warning("it is not known what rings for %d orders: %r", len(rows), error)
        return [failed(context, row, error) for row in rows]
    sure = {call for row in rows for call in row.data.get("needless", ())}
    free = asyncio.Semaphore(AT_ONCE)
    calls = sorted(sure.union(*concerned.values()))
    ended = await asyncio.gather(
        *(_end(context, ports.phone, call, free, sure=call in sure) for call in calls), return_exceptions=True
    )
    how = dict(zip(calls, ended, strict=True))
    return [_settled(context, row, [how[call] for call in sorted(concerned[row.id])]) for row in rows]


async def _calls_of(context: Context, rows: Sequence[OutboxRow]) -> dict[int, set[str]]:
    """The calls that each row is about: those that it names, and those that may be ringing for its order now."""

    def look(loaded: Loaded, now: datetime) -> Changes[dict[str, set[str]]]:
        live: dict[str, set[str]] = {}
        for one in loaded.live_calls(sorted({row.order_id for row in rows})):
            live.setdefault(one.order_id, set()).add(one.call_id)
        return Changes(live)

    live = await context.store.transact(look)
    named = {row.id: {*row.data.get("calls", ()), *row.data.get("needless", ())} for row in rows}
    return {row.id: named[row.id] | live.get(row.order_id, set()) for row in rows}


async def _end(context: Context, phone: Phone, call_id: str, free: asyncio.Semaphore, *, sure: bool) -> bool:
    """Hang one call up where nobody needs it; whether it was. Raises what kept it from that."""
    async with free, asyncio.timeout(PATIENCE):
        if not sure and not await _is_over(context, call_id):
            return False
        await _hang_up(context, phone, call_id)
    return True


def _settled(context: Context, row: OutboxRow, ended: Sequence[bool | BaseException]) -> Settled:
    for error in ended:
        if isinstance(error, BaseException):
            log.warning("a call for %s is not hung up: %r", row.target, error)
            return failed(context, row, error)
    return Settled(row.id, "done", f"{sum(one is True for one in ended)} call(s) cut")


async def _is_over(context: Context, call_id: str) -> bool:
    """Whether a call is live and needless; one in which a key was pressed ends by itself."""

    def look(draft: Draft, rows: list[OutboxRow]) -> tuple[bool, bool]:
        return any(row.state in LIVE for row in rows), all_needless(draft, rows)

    live = False
    async for is_live, is_needless in in_parts(
        context, call_id, look, writes_orders=False, turn=context.cut_turn
    ):
        live = live or is_live
        if not is_needless:
            return False
    return live


async def _hang_up(context: Context, phone: Phone, call_id: str) -> None:
    """A row whose call may still be on its way to the exchange is not over: it is asked again when that is known."""
    async with asyncio.timeout(CUT_PATIENCE):
        await phone.hang_up(call_id)

    def ended(draft: Draft, rows: list[OutboxRow]) -> None:
        for row in readable(draft, [row for row in rows if row.state == "sent"]):
            by = ended_by(draft, row)
            to, key = Callee(number_of(draft, row)), f"{call_id}/{row.id}/cut"
            attempt(draft, row, "cut", to, call_id, key=key, by=by)
            draft.settled.append(Settled(row.id, "done", f"cut: {by}"))

    async for _ in in_parts(context, call_id, ended, turn=context.cut_turn):
        pass
