"""Position history: every fix that came, good or flagged, in a file (or table) of its own.

A row is named by the stream entry that brought it: storing it again changes nothing. A device's fix of one time and
place stands once; whatever brings it again is kept too, flagged `duplicate`. The index decides that, not a memory:
it holds whichever worker stores, and however often one is killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Double,
    Index,
    MetaData,
    SmallInteger,
    Table,
    Text,
    func,
    select,
    text,
)
from sqlalchemy.dialects import sqlite

from dispatch.core.track import Kept
from dispatch.services.tracking import SeenFix

METADATA = MetaData()
POSITION = Table(
    "position",
    METADATA,
    Column("entry", Text, primary_key=True),
    Column("place", SmallInteger, primary_key=True, autoincrement=False),
    Column("fix_time", Double, primary_key=True, autoincrement=False),
    Column("device_time", Double, nullable=False),
    Column("received_time", Double, nullable=False),
    Column("device", Text, nullable=False),
    Column("lat", Double),
    Column("lon", Double),
    Column("speed_mps", Double),
    Column("course_deg", Double),
    Column("flag", Text, nullable=False),
    Column("odometer_m", Double),
    Column("moving", Boolean),
    Column("altitude_m", Double),
    Column("protocol", Text),
    Column("attributes", Text),
    postgresql_partition_by="RANGE (fix_time)",
)
"""Times are seconds since 1970-01-01 UTC. A place whose numbers are none (`no_fix`) is stored without them. Attributes
are a JSON object as text: a device may say what a database's own JSON does not take, as the character 0."""
ATTRIBUTES_MOST = 2_000
"""Bytes of a fix's attributes: what does not fit is left out, and `left_out` counts it."""
FIRST = POSITION.c.flag != "duplicate"
Index(
    "position_once", POSITION.c.device, POSITION.c.fix_time, POSITION.c.lat, POSITION.c.lon,
    unique=True, sqlite_where=FIRST, postgresql_where=FIRST,
)  # fmt: skip
OTHER_DAYS = "CREATE TABLE IF NOT EXISTS position_other PARTITION OF position DEFAULT"
DAY_S = 86_400.0
AHEAD_S, BACK_S = 2 * DAY_S, 40 * DAY_S
END = 4_102_444_800.0
"""Fix times within this of their receipt (and before 2100) have a partition of their day; others stand in `position_other`."""
NAMES = [column.name for column in POSITION.columns]
_ARRAYS = {Text: "text[]", SmallInteger: "smallint[]", Double: "double precision[]", Boolean: "boolean[]"}
_UNNEST = ", ".join(f"CAST(:{c.name} AS {_ARRAYS[type(c.type)]})" for c in POSITION.columns)
_INSERT = text(
    f"INSERT INTO position ({', '.join(NAMES)}) SELECT * FROM unnest({_UNNEST})"  # noqa: S608
    " ON CONFLICT DO NOTHING RETURNING 1"
)
_encode = msgspec.json.Encoder().encode
_made: set[tuple[str, int]] = set()
"""Day partitions that this process has seen: database, day."""


def row(entry: str, place: int, seen: SeenFix) -> Kept:
    """What is kept of a judged position. Numbers that are none become what can be stored."""
    p, fix = seen.position, seen.fix
    return Kept(
        entry, place, p.device, fix, seen.flag,
        fix.fix_time if p.device_time is None else p.device_time, seen.odometer_m, seen.moving,
        p.altitude_m, p.protocol, p.attributes,
    )  # fmt: skip


def store(connection: Connection, kept: Sequence[Kept]) -> None:
    """Keep fixes; those that are there already stay as they are."""
    if not kept:
        return
    rows = [_values(one) for one in kept]
    insert = _insert_sqlite
    if connection.dialect.name == "postgresql":
        _make_days(connection, kept)
        insert = _insert_postgresql
    if insert(connection, rows) < len(rows):  # whatever is not there now was there under another entry
        insert(connection, [{**one, "flag": "duplicate"} for one in rows])


def count(connection: Connection) -> dict[str, int]:
    """How many fixes are stored under each flag."""
    rows = connection.execute(select(POSITION.c.flag, func.count()).group_by(POSITION.c.flag))
    return {row[0]: row[1] for row in rows}


def _values(one: Kept) -> dict[str, object]:
    fix = one.fix
    return {
        "entry": one.entry, "place": one.place, "device": one.device, "flag": one.flag,
        "fix_time": _number(fix.fix_time) or 0.0, "received_time": _number(fix.received_time) or 0.0,
        "device_time": _number(one.device_time) or 0.0,
        "lat": _number(fix.lat), "lon": _number(fix.lon), "speed_mps": _number(fix.speed_mps),
        "course_deg": _number(fix.course_deg), "odometer_m": one.odometer_m, "moving": one.moving,
        "altitude_m": _number(one.altitude_m), "protocol": one.protocol or None,
        "attributes": _attributes(one.attributes),
    }  # fmt: skip


def _attributes(said: dict[str, Any]) -> str | None:
    """As they are stored, the first ones where all are too long."""
    if not said:
        return None
    text_ = _encode(said)
    if len(text_) > ATTRIBUTES_MOST:
        held: dict[str, Any] = {}
        room = ATTRIBUTES_MOST - len('{"left_out":1234567}')
        for name, value in said.items():
            if (size := len(_encode({name: value}))) <= room:
                room -= size
                held[name] = value
        text_ = _encode(held | {"left_out": len(said) - len(held)})
    return text_.decode()


def _number(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _insert_sqlite(connection: Connection, rows: Sequence[dict[str, object]]) -> int:
    """How many were new."""
    return connection.execute(sqlite.insert(POSITION).on_conflict_do_nothing(), rows).rowcount


def _insert_postgresql(connection: Connection, rows: Sequence[dict[str, object]]) -> int:
    columns = {name: [one[name] for one in rows] for name in NAMES}
    return len(connection.execute(_INSERT, columns).all())


def _make_days(connection: Connection, kept: Sequence[Kept]) -> None:
    """Partitions of the days that a batch needs. One is remembered when another transaction made it: that stands."""
    name = str(connection.engine.url)
    times = ((k.fix.fix_time, k.fix.received_time) for k in kept)
    days = {
        int(at // DAY_S) for at, received in times if 0 <= at < END and -BACK_S <= at - received <= AHEAD_S
    }
    for day in sorted(days):
        if (name, day) not in _made and not make_day(connection, day):
            _made.add((name, day))


def make_day(connection: Connection, day: int) -> bool:
    """Make a partition for a day, counted from 1970-01-01 UTC, unless it is there. One worker at a time.

    What stands in `position_other` of that day moves: fixes of devices whose clock was ahead of it.
    """
    partition = f"position_{datetime.fromtimestamp(day * DAY_S, UTC):%Y%m%d}"
    if _is_there(connection, partition):
        return False
    connection.execute(text("SELECT pg_advisory_xact_lock(45, 1)"))
    if _is_there(connection, partition):
        return False
    since, until = f"{day * DAY_S:.0f}", f"{(day + 1) * DAY_S:.0f}"
    gone = f"DELETE FROM position_other WHERE fix_time >= {since} AND fix_time < {until} RETURNING *"  # noqa: S608
    for statement in (
        f"CREATE TABLE {partition} (LIKE position)",
        f"WITH gone AS ({gone}) INSERT INTO {partition} SELECT * FROM gone",  # noqa: S608
        f"ALTER TABLE position ATTACH PARTITION {partition} FOR VALUES FROM ({since}) TO ({until})",
    ):
        connection.execute(text(statement))
    return True


def _is_there(connection: Connection, table: str) -> bool:
    """By the catalogue's rows: to_regclass answers from a memory that waiting for a lock does not renew."""
    query = text("SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = :name")
    return connection.execute(query, {"name": table}).scalar() is not None
