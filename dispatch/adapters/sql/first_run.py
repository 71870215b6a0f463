"""The first administrator of an empty installation, by a token that is said once, where it was started."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import Connection, func, select

from dispatch.adapters.sql import tables as t
from dispatch.adapters.sql.organisation import fact, set_fact
from dispatch.adapters.sql.passwords import HASHER
from dispatch.adapters.sql.people import PERSON, add
from dispatch.adapters.sql.statements import table
from dispatch.adapters.sql.store import SqlStore
from dispatch.clock import SystemClock
from dispatch.core.errors import Conflict, Forbidden
from dispatch.services.people import Person, session_id
from dispatch.services.ports import Directory

FIRST_RUN = "first_run_token"
"""Fact: the SHA-256 of the token that makes the first administrator."""
CHANNEL = table(t.ChannelRow)


def offer(connection: Connection) -> str:
    """A new token, where there is nobody yet; the one before is worth nothing any more. Empty: there is somebody."""
    if _anybody(connection):
        return ""
    token = secrets.token_urlsafe(24)
    set_fact(connection, FIRST_RUN, session_id(token))
    return token


def _anybody(connection: Connection) -> bool:
    return bool(connection.execute(select(func.count()).select_from(PERSON)).scalar())


class FirstRun:
    """What the page of the first steps needs."""

    def __init__(self, database: SqlStore, hasher: PasswordHasher | None = None) -> None:
        self._database = database
        self._hasher = hasher or HASHER

    async def waiting(self) -> bool:
        """Whether the installation still waits for its first administrator."""
        return not await self._database.read(_anybody)

    async def begin(self, token: str, username: str, name: str, password: str) -> Person:
        """The first administrator. Raises Conflict where there is somebody, Forbidden where the token is another."""
        if not await self._database.read(lambda c: _fits(c, token)):
            raise Forbidden("this is not the token that was printed at the last start", why="token")
        hashed = await asyncio.to_thread(self._hasher.hash, password)
        person = Person(username, name, "admin")

        def work(connection: Connection) -> Person:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("LOCK TABLE person IN EXCLUSIVE MODE")
            if _anybody(connection):
                raise Conflict("there is an administrator already: sign in", why="somebody")
            if not _fits(connection, token):
                raise Forbidden("this is not the token that was printed at the last start", why="token")
            set_fact(connection, FIRST_RUN, "")
            add(connection, person, hashed, person, SystemClock().now())
            return person

        return await self._database.write(work)

    async def checklist(self, directory: Directory) -> list[dict[str, Any]]:
        """What an installation needs before it can repair anything, and whether it is there; in the order of doing."""

        def roles(connection: Connection) -> Mapping[str, int]:
            query = select(PERSON.c.role, func.count()).where(PERSON.c.active).group_by(PERSON.c.role)
            return {row[0]: row[1] for row in connection.execute(query)}

        people = await self._database.read(roles)
        channels = await self._database.read(
            lambda c: c.execute(select(func.count()).select_from(CHANNEL)).scalar() or 0
        )
        crews = directory.crews.values()
        found = {
            "centre": len(directory.centres), "department": len(directory.departments),
            "territory": len((directory.territories or {}).get("features", ())), "crew": len(crews),
            "vehicle": sum(any(d.kind == "terminal" for d in crew.devices) for crew in crews),
            "hotline": people.get("hotline", 0), "dispatcher": people.get("dispatcher", 0),
            "crew_member": people.get("crew", 0), "channel": channels,
        }  # fmt: skip
        optional = {"vehicle", "channel"}
        return [
            {"step": step, "count": count, "done": count > 0, "needed": step not in optional}
            for step, count in found.items()
        ]


def _fits(connection: Connection, token: str) -> bool:
    kept = fact(connection, FIRST_RUN)
    return bool(kept) and hmac.compare_digest(kept, session_id(token))
