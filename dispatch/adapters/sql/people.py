"""People and their sessions in SQL. Passwords are Argon2id; of a session only the SHA-256 of its token is kept.

A session lasts a real half day, whatever the installation's clock does (D8).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from sqlalchemy import Connection, delete, insert, select, update

from dispatch.adapters.sql import tables as t
from dispatch.adapters.sql.organisation import alone
from dispatch.adapters.sql.passwords import HASHER
from dispatch.adapters.sql.statements import table
from dispatch.adapters.sql.store import SqlStore
from dispatch.adapters.sql.trail import Note, last_note, note
from dispatch.clock import Clock, SystemClock
from dispatch.core.errors import Conflict, GuardRefused, NotFound
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
        return person_from(row) if fits and row is not None and row.active else None

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
        return None if row is None else person_from(row)

    async def create(self, person: Person, password: str, *, by: Person) -> Person:
        async with self._hashing:
            hashed = await asyncio.to_thread(self._hasher.hash, password)

        def work(connection: Connection) -> Person:
            alone(connection)
            if _row(connection, person.username) is not None:
                raise Conflict(f"there is a {person.username!r} already", why="taken", id=person.username)
            add(connection, person, hashed, by, self._clock.now())
            return person

        return await self._database.write(work)

    async def change(self, person: Person, was: Person, *, by: Person) -> Person:
        def work(connection: Connection) -> Person:
            alone(connection)
            now = person_from(_there(connection, person.username))
            if now != was:
                last = last_note(connection, "person", person.username)
                raise Conflict(f"{person.username} was changed meanwhile", **last)
            apply(connection, person, by, self._clock.now(), now)
            return person_from(_there(connection, person.username))

        return await self._database.write(work)

    async def set_password(
        self, username: str, password: str, *, by: Person, keep_session: str = ""
    ) -> Person:
        async with self._hashing:
            hashed = await asyncio.to_thread(self._hasher.hash, password)
        own = by.username == username

        def work(connection: Connection) -> Person:
            _there(connection, username)
            values = {"password": hashed, "must_change": not own}
            connection.execute(update(PERSON).where(PERSON.c.username == username).values(values))
            others = SESSION.c.token_hash != session_id(keep_session)
            connection.execute(delete(SESSION).where(SESSION.c.username == username, others))
            action = "own_password" if own else "reset_password"
            note(connection, Note(by.role, by.username, action, username), self._clock.now())
            return person_from(_there(connection, username))

        return await self._database.write(work)

    async def everybody(self) -> Sequence[Person]:
        query = select(PERSON).order_by(PERSON.c.username)
        return await self._database.read(lambda c: [person_from(row) for row in c.execute(query)])

    def _fits(self, known: str, password: str) -> bool:
        try:
            return self._hasher.verify(known, password)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False


def add(connection: Connection, person: Person, hashed: str, by: Person, at: datetime) -> None:
    """Somebody new, and a note of it."""
    facts = {k: getattr(person, k) for k in ("role", "centre_id", "crew_id")}
    connection.execute(insert(PERSON), {**asdict(person), "password": hashed})
    note(connection, Note(by.role, by.username, "create_person", person.username, facts), at)


def apply(connection: Connection, person: Person, by: Person, at: datetime, was: Person) -> None:
    """Change somebody, and note what; sessions of who is locked out end. The transaction has the installation `alone`."""
    fields = ("name", "role", "centre_id", "crew_id", "active")
    values = {name: getattr(person, name) for name in fields}
    changed = {k: [getattr(was, k), v] for k, v in values.items() if getattr(was, k) != v}
    if not changed:
        return
    if by.username == person.username and {"role", "active"} & {*changed}:
        raise GuardRefused("nobody locks himself out", guard="disable", why="yourself")
    connection.execute(update(PERSON).where(PERSON.c.username == person.username).values(values))
    remaining = select(PERSON.c.username).where(PERSON.c.role == "admin", PERSON.c.active).limit(1)
    if connection.execute(remaining).first() is None:
        raise GuardRefused("somebody must be able to administer this installation", why="last_admin")
    if not person.active:
        connection.execute(delete(SESSION).where(SESSION.c.username == person.username))
    action = "change_person"
    if "active" in changed:
        action = "enable_person" if person.active else "disable_person"
    note(connection, Note(by.role, by.username, action, person.username, changed), at)


def people_of(connection: Connection, sessions: Collection[str], now: datetime) -> dict[str, Person]:
    """Whose these sessions are, of those that last and whose person is active, as they are now."""
    query = (
        select(SESSION.c.token_hash, PERSON)
        .join(PERSON, SESSION.c.username == PERSON.c.username)
        .where(SESSION.c.token_hash.in_(list(sessions)), SESSION.c.expires_at > now, PERSON.c.active)
    )
    return {row.token_hash: person_from(row) for row in connection.execute(query)}


def _row(connection: Connection, username: str) -> Any:
    return connection.execute(select(PERSON).where(PERSON.c.username == username)).first()


def _there(connection: Connection, username: str) -> Any:
    if (row := _row(connection, username)) is None:
        raise NotFound(f"nobody is called {username!r}", username=username)
    return row


def person_from(row: Any) -> Person:
    return Person(
        row.username, row.name, row.role, row.centre_id, row.crew_id, row.active, row.must_change
    )  # fmt: skip
