"""Position history: every fix that came, good or flagged, in a file (or table) of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
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
)
from sqlalchemy.dialects import postgresql, sqlite

METADATA = MetaData()
POSITION = Table(
    "position",
    METADATA,
    Column("entry", Text, primary_key=True),
    Column("place", SmallInteger, primary_key=True),
    Column("device", Text, nullable=False),
    Column("fix_time", Double, nullable=False),
    Column("received_time", Double, nullable=False),
    Column("lat", Double, nullable=False),
    Column("lon", Double, nullable=False),
    Column("speed_mps", Double),
    Column("course_deg", Double),
    Column("flag", Text, nullable=False),
    Index("position_track", "device", "fix_time"),
)


@dataclass(frozen=True, slots=True)
class StoredFix:
    """One fix. `entry` and `place` name the stream entry and the place in it: storing it again changes nothing."""

    entry: str
    place: int
    device: str
    fix_time: float
    received_time: float
    lat: float
    lon: float
    speed_mps: float | None
    course_deg: float | None
    flag: str


def store(connection: Connection, fixes: Sequence[StoredFix]) -> None:
    """Keep fixes; those that are there already stay as they are."""
    if not fixes:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(POSITION).on_conflict_do_nothing(index_elements=["entry", "place"])
    connection.execute(
        statement, [{name: getattr(fix, name) for name in StoredFix.__dataclass_fields__} for fix in fixes]
    )


def count(connection: Connection) -> dict[str, int]:
    """How many fixes are stored under each flag."""
    rows = connection.execute(select(POSITION.c.flag, func.count()).group_by(POSITION.c.flag))
    return {row[0]: row[1] for row in rows}


def track(connection: Connection, device: str, since: float, until: float) -> list[StoredFix]:
    """A device's good fixes between two times (seconds since 1970), in order."""
    query = (
        select(POSITION)
        .where(POSITION.c.device == device, POSITION.c.flag == "ok")
        .where(POSITION.c.fix_time.between(since, until))
        .order_by(POSITION.c.fix_time)
    )
    return [StoredFix(*row) for row in connection.execute(query)]
