"""The outbox: what is to be carried out is written with its decision, leased by a worker, and settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from dispatch.adapters.sql.lines import ALERT, OUTBOX, Lines
from dispatch.adapters.sql.rows import alert_row, ended_row, outbox_row
from dispatch.core.alert_codes import AGAIN, Ended, tells_again
from dispatch.core.outgoing import Outgoing
from dispatch.core.types import SYSTEM
from dispatch.services.ports import OutboxRow, Settled
from dispatch.services.retries import given_up

AT_ONCE = 500
"""Rows that one statement names: databases have a limit."""


def add_outgoing(lines: Lines, outgoing: Sequence[Outgoing], now: datetime) -> None:
    """Outbox rows; an alert is in the pages at once, its row carries it to the channels outside. There it takes the
    place of what said the same before."""
    alerts = [(row, alert_row(row, now)) for row in outgoing if row.kind == "alert"]
    lines.alerts += [shown for _, shown in alerts]
    lines.ended += [
        ended_row(Ended(shown["cause"], now, SYSTEM, AGAIN, row.target))
        for row, shown in alerts
        if shown["cause"] and tells_again(shown["code"], row.data)
    ]
    lines.outbox += [outbox_row(row, now) for row in outgoing]


def settle(connection: Connection, settled: Sequence[Settled], now: datetime) -> None:
    """Say how outbox rows ended, or when they are due again. What has ended never begins again, nor dies.

    Rows of which the same is said are settled together: a storm is a few statements.
    """
    alike: dict[Settled, list[int]] = {}
    for row in settled:
        alike.setdefault(replace(row, id=0), []).append(row.id)
    for row, ids in alike.items():
        for start in range(0, len(ids), AT_ONCE):
            _settle(connection, row, ids[start : start + AT_ONCE], now)


def _settle(connection: Connection, row: Settled, ids: list[int], now: datetime) -> None:
    values: dict[str, Any] = {"state": row.state, "outcome": row.outcome}
    values |= {"settled_at": now} if row.state in {"done", "dead"} else {}
    values |= {"due": row.due} if row.due else {}
    values |= {"call_id": "" if row.leaves_call else row.call_id} if row.leaves_call or row.call_id else {}
    values |= {"tries": OUTBOX.c.tries - 1} if row.untried else {}
    which = [OUTBOX.c.id.in_(ids)]
    if row.state != "done":
        which.append(OUTBOX.c.state.in_(["pending", "sent"]))
    dying = select(OUTBOX.c.kind, OUTBOX.c.target, OUTBOX.c.centre_id).where(*which).distinct()
    told = connection.execute(dying).all() if row.state == "dead" else []
    connection.execute(update(OUTBOX).where(*which).values(**values))
    for kind, target, centre_id in told:
        _tell_of_the_dead(connection, given_up(kind, target, centre_id, row.outcome, now), now)


def _tell_of_the_dead(connection: Connection, told: Outgoing, now: datetime) -> None:
    """In the pages only: the way outside may be what is broken."""
    if connection.execute(select(ALERT.c.id).where(ALERT.c.key == told.key)).first() is None:
        connection.execute(insert(ALERT), alert_row(told, now))


def outbox_rows(connection: Connection, query: Select[Any]) -> list[OutboxRow]:
    """Outbox rows as values."""
    return [
        OutboxRow(
            r.id,
            r.key,
            r.kind,
            r.target,
            r.order_id,
            r.centre_id,
            r.data,
            r.tries,
            r.due,
            r.call_id,
            r.state,
            r.outcome,
        )
        for r in connection.execute(query)
    ]


def lease(
    connection: Connection, now: datetime, until: datetime, limit: int, kinds: Sequence[str]
) -> list[OutboxRow]:
    """Take due rows: while the lease runs nobody else sees them; a worker that dies lets it end."""
    query = select(OUTBOX).where(OUTBOX.c.state.in_(["pending", "sent"]), OUTBOX.c.due <= now)
    if kinds:
        query = query.where(OUTBOX.c.kind.in_(list(kinds)))
    query = query.order_by(OUTBOX.c.due, OUTBOX.c.id).limit(limit).with_for_update(skip_locked=True)
    rows = outbox_rows(connection, query)
    if rows:
        connection.execute(
            update(OUTBOX)
            .where(OUTBOX.c.id.in_([r.id for r in rows]))
            .values(due=until, tries=OUTBOX.c.tries + 1)
        )
    return rows
