"""Decisions about one neighbourhood wait for each other on PostgreSQL."""

from __future__ import annotations

from math import floor

from sqlalchemy import Connection, func, select

from dispatch.core.types import Point

CELL = 0.01
"""Degrees: the squares in which decisions about a neighbourhood wait for each other."""


def one_at_a_time(connection: Connection, place: Point, dlat: float, dlon: float) -> None:
    """Decisions about one neighbourhood wait for each other until their commit: two calls of the same moment
    must see each other, although neither order exists yet. (SQLite has one writer.)"""
    lats = range(floor((place.lat - dlat) / CELL), floor((place.lat + dlat) / CELL) + 1)
    lons = range(floor((place.lon - dlon) / CELL), floor((place.lon + dlon) / CELL) + 1)
    for key in sorted(lat * 1_000_000 + lon for lat in lats for lon in lons):
        connection.execute(select(func.pg_advisory_xact_lock(key)))
