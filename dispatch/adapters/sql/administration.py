"""The organisation and its territories as documents: read from the directory, replaced whole, the context after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select

from dispatch.adapters.sql import on_call
from dispatch.adapters.sql.order_rows import load_orders
from dispatch.adapters.sql.organisation import load_directory, replace_organisation, set_territories
from dispatch.adapters.sql.statements import ORDER
from dispatch.adapters.sql.store import SqlStore
from dispatch.adapters.sql.trail import Note, note, notes
from dispatch.adapters.sql.views import not_final
from dispatch.clock import SystemClock
from dispatch.core.errors import BadInput, GuardRefused
from dispatch.core.territory import territories_from_geojson
from dispatch.services.context import Context
from dispatch.services.people import Person
from dispatch.services.ports import Crew, Department, Directory

LISTS = ("centres", "departments", "crews")
NOTES_SHOWN = 100


class SqlAdministration:
    """What administrators change. Every process loads the directory anew when it is told or starts."""

    def __init__(self, database: SqlStore, context: Context) -> None:
        self._database = database
        self._context = context

    def document(self) -> dict[str, Any]:
        """The organisation as a file that `replace` takes."""
        directory = self._context.directory
        return {
            "centres": [asdict(one) for one in directory.centres.values()],
            "departments": [_department(one) for one in directory.departments.values()],
            "crews": [_crew(one) for one in directory.crews.values()],
            "on_call": on_call.document(directory.on_call),
        }

    async def replace(self, document: Mapping[str, Any], *, by: Person) -> None:
        """Put a whole organisation in place. Raises BadInput naming what is wrong."""
        for name in LISTS:
            entries = document.get(name)
            if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
                raise BadInput(f"{name}: expected a list of objects", field=name)
        await self._keep_the_busy(document)

        def work(connection: Connection) -> Directory:
            try:
                self._keep_the_needed(connection, document)
                replace_organisation(connection, document)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise BadInput(f"the organisation cannot be used: {error}") from None
            directory = load_directory(connection)
            changed = _changed(self._context.directory, directory)
            self._note(connection, by, "replace_organisation", changed)
            return directory

        self._context.directory = await self._database.write(work)

    async def replace_territories(self, geojson: Mapping[str, Any], *, by: Person) -> None:
        """Put all territories in place. Raises BadInput naming the feature."""
        territories = territories_from_geojson(geojson)
        for one in territories:
            if one.centre_id not in self._context.directory.centres:
                raise BadInput(f"territory {one.id}: there is no centre {one.centre_id!r}", field="centre_id")

        def work(connection: Connection) -> Directory:
            set_territories(connection, geojson)
            self._note(connection, by, "replace_territories", {"ids": [one.id for one in territories]})
            return load_directory(connection)

        self._context.directory = await self._database.write(work)
        self._context.territories = territories

    async def audit(self, before: int) -> list[dict[str, Any]]:
        """A page of the audit trail, the newest first."""
        return await self._database.read(lambda c: notes(c, before, NOTES_SHOWN))

    def _note(self, connection: Connection, by: Person, action: str, data: Mapping[str, Any]) -> None:
        note(connection, Note(by.role, by.username, action, "", data), SystemClock().now())

    async def _keep_the_busy(self, document: Mapping[str, Any]) -> None:
        """A crew that holds orders is not removed or moved under them."""
        rosters = await self._context.store.rosters()
        holding = {d.crew_id: (r.centre_id, r.trade) for r in rosters for d in r.crews if d.stack}
        kept = {one.get("id"): (one.get("centre_id"), one.get("trade")) for one in document["crews"]}
        for crew_id, place in sorted(holding.items()):
            if kept.get(crew_id) != place:
                raise GuardRefused(f"crew {crew_id} holds orders: recall them first", crew=crew_id)

    def _keep_the_needed(self, connection: Connection, document: Mapping[str, Any]) -> None:
        """A centre is needed until its orders are repaired and recorded, a crew until it has written its records."""
        processes = self._context.processes
        orders = load_orders(connection, processes, select(ORDER).where(not_final(processes)))
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


def _department(one: Department) -> dict[str, Any]:
    return asdict(one)


def _crew(one: Crew) -> dict[str, Any]:
    entry = {
        k: getattr(one, k)
        for k in (
            "id", "name", "name_zh", "department_id", "centre_id", "trade", "duty_phone", "capacity",
            "shift_start", "shift_end",
        )
    }  # fmt: skip
    entry |= {"base": {"lat": one.base_lat, "lon": one.base_lon}, "shares_office": one.same_office}
    for device in one.devices:
        if device.kind == "terminal":
            entry["vehicle"] = {"device": device.id, "plate": device.label, "protocol": device.protocol}
        else:
            entry["phone_device"] = device.id
    return entry
