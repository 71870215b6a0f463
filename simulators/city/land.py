"""Who answers for which land: three sectors, each with a city, a suburban and a far part."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon, box
from shapely.ops import polygonize

from dispatch.core.territory import Territory, TerritoryKind
from dispatch.core.types import AreaClass
from simulators.city.names import Name
from simulators.city.plane import HALF_HEIGHT, HALF_WIDTH, LAND, Floats, ground

CENTRES = (
    ("north", Name("North centre", "北区报修中心"), (400.0, 1_900.0)),
    ("west", Name("West centre", "西区报修中心"), (-2_300.0, -500.0)),
    ("east", Name("East centre", "东区报修中心"), (2_400.0, -600.0)),
)
"""Id, name, and where the centre's office stands (metres)."""

GAP = box(HALF_WIDTH - 700, HALF_HEIGHT - 500, HALF_WIDTH, HALF_HEIGHT)
"""A corner that nobody has claimed: a call from there goes to a person."""

_RAYS = (0.35, 2.75, 4.75)
"""Angles of the borders between east, north and west, in radians from due east."""
_PARTS: tuple[tuple[str, Name, AreaClass, TerritoryKind], ...] = (
    ("city", Name("city", "市区"), "urban", "city"),
    ("suburb", Name("suburbs", "郊区"), "rural", "suburb"),
    ("far", Name("villages", "远郊"), "remote", "rural"),
)


def territories(rng: np.random.Generator) -> list[Territory]:
    """Nine territories that share their borders exactly and cover the land, but for `GAP`."""
    rays = [_ray(angle, rng) for angle in _RAYS]
    city, suburbs = _oval(5_700, 4_500, rng, 1.0), _oval(8_650, 6_900, rng, 0.5)
    lines = shapely.union_all(np.array([LAND.exterior, city, suburbs, *rays], dtype=object), grid_size=0.1)
    found = []
    for face in polygonize(lines):
        middle = face.representative_point()
        part = 0 if Polygon(city).contains(middle) else 1 if Polygon(suburbs).contains(middle) else 2
        claimed = face.difference(GAP)
        if not isinstance(claimed, Polygon):
            raise TypeError("a territory falls into parts")
        found.append((_sector(middle, rays), part, claimed))
    return [_territory(sector, part, face) for sector, part, face in sorted(found, key=lambda one: one[:2])]


def _territory(sector: int, part: int, face: Polygon) -> Territory:
    centre, name, _ = CENTRES[sector]
    code, what, area_class, kind = _PARTS[part]
    return Territory(
        id=f"{centre}-{code}",
        name=f"{name.en.split()[0]} {what.en}",
        centre_id=centre,
        area_class=area_class,
        kind=kind,
        polygon=ground(face),
        name_zh=f"{name.zh[:2]}{what.zh}",
    )


def _ray(angle: float, rng: np.random.Generator) -> LineString:
    """A border from the middle outwards, beyond the land, slightly crooked."""
    share = np.linspace(0, 1, 12)
    bent = angle + np.where(share > 0, rng.normal(0, 0.02, 12), 0)
    return LineString(14_000 * share[:, None] * np.column_stack([np.cos(bent), np.sin(bent)]))


def _oval(a: float, b: float, rng: np.random.Generator, power: float) -> LineString:
    """A crooked oval; with a power below 1 it fills its corners."""
    t = np.linspace(0, 2 * pi, 41)
    size = 1 + rng.normal(0, 0.008, 41)
    size[-1] = size[0]
    unit = np.column_stack([np.cos(t), np.sin(t)])
    xy: Floats = np.sign(unit) * np.abs(unit) ** power * size[:, None] * np.array([a, b])
    xy[-1] = xy[0]
    return LineString(xy)


def _sector(middle: shapely.Point, rays: list[LineString]) -> int:
    """0 north, 1 west, 2 east: the wedge between two borders that a place lies in."""
    for index in range(len(rays)):
        first, second = rays[index], rays[(index + 1) % len(rays)]
        turn = (_RAYS[(index + 1) % len(rays)] - _RAYS[index]) % (2 * pi)
        outside = [
            (20_000 * cos(_RAYS[index] + turn * s), 20_000 * sin(_RAYS[index] + turn * s))
            for s in (0.25, 0.5, 0.75)
        ]
        if Polygon([*first.coords, *outside, *list(second.coords)[::-1]]).contains(middle):
            return index
    raise ValueError(f"{middle} lies between no two borders")
