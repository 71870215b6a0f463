"""Where territories overlap, and where land between them is nobody's: for whoever draws them.

Areas are measured on a sinusoidal projection about the middle of the land, which keeps areas (a sphere of 6,371 km).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from dispatch.core.territory import Territories
from dispatch.core.types import Point

EARTH = 6_371_000.0
"""Metres."""
LEAST = 1_000.0
"""Square metres: what is smaller comes from rounded coordinates and is no place for a fault."""
SLIT = 200.0
"""Metres: neighbours that are nearer than this are meant to touch."""
SHOWN = 50


_Found = Iterator[tuple[tuple[str, ...], BaseGeometry]]


@dataclass(frozen=True, slots=True)
class Finding:
    """Land that lies on several territories (`overlap`), or between them on none (`gap`)."""

    kind: Literal["overlap", "gap"]
    ids: tuple[str, ...]
    """The territories that overlap, or that the gap lies between."""
    area_m2: float
    place: Point
    """Somewhere inside it."""
    shape: dict[str, Any]
    """Its outline, as GeoJSON."""


def findings(territories: Territories) -> list[Finding]:
    """Overlaps, then gaps, each the largest first; at most SHOWN of each."""
    if not len(territories):
        return []
    ids = [one.id for one in territories]
    plane = _Plane.about([one.polygon for one in territories])
    land = [plane.flat(one.polygon) for one in territories]
    overlaps, gaps = _overlaps(ids, land), _gaps(ids, land)
    return [*_largest("overlap", overlaps, plane), *_largest("gap", gaps, plane)]


def _largest(kind: Literal["overlap", "gap"], found: _Found, plane: _Plane) -> list[Finding]:
    parts = sorted(found, key=lambda one: -one[1].area)[:SHOWN]
    return [Finding(kind, ids, round(p.area), plane.place(p), plane.outline(p)) for ids, p in parts]


def _overlaps(ids: Sequence[str], land: Sequence[BaseGeometry]) -> _Found:
    tree = shapely.STRtree(land)
    for a, b in sorted(zip(*tree.query(land, predicate="intersects").tolist(), strict=True)):
        if a < b:
            yield from (((ids[a], ids[b]), part) for part in _parts(shapely.intersection(land[a], land[b])))


def _gaps(ids: Sequence[str], land: Sequence[BaseGeometry]) -> _Found:
    """Holes of the whole land, and slits that reach its edge: what closes when it grows and shrinks again."""
    whole = shapely.union_all(land)
    grown = shapely.buffer(whole, SLIT / 2, join_style="mitre")
    closed = shapely.buffer(grown, -SLIT / 2, join_style="mitre")
    holes = [shapely.Polygon(hole) for one in _polygons(whole) for hole in one.interiors]
    slits = _parts(shapely.difference(closed, shapely.union_all([whole, *holes])))
    tree = shapely.STRtree(land)
    for part in [*holes, *slits]:
        beside = tuple(ids[n] for n in sorted(tree.query(part, predicate="dwithin", distance=1.0)))
        if part.area >= LEAST and (len(beside) > 1 or part in holes):
            yield beside, part


def _parts(shape: BaseGeometry) -> list[BaseGeometry]:
    return [one for one in _polygons(shape) if one.area >= LEAST]


def _polygons(shape: BaseGeometry) -> list[Any]:
    return [one for one in shapely.get_parts(shape) if one.geom_type == "Polygon"]


@dataclass(frozen=True, slots=True)
class _Plane:
    """Degrees to metres and back."""

    lon: float
    lat: float

    @classmethod
    def about(cls, shapes: Sequence[BaseGeometry]) -> _Plane:
        west, south, east, north = shapely.total_bounds(shapes).tolist()
        return cls((west + east) / 2, (south + north) / 2)

    def flat(self, shape: BaseGeometry) -> BaseGeometry:
        def metres(xy: NDArray[np.float64]) -> NDArray[np.float64]:
            lat = np.radians(xy[:, 1])
            east = np.radians(xy[:, 0] - self.lon) * np.cos(lat) * EARTH
            return np.column_stack([east, np.radians(xy[:, 1] - self.lat) * EARTH])

        return shapely.make_valid(shapely.transform(shape, metres))

    def _back(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        lat = self.lat + np.degrees(xy[:, 1] / EARTH)
        lon = self.lon + np.degrees(xy[:, 0] / (EARTH * np.cos(np.radians(lat))))
        return np.column_stack([lon, lat]).round(6)

    def place(self, shape: BaseGeometry) -> Point:
        inside = shapely.transform(shapely.point_on_surface(shape), self._back)
        return Point(float(inside.y), float(inside.x))

    def outline(self, shape: BaseGeometry) -> dict[str, Any]:
        return dict(shapely.geometry.mapping(shapely.transform(shape, self._back)))
