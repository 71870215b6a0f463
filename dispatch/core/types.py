"""Types that carry units, datum and kind of time."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from typing import Literal, NewType

Metres = NewType("Metres", float)
Seconds = NewType("Seconds", float)

Role = Literal["hotline", "dispatcher", "crew", "manager", "admin", "customer", "system", "device"]
AreaClass = Literal["urban", "rural", "remote"]

EARTH_RADIUS = 6_371_008.8
"""Mean earth radius in metres (IUGG)."""


@dataclass(frozen=True, slots=True)
class Point:
    """A place in WGS-84 degrees."""

    lat: float
    lon: float

    def __post_init__(self) -> None:
        if not (-90 <= self.lat <= 90 and -180 <= self.lon <= 180):
            raise ValueError(f"not a WGS-84 place: lat {self.lat}, lon {self.lon}")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: a role and the id of the person, crew, device or part of the system."""

    role: Role
    id: str

    def __str__(self) -> str:
        return f"{self.role}:{self.id}"


SYSTEM = Actor("system", "dispatch45")


def distance(a: Point, b: Point) -> Metres:
    """Great-circle distance (haversine)."""
    lat1, lat2 = radians(a.lat), radians(b.lat)
    h = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin(radians(b.lon - a.lon) / 2) ** 2
    return Metres(2 * EARTH_RADIUS * asin(min(1.0, sqrt(h))))
