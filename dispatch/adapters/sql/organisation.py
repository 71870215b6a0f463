"""The organisation in SQL: centres, departments, crews, devices, territories; and the rosters made from it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, select

from dispatch.adapters.sql import tables as t
from dispatch.adapters.sql.on_call import document as on_call_document
from dispatch.adapters.sql.on_call import load_schedule, replace_schedule
from dispatch.adapters.sql.statements import ROSTER, roster_from, table
from dispatch.core.crew import CrewDuty, Roster
from dispatch.core.errors import BadInput
from dispatch.core.on_call import HOTLINE
from dispatch.core.telephone_number import dialled
from dispatch.services.ports import Centre, Crew, Department, Device, Directory, Leader

CENTRE, DEPARTMENT, CREW = table(t.CentreRow), table(t.DepartmentRow), table(t.CrewRow)
DEVICE, INSTALLATION = table(t.DeviceRow), table(t.InstallationRow)
TERRITORIES = "territories"
_LOCK = 45_045_014
"""PostgreSQL's advisory lock of whoever changes the installation."""
_PROTOCOL = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)
_HH_MM = re.compile(r"([01]?\d|2[0-3]):[0-5]\d|24:00", re.ASCII)


def load_directory(connection: Connection) -> Directory:
    """Everybody who works here."""
    devices = defaultdict(list)
    for d in connection.execute(select(DEVICE).order_by(DEVICE.c.id)):
        devices[d.crew_id].append(Device(d.id, d.crew_id, d.kind, d.label, d.protocol))
    centres = {
        r.id: Centre(**dict(r._mapping)) for r in connection.execute(select(CENTRE).order_by(CENTRE.c.id))
    }
    departments = {
        r.id: Department(
            r.id, r.name, r.name_zh, r.kind, r.centre_id, r.trade,
            Leader(r.leader1_name, r.leader1_phone), Leader(r.leader2_name, r.leader2_phone),
        )
        for r in connection.execute(select(DEPARTMENT).order_by(DEPARTMENT.c.id))
    }  # fmt: skip
    crews = {
        r.id: Crew(**dict(r._mapping), devices=tuple(devices[r.id]))
        for r in connection.execute(select(CREW).order_by(CREW.c.id))
    }
    territories = fact(connection, TERRITORIES)
    return Directory(
        centres, departments, crews, msgspec.json.decode(territories) if territories else {},
        load_schedule(connection),
    )  # fmt: skip


def alone(connection: Connection) -> None:
    """Nobody else changes the organisation, its people or its process until this transaction ends (SQLite has one
    writer anyway): for whatever is checked first and written after."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def fact(connection: Connection, name: str) -> str:
    """A single fact of the installation; empty where it is not set."""
    query = select(INSTALLATION.c.value).where(INSTALLATION.c.name == name)
    return connection.execute(query).scalar() or ""


def set_fact(connection: Connection, name: str, value: str) -> None:
    """Keep a single fact of the installation."""
    connection.execute(delete(INSTALLATION).where(INSTALLATION.c.name == name))
    connection.execute(insert(INSTALLATION), {"name": name, "value": value})


def replace_organisation(connection: Connection, document: Mapping[str, Any]) -> None:
    """Put a whole organisation file in place. Raises BadInput naming the entry and what it lacks.

    Crews that hold orders keep them: a roster's crews are added or removed, never reset.
    """
    on_file = _numbers(load_directory(connection))
    departments = [_department(d, on_file) for d in document.get("departments", [])]
    crews = [_crew(c, on_file) for c in document.get("crews", [])]
    centres = [_centre(c, on_file) for c in document.get("centres", [])]
    _refer_to_what_there_is(connection, centres, departments, crews)
    devices = [device for c in document.get("crews", []) for device in _devices(c)]
    for what, rows in (
        ("centre", centres),
        ("department", departments),
        ("crew", crews),
        ("device", devices),
    ):
        _each_once(what, rows)
    before = {(d.id, d.crew_id) for d in connection.execute(select(DEVICE.c.id, DEVICE.c.crew_id))}
    for target, rows in (
        (CENTRE, centres),
        (DEPARTMENT, departments),
        (CREW, crews),
        (DEVICE, devices),
    ):
        connection.execute(delete(target))
        if rows:
            connection.execute(insert(target), rows)
    _fill_rosters(connection, moved=before != {(d["id"], d["crew_id"]) for d in devices})
    units = {one["id"] for one in (*centres, *departments)}
    # A document that does not speak of it leaves the schedule as it is, less the units that are gone.
    schedule = document.get("on_call")
    if schedule is None:
        kept = (d for d in on_call_document(load_schedule(connection)) if d["unit"] in {*units, HOTLINE})
        schedule = list(kept)
    if not isinstance(schedule, list):
        raise BadInput("on_call: expected a list of objects", field="on_call")
    replace_schedule(connection, schedule, units, on_file)


def _numbers(directory: Directory) -> set[str]:
    """Every telephone number that is on file."""
    leaders = (leader for d in directory.departments.values() for leader in (d.leader1, d.leader2))
    return {
        *(centre.duty_phone for centre in directory.centres.values()),
        *(crew.duty_phone for crew in directory.crews.values()),
        *(leader.phone for leader in leaders),
        *(duty.phone for duty in directory.on_call),
    }


_Rows = list[dict[str, Any]]


def _each_once(what: str, rows: _Rows) -> None:
    if doubles := [one for one, times in Counter(row["id"] for row in rows).items() if times > 1]:
        raise BadInput(f"{what} {doubles[0]} stands twice", field="id")


def _refer_to_what_there_is(connection: Connection, centres: _Rows, departments: _Rows, crews: _Rows) -> None:
    """Raises BadInput where a department, a crew or a territory would be of a centre or department that is not."""
    known, stations = {c["id"] for c in centres}, {d["id"] for d in departments}
    for kind, entries in (("department", departments), ("crew", crews)):
        for entry in entries:
            if entry["centre_id"] not in known:
                raise BadInput(f"{kind} {entry['id']}: no centre {entry['centre_id']!r}", field="centre_id")
    for crew in crews:
        if crew["department_id"] not in stations:
            raise BadInput(
                f"crew {crew['id']}: no department {crew['department_id']!r}", field="department_id"
            )
    land = fact(connection, TERRITORIES)
    for feature in msgspec.json.decode(land)["features"] if land else ():
        of = feature["properties"]
        if of["centre_id"] not in known:
            raise BadInput(
                f"territory {of['id']} is centre {of['centre_id']!r}'s, which would be gone:"
                " give it to another centre first",
                field="centres",
            )


def set_territories(connection: Connection, geojson: Mapping[str, Any]) -> None:
    """Keep the territories (a GeoJSON feature collection, checked by the caller)."""
    set_fact(connection, TERRITORIES, msgspec.json.encode(geojson).decode())


def _need(entry: Mapping[str, Any], what: str, *names: str) -> None:
    for name in names:
        if not str(entry.get(name, "")).strip():
            raise BadInput(f"{what} {entry.get('id', '?')}: {name} is missing", field=name)


def _centre(entry: Mapping[str, Any], on_file: Collection[str]) -> dict[str, Any]:
    _need(entry, "centre", "id", "name", "duty_phone", "lat", "lon")
    return {k: entry[k] for k in ("id", "name")} | {
        "duty_phone": dialled(entry["duty_phone"], f"centre {entry['id']}", "duty_phone", on_file),
        "name_zh": entry.get("name_zh") or entry["name"],
        "lat": float(entry["lat"]),
        "lon": float(entry["lon"]),
    }


def _department(entry: Mapping[str, Any], on_file: Collection[str]) -> dict[str, Any]:
    """Saving a department without both leaders' numbers is refused: crews inherit them."""
    _need(entry, "department", "id", "name", "kind", "centre_id", "trade")
    row = {k: entry[k] for k in ("id", "name", "kind", "centre_id", "trade")}
    row["name_zh"] = entry.get("name_zh") or entry["name"]
    for number in ("leader1", "leader2"):
        leader = entry.get(number) or {}
        if not str(leader.get("phone", "")).strip():
            raise BadInput(f"department {entry['id']}: {number} has no telephone number", field=number)
        phone = dialled(leader["phone"], f"department {entry['id']}", number, on_file)
        row |= {f"{number}_name": leader.get("name", ""), f"{number}_phone": phone}
    return row


def _crew(entry: Mapping[str, Any], on_file: Collection[str]) -> dict[str, Any]:
    _need(entry, "crew", "id", "name", "department_id", "centre_id", "trade", "duty_phone")
    base = entry.get("base", {})
    return {
        **{k: entry[k] for k in ("id", "name", "department_id", "centre_id", "trade")},
        "duty_phone": dialled(entry["duty_phone"], f"crew {entry['id']}", "duty_phone", on_file),
        "name_zh": entry.get("name_zh") or entry["name"],
        "capacity": int(entry.get("capacity", 3)),
        "shift_start": _wall_time(entry, "shift_start", "00:00"),
        "shift_end": _wall_time(entry, "shift_end", "24:00"),
        "base_lat": float(base.get("lat", 0.0)),
        "base_lon": float(base.get("lon", 0.0)),
        "same_office": bool(entry.get("shares_office", False)),
    }


def _wall_time(entry: Mapping[str, Any], name: str, usual: str) -> str:
    """HH:MM as it stands. Whether a crew is on shift is asked everywhere: what cannot be read would stop it all."""
    text = str(entry.get(name, usual))
    if not _HH_MM.fullmatch(text):
        raise BadInput(f"crew {entry['id']}: {name} {text!r}: expected HH:MM", field=name)
    return text


def _devices(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    vehicle = entry.get("vehicle") or {}
    rows = []
    if vehicle.get("device"):
        rows.append(
            {
                "id": vehicle["device"], "crew_id": entry["id"], "kind": "terminal",
                "label": vehicle.get("plate", ""), "protocol": _protocol(entry["id"], vehicle),
            }
        )  # fmt: skip
    if phone := entry.get("phone_device"):
        rows.append({"id": phone, "crew_id": entry["id"], "kind": "phone", "label": "", "protocol": "osmand"})
    return rows


def _protocol(crew_id: str, vehicle: Mapping[str, Any]) -> str:
    """The only one that the terminal may speak; empty: any. Which there are only the gateway knows."""
    name = str(vehicle.get("protocol") or "").strip().lower()
    if name and not _PROTOCOL.fullmatch(name):
        raise BadInput(
            f"crew {crew_id}: vehicle.protocol {name[:40]!r}: expected a protocol's name such as jt808, or none for any",
            field="protocol",
        )
    return name


def _fill_rosters(connection: Connection, *, moved: bool) -> None:
    """One roster for each centre and trade, with just the crews that there are.

    A crew keeps what it holds, and the revision that its terminals have seen, also when it moves. Where terminals
    `moved` between crews, every revision goes beyond all that any terminal has seen (D4: never back). Raises BadInput
    where a crew that holds orders would be removed or moved: they would be nobody's.
    """
    wanted: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for row in connection.execute(select(CREW.c.id, CREW.c.centre_id, CREW.c.trade, CREW.c.capacity)):
        wanted[row.centre_id, row.trade][row.id] = row.capacity
    query = select(ROSTER.c.version, ROSTER.c.doc).order_by(ROSTER.c.centre_id, ROSTER.c.trade)
    before = [roster_from(row.doc, row.version) for row in connection.execute(query.with_for_update())]
    known = {(r.centre_id, r.trade): r for r in before}
    kept = {duty.crew_id: duty for roster in before for duty in roster.crews}
    for place, roster in known.items():
        for duty in roster.crews:
            if duty.stack and duty.crew_id not in wanted[place]:
                raise BadInput(
                    f"crew {duty.crew_id} holds {len(duty.stack)} order(s): recall or finish them before it is"
                    " removed or moved",
                    field="crews",
                )
    beyond = max((duty.revision for duty in kept.values()), default=-1) + 1 if moved else 0
    for place in sorted({*known, *wanted}):
        duties = tuple(
            _duty(kept.get(crew_id, CrewDuty(crew_id)), capacity, beyond)
            for crew_id, capacity in sorted(wanted[place].items())
        )
        _save_roster(connection, replace(known.get(place, Roster(*place)), crews=duties))


def _duty(duty: CrewDuty, capacity: int, beyond: int) -> CrewDuty:
    return replace(duty, capacity=capacity, revision=max(duty.revision, beyond))


def _save_roster(connection: Connection, roster: Roster) -> None:
    doc = msgspec.to_builtins(roster)
    row = {
        "centre_id": roster.centre_id,
        "trade": roster.trade,
        "version": doc.pop("version") + 1,
        "doc": doc,
    }
    connection.execute(
        delete(ROSTER).where(ROSTER.c.centre_id == roster.centre_id, ROSTER.c.trade == roster.trade)
    )
    connection.execute(insert(ROSTER), row)
