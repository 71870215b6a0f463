"""Reads an OpenStreetMap extract: one thing that is shown after the other, never the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import osmium
import shapely
from osmium.filter import KeyFilter
from osmium.geom import WKBFactory
from osmium.osm import Area, Node, Way
from osmium.osm.types import OSMEntity
from shapely.geometry.base import BaseGeometry

from dispatch.core.errors import BadInput
from map_ui.basemap.kinds import KEYS, Shown, properties, shown_area, shown_line, shown_point

_AREA_KEYS = ("natural", "waterway", "landuse", "leisure", "amenity", "building")
Box = tuple[float, float, float, float]
"""West, south, east, north: degrees, WGS-84."""


class Thing(NamedTuple):
    """One thing of the map; its shape in degrees (lon, lat), WGS-84."""

    shown: Shown
    properties: dict[str, str]
    shape: BaseGeometry


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


def _thing(one: OSMEntity, make: WKBFactory) -> Thing | None:
    """None: not shown, or its nodes are not in the extract."""
    tags = {tag.k: tag.v for tag in one.tags}
    shown = _shown(one, tags)
    if shown is None:
        return None
    try:
        shape = shapely.from_wkb(bytes.fromhex(_drawn(one, make)))
    except (RuntimeError, osmium.InvalidLocationError):
        return None  # cut at the border of the extract, or a ring that does not close: the map goes on without it
    return Thing(shown, properties(shown, tags), shape)


def _shown(one: OSMEntity, tags: dict[str, str]) -> Shown | None:
    if isinstance(one, Area):
        return shown_area(tags)
    if isinstance(one, Way):
        return shown_line(tags)
    return shown_point(tags) if isinstance(one, Node) else None


def _drawn(one: OSMEntity, make: WKBFactory) -> str:
    """Well-known binary, in hexadecimal digits. Raises RuntimeError or InvalidLocationError."""
    if isinstance(one, Area):
        return make.create_multipolygon(one)
    if isinstance(one, Way):
        return make.create_linestring(one)
    assert isinstance(one, Node)
    return make.create_point(one)
