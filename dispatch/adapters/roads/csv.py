"""Road graphs from two CSV files.

`road_nodes.csv`: node_id, lat, lon, component.
`road_edges.csv`: edge_id, u, v, length_m, polyline_lonlat ("lon lat;lon lat;…" from u to v) and, where known,
speed_kmh and oneway (1 = from u to v only). Both names may carry a prefix: `north_road_nodes.csv`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dispatch.core.errors import BadInput
from dispatch.core.road_graph import RoadGraph

NODE_COLUMNS = ("node_id", "lat", "lon", "component")
EDGE_COLUMNS = ("edge_id", "u", "v", "length_m", "polyline_lonlat")


def load_roads(folder: Path) -> RoadGraph:
    """Read a folder's road graph.

    Raises BadInput naming file, line and column of the first value that cannot be used, or the missing file.
    """
    nodes, lat, lon, component = _nodes(_find(folder, "road_nodes.csv"))
    u, v, length, lines, speed, oneway = [], [], [], [], [], []
    for row in _rows(_find(folder, "road_edges.csv"), EDGE_COLUMNS):
        u.append(row.known("u", nodes))
        v.append(row.known("v", nodes))
        length.append(row.number("length_m", lambda x: x >= 0, "0 or more metres"))
        lines.append(row.line("polyline_lonlat"))
        has_speed = row.text("speed_kmh") != ""
        speed.append(row.number("speed_kmh", lambda x: x > 0, "more than 0 km/h") if has_speed else np.nan)
        oneway.append(row.flag("oneway"))
    return RoadGraph(
        lat=np.array(lat),
        lon=np.array(lon),
        component=component,
        u=np.array(u, dtype=np.int64),
        v=np.array(v, dtype=np.int64),
        length_m=np.array(length),
        lines=lines,
        speed_kmh=np.array(speed, dtype=np.float64),
        oneway=np.array(oneway, dtype=np.bool_),
    )


def has_roads(folder: Path) -> bool:
    """Whether a folder holds the two files of a road graph."""
    return all(any(folder.glob(f"*{name}")) for name in ("road_nodes.csv", "road_edges.csv"))


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a file, able to say where a value went wrong."""

    file: Path
    line_number: int
    values: dict[str, str]

    def wrong(self, column: str, expected: str) -> BadInput:
        found = self.values.get(column, "")
        shown = found if len(found) <= 60 else found[:57] + "..."
        where = f"{self.file.name} line {self.line_number}, column {column}"
        return BadInput(
            f"{where}: expected {expected}, found {shown!r}",
            file=str(self.file),
            line=self.line_number,
            column=column,
        )

    def text(self, column: str) -> str:
        return (self.values.get(column) or "").strip()

    def number(self, column: str, fits: Callable[[float], bool], expected: str) -> float:
        try:
            value = float(self.text(column))
        except ValueError:
            raise self.wrong(column, expected) from None
        if not isfinite(value) or not fits(value):
            raise self.wrong(column, expected)
        return value

    def known(self, column: str, nodes: dict[str, int]) -> int:
        try:
            return nodes[self.text(column)]
        except KeyError:
            raise self.wrong(column, "a node_id of the nodes file") from None

    def flag(self, column: str) -> bool:
        value = self.text(column)
        if value not in {"", "0", "1"}:
            raise self.wrong(column, "0 or 1")
        return value == "1"

    def line(self, column: str) -> NDArray[np.float64]:
        expected = "two or more 'lon lat' pairs in degrees, joined by ';'"
        try:
            pairs = [pair.split() for pair in self.text(column).split(";")]
            points = np.array([(float(lon), float(lat)) for lon, lat in pairs])
        except ValueError:
            raise self.wrong(column, expected) from None
        if len(points) < 2 or not np.all(np.abs(points) <= np.array([180.0, 90.0])):
            raise self.wrong(column, expected)
        return points


def _nodes(file: Path) -> tuple[dict[str, int], list[float], list[float], list[str]]:
    nodes: dict[str, int] = {}
    lat, lon, component = [], [], []
    for row in _rows(file, NODE_COLUMNS):
        name = row.text("node_id")
        if not name or name in nodes:
            raise row.wrong("node_id", "a name that no other node has")
        nodes[name] = len(nodes)
        lat.append(row.number("lat", lambda x: abs(x) <= 90, "degrees from -90 to 90"))
        lon.append(row.number("lon", lambda x: abs(x) <= 180, "degrees from -180 to 180"))
        component.append(row.text("component"))
    return nodes, lat, lon, component


def _rows(file: Path, columns: tuple[str, ...]) -> Iterator[_Row]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream, restkey="", restval="")
        try:
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise BadInput(
                    f"{file.name} line 1: no column {missing[0]}", file=str(file), line=1, column=missing[0]
                )
            for values in reader:
                yield _Row(file, reader.line_num, values)
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadInput(f"{file.name} line {reader.line_num}: {error}", file=str(file)) from None


def _find(folder: Path, name: str) -> Path:
    """The file itself, or the only one whose name ends so."""
    if (folder / name).is_file():
        return folder / name
    found = sorted(folder.glob(f"*_{name}"))
    if len(found) != 1:
        many = ", ".join(path.name for path in found) or "none"
        raise BadInput(f"{folder}: expected one {name} or *_{name}, found {many}", folder=str(folder))
    return found[0]
