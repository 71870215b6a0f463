"""The organisation and its territories as documents: read from the directory, replaced whole, the context after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from dispatch.adapters.sql import entries
from dispatch.adapters.sql.adoption import SqlDefinitions
from dispatch.adapters.sql.entries import LISTS, Document, Entry, Kind
from dispatch.adapters.sql.first_run import FirstRun
from dispatch.adapters.sql.lists import SqlLists
from dispatch.adapters.sql.order_rows import NOT_FINAL, load_orders
from dispatch.adapters.sql.organisation import alone, load_directory, replace_organisation, set_territories
from dispatch.adapters.sql.outage_plan import SqlOutagePlan
from dispatch.adapters.sql.people import PERSON
from dispatch.adapters.sql.rehearsal import carry_out
from dispatch.adapters.sql.statements import ORDER, rosters
from dispatch.adapters.sql.store import SqlStore
from dispatch.adapters.sql.trail import Note, last_note, note, notes
from dispatch.clock import SystemClock
from dispatch.core.errors import BadInput, Conflict, GuardRefused
from dispatch.core.territory import Territories, territories_from_geojson, territories_to_geojson
from dispatch.services.context import Context
from dispatch.services.people import Person
from dispatch.services.ports import Directory

NOTES_SHOWN = 100


class SqlAdministration:
    """What administrators change. Every process loads the directory anew when it is told or starts."""

    def __init__(self, database: SqlStore, context: Context) -> None:
        self._database = database
        self._context = context
        self.lists = SqlLists(database, self.import_document)
        self.definitions = SqlDefinitions(database, context.processes)
        self.first_run = FirstRun(database)
        self.outages = SqlOutagePlan(database, context)

    def document(self) -> dict[str, Any]:
        """The organisation as a file that `replace` takes."""
        return entries.document(self._context.directory)

    async def replace(self, document: Mapping[str, Any], *, by: Person) -> None:
        """Put a whole organisation in place. Raises BadInput naming what is wrong."""
        _check_lists(document)

        def work(connection: Connection) -> Directory:
            before = self._locked(connection)
            after = self._put(connection, document)
            self._note(connection, by, "replace_organisation", _changed(before, after))
            return after

        self._context.directory = await self._database.write(work)

    async def change(
        self, kind: Kind, entry_id: str, was: Entry | None, new: Entry | None, *, by: Person
    ) -> Document:
        """Add (`was` None), change or remove (`new` None) one entry; the document after.

        Raises Conflict, with who and when, where the entry is not as it `was` any more.
        """

        def work(connection: Connection) -> Directory:
            before = entries.document(self._locked(connection))
            there = entries.entry(before, kind, entry_id)
            if there != was:
                if was is None:
                    raise Conflict(f"{kind}: there is a {entry_id!r} already", why="taken", id=entry_id)
                raise Conflict(
                    f"{kind} {entry_id} was changed meanwhile", **last_note(connection, kind, entry_id)
                )
            if new is None:
                self._keep_who_belongs(connection, kind, entry_id)
            after = self._put(connection, entries.changed(before, kind, entry_id, new))
            action = "remove" if new is None else "add" if was is None else "change"
            data = entries.said(was, entries.entry(entries.document(after), kind, entry_id))
            self._note(connection, by, f"{action}_{kind}", data, entry_id)
            return after

        self._context.directory = await self._database.write(work)
        return self.document()

    async def import_document(
        self, change: Callable[[Document], Document], *, by: Person, what: str, rehearsal: bool
    ) -> None:
        """Change the document as it stands then, whole or not at all; a rehearsal does all of it and takes it back.

        Raises what `change` or the checks raise.
        """

        def work(connection: Connection) -> Directory:
            before = self._locked(connection)
            after = self._put(connection, change(entries.document(before)))
            self._note(connection, by, f"import_{what}", _changed(before, after))
            return after

        after = await carry_out(self._database, work, rehearsal=rehearsal)
        self._context.directory = after or self._context.directory

    def territories(self) -> dict[str, Any]:
        """All territories, and the version of them that `replace_territories` is told."""
        collection = territories_to_geojson(self._context.territories)
        return {"version": _digest(collection), "territories": collection}

    async def replace_territories(self, geojson: Mapping[str, Any], *, by: Person, version: str = "") -> None:
        """Put all territories in place. Raises BadInput naming the feature; Conflict where they are not of this
        version (if one is given) any more."""
        territories = await asyncio.to_thread(territories_from_geojson, geojson)
        collection = territories_to_geojson(territories)  # what was checked is what is kept

        def work(connection: Connection) -> Directory:
            directory = self._locked(connection)
            for one in territories:
                if one.centre_id not in directory.centres:
                    raise BadInput(
                        f"territory {one.id}: there is no centre {one.centre_id!r}", field="centre_id"
                    )
            before = _land(directory)
            if version and version != _digest(territories_to_geojson(before)):
                raise Conflict(
                    "the territories were changed meanwhile", **last_note(connection, "territories", "")
                )
            set_territories(connection, collection)
            was, now = ({t.id: t for t in land} for land in (before, territories))
            ids = sorted(one for one in {*was, *now} if was.get(one) != now.get(one))
            self._note(connection, by, "replace_territories", {"ids": ids})
            return load_directory(connection)

        self._context.directory = await self._database.write(work)
        self._context.territories = territories

    async def note(self, action: str, subject: str, *, by: Person) -> None:
        """Note what an administrator looked at or did elsewhere."""
        await self._database.write(lambda c: self._note(c, by, action, {}, subject))

    async def audit(self, before: int) -> list[dict[str, Any]]:
        """A page of the audit trail, the newest first."""
        return await self._database.read(lambda c: notes(c, before, NOTES_SHOWN))

    def _locked(self, connection: Connection) -> Directory:
        """The organisation as it stands; on PostgreSQL nobody else changes it until this transaction ends."""
        alone(connection)
        return load_directory(connection)

    def _put(self, connection: Connection, document: Mapping[str, Any]) -> Directory:
        try:
            self._keep_the_busy(connection, document)
            self._keep_the_needed(connection, document)
            replace_organisation(connection, document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"the organisation cannot be used: {error}") from None
        return load_directory(connection)

    def _note(
        self, connection: Connection, by: Person, action: str, data: Mapping[str, Any], subject: str = ""
    ) -> None:
        note(connection, Note(by.role, by.username, action, subject, data), SystemClock().now())

    def _keep_who_belongs(self, connection: Connection, kind: Kind, entry_id: str) -> None:
        """Nobody who may sign in is left without a centre or crew."""
        column = {"centres": PERSON.c.centre_id, "crews": PERSON.c.crew_id}.get(kind)
        if column is None:
            return
        query = (
            select(PERSON.c.username).where(column == entry_id, PERSON.c.active).order_by(PERSON.c.username)
        )
        if people := list(connection.execute(query).scalars()):
            raise GuardRefused(
                f"{', '.join(people[:5])} still belong to {entry_id}: move them or lock them out first",
                why="people", people=people[:5],
            )  # fmt: skip

    def _keep_the_busy(self, connection: Connection, document: Mapping[str, Any]) -> None:
        """A crew that holds orders is not removed or moved under them."""
        holding = {d.crew_id: (r.centre_id, r.trade) for r in rosters(connection) for d in r.crews if d.stack}
        kept = {one.get("id"): (one.get("centre_id"), one.get("trade")) for one in document["crews"]}
        for crew_id, place in sorted(holding.items()):
            if kept.get(crew_id) != place:
                raise GuardRefused(
                    f"crew {crew_id} holds orders: recall them first", crew=crew_id, why="holds_orders"
                )

    def _keep_the_needed(self, connection: Connection, document: Mapping[str, Any]) -> None:
        """A centre is needed until its orders are repaired and recorded, a crew until it has written its records."""
        orders = load_orders(connection, self._context.processes, select(ORDER).where(NOT_FINAL))
        for kind, name, of in (("centre", "centres", "centre_id"), ("crew", "crews", "crew_id")):
            kept = {"", *(one.get("id") for one in document[name])}
            gone = sorted(
                (getattr(o, of), o.id) for o in orders if o.record is None and getattr(o, of) not in kept
            )
            if gone:
                first = gone[0][0]
                mine = [order for one, order in gone if one == first]
                listed = ", ".join(mine[:5]) + (f" and {len(mine) - 5} more" if len(mine) > 5 else "")
                raise GuardRefused(
                    f"{kind} {first} is still needed for {listed}: finish them (with the fault record), or give them"
                    " to others",
                    guard="organisation", why="needed", orders=mine[:5],
                )  # fmt: skip


def _changed(before: Directory, after: Directory) -> dict[str, list[str]]:
    """Which centres, departments and crews are new, gone or other than before."""
    found = {}
    for name in LISTS:
        was, now = getattr(before, name), getattr(after, name)
        found[name] = sorted(one for one in {*was, *now} if was.get(one) != now.get(one))
    return found


def _check_lists(document: Mapping[str, Any]) -> None:
    for name in LISTS:
        found = document.get(name)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise BadInput(f"{name}: expected a list of objects", field=name)


def _land(directory: Directory) -> Territories:
    return territories_from_geojson(directory.territories) if directory.territories else Territories(())


def _digest(value: Any) -> str:
    return sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:16]
