"""GCJ-02, the shifted datum of maps published in China, back to WGS-84, in which everything here is kept.

The shift is the well-known published approximation (a polynomial with sines on the Krasovsky 1940 ellipsoid); it is
inverted by iteration, good to well under a metre.
"""

from __future__ import annotations

from math import cos, pi, radians, sin, sqrt

from dispatch.core.types import Point

AXIS = 6_378_245.0
"""Semi-major axis of the Krasovsky 1940 ellipsoid in metres."""
ECCENTRICITY = 0.00669342162296594323
"""Its first eccentricity squared."""
WEST, EAST, SOUTH, NORTH = 72.004, 137.8347, 0.8293, 55.8271
"""Outside of these degrees there is no shift."""


def to_gcj02(place: Point) -> Point:
    """Where a map in GCJ-02 draws a WGS-84 place."""
    if not (WEST <= place.lon <= EAST and SOUTH <= place.lat <= NORTH):
        return place
    x, y = place.lon - 105.0, place.lat - 35.0
    waves = 20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    north += (waves + 20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi) + 160.0 * sin(y / 12.0 * pi)) * 2.0 / 3.0
    north += 320.0 * sin(y * pi / 30.0) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    east += (waves + 20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    bend = 1.0 - ECCENTRICITY * sin(radians(place.lat)) ** 2
    dlat = north * 180.0 / (AXIS * (1.0 - ECCENTRICITY) / (bend * sqrt(bend)) * pi)
    dlon = east * 180.0 / (AXIS / sqrt(bend) * cos(radians(place.lat)) * pi)
    return Point(place.lat + dlat, place.lon + dlon)


def from_gcj02(place: Point) -> Point:
    """The WGS-84 place that a map in GCJ-02 draws here."""
    found = place
    for _ in range(4):
        drawn = to_gcj02(found)
        found = Point(found.lat + place.lat - drawn.lat, found.lon + place.lon - drawn.lon)
    return found
