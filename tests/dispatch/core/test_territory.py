from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point as ShapelyPoint
from shapely.geometry import Polygon, box

from dispatch.core.errors import BadInput
from dispatch.core.territory import Territories, Territory, territories_from_geojson, territories_to_geojson
from dispatch.core.types import Point

WEST = Territory("w", "West", "c1", "urban", "city", box(0, 0, 1, 1), "西")
EAST = Territory("e", "East", "c2", "rural", "suburb", box(1, 0, 2, 1))
OVER = Territory("o", "Over", "c3", "remote", "rural", box(0.5, 0.5, 0.8, 0.8))
ALL = Territories([WEST, EAST, OVER])


def test_a_place_lies_on_none_one_or_several_territories() -> None:
    assert ALL.at(Point(0.2, 0.2)) == [WEST]
    assert ALL.at(Point(0.6, 0.6)) == [WEST, OVER]
    assert ALL.at(Point(0.5, 1.0)) == [WEST, EAST], "a border belongs to both"
    assert ALL.at(Point(5, 5)) == []
    assert Territories([]).at(Point(0, 0)) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.builds(Point, st.floats(-0.5, 1.5), st.floats(-0.5, 2.5)), max_size=40))
def test_asking_for_many_places_equals_looking_at_each_polygon(places: list[Point]) -> None:
    plain = [[t for t in ALL if t.polygon.intersects(ShapelyPoint(p.lon, p.lat))] for p in places]
    assert ALL.at_each(places) == plain


def test_geojson_goes_out_and_comes_back() -> None:
    text = json.dumps(territories_to_geojson(ALL))
    assert list(territories_from_geojson(json.loads(text))) == list(ALL)


def broken(index: int, path: str, value: object) -> dict[str, Any]:
    data = deepcopy(json.loads(json.dumps(territories_to_geojson(ALL))))
    target: Any = data["features"][index]
    *parents, last = path.split(".")
    for name in parents:
        target = target[name]
    target[last] = value
    return dict(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"type": "Feature"}, "FeatureCollection"),
        (broken(1, "properties.centre_id", None), "feature 1, property centre_id: expected a text"),
        (
            broken(0, "properties.area_class", "town"),
            "feature 0, property area_class: .*urban, rural, remote",
        ),
        (broken(2, "properties.kind", "sea"), "feature 2, property kind"),
        (broken(2, "properties.id", "w"), "'w' stands twice"),
        (broken(1, "properties", 3), "feature 1"),
        (broken(1, "geometry", None), "feature 1, geometry"),
        (broken(1, "geometry.type", "Point"), "feature 1, geometry: expected a Polygon"),
        (broken(1, "geometry.coordinates", []), "feature 1, geometry"),
        (broken(1, "geometry.coordinates", [[["x", 1]]]), "feature 1, geometry"),
        (broken(1, "geometry.coordinates", [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]), "Self-intersection"),
        (
            broken(1, "geometry.coordinates", [[[36, 101], [37, 101], [37, 102], [36, 101]]]),
            "longitude first",
        ),
    ],
)
def test_broken_geojson_names_the_feature_and_the_property(data: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        territories_from_geojson(data)


def test_a_polygon_with_a_hole_does_not_hold_what_lies_in_the_hole() -> None:
    ring = Polygon(box(0, 0, 3, 3).exterior, [box(1, 1, 2, 2).exterior])
    territories = Territories([Territory("r", "Ring", "c", "urban", "city", ring)])
    assert territories.at(Point(1.5, 1.5)) == []
    assert len(territories.at(Point(0.5, 0.5))) == 1
