"""Which phone rows of the outbox a call concerns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, literal_column, or_, select

from dispatch.adapters.sql import tables as t

OUTBOX: Table = t.OutboxRowTable.__table__  # type: ignore[attr-defined]
_TO_RING = tuple(OUTBOX.c[name] == literal_column(f"'{value}'") for name, value in t.TO_RING.items())
"""As the index `outbox_to_ring` has it: with parameters SQLite would not know that it may use that one."""


def waiting(
    ids: Sequence[int],
    targets: Sequence[str],
    centres: Sequence[str],
    now: datetime,
    limit: int,
    after: int,
) -> Select[Any]:
    """Rows that no call carries yet, to these targets of these centres: those of these ids, and all that are due."""
    query = select(OUTBOX).where(
        *_TO_RING, OUTBOX.c.centre_id.in_(list(centres)), OUTBOX.c.target.in_(list(targets))
    )
    query = query.where(or_(OUTBOX.c.due <= now, OUTBOX.c.id.in_(list(ids))), OUTBOX.c.id > after)
    return query.order_by(OUTBOX.c.id).limit(limit)


def carried(call_id: str, after: int, limit: int | None) -> Select[Any]:
    """Rows that one call carries."""
    query = select(OUTBOX).where(OUTBOX.c.call_id == call_id, OUTBOX.c.id > after)
    return query.order_by(OUTBOX.c.id).limit(limit)


def unfinished(order_ids: Sequence[str]) -> Select[Any]:
    """Rows of these orders that are not over: they wait for the telephone, or their call may be ringing."""
    return (
        select(OUTBOX)
        .where(OUTBOX.c.order_id.in_(list(order_ids)), OUTBOX.c.kind == "phone")
        .where(OUTBOX.c.state.in_(["pending", "sent"]))
        .order_by(OUTBOX.c.id)
    )


def live(order_ids: Sequence[str]) -> Select[Any]:
    """Rows of these orders whose call may be ringing."""
    return unfinished(order_ids).where(OUTBOX.c.call_id != "")
