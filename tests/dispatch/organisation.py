"""A small organisation on a real SQLite store: two centres, three crews, one person of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import Connection, insert
from sqlmodel import SQLModel

from dispatch.adapters.ids import RandomIds
from dispatch.adapters.roads.speeds import load_speeds
from dispatch.adapters.sql import history
from dispatch.adapters.sql.gazetteer import replace_gazetteer
from dispatch.adapters.sql.organisation import load_directory, replace_organisation, set_territories
from dispatch.adapters.sql.people import PERSON
from dispatch.adapters.sql.postgres import PostgresStore
from dispatch.adapters.sql.sqlite import SqliteStore, open_engine
from dispatch.clock import VirtualClock
from dispatch.core.gazetteer import Entry
from dispatch.core.position import Fix, LastKnown
from dispatch.core.process import parse
from dispatch.core.responsibility import parse_responsibility
from dispatch.core.territory import territories_from_geojson
from dispatch.core.travel import StraightLine
from dispatch.core.types import Point, distance
from dispatch.services.context import Context
from dispatch.services.ports import Directory, Processes

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
PASSWORD = "a right password"
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""As weak as it goes: the tests sign in often."""


def _square(name: str, centre: str, west: float, kind: str = "city") -> dict[str, Any]:
    ring = [[west, 30.0], [west + 0.1, 30.0], [west + 0.1, 30.1], [west, 30.1], [west, 30.0]]
    properties = {
        "id": name, "name": name, "name_zh": name, "centre_id": centre, "area_class": "urban", "kind": kind
    }  # fmt: skip
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


TERRITORIES = {
    "type": "FeatureCollection",
    "features": [_square("east-land", "east", 120.0), _square("west-land", "west", 119.9)],
}
EAST = (30.05, 120.05)
"""A place of the centre `east`; and one of `west`, and one of nobody."""
WEST = (30.05, 119.95)
NOWHERE = (31.0, 121.0)


ADDRESSES = [
    Entry("12 Harbour Road", "港口路12号", *EAST),
    Entry("3 Harbour Lane", "港口巷3号", *EAST),
    Entry("3 Hill Lane", "山路3号", *EAST),
]


def _crew(name: str, centre: str, department: str) -> dict[str, Any]:
    return {
        "id": name, "name": f"Crew {name}", "name_zh": f"{name}班", "department_id": department,
        "centre_id": centre, "trade": "service", "duty_phone": f"+8610000{len(name)}", "capacity": 2,
        "base": {"lat": 30.05, "lon": 120.05 if centre == "east" else 119.95}, "shares_office": False,
        "vehicle": {"device": f"t-{name}", "plate": f"P-{name}", "protocol": "jt808"},
        "phone_device": f"p-{name}",
    }  # fmt: skip


def _centre(name: str) -> dict[str, Any]:
    return {
        "id": name, "name": name.title(), "name_zh": name, "duty_phone": "+861000001", "lat": 30.0, "lon": 120.0
    }  # fmt: skip


def _department(name: str, centre: str) -> dict[str, Any]:
    leader = {"name": "Leader", "phone": "+861000002"}
    return {
        "id": name, "name": name, "kind": "community_service_station", "centre_id": centre,
        "trade": "service", "leader1": leader, "leader2": leader,
    }  # fmt: skip


ORGANISATION: dict[str, Any] = {
    "centres": [_centre("east"), _centre("west")],
    "departments": [_department("d-east", "east"), _department("d-west", "west")],
    "crews": [
        _crew("E1", "east", "d-east"),
        _crew("E2", "east", "d-east"),
        _crew("W1", "west", "d-west"),
    ],
}
PEOPLE = (
    ("holly", "hotline", "", ""),
    ("dora", "dispatcher", "east", ""),
    ("wanda", "dispatcher", "west", ""),
    ("carl", "crew", "", "E1"),
    ("cleo", "crew", "", "E2"),
    ("wes", "crew", "", "W1"),
    ("mona", "manager", "", ""),
    ("ada", "admin", "", ""),
)
"""Username, role, centre, crew; all with PASSWORD."""


class NearInMemory:
    """`Near` without Redis."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def near(self, place: Point, metres: float) -> list[LastKnown]:
        return [one for one in self._context.fixes.all() if distance(place, one.point) <= metres]


@dataclass
class Installation:
    """A store with its context, in one folder."""

    store: SqliteStore
    context: Context
    clock: VirtualClock
    folder: Path

    def put_fix(self, crew_id: str, lat: float, lon: float, *, course: float | None = 90.0) -> None:
        """The crew's terminal is here now."""
        at = self.clock.now().timestamp()
        device = f"t-{crew_id}"
        self.context.fixes.put(LastKnown(device, Fix(lat, lon, at, at, speed_mps=8.0, course_deg=course)))


def _text(name: str) -> str:
    return files("dispatch").joinpath("process", name).read_text(encoding="utf-8")


@contextmanager
def installation(folder: Path) -> Iterator[Installation]:
    """The small organisation, its people signed up, nothing reported yet. START on a virtual clock."""
    processes, clock = shipped_processes(), VirtualClock(START)
    (folder / "dispatch.db").write_bytes(_filled())
    engine = open_engine(folder / "dispatch.db", durable=False)
    with engine.connect() as connection:
        directory = load_directory(connection)
    store = SqliteStore(engine, processes, clock)
    try:
        yield Installation(store, context_of(store, directory, clock), clock, folder)
    finally:
        store.close()


def shipped_processes() -> Processes:
    """The process that ships with the product."""
    process = parse(_text("fault_repair.toml"))
    return Processes({process.id: process}, process.id)


def context_of(store: SqliteStore | PostgresStore, directory: Directory, clock: VirtualClock) -> Context:
    """What use cases are given, with this store; nothing is dispatched by itself."""
    return Context(
        store=store, clock=clock, processes=shipped_processes(), directory=directory,
        territories=territories_from_geojson(TERRITORIES),
        rules=parse_responsibility(_text("responsibility.toml")),
        travel=StraightLine(load_speeds("Asia/Shanghai")), ids=RandomIds(UTC), policy="manual",
    )  # fmt: skip


@cache
def _filled() -> bytes:
    """A database file with the organisation in it, made once."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "dispatch.db"
        engine = open_engine(file, durable=False)
        SQLModel.metadata.create_all(engine)
        history.METADATA.create_all(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            fill(connection)
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
        return file.read_bytes()


def fill(connection: Connection) -> None:
    """The organisation and its people, in an empty database."""
    replace_organisation(connection, ORGANISATION)
    set_territories(connection, TERRITORIES)
    replace_gazetteer(connection, ADDRESSES)
    hashed = HASHER.hash(PASSWORD)
    rows = [
        {
            "username": name, "name": name.title(), "role": role, "centre_id": centre, "crew_id": crew,
            "password": hashed, "active": True,
        }
        for name, role, centre, crew in PEOPLE
    ]  # fmt: skip
    connection.execute(insert(PERSON), rows)
