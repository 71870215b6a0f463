"""Reads an OpenStreetMap extract: one thing that is shown after the other, never the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import osmium
import shapely
from osmium.filter import KeyFilter
from osmium.geom import WKBFactory

from dispatch.core.errors import BadInput
from map_ui.basemap.kinds import KEYS, Shown, properties, shown_area, shown_line, shown_point

_AREA_KEYS = ("natural", "waterway", "landuse", "leisure", "amenity", "building")
Box = tuple[float, float, float, float]
"""West, south, east, north: degrees, WGS-84."""


class Thing(NamedTuple):
    """One thing of the map; its shape in degrees (lon, lat), WGS-84."""

    shown: Shown
    properties: dict[str, str]
    shape: shapely.Geometry


def box_of(file: Path) -> Box | None:
    """What the extract was cut to, if it says so. Raises BadInput where the file is no extract."""
    try:
        with osmium.io.Reader(str(file)) as reader:
            box = reader.header().box()
    except (RuntimeError, OSError) as error:
        raise BadInput(f"{file} is no OpenStreetMap extract that can be read: {error}") from None
    if not box.valid():
        return None
    return (box.bottom_left.lon, box.bottom_left.lat, box.top_right.lon, box.top_right.lat)


def things(file: Path, scratch: Path, step: Callable[[int], object]) -> Iterator[Thing]:
    """All that is shown; `step` is told how many were looked at. Places of nodes are kept in a file under `scratch`.

    Raises BadInput where the file breaks off or is none.
    """
    make = WKBFactory()
    try:
        source = osmium.FileProcessor(str(file))
        source.with_locations(f"sparse_file_array,{scratch / 'nodes'}")
        source.with_areas(KeyFilter(*_AREA_KEYS))
        source.with_filter(KeyFilter(*KEYS))
        for number, one in enumerate(source, 1):
            if number % 1000 == 0:
                step(number)
            found = _thing(one, make)
            if found is not None:
                yield found
    except (RuntimeError, OSError) as error:
        raise BadInput(f"{file} cannot be read to its end: {error}") from None


def _thing(one: object, make: WKBFactory) -> Thing | None:
    """None: not shown, or its nodes are not in the extract."""
    look, draw = _ways_of(one, make)
    tags = {tag.k: tag.v for tag in one.tags}  # type: ignore[attr-defined]
    shown = look(tags)
    if shown is None:
        return None
    try:
        shape = shapely.from_wkb(bytes.fromhex(draw(one)))
    except (RuntimeError, osmium.InvalidLocationError):
        return None  # cut at the border of the extract, or a ring that does not close: the map goes on without it
    return Thing(shown, properties(shown, tags), shape)


def _ways_of(
    one: object, make: WKBFactory
) -> tuple[Callable[[dict[str, str]], Shown | None], Callable[[object], str]]:
    if isinstance(one, osmium.osm.Area):
        return shown_area, make.create_multipolygon
    if isinstance(one, osmium.osm.Way):
        return shown_line, make.create_linestring
    if isinstance(one, osmium.osm.Node):
        return shown_point, make.create_point
    return (lambda _: None), (lambda _: "")
