"""Words between a crew and its centre. A message is an alert: it sounds at the other side until somebody has read it,
goes the recipients' other ways (docs/alerts.md), and, where it is about an order, stands in its history."""

from __future__ import annotations

from datetime import datetime

from dispatch.core.outgoing import alert
from dispatch.core.types import Actor
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Crew, Loaded
from dispatch.services.steps import Draft

FROM_CREW, FROM_CENTRE = "crew_message", "centre_message"
CODES = (FROM_CREW, FROM_CENTRE)


def row_key(key: str, by: Actor) -> str:
    """Of the outbox's row, and of the alert: unique, so that a message is there once."""
    return f"alert/message/{key}/{_to(by)}"


def _to(by: Actor) -> str:
    return "dispatcher" if by.role == "crew" else "crew"


async def say(context: Context, crew: Crew, text: str, *, by: Actor, key: str, order_id: str = "") -> None:
    """From the crew to its centre's dispatchers, or (`by` a dispatcher) from the centre to the crew. Raises Conflict
    where this very message (`row_key`) was said before."""

    def decide(loaded: Loaded, now: datetime) -> Changes[None]:
        draft = Draft(context, loaded, now)
        if order_id:
            data = {"text": text, "crew_id": crew.id}
            draft.remark(order_id, "message", by=by, data=data, key=f"message/{key}")
        draft.outgoing.append(
            alert(
                key=f"message/{key}", role=_to(by),
                code=FROM_CREW if by.role == "crew" else FROM_CENTRE, due=now, order_id=order_id,
                centre_id=crew.centre_id, crew_id=crew.id, text=text, who=by.id,
            )
        )  # fmt: skip
        return draft.changes(None)

    await context.store.transact(decide)
