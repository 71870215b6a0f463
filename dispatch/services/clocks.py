"""Due clocks become decisions: each in one transaction with the order that it belongs to."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from dispatch.core import crew as rules
from dispatch.core.errors import DispatchError, NotFound
from dispatch.core.escalation import clocks, fire
from dispatch.core.outgoing import alert
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Loaded
from dispatch.services.steps import Draft

log = logging.getLogger(__name__)
BATCH = 200


async def fire_due(context: Context) -> int:
    """Decide every clock that is due, the oldest first; the number of orders decided.

    An order that cannot be decided is said, and looked at again: it stops no other one's clocks.
    """
    due = await context.store.due_orders(context.clock.now(), BATCH)
    results = await asyncio.gather(
        *(fire_order(context, order_id) for order_id in due), return_exceptions=True
    )
    for order_id, result in zip(due, results, strict=True):
        if isinstance(result, DispatchError):
            log.warning("the due clock of %s was not decided: %s", order_id, result)
        elif isinstance(result, Exception):
            log.error("the due clock of %s was not decided", order_id, exc_info=result)
        elif isinstance(result, BaseException):
            raise result
    return results.count(True)


async def fire_order(context: Context, order_id: str) -> bool:
    """Decide what is due on one order; whether that was anything. An acknowledgement that came first wins."""

    def decide(loaded: Loaded, now: datetime) -> Changes[bool]:
        draft = Draft(context, loaded, now)
        before = order = draft.order(order_id)
        process = draft.process(order)
        for clock in sorted(clocks(order, process), key=lambda c: c.due):
            order, following = fire(order, process, clock, now, context.zone)
            draft.outgoing.extend(following)
        if order is not before:
            draft.put(order)
        return draft.changes(order is not before)

    return await context.store.transact(decide)


async def remind_away(context: Context) -> None:
    """Crews whose announced end of absence has passed are reminded, once, and their centre sees it."""
    for centre_id, trade in sorted({(c.centre_id, c.trade) for c in context.directory.crews.values()}):
        await _remind_roster(context, centre_id, trade)


async def _remind_roster(context: Context, centre_id: str, trade: str) -> None:
    def decide(loaded: Loaded, now: datetime) -> Changes[None]:
        try:
            roster, late = rules.due_reminders(loaded.roster(centre_id, trade), now)
        except NotFound:
            return Changes(None)
        if not late:
            return Changes(None)
        told = tuple(
            alert(
                key=f"away/{crew_id}/{roster.version}", role=role, code="away_over", due=now,
                centre_id=centre_id, crew_id=crew_id,
            )
            for crew_id in late
            for role in ("crew", "dispatcher")
        )  # fmt: skip
        return Changes(None, rosters=(roster,), outgoing=told)

    await context.store.transact(decide)
