"""Shortage reports in SQL; occasions are read from the orders' histories. Each step is noted in the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import msgspec
from sqlalchemy import Connection, insert, select, update

from dispatch.adapters.sql import tables as t
from dispatch.adapters.sql.lines import Lines
from dispatch.adapters.sql.outbox import add_outgoing
from dispatch.adapters.sql.rows import ended_row
from dispatch.adapters.sql.statements import EVENT, table
from dispatch.adapters.sql.store import SqlStore
from dispatch.adapters.sql.trail import Note, note
from dispatch.core.alert_codes import report_ended
from dispatch.core.errors import Conflict
from dispatch.core.escalation import MISSED
from dispatch.core.outgoing import Outgoing
from dispatch.core.shortage import NO_FREE_CREW, Occasion, Report, scope_from

SHORTAGE = table(t.ShortageRow)


class SqlShortages:
    """`Shortages` on either store."""

    def __init__(self, database: SqlStore) -> None:
        self._database = database

    async def occasions(self, since: datetime) -> Sequence[Occasion]:
        return await self._database.read(lambda c: _occasions(c, since))

    async def reports(self, *, closed: bool = True) -> Sequence[Report]:
        query = select(SHORTAGE.c.version, SHORTAGE.c.doc).order_by(
            SHORTAGE.c.opened_at.desc(), SHORTAGE.c.id
        )
        query = query if closed else query.where(SHORTAGE.c.open_scope.is_not(None))
        rows = await self._database.read(lambda c: c.execute(query).all())
        return [replace(msgspec.convert(r.doc, Report), version=r.version) for r in rows]

    async def save(self, report: Report, outgoing: Sequence[Outgoing] = ()) -> Report:
        def work(connection: Connection) -> Report:
            _keep(connection, report)
            step = report.steps[-1]
            data = {"step": step.kind, "text": step.text, "scope": report.scope.key}
            note(connection, Note(step.by.role, step.by.id, "shortage", report.id, data), step.at)
            lines = Lines()
            add_outgoing(lines, outgoing, step.at)
            lines.ended += map(ended_row, report_ended(report))
            lines.write(connection)
            return replace(report, version=report.version + 1)

        return await self._database.write(work)


def _keep(connection: Connection, report: Report) -> None:
    """At most one report of a scope that is not closed: `open_scope` is unique."""
    doc = msgspec.to_builtins(report)
    doc.pop("version")
    open_scope = None if report.state == "closed" else report.scope.key
    values = {"version": report.version + 1, "open_scope": open_scope, "doc": doc}
    if report.version == 0:
        if connection.execute(select(SHORTAGE.c.id).where(SHORTAGE.c.open_scope == open_scope)).first():
            raise Conflict(f"{open_scope} has an open report already", shortage=report.id)
        connection.execute(insert(SHORTAGE), {"id": report.id, "opened_at": report.opened_at, **values})
        return
    change = update(SHORTAGE).where(SHORTAGE.c.id == report.id, SHORTAGE.c.version == report.version)
    if connection.execute(change.values(**values)).rowcount != 1:
        raise Conflict(f"somebody else was first with {report.id}: look at it again", shortage=report.id)


def _occasions(connection: Connection, since: datetime) -> list[Occasion]:
    query = select(EVENT.c.order_id, EVENT.c.at, EVENT.c.data).where(EVENT.c.kind == NO_FREE_CREW)
    rows = connection.execute(query.where(EVENT.c.at > since).order_by(EVENT.c.id)).all()
    orders = select(EVENT.c.order_id).where(EVENT.c.kind == NO_FREE_CREW, EVENT.c.at > since)
    late = select(EVENT.c.order_id).where(EVENT.c.kind == MISSED, EVENT.c.order_id.in_(orders))
    missed = set(connection.execute(late).scalars())
    return [Occasion(scope_from(r.data["scope"]), r.order_id, r.at, r.order_id in missed) for r in rows]
