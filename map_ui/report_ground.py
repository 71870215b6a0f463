"""What lies under the late places of the one-file report: territories and roads, as small as a file needs them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import folium
import shapely
from markupsafe import escape
from shapely.geometry import mapping, shape

from map_ui.layers import LandNames

GRAIN = 0.0001
"""Degrees: some ten metres, less than a line is wide on a map of a district."""
DIGITS = 4
MOST = 40_000
"""Points of roads in one file: all of a city's, 170 kB pressed."""
MAJOR_KMH = 60
"""From this speed on a road is a major one, as on the pages' maps."""
ROADS = ({"color": "#b9bfc4", "weight": 1}, {"color": "#8d969d", "weight": 2})
"""Minor and major ones."""
LANDS = ("#2a6f97", "#97712a", "#4f7f3f", "#7b4f8f")
"""One colour a repair centre, as on the pages' maps."""


def draw_ground(
    onto: folium.Map, territories: Mapping[str, Any], roads: Mapping[str, Any], name: str
) -> None:
    """Roads below, land upon them. `name`: the property that holds a territory's name in the reader's language."""
    for style, lines in zip(ROADS, main_roads(roads), strict=True):
        if lines:
            _draw(onto, [{"type": "MultiLineString", "coordinates": lines}], lambda _, style=style: style)
    lands = territories.get("features") or []
    if not lands:
        return
    outlines = shapely.coverage_simplify(
        [shape(one["geometry"]) for one in lands], GRAIN
    )  # borders stay shared
    centres = sorted({one["properties"].get("centre_id", "") for one in lands})
    names: list[tuple[float, float, str]] = []
    for land, outline in zip(lands, outlines, strict=True):
        said = land["properties"]
        colour = LANDS[centres.index(said.get("centre_id", "")) % len(LANDS)]
        look = {"color": colour, "weight": 1.5, "fillOpacity": 0.08}
        _draw(
            onto,
            [mapping(shapely.transform(outline, lambda at: at.round(DIGITS)))],
            lambda _, look=look: look,
        )
        middle = outline.representative_point()
        text = escape(said.get(name) or said.get("name") or said.get("id") or "")
        names.append((middle.y, middle.x, str(text)))
    onto.add_child(LandNames(names))


def main_roads(roads: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """Minor and major lines as lists of (lon, lat): the fastest first, of those the longest, up to MOST points."""
    by_speed: dict[float, list[Any]] = defaultdict(list)
    for one in roads.get("features") or []:
        by_speed[float(one["properties"].get("speed_kmh") or 0)].append(shape(one["geometry"]))
    found: tuple[list[Any], list[Any]] = ([], [])
    points = 0
    for speed in sorted(by_speed, reverse=True):
        whole = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(by_speed[speed])))
        lines = shapely.simplify(whole, GRAIN)
        for line in sorted(lines, key=lambda one: -one.length):
            points += len(line.coords)
            if points > MOST:
                return found
            found[speed >= MAJOR_KMH].append([[round(n, DIGITS) for n in at] for at in line.coords])
    return found


def _draw(onto: folium.Map, shapes: list[Any], style: Any) -> None:
    features = [{"type": "Feature", "properties": {}, "geometry": one} for one in shapes]
    collection = {"type": "FeatureCollection", "features": features}
    folium.GeoJson(collection, style_function=style, interactive=False).add_to(onto)
