"""Saved views of the manager's desk in SQL; each person has their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, delete, insert, select, update

from dispatch.adapters.sql import desk_tables as t
from dispatch.adapters.sql.alert_book import channels
from dispatch.adapters.sql.lines import Lines
from dispatch.adapters.sql.outbox import add_outgoing
from dispatch.adapters.sql.people import PERSON
from dispatch.adapters.sql.statements import table
from dispatch.adapters.sql.store import SqlStore
from dispatch.core.alerting import Channel
from dispatch.core.errors import Conflict, NotFound
from dispatch.core.outgoing import Outgoing
from dispatch.core.saved_view import SavedView

VIEW = table(t.SavedViewRow)
MOST = 50
"""Views of one person."""
DESK = ("manager", "admin")
"""Roles that the manager's desk is for."""


class SqlSavedViews:
    """`SavedViews` on either store."""

    def __init__(self, database: SqlStore) -> None:
        self._database = database

    async def of(self, username: str) -> list[SavedView]:
        """Somebody's views by name."""
        query = select(VIEW).where(VIEW.c.username == username).order_by(VIEW.c.name)
        return await self._database.read(lambda c: [_view(row) for row in c.execute(query)])

    async def save(self, view: SavedView) -> SavedView:
        """Keep a view; one of the same person and name is replaced, and its letter stays due while `every` is the same.

        Raises Conflict where there are too many.
        """

        def work(connection: Connection) -> SavedView:
            mine = (VIEW.c.username == view.username, VIEW.c.name == view.name)
            values = {
                "query": dict(view.query), "every": view.every, "hour": view.hour,
                "channels": list(view.channels),
            }  # fmt: skip
            pending = case((VIEW.c.every == view.every, VIEW.c.sent_for), else_=view.sent_for)
            again = update(VIEW).where(*mine).values(**values, sent_for=pending)
            if connection.execute(again).rowcount == 0:
                query = select(VIEW.c.id).where(VIEW.c.username == view.username)
                if len(connection.execute(query).all()) >= MOST:
                    raise Conflict(f"at most {MOST} views a person", why="too_many_views")
                connection.execute(
                    insert(VIEW),
                    {"username": view.username, "name": view.name, **values, "sent_for": view.sent_for},
                )
            return _view(connection.execute(select(VIEW).where(*mine)).one())

        return await self._database.write(work)

    async def remove(self, username: str, view_id: int) -> None:
        """Raises NotFound where this person has no such view."""

        def work(connection: Connection) -> None:
            gone = delete(VIEW).where(VIEW.c.id == view_id, VIEW.c.username == username)
            if connection.execute(gone).rowcount == 0:
                raise NotFound(f"no view {view_id}", view=str(view_id))

        await self._database.write(work)

    async def scheduled(self) -> list[SavedView]:
        """The views that are sent, of everybody who may see the desk now."""
        may = (PERSON.c.active, PERSON.c.role.in_(DESK))
        query = select(VIEW).join(PERSON, VIEW.c.username == PERSON.c.username)
        query = query.where(VIEW.c.every != "", *may).order_by(VIEW.c.id)
        return await self._database.read(lambda c: [_view(row) for row in c.execute(query)])

    async def channels(self) -> Sequence[Channel]:
        """The channels that a letter can go to."""
        return await self._database.read(channels)

    async def send(self, view: SavedView, sent_for: str, letters: Sequence[Outgoing], now: datetime) -> bool:
        """Put the letters on their way, once: with the note that they were, or not at all; whether they were."""

        def work(connection: Connection) -> bool:
            mine = update(VIEW).where(VIEW.c.id == view.id, VIEW.c.sent_for == view.sent_for)
            if connection.execute(mine.values(sent_for=sent_for)).rowcount == 0:
                return False  # another worker was quicker, or it was changed meanwhile
            lines = Lines()
            add_outgoing(lines, letters, now)
            lines.write(connection)
            return True

        return await self._database.write(work)


def _view(row: Any) -> SavedView:
    return SavedView(
        row.id, row.username, row.name, row.query, row.every, row.hour, tuple(row.channels), row.sent_for
    )
