"""What lies under the late places of the one-file report."""

from __future__ import annotations

from typing import Any

import folium
import pytest

from map_ui import report_ground
from map_ui.report_ground import draw_ground, main_roads


def road(speed: float | None, *line: tuple[float, float]) -> dict[str, Any]:
    said = {} if speed is None else {"speed_kmh": speed}
    return {"properties": said, "geometry": {"type": "LineString", "coordinates": line}}


ROADS = {
    "features": [
        road(40, (0, 0), (1, 0)), road(80, (0, 1), (0.5, 1.00001), (1, 1)), road(80, (1, 1), (2, 1)),
        road(None, (0, 2), (0.1, 2)), road(40, (0, 3), (3, 3)),
    ]
}  # fmt: skip


def test_roads_are_joined_simplified_and_told_apart_by_speed() -> None:
    minor, major = main_roads(ROADS)
    assert major == [[[0.0, 1.0], [2.0, 1.0]]]
    assert minor == [[[0.0, 3.0], [3.0, 3.0]], [[0.0, 0.0], [1.0, 0.0]], [[0.0, 2.0], [0.1, 2.0]]]
    assert main_roads({}) == ([], [])


def test_where_there_are_too_many_the_fastest_and_longest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_ground, "MOST", 4)
    assert main_roads(ROADS) == ([[[0.0, 3.0], [3.0, 3.0]]], [[[0.0, 1.0], [2.0, 1.0]]])


def test_land_has_its_name_in_the_readers_language_as_text() -> None:
    def land(name: str, west: float) -> dict[str, Any]:
        ring = [[west, 0], [west + 1, 0], [west + 1, 1], [west, 1], [west, 0]]
        said = {"id": name, "name": name, "name_zh": "" if west else "东区", "centre_id": name}
        return {"properties": said, "geometry": {"type": "Polygon", "coordinates": [ring]}}

    drawn = folium.Map()
    draw_ground(drawn, {"features": [land("East", 0), land("<b>`${x}", 1)]}, ROADS, "name_zh")
    page = drawn.get_root().render()
    assert "\\u4e1c\\u533a" in page or "东区" in page
    assert '"East"' not in page
    assert "<b>`" not in page
    assert "\\u0026lt;b" in page
    assert page.count("#2a6f97") == page.count("#97712a") > 0


def test_land_that_overlaps_or_crosses_itself_is_drawn_all_the_same() -> None:
    rings = [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]], [[1, 0], [3, 0], [3, 1], [1, 1], [1, 0]]]
    lands = [{"properties": {"id": str(n)}, "geometry": {"type": "Polygon", "coordinates": [ring]}} for n, ring in enumerate(rings)]  # fmt: skip
    drawn = folium.Map()
    draw_ground(drawn, {"features": lands}, {}, "name")
    assert drawn.get_root().render().count("L.geoJson") == 2
