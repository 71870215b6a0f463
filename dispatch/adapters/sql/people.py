"""People and their sessions in SQL. Passwords are Argon2id; of a session only the SHA-256 of its token is kept.

A session lasts a real half day, whatever the installation's clock does (D8).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from sqlalchemy import Connection, delete, insert, select, update

from dispatch.adapters.sql import tables as t
from dispatch.adapters.sql.passwords import HASHER
from dispatch.adapters.sql.statements import table
from dispatch.adapters.sql.store import SqlStore
from dispatch.adapters.sql.trail import Note, note
from dispatch.clock import Clock, SystemClock
from dispatch.core.errors import Conflict, NotFound
from dispatch.services.people import Person, session_id

PERSON, SESSION = table(t.PersonRow), table(t.SessionRow)
LASTS = timedelta(hours=12)
HASHING_AT_ONCE = 2
"""Argon2 takes a core and 19 MiB each time: so many at once, the others wait."""


class SqlPeople:
    """`People` on either store."""

    def __init__(
        self, database: SqlStore, clock: Clock | None = None, hasher: PasswordHasher | None = None
    ) -> None:
        self._database = database
        self._clock = clock or SystemClock()
        self._hasher = hasher or HASHER
        self._nobody = self._hasher.hash(secrets.token_hex(16))
        self._hashing = asyncio.Semaphore(HASHING_AT_ONCE)

    async def verify(self, username: str, password: str) -> Person | None:
        row = await self._database.read(
            lambda c: c.execute(select(PERSON).where(PERSON.c.username == username)).first()
        )
        known = row.password if row is not None and row.active else self._nobody
        async with self._hashing:
            fits = await asyncio.to_thread(self._fits, known, password)
        return _person(row) if fits and row is not None and row.active else None

    async def sign_in(self, person: Person, address: str = "") -> str:
        token = secrets.token_urlsafe(32)
        now = self._clock.now()
        row = {"token_hash": session_id(token), "username": person.username, "expires_at": now + LASTS}

        def work(connection: Connection) -> None:
            connection.execute(delete(SESSION).where(SESSION.c.expires_at <= now))
            connection.execute(insert(SESSION), row)
            note(connection, Note(person.role, person.username, "sign_in", address), now)

        await self._database.write(work)
        return token

    async def signed_in(self, token: str) -> Person | None:
        session, now = session_id(token), self._clock.now()
        return (await self._database.read(lambda c: people_of(c, [session], now))).get(session)

    async def sign_out(self, token: str) -> None:
        await self._database.write(
            lambda c: c.execute(delete(SESSION).where(SESSION.c.token_hash == session_id(token)))
        )

    async def person(self, username: str) -> Person | None:
        row = await self._database.read(lambda c: _row(c, username))
        return None if row is None else _person(row)

    async def create(self, person: Person, password: str, *, by: Person) -> Person:
        async with self._hashing:
            hashed = await asyncio.to_thread(self._hasher.hash, password)
        values = {
            "username": person.username, "name": person.name, "role": person.role,
            "centre_id": person.centre_id, "crew_id": person.crew_id, "active": person.active,
            "password": hashed,
        }  # fmt: skip

        def work(connection: Connection) -> Person:
            if _row(connection, person.username) is not None:
                raise Conflict(f"there is a {person.username!r} already", username=person.username)
            connection.execute(insert(PERSON), values)
            facts = {k: values[k] for k in ("role", "centre_id", "crew_id")}
            noted = Note(by.role, by.username, "create_person", person.username, facts)
            note(connection, noted, self._clock.now())
            return person

        return await self._database.write(work)

    async def disable(self, username: str, *, by: Person) -> Person:
        def work(connection: Connection) -> Person:
            if _row(connection, username) is None:
                raise NotFound(f"nobody is called {username!r}", username=username)
            connection.execute(update(PERSON).where(PERSON.c.username == username).values(active=False))
            connection.execute(delete(SESSION).where(SESSION.c.username == username))
            note(connection, Note(by.role, by.username, "disable_person", username), self._clock.now())
            return _person(_row(connection, username))

        return await self._database.write(work)

    async def everybody(self) -> Sequence[Person]:
        query = select(PERSON).order_by(PERSON.c.username)
        return await self._database.read(lambda c: [_person(row) for row in c.execute(query)])

    def _fits(self, known: str, password: str) -> bool:
        try:
            return self._hasher.verify(known, password)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False


def people_of(connection: Connection, sessions: Collection[str], now: datetime) -> dict[str, Person]:
    """Whose these sessions are, of those that last and whose person is active, as they are now."""
    query = (
        select(SESSION.c.token_hash, PERSON)
        .join(PERSON, SESSION.c.username == PERSON.c.username)
        .where(SESSION.c.token_hash.in_(list(sessions)), SESSION.c.expires_at > now, PERSON.c.active)
    )
    return {row.token_hash: _person(row) for row in connection.execute(query)}


def _row(connection: Connection, username: str) -> Any:
    return connection.execute(select(PERSON).where(PERSON.c.username == username)).first()


def _person(row: Any) -> Person:
    return Person(row.username, row.name, row.role, row.centre_id, row.crew_id, row.active)
