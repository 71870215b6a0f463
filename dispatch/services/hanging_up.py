"""Hanging up what has become needless: while a call rings, nobody should have to answer it for nothing."""

from __future__ import annotations

import asyncio
from datetime import datetime

from dispatch.services.callee import Callee
from dispatch.services.calls import LIVE, all_needless, attempt, ended_by, in_parts, number_of, readable
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Loaded, OutboxRow, Settled
from dispatch.services.steps import Draft
from dispatch.services.ways_out import Phone, Ports

CUT_PATIENCE = 2.0
"""Real seconds that a hang-up may take until it is asked for again."""


async def cut(context: Context, ports: Ports, row: OutboxRow) -> str:
    """Hang up what still rings for an order, unless the same call carries another one that is unanswered.

    The attempt ends here as cut, by whom: the exchange's own report may be late, or never come. Raises what a
    hang-up raised, after all others were asked.
    """

    def live(loaded: Loaded, now: datetime) -> Changes[set[str]]:
        return Changes({r.call_id for r in loaded.live_calls(row.order_id)})

    asked = sorted({*await context.store.transact(live), *row.data.get("calls", ())})
    calls = [c for c in asked if await _is_over(context, c)]
    calls += [c for c in row.data.get("needless", ()) if c not in calls]
    if ports.phone is None:
        return "no telephone exchange is configured"
    hung_up = await asyncio.gather(
        *(_hang_up(context, ports.phone, c) for c in calls), return_exceptions=True
    )
    for error in hung_up:
        if isinstance(error, BaseException):
            raise error
    return f"{len(calls)} call(s) cut"


async def _is_over(context: Context, call_id: str) -> bool:
    """Whether a call is live and needless; one in which a key was pressed ends by itself."""

    def look(draft: Draft, rows: list[OutboxRow]) -> tuple[bool, bool]:
        return any(row.state in LIVE for row in rows), all_needless(draft, rows)

    live = False
    async for is_live, is_needless in in_parts(context, call_id, look, writes_orders=False):
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

    async for _ in in_parts(context, call_id, ended):
        pass
