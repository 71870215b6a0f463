"""Who is responsible where: territories are polygons, each of one repair centre.

A place on no territory, or on several, is a value here and a person's decision later, never an error. A place on
the border of two territories lies on both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon, mapping, shape

from dispatch.core.errors import BadInput
from dispatch.core.types import AreaClass, Point

TerritoryKind = Literal["city", "suburb", "rural"]

_CHOICES: dict[str, tuple[str, ...]] = {"area_class": get_args(AreaClass), "kind": get_args(TerritoryKind)}


@dataclass(frozen=True, slots=True)
class Territory:
    """A piece of land, in WGS-84 degrees (x = longitude), that one repair centre answers for."""

    id: str
    name: str
    centre_id: str
    area_class: AreaClass
    """Decides the promise: 45, 90 or 120 minutes."""
    kind: TerritoryKind
    """Decides, with fault and voltage, which trade is responsible."""
    polygon: Polygon | MultiPolygon
    name_zh: str = ""


class Territories:
    """All territories of a utility, ready for questions (bounding-box tree and prepared polygons, D16).

    Raises BadInput where two territories have one id.
    """

    def __init__(self, territories: Iterable[Territory]) -> None:
        self._all = tuple(territories)
        ids = [one.id for one in self._all]
        if doubles := sorted({one for one in ids if ids.count(one) > 1}):
            raise BadInput(f"territories: id {doubles[0]!r} stands twice", id=doubles[0])
        self._polygons = np.array([one.polygon for one in self._all], dtype=object)
        if len(self._polygons):
            shapely.prepare(self._polygons)
        self._tree = shapely.STRtree(self._polygons)

    def __iter__(self) -> Iterator[Territory]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def at(self, point: Point) -> list[Territory]:
        """The territories that a place lies on (borders included): none, one or several, in their order."""
        return self.at_each([point])[0]

    def at_each(self, points: Sequence[Point]) -> list[list[Territory]]:
        """For each place its territories; many times faster than asking one by one."""
        found: list[list[Territory]] = [[] for _ in points]
        if not points:
            return found
        x, y = np.array([p.lon for p in points]), np.array([p.lat for p in points])
        place, candidate = self._tree.query(shapely.points(x, y))
        hit = np.flatnonzero(shapely.intersects_xy(self._polygons[candidate], x[place], y[place]))
        for place_number, number in sorted(zip(place[hit].tolist(), candidate[hit].tolist(), strict=True)):
            found[place_number].append(self._all[number])
        return found


def territories_from_geojson(data: Mapping[str, Any]) -> Territories:
    """Read a GeoJSON FeatureCollection of Polygons or MultiPolygons (RFC 7946, lon/lat WGS-84).

    Properties: id, name, centre_id, area_class (urban, rural, remote), kind (city, suburb, rural); name_zh may
    be absent. Raises BadInput naming the feature (from 0) and the property or what is wrong with its shape.
    """
    features = data.get("features")
    if data.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise BadInput("territories: expected a GeoJSON FeatureCollection")
    return Territories(_feature(index, one) for index, one in enumerate(features))


def territories_to_geojson(territories: Iterable[Territory]) -> dict[str, Any]:
    """The same as a GeoJSON FeatureCollection that `territories_from_geojson` reads back."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {
                    "id": one.id,
                    "name": one.name,
                    "name_zh": one.name_zh,
                    "centre_id": one.centre_id,
                    "area_class": one.area_class,
                    "kind": one.kind,
                },
                "geometry": mapping(one.polygon),
            }
            for one in territories
        ],
    }


def _feature(index: int, feature: object) -> Territory:
    where = f"territories: feature {index}"
    if not isinstance(feature, Mapping) or not isinstance(properties := feature.get("properties"), Mapping):
        raise BadInput(f"{where}: expected a Feature with properties", feature=index)
    text = {name: _text(properties, name, where) for name in ("id", "name", "centre_id", *_CHOICES)}
    for name, choices in _CHOICES.items():
        if text[name] not in choices:
            expected = ", ".join(choices)
            raise BadInput(f"{where}, property {name}: expected one of {expected}, found {text[name]!r}")
    try:
        polygon = _polygon(feature.get("geometry"), where)
    except BadInput as error:
        raise BadInput(str(error), why="outline", feature=index, name=text["name"]) from None
    return Territory(
        id=text["id"],
        name=text["name"],
        centre_id=text["centre_id"],
        area_class=cast(AreaClass, text["area_class"]),
        kind=cast(TerritoryKind, text["kind"]),
        polygon=polygon,
        name_zh=str(properties.get("name_zh") or ""),
    )


def _text(properties: Mapping[str, object], name: str, where: str) -> str:
    value = properties.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadInput(f"{where}, property {name}: expected a text, found {value!r}", property=name)
    return value.strip()


def _polygon(geometry: object, where: str) -> Polygon | MultiPolygon:
    if not isinstance(geometry, Mapping) or geometry.get("type") not in {"Polygon", "MultiPolygon"}:
        raise BadInput(f"{where}, geometry: expected a Polygon or a MultiPolygon")
    try:
        polygon = shape(dict(geometry))
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        shapely.errors.ShapelyError,
    ) as error:
        raise BadInput(f"{where}, geometry: {error}") from None
    if not isinstance(polygon, Polygon | MultiPolygon) or polygon.is_empty:
        raise BadInput(f"{where}, geometry: holds no area")
    if not polygon.is_valid:
        raise BadInput(f"{where}, geometry: {shapely.is_valid_reason(polygon)}")
    west, south, east, north = polygon.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise BadInput(f"{where}, geometry: not WGS-84 degrees with the longitude first")
    return polygon
