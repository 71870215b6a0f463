"""Due clocks become decisions: in one transaction with the orders that they belong to, many orders at once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from dispatch.core import crew as rules
from dispatch.core.alerting import answered
from dispatch.core.errors import DispatchError, NotFound
from dispatch.core.escalation import asks_about, clocks, fire
from dispatch.core.outgoing import alert
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Decided, Loaded
from dispatch.services.steps import Draft

log = logging.getLogger(__name__)
BATCH = 200
"""Orders decided in one transaction: who acknowledges one of them meanwhile waits for it."""
AGAIN = 2.0
"""Real seconds until an order that could not be decided is looked at again: others come first."""


async def fire_due(context: Context) -> int:
    """Decide what is due, the oldest first; the number of orders decided."""
    return (await decide_due(context)).orders


async def decide_due(context: Context) -> Decided:
    """Decide one batch of what is due.

    An order that cannot be decided is said, and looked at again: it stops no other one's clocks.
    """
    now = context.clock.now()
    for order_id in [known for known, until in context.undecided.items() if until <= now]:
        del context.undecided[order_id]
    decided = await context.store.decide_due(partial(fire_order, context), BATCH, context.undecided)
    for order_id, error in decided.failed.items():
        context.undecided[order_id] = now + context.real(AGAIN)
        if isinstance(error, DispatchError):
            log.warning("the due clock of %s was not decided: %s", order_id, error)
        else:
            log.error("the due clock of %s was not decided", order_id, exc_info=error)
    return decided


def fire_order(context: Context, order_id: str, loaded: Loaded, now: datetime) -> Changes[bool]:
    """Decide what is due on one order; whether that was anything. An acknowledgement that came first wins."""
    draft = Draft(context, loaded, now)
    before = order = draft.order(order_id)
    process = draft.process(order)
    due = (clock for clock in clocks(order, process) if clock.due <= now)
    for clock in sorted(due, key=lambda c: c.due):
        heard = _heard(loaded, asks_about(order, process, clock))
        order, following = fire(order, process, clock, now, context.zone, heard)
        draft.outgoing.extend(following)
    if order is not before:
        draft.put(order)
    return draft.changes(order is not before)


def _heard(loaded: Loaded, keys: Sequence[str]) -> str:
    """Who has acknowledged one of these alerts; empty: nobody."""
    told = loaded.alerts(keys).values() if keys else ()
    return next((one.acknowledged_by for one in told if answered(one)), "")


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
