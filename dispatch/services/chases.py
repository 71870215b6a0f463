"""Somebody chases an order: the customer (expedite, 催办), or a superior who watches it (supervise, 督办).

Both raise the priority and reach, once, the party whose turn it is and that party's superior, in the pages, by
message and by telephone, as the process file says (`[[owner]]`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from dispatch.core.escalation import chase
from dispatch.core.types import Actor
from dispatch.core.work_order import WorkOrder
from dispatch.services.context import Context
from dispatch.services.hotline import follow_up, still_open
from dispatch.services.ports import Changes, Loaded
from dispatch.services.steps import Draft


async def expedite(context: Context, order_id: str, *, by: Actor, text: str = "", key: str = "") -> WorkOrder:
    """The customer chases; a contact with the customer too. Raises IllegalStep where the order has ended."""
    return await _chased(context, order_id, "expedite", by=by, text=text, key=key)


async def supervise(
    context: Context, order_id: str, *, by: Actor, text: str = "", key: str = ""
) -> WorkOrder:
    """A superior watches the order from now on. Raises IllegalStep where the order has ended."""
    return await _chased(context, order_id, "supervise", by=by, text=text, key=key)


async def _chased(
    context: Context, order_id: str, kind: Literal["expedite", "supervise"], *, by: Actor, text: str, key: str
) -> WorkOrder:
    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        if (before := draft.order(order_id)).has_key(key):
            return Changes(before)
        still_open(draft, before, kind)
        process = draft.process(before)
        data = {"priority": process.chase_priority[kind], "text": text}
        order = draft.remark(order_id, kind, by=by, data=data, key=key)
        draft.outgoing.extend(chase(order, process, kind, now, context.zone))
        if kind == "expedite":
            draft.contacts.append(follow_up(context, order, now, "expedite", text, by))
        return draft.changes(order)

    return await context.store.transact(decide)
