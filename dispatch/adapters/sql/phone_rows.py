"""Which phone rows of the outbox a call concerns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, and_, or_, select

from dispatch.adapters.sql import tables as t

OUTBOX: Table = t.OutboxRowTable.__table__  # type: ignore[attr-defined]


def waiting(
    ids: Sequence[int],
    targets: Sequence[str],
    centres: Sequence[str],
    now: datetime,
    limit: int,
    after: int,
) -> Select[Any]:
    """Rows that no call carries yet: of these ids, and all that are due to these targets and centres."""
    waits = and_(OUTBOX.c.kind == "phone", OUTBOX.c.state == "pending", OUTBOX.c.call_id == "")
    of = and_(OUTBOX.c.target.in_(list(targets)), OUTBOX.c.centre_id.in_(list(centres)))
    query = select(OUTBOX).where(waits, or_(OUTBOX.c.id.in_(list(ids)), and_(of, OUTBOX.c.due <= now)))
    return query.where(OUTBOX.c.id > after).order_by(OUTBOX.c.id).limit(limit)


def carried(call_id: str, after: int, limit: int | None) -> Select[Any]:
    """Rows that one call carries."""
    query = select(OUTBOX).where(OUTBOX.c.call_id == call_id, OUTBOX.c.id > after)
    return query.order_by(OUTBOX.c.id).limit(limit)


def unfinished(order_id: str) -> Select[Any]:
    """Rows of an order that are not over: they wait for the telephone, or their call may be ringing."""
    return (
        select(OUTBOX)
        .where(OUTBOX.c.order_id == order_id, OUTBOX.c.kind == "phone")
        .where(OUTBOX.c.state.in_(["pending", "sent"]))
        .order_by(OUTBOX.c.id)
    )


def live(order_id: str) -> Select[Any]:
    """Rows of an order whose call may be ringing."""
    return unfinished(order_id).where(OUTBOX.c.call_id != "")
