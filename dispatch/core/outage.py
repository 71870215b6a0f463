"""Planned outages: announced ahead, so that a call from inside one is answered from it and makes no order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import shapely

from dispatch.core.gazetteer import folded
from dispatch.core.territory import Territories
from dispatch.core.types import Point


@dataclass(frozen=True, slots=True)
class PlannedOutage:
    """From `starts_at` until `ends_at`, for whoever lies on the territory, in the polygon, or at one of the addresses."""

    id: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    territory: str = ""
    polygon: tuple[Point, ...] = ()
    addresses: tuple[str, ...] = ()


def covering(
    outages: Iterable[PlannedOutage], place: Point | None, address: str, territories: Territories
) -> list[PlannedOutage]:
    """Those of `outages` that concern this place or address, the one that ends last first."""
    lies_on = {one.id for one in territories.at(place)} if place is not None else set()
    found = [
        one for one in outages if one.territory in lies_on or _inside(one, place) or _named(one, address)
    ]
    return sorted(found, key=lambda one: (one.ends_at, one.id), reverse=True)


def _inside(outage: PlannedOutage, place: Point | None) -> bool:
    if place is None or not outage.polygon:
        return False
    area = shapely.Polygon([(one.lon, one.lat) for one in outage.polygon])
    return bool(shapely.intersects_xy(area, place.lon, place.lat))


def _named(outage: PlannedOutage, address: str) -> bool:
    """The address itself, or what stands behind it: a flat, a floor, a meter."""
    said = folded(address)
    for one in map(folded, outage.addresses):
        ends, goes_on = one[-1:], said[len(one) :][:1]
        within = all(c.isascii() and c.isalnum() for c in (ends, goes_on))  # of a word or a number
        if one and said.startswith(one) and not within:
            return True
    return False
