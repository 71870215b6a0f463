"""Overlaps and gaps between territories: found with area and place, and not seen where there are none."""

from __future__ import annotations

from typing import Any

import pytest
from shapely.geometry import shape

from dispatch.core.land import findings
from dispatch.core.territory import Territories, territories_from_geojson

KM = 1000.0 / 111_194.9
"""Degrees of latitude that are a kilometre."""


def land(*rings: list[list[float]]) -> Territories:
    features = [
        {
            "type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": {"id": f"t{n}", "name": f"T{n}", "centre_id": "c", "area_class": "urban", "kind": "city"},
        }
        for n, ring in enumerate(rings, 1)
    ]  # fmt: skip
    return territories_from_geojson({"type": "FeatureCollection", "features": features})


def box(west: float, south: float, east: float, north: float) -> list[list[float]]:
    """In kilometres from 0, 0 at the equator."""
    w, s, e, n = (value * KM for value in (west, south, east, north))
    return [[w, s], [e, s], [e, n], [w, n], [w, s]]


def test_neighbours_that_touch_are_in_order() -> None:
    assert findings(land(box(0, 0, 10, 10), box(10, 0, 20, 10))) == []
    assert findings(Territories(())) == []


def test_an_overlap_is_told_with_its_area_and_a_place_inside() -> None:
    (found,) = findings(land(box(0, 0, 10, 10), box(9, 0, 20, 10)))
    assert (found.kind, found.ids) == ("overlap", ("t1", "t2"))
    assert found.area_m2 == pytest.approx(10e6, rel=0.001)
    assert 9 * KM < found.place.lon < 10 * KM
    assert shape(found.shape).area > 0


def test_a_territory_inside_another_overlaps_whole() -> None:
    (found,) = findings(land(box(0, 0, 10, 10), box(2, 2, 4, 4)))
    assert (found.kind, found.area_m2) == ("overlap", pytest.approx(4e6, rel=0.001))


def test_a_slit_between_neighbours_is_a_gap() -> None:
    (found,) = findings(land(box(0, 0, 10, 10), box(10.1, 0, 20, 10)))
    assert (found.kind, found.ids) == ("gap", ("t1", "t2"))
    assert found.area_m2 == pytest.approx(1e6, rel=0.02)


def test_territories_far_apart_have_no_gap_between_them() -> None:
    assert findings(land(box(0, 0, 10, 10), box(11, 0, 20, 10))) == []


def test_land_that_others_enclose_is_a_gap_however_large() -> None:
    frame = [box(0, 0, 30, 10), box(0, 20, 30, 30), box(0, 10, 10, 20), box(20, 10, 30, 20)]
    (found,) = findings(land(*frame))
    assert (found.kind, found.ids) == ("gap", ("t1", "t2", "t3", "t4"))
    assert found.area_m2 == pytest.approx(100e6, rel=0.001)


def test_a_bay_in_one_territory_is_no_gap() -> None:
    points: list[Any] = [(0, 0), (10, 0), (10, 10), (5.05, 10), (5.05, 5), (5, 5), (5, 10), (0, 10), (0, 0)]
    assert findings(land([[x * KM, y * KM] for x, y in points])) == []
