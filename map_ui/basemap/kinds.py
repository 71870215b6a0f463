"""Which things of OpenStreetMap a base map shows, as what, and from which zoom on (pure).

Layers and kinds are named as in Protomaps' basemap (version 4), so that such a file can be drawn too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

FIRST_ZOOM, LAST_ZOOM = 5, 15
"""Of the tiles made; pages draw closer views from the last."""

LAYERS = ("landuse", "water", "buildings", "roads", "places")
"""As they lie upon each other."""

KEYS = ("highway", "railway", "waterway", "natural", "landuse", "leisure", "amenity", "building", "place")
"""Things with none of these are not looked at."""


class Shown(NamedTuple):
    """How one thing is shown: its layer, its kind in it, its kind in more detail, and the first zoom."""

    layer: str
    kind: str
    detail: str
    zoom: int


_ROADS = {
    "motorway": ("highway", 5), "trunk": ("major_road", 6), "primary": ("major_road", 8),
    "secondary": ("major_road", 10), "tertiary": ("major_road", 11), "unclassified": ("minor_road", 12),
    "residential": ("minor_road", 13), "living_street": ("minor_road", 13), "road": ("minor_road", 13),
    "service": ("minor_road", 14), "pedestrian": ("path", 14), "track": ("path", 14), "footway": ("path", 15),
    "path": ("path", 15), "cycleway": ("path", 15), "steps": ("path", 15),
}  # fmt: skip
_RAILWAYS = {"rail": 9, "subway": 13, "light_rail": 12, "tram": 14}
_WATERWAYS = {"river": 9, "canal": 11, "stream": 14}
_PLACES = {
    "city": ("locality", 5), "town": ("locality", 8), "village": ("locality", 11), "hamlet": ("locality", 13),
    "suburb": ("neighbourhood", 11), "quarter": ("neighbourhood", 13), "neighbourhood": ("neighbourhood", 14),
}  # fmt: skip
_GROUNDS = {
    ("leisure", "park"): ("park", 9), ("leisure", "garden"): ("park", 13), ("leisure", "pitch"): ("park", 14),
    ("leisure", "golf_course"): ("park", 11), ("leisure", "nature_reserve"): ("park", 9),
    ("natural", "wood"): ("forest", 9), ("landuse", "forest"): ("forest", 9),
    ("landuse", "grass"): ("park", 13), ("landuse", "cemetery"): ("park", 12),
    ("landuse", "industrial"): ("industrial", 11), ("landuse", "railway"): ("industrial", 13),
    ("amenity", "hospital"): ("hospital", 12), ("amenity", "school"): ("school", 13),
    ("amenity", "university"): ("school", 12),
}  # fmt: skip
_WATERS = {
    ("natural", "water"), ("waterway", "riverbank"), ("waterway", "dock"),
    ("landuse", "reservoir"), ("landuse", "basin"),
}  # fmt: skip
_NAMES = ("name", "name:zh", "name:en")


def shown_line(tags: Mapping[str, str]) -> Shown | None:
    """A way as a line: roads, railways, rivers. None: not shown."""
    road = tags.get("highway", "")
    if (of := _ROADS.get(road.removesuffix("_link"))) is not None and tags.get("area") != "yes":
        return Shown("roads", of[0], road.removesuffix("_link"), of[1])
    if (zoom := _RAILWAYS.get(tags.get("railway", ""))) is not None and tags.get("tunnel") != "yes":
        return Shown("roads", "rail", tags["railway"], zoom)
    if (zoom := _WATERWAYS.get(tags.get("waterway", ""))) is not None:
        return Shown("water", tags["waterway"], tags["waterway"], zoom)
    return Shown("water", "coastline", "coastline", 5) if tags.get("natural") == "coastline" else None


def shown_area(tags: Mapping[str, str]) -> Shown | None:
    """A closed way or a multipolygon: water, grounds, buildings. None: not shown."""
    pairs = [
        (key, tags[key]) for key in ("natural", "waterway", "landuse", "leisure", "amenity") if key in tags
    ]
    if any(pair in _WATERS for pair in pairs):
        return Shown("water", "water", "water", 5)
    if tags.get("building", "no") != "no":
        return Shown("buildings", "building", "building", 14)
    of = next((_GROUNDS[pair] for pair in pairs if pair in _GROUNDS), None)
    return Shown("landuse", of[0], of[0], of[1]) if of else None


def shown_point(tags: Mapping[str, str]) -> Shown | None:
    """A node: places with a name. None: not shown."""
    of = _PLACES.get(tags.get("place", ""))
    return Shown("places", of[0], tags["place"], of[1]) if of and "name" in tags else None


def properties(shown: Shown, tags: Mapping[str, str]) -> dict[str, str]:
    """What a tile says of it. Buildings have no name: there would be no room."""
    names = {key: tags[key] for key in _NAMES if tags.get(key)} if shown.layer != "buildings" else {}
    return {"kind": shown.kind, "kind_detail": shown.detail, **names}
