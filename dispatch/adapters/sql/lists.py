"""CSV lists of the installation: out, and in again, all or nothing, after a rehearsal that shows what it would do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, select

from dispatch.adapters.sql import entries
from dispatch.adapters.sql.entries import Document
from dispatch.adapters.sql.organisation import alone, load_directory
from dispatch.adapters.sql.passwords import hash_password
from dispatch.adapters.sql.people import HASHING_AT_ONCE, PERSON, add, apply, person_from
from dispatch.adapters.sql.rehearsal import carry_out
from dispatch.adapters.sql.store import SqlStore
from dispatch.clock import SystemClock
from dispatch.core.errors import BadInput, Conflict, DispatchError
from dispatch.services import csv_lists
from dispatch.services.csv_lists import COLUMNS, Fault, ListKind, Row, Table
from dispatch.services.people import Person, check_person, new_password

MOST_NEW_PEOPLE = 500
"""Each of them gets a password of its own, which takes a core for a tenth of a second; the page waits for three minutes."""


@dataclass(frozen=True)
class Import:
    """What a list would do, or has done. Nothing is done where there is a fault."""

    faults: tuple[Fault, ...]
    new: Sequence[str] = ()
    changed: Sequence[str] = ()
    same: int = 0
    seen: str = ""
    """Stands for the list and for what it was compared with."""
    done: bool = False
    passwords: Mapping[str, str] = field(default_factory=dict)
    """Of new people, by name: said once, stored nowhere."""


class SqlLists:
    """Lists in and out."""

    def __init__(self, database: SqlStore, import_document: Callable[..., Awaitable[None]]) -> None:
        """`import_document`: of `SqlAdministration`."""
        self._database = database
        self._import_document = import_document

    async def text(self, kind: ListKind) -> str:
        """The list as CSV."""
        return csv_lists.written(kind, await self._database.read(lambda c: _rows(c, kind)))

    async def take(self, kind: ListKind, text: str, *, by: Person, seen: str = "") -> Import:
        """Rehearse a list, or, told what was `seen` at the rehearsal, put it in place.

        Raises Conflict where what it was compared with has changed since.
        """
        there = await self._database.read(lambda c: _rows(c, kind))
        numbers = {str(row[name]) for row in there for name in row if name.endswith("_phone")}
        table = csv_lists.read(kind, text, numbers)
        found = _compared(kind, table, there, text)
        if table.faults:
            return found

        def still(rows: Sequence[Row]) -> None:
            """Raises Conflict where these are not what was looked at; asked again in the transaction."""
            if seen and seen != _compared(kind, table, rows, text).seen:
                raise Conflict(
                    "the list or what it changes is not what was looked at: look again", why="looked"
                )

        def change(document: Document) -> Document:
            still(csv_lists.rows_of(kind, document))
            return csv_lists.merged(kind, document, table)

        still(there)
        passwords = dict.fromkeys(found.new, "") if kind == "people" else {}
        if len(passwords) > MOST_NEW_PEOPLE:
            raise BadInput(f"at most {MOST_NEW_PEOPLE} new people at a time", field="text")
        if seen:
            passwords = {name: new_password() for name in passwords}
        try:
            if kind == "people":
                await self._people(table, passwords, by, still, rehearsal=not seen)
            else:
                await self._import_document(change, by=by, what=kind, rehearsal=not seen)
        except Conflict:
            raise
        except DispatchError as error:
            return _compared(kind, _refused(kind, table, error), there, text)
        return Import((), found.new, found.changed, found.same, found.seen, bool(seen), passwords)

    async def _people(
        self,
        table: Table,
        passwords: Mapping[str, str],
        by: Person,
        still: Callable[[Sequence[Row]], None],
        *,
        rehearsal: bool,
    ) -> None:
        hashed = {} if rehearsal else await asyncio.to_thread(_hashed, passwords)

        def work(connection: Connection) -> None:
            alone(connection)
            still(_rows(connection, "people"))
            directory, now = load_directory(connection), SystemClock().now()
            for name, row in table.rows.items():
                found = connection.execute(select(PERSON).where(PERSON.c.username == name)).first()
                was = person_from(found) if found is not None else None
                person = _person(row, was)
                try:
                    if person.active:  # who is locked out may have been of a crew that is no more
                        check_person(person, directory)
                except BadInput as error:
                    raise BadInput(error.message, **error.facts, line=table.lines[name]) from None
                if was is not None:
                    apply(connection, person, by, now, was)
                else:
                    add(connection, person, hashed.get(name, ""), by, now)

        await carry_out(self._database, work, rehearsal=rehearsal)


def _hashed(passwords: Mapping[str, str]) -> dict[str, str]:
    with ThreadPoolExecutor(HASHING_AT_ONCE) as threads:
        return dict(zip(passwords, threads.map(hash_password, passwords.values()), strict=True))


def _rows(connection: Connection, kind: ListKind) -> list[Row]:
    if kind == "people":
        return [dict(r._mapping) for r in connection.execute(select(PERSON).order_by(PERSON.c.username))]
    return csv_lists.rows_of(kind, entries.document(load_directory(connection)))


def _compared(kind: ListKind, table: Table, there: Sequence[Row], text: str) -> Import:
    key = next(iter(COLUMNS[kind]))
    before = {str(row[key]): row for row in there}
    new = [name for name in table.rows if name not in before]
    changed = [
        name
        for name, row in table.rows.items()
        if name in before and any(before[name].get(k, v) != v for k, v in row.items())
    ]
    said = csv_lists.written(kind, there) + "\0" + text
    seen = sha256(said.encode()).hexdigest()[:20]
    return Import(table.faults, new, changed, len(table.rows) - len(new) - len(changed), seen)


def _refused(kind: ListKind, table: Table, error: DispatchError) -> Table:
    """A refusal of the whole, at the line that it speaks of."""
    facts: dict[str, Any] = dict(error.facts)
    name = str(facts.get("field") or "")
    line = facts.get("line") or next(
        (n for k, n in table.lines.items() if f" {k}:" in f" {error.message}"), 0
    )
    column = list(COLUMNS[kind]).index(name) + 1 if name in COLUMNS[kind] else 0
    misfit = column and name.endswith("_id") and "why" not in facts
    fault = Fault(int(line), column, name, "reference" if misfit else "refused", error.message)
    return Table(table.rows, table.lines, (fault,))


def _person(row: Row, was: Person | None) -> Person:
    given = {k: v for k, v in row.items() if k in {"name", "role", "centre_id", "crew_id", "active"}}
    if was is None:
        return Person(**{"username": row["username"], "must_change": True, **given})
    kept = {k: getattr(was, k) for k in ("name", "role", "centre_id", "crew_id", "active", "must_change")}
    return Person(**{"username": was.username, **kept, **given})
