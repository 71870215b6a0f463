"""What placing a call, hanging it up and hearing of it have in common: its orders, part by part, and their attempts.

A call can carry thousands of orders. Each transaction decides PART of them, and few transactions are asked for at a
time, so that an acknowledgement never waits for more than those parts. An order that cannot be read is settled by
itself, and takes no other one along.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from dispatch.core.chains import ROUTE
from dispatch.core.escalation import ATTEMPT, is_needless
from dispatch.core.outgoing import Outgoing
from dispatch.core.types import SYSTEM
from dispatch.services.callee import Callee
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Decide, Loaded, OutboxRow, Settled, T
from dispatch.services.steps import Draft

NO_REPORT = timedelta(minutes=3)
"""A call of which nothing is heard for so long has failed."""
UNHEARD = "nothing was heard of the call"
"""The outcome of such a one."""
OVERTAKEN = "answered meanwhile"
"""The outcome where nobody was rung, since nobody had to be any more."""
PART = 100
"""Orders that one transaction about a call decides."""
LIVE = {"pending", "sent"}


async def decided(context: Context, decide: Decide[T], turn: asyncio.Semaphore | None = None) -> T:
    """One of the telephone's few transactions at a time; `turn`: of those that stand in a line of their own."""
    async with turn or context.phone_turn:
        return await context.store.transact(decide)


async def in_parts(
    context: Context,
    call_id: str,
    decide: Callable[[Draft, list[OutboxRow]], T],
    *,
    writes_orders: bool = True,
    turn: asyncio.Semaphore | None = None,
) -> AsyncIterator[T]:
    """What `decide` says of each part of a call's rows, as they stand; the last part has fewer than PART of them.

    `writes_orders`: rows are read after their orders. What ends a row changes its order too, so that a row that somebody
    else ends after this look is a version conflict, and not a second end.
    """
    after = 0
    while after >= 0:

        def part(loaded: Loaded, now: datetime, after: int = after) -> Changes[tuple[T, int]]:
            draft = Draft(context, loaded, now)
            rows = list(loaded.calls(call_id, after, PART))
            if writes_orders:
                loaded.fetch([row.order_id for row in rows])
                rows = list(loaded.calls(call_id, after, PART))
            said = decide(draft, rows)
            return draft.changes((said, rows[-1].id if len(rows) == PART else -1))

        said, after = await decided(context, part, turn)
        yield said


def readable(draft: Draft, rows: Sequence[OutboxRow]) -> list[OutboxRow]:
    """The rows whose orders can be read; the others are given up, and people are told why."""
    failed = draft.loaded.fetch([row.order_id for row in rows])
    draft.settled.extend(
        Settled(row.id, "dead", f"order {row.order_id} cannot be read: {failed[row.order_id]!r}")
        for row in rows
        if row.order_id in failed and row.state in LIVE
    )
    return [row for row in rows if row.order_id not in failed]


def needless(draft: Draft, row: OutboxRow) -> bool:
    """Whether nobody need be rung for this row any more."""
    order = draft.order(row.order_id)
    return is_needless(order, draft.process(order), row.data)


def all_needless(draft: Draft, rows: Sequence[OutboxRow]) -> bool:
    """Whether none of these rows is needed any more; mostly the first one is, and the others are not read."""
    return all(needless(draft, row) for part in (rows[:1], rows[1:]) for row in readable(draft, part))


def attempt(
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


def ended_by(draft: Draft, row: OutboxRow) -> str:
    """What made a call needless, and who did it: `acknowledge by crew:N1`, `route by hotline:holly`."""
    order = draft.order(row.order_id)
    steps = {*draft.process(order).steps, ROUTE}
    last = next((e for e in reversed(order.history) if e.kind in steps), None)
    return f"{last.kind} by {last.by}" if last and needless(draft, row) else ""


def number_of(draft: Draft, row: OutboxRow) -> str:
    """The number of the call that a row is in, as it was dialled."""
    history = draft.order(row.order_id).history
    found = (e.data["number"] for e in reversed(history) if e.data.get("call_id") == row.call_id)
    return str(next(found, ""))


def cut_row(draft: Draft, call_id: str, row: OutboxRow, stage: str, *, sure: bool) -> Outgoing:
    """Hang a call up, again and again until the exchange has heard it. `sure`: whatever becomes of its rows."""
    key = f"cut/{call_id}/{stage}/{row.id}/{row.tries}"
    data = {"needless" if sure else "calls": [call_id]}
    return Outgoing(key, "cut", row.order_id, draft.now, row.order_id, row.centre_id, data)


def cut_if_needless(draft: Draft, call_id: str, rows: Sequence[OutboxRow], stage: str) -> None:
    """As far as one part shows it: whoever hangs up looks at the whole call."""
    live = next((row for row in rows if row.state in LIVE), None)
    if live is not None and all_needless(draft, rows[:PART]):
        draft.outgoing.append(cut_row(draft, call_id, live, stage, sure=False))
