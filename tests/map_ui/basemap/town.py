"""A small town as an OpenStreetMap extract, around the territories of the tests; a large one of the same streets."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import osmium
from osmium.osm import Location
from osmium.osm.mutable import Node, Relation, Way

Place = tuple[float, float]
WEST, SOUTH, EAST, NORTH = 119.9, 30.0, 120.1, 30.1
BRIDGE = (120.0, 30.05)
"""Where Bridge Street crosses the river (lon, lat)."""


class Sheet:
    """Collects things; nodes go first into the file, as in a real extract."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._nodes: list[Node] = []
        self._ways: list[Way] = []
        self._relations: list[Relation] = []

    def node(self, at: Place, /, **tags: str) -> int:
        """One place."""
        number = next(self._ids)
        self._nodes.append(Node(id=number, location=Location(*at), tags=_tags(tags)))
        return number

    def way(self, *places: Place, closed: bool = False, **tags: str) -> int:
        """A line through places; `closed`: back to the first."""
        nodes = [self.node(place) for place in places]
        number = next(self._ids)
        self._ways.append(Way(id=number, nodes=nodes + nodes[:1] * closed, tags=_tags(tags)))
        return number

    def multipolygon(self, outer: int, inner: int, **tags: str) -> None:
        """An area with a hole."""
        members = [("w", outer, "outer"), ("w", inner, "inner")]
        tags["type"] = "multipolygon"
        self._relations.append(Relation(id=next(self._ids), members=members, tags=_tags(tags)))

    def broken_way(self, **tags: str) -> None:
        """A way whose nodes are not in the extract."""
        self._ways.append(Way(id=next(self._ids), nodes=[10**9, 10**9 + 1], tags=_tags(tags)))

    def write(self, file: Path, *, box: bool = True) -> Path:
        """As .osm.pbf."""
        header = osmium.io.Header()
        if box:
            header.add_box(osmium.osm.Box(WEST, SOUTH, EAST, NORTH))
        with osmium.SimpleWriter(str(file), header=header) as writer:
            for node in self._nodes:
                writer.add_node(node)
            for way in self._ways:
                writer.add_way(way)
            for relation in self._relations:
                writer.add_relation(relation)
        return file


def _tags(tags: dict[str, str]) -> dict[str, str]:
    return {key.replace("__", ":"): value for key, value in tags.items()}


def square(place: Place, size: float) -> tuple[Place, Place, Place, Place]:
    """Corners of a square of so many degrees, its south-west corner first."""
    lon, lat = place
    return (lon, lat), (lon + size, lat), (lon + size, lat + size), (lon, lat + size)


def town() -> Sheet:
    """A river with a bridge, streets, a park with a pond, houses, a railway, and two places with names."""
    sheet = Sheet()
    sheet.way(
        (WEST, 30.035), (120.0, 30.05), (EAST, 30.06), waterway="river", name="Slow River", name__zh="缓河"
    )
    sheet.way(
        (120.0, SOUTH), BRIDGE, (120.0, NORTH), highway="primary", name="Bridge Street", name__zh="桥街"
    )
    sheet.way((WEST, 30.08), (EAST, 30.08), highway="motorway", name="Ring")
    sheet.way((WEST, 30.02), (EAST, 30.025), railway="rail")
    for row in range(12):
        lat = 30.053 + row * 0.002
        sheet.way(
            (120.002, lat),
            (120.04, lat),
            highway="residential",
            name=f"{row + 1}th Lane",
            name__zh=f"{row + 1}巷",
        )
        for house in range(30):
            corners = square((120.003 + house * 0.0012, lat + 0.0004), 0.0005)
            sheet.way(*corners, closed=True, building="yes")
    for column in range(10):
        lon = 120.002 + column * 0.004
        sheet.way((lon, 30.051), (lon, 30.078), highway="tertiary" if column % 3 == 0 else "residential")
    wood = sheet.way(*square((119.93, 30.055), 0.02), closed=True)
    pond = sheet.way(*square((119.935, 30.06), 0.006), closed=True)
    sheet.multipolygon(wood, pond, leisure="park", name="Great Park", name__zh="大公园")
    sheet.way(*square((119.935, 30.06), 0.006), closed=True, natural="water", name="Pond")
    sheet.node((120.02, 30.065), place="town", name="Easton", name__zh="东镇")
    sheet.node((119.95, 30.03), place="village", name="Weston", name__zh="西村")
    sheet.broken_way(highway="primary", name="Lost Road")
    return sheet
