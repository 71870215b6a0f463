"""What administrators do with planned outages: looked through, added, changed, ended, called off, as a list out and in.

Each change is noted in the audit trail with what was and what is, whether it came by the page or with a list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, tzinfo
from hashlib import sha256
from itertools import islice
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, and_, true

from dispatch.adapters.sql import entries, outages
from dispatch.adapters.sql.lists import Import
from dispatch.adapters.sql.organisation import alone
from dispatch.adapters.sql.outages import OUTAGE
from dispatch.adapters.sql.store import SqlStore
from dispatch.adapters.sql.trail import Note, last_note, note, note_all
from dispatch.clock import SystemClock
from dispatch.core import outage as rules
from dispatch.core.csv_rows import Cells, Table
from dispatch.core.errors import BadInput, Conflict, GuardRefused
from dispatch.core.gazetteer import folded
from dispatch.core.imports import cells_of, outage_of, read_outages, write_outages
from dispatch.core.outage import PlannedOutage
from dispatch.services.context import Context
from dispatch.services.csv_lists import Fault
from dispatch.services.people import Person

KIND = "planned_outages"
SHOWN = 200
MOST_ROWS = 20_000
"""Of one list: each row has a note of its own, and SQLite has one writer."""
Which = Literal["open", "over", "called_off", "all"]
Said = Mapping[str, str]


class SqlOutagePlan:
    """Planned outages, as administrators see and change them."""

    def __init__(self, database: SqlStore, context: Context) -> None:
        self._database = database
        self._context = context

    async def look(self, which: Which, query: str) -> dict[str, Any]:
        """Those that hold every word of `query`, at most SHOWN: of what is open the first first, of the past the last."""
        now, words = self._context.clock.now(), folded(query).split()

        def work(connection: Connection) -> list[PlannedOutage]:
            found = outages.every(connection, _chosen(which, now), newest=which != "open")
            return list(islice((one for one in found if self._holds(one, words)), SHOWN + 1))

        found = await self._database.read(work)
        shown = [self._shown(one, now) for one in found[:SHOWN]]
        return {"now": now, "outages": shown, "more": len(found) > SHOWN, "territories": self._territories()}

    async def save(self, was: Said | None, entry: Said, *, by: Person) -> dict[str, Any]:
        """Add one (`was` None) or change it; as it is shown after.

        Raises BadInput naming the field, Conflict where it is not as it `was` any more (with who and when), GuardRefused
        where it is history.
        """
        cells = Cells(0, {**entry, "id": was["id"]} if was else entry)
        new = outage_of(cells, self._context.zone, self._known())
        if cells.faults:
            first = cells.faults[0]
            raise BadInput(f"{first.column}: {first.said}", field=first.column, why=first.code)

        def work(connection: Connection) -> PlannedOutage:
            before = self._there(connection, new.id, was)
            after = rules.changed(before, new, self._context.clock.now())
            return self._keep(connection, before, after, by, "change" if before else "add")

        return await self._write(work)

    async def end(self, was: Said, *, by: Person) -> dict[str, Any]:
        """It ends now. Raises as `save` does."""

        def work(connection: Connection) -> PlannedOutage:
            before = self._there(connection, was["id"], was)
            assert before is not None
            return self._keep(
                connection, before, rules.ended(before, self._context.clock.now()), by, "change"
            )

        return await self._write(work)

    async def call_off(self, was: Said, *, by: Person) -> dict[str, Any]:
        """It does not take place. Raises as `save` does."""

        def work(connection: Connection) -> PlannedOutage:
            before = self._there(connection, was["id"], was)
            assert before is not None
            after = rules.called_off(before, self._context.clock.now())
            return self._keep(connection, before, after, by, "call_off")

        return await self._write(work)

    async def text(self) -> str:
        """The list as CSV, the first to begin first."""
        zone = self._context.zone
        return await self._database.read(lambda c: write_outages(outages.every(c), zone))

    async def take(self, text: str, *, by: Person, seen: str = "") -> Import:
        """Rehearse a list or, told what was `seen` at the rehearsal, put it in place, all of it or nothing.

        Raises Conflict where what it was compared with has changed since.
        """
        zone, lands = self._context.zone, self._known()
        closed = await self._database.read(lambda c: outages.closed(c, self._context.clock.now()))
        try:
            table = await asyncio.to_thread(read_outages, text, zone, lands, closed)
        except BadInput as error:
            why, name = str(error.facts["why"]), str(error.facts["field"])
            return Import((Fault(1, 0, name, why),))  # type: ignore[arg-type]
        if len(table.rows) > MOST_ROWS:
            return Import((Fault(MOST_ROWS + 2, 1, "", "too_many_rows", str(MOST_ROWS)),))

        def compare(connection: Connection) -> Import:
            return _compared(table, outages.known(connection, {one.id for one in table.rows}), text, zone)

        if table.faults or not seen:
            return await self._database.read(compare)

        def work(connection: Connection) -> Import:
            alone(connection)
            found = compare(connection)
            if found.seen != seen:
                raise Conflict("what this list changes is not what was looked at: look again", why="looked")
            told = Note(by.role, by.username, f"import_{KIND}", "")
            take_in(connection, table.rows, told, zone, self._context.clock.now())
            return Import((), found.new, found.changed, found.same, found.seen, True)

        return await self._database.write(work)

    async def _write(self, work: Any) -> dict[str, Any]:
        return self._shown(await self._database.write(work), self._context.clock.now())

    def _there(self, connection: Connection, outage_id: str, was: Said | None) -> PlannedOutage | None:
        """As it stands; nobody else changes it until this transaction ends. Raises Conflict where it is not as it `was`."""
        alone(connection)
        there = outages.known(connection, [outage_id]).get(outage_id)
        if was is None and there is not None:
            raise Conflict(f"there is a planned outage {outage_id!r} already", why="taken", id=outage_id)
        if was is not None and (there is None or said(there, self._context.zone) != was):
            told = last_note(connection, KIND, outage_id)
            raise Conflict(f"planned outage {outage_id} was changed meanwhile", **told)
        return there

    def _keep(
        self,
        connection: Connection,
        before: PlannedOutage | None,
        after: PlannedOutage,
        by: Person,
        deed: str,
    ) -> PlannedOutage:
        told = Note(by.role, by.username, deed, "")
        note(connection, _noted(before, after, told, self._context.zone), SystemClock().now())
        outages.put(connection, [after])
        return after

    def _shown(self, one: PlannedOutage, now: datetime) -> dict[str, Any]:
        entry = said(one, self._context.zone)
        return {**asdict(one), "state": one.state(now), "entry": entry}

    def _holds(self, one: PlannedOutage, words: Sequence[str]) -> bool:
        text = folded(" ".join(said(one, self._context.zone).values()))
        return all(word in text for word in words)

    def _known(self) -> frozenset[str]:
        return frozenset(one.id for one in self._context.territories)

    def _territories(self) -> list[dict[str, str]]:
        return [{"id": t.id, "name": t.name, "name_zh": t.name_zh} for t in self._context.territories]


def said(one: PlannedOutage, zone: tzinfo) -> dict[str, str]:
    """An outage as the page holds it while somebody changes it, and as the audit trail keeps it."""
    off = one.called_off_at
    return {**cells_of(one, zone), "called_off": off.astimezone(zone).isoformat(" ") if off else ""}


def take_in(
    connection: Connection, rows: Sequence[PlannedOutage], told: Note, zone: tzinfo, now: datetime
) -> None:
    """The rows of a list: what is new or otherwise than before, each noted; nobody else changes an outage until this
    transaction ends. Raises BadInput where there are too many, Conflict where one was called off or is history."""
    if len(rows) > MOST_ROWS:
        raise BadInput(f"{len(rows):,} rows: expected at most {MOST_ROWS:,} in one list", field="rows")
    alone(connection)
    before = outages.known(connection, {one.id for one in rows})
    other = [one for one in rows if before.get(one.id) != one]
    deeds = [Note(told.by_role, told.by_id, told.action, told.subject, {"rows": len(rows)})]
    for one in other:
        was = before.get(one.id)
        if was is not None:
            _still_open(was, now)
        deeds.append(_noted(was, one, Note(told.by_role, told.by_id, "change" if was else "add", ""), zone))
    note_all(connection, deeds, SystemClock().now())
    outages.put(connection, other)


def _still_open(was: PlannedOutage, now: datetime) -> None:
    try:
        rules.keep_history(was, now)
    except GuardRefused as error:
        raise Conflict(f"{error.message}; look again", why="looked") from error


def _noted(was: PlannedOutage | None, now: PlannedOutage, told: Note, zone: tzinfo) -> Note:
    data = entries.said(said(was, zone) if was else None, said(now, zone))
    return Note(told.by_role, told.by_id, f"{told.action}_{KIND}", now.id, data)


def _chosen(which: Which, now: datetime) -> ColumnElement[bool]:
    on = OUTAGE.c.called_off_at.is_(None)
    return {
        "open": and_(on, OUTAGE.c.ends_at > now),
        "over": and_(on, OUTAGE.c.ends_at <= now),
        "called_off": ~on,
        "all": true(),
    }[which]


def _compared(
    table: Table[PlannedOutage], before: Mapping[str, PlannedOutage], text: str, zone: tzinfo
) -> Import:
    at = {name: number for number, name in enumerate(table.names, 1) if name}
    faults = tuple(
        Fault(f.line, at.get(f.column, 0), f.column, f.code, f.value)  # type: ignore[arg-type]
        for f in sorted(table.faults, key=lambda f: (f.line, at.get(f.column, 0)))
    )
    new = [one.id for one in table.rows if one.id not in before]
    changed = [one.id for one in table.rows if one.id in before and before[one.id] != one]
    there = sorted(str(sorted(said(one, zone).items())) for one in before.values())
    seen = sha256("\0".join([text, *there]).encode()).hexdigest()[:20]
    return Import(faults, new, changed, len(table.rows) - len(new) - len(changed), seen)
