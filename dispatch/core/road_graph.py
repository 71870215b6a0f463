"""The road network as arrays, and where a place stands on it.

Nodes are numbered 0..n-1 and edges 0..m-1 in the order given. A place is put on the nearest *edge*, not
the nearest node: a house in the middle of a long block is 6 m beside the centreline, not half a block away.
Only edges inside the main component, where every place can be reached from every other, are used for that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dispatch.core.errors import BadInput
from dispatch.core.types import EARTH_RADIUS, Point

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_METRES_A_DEGREE = radians(1) * EARTH_RADIUS


@dataclass(frozen=True, slots=True)
class Snapped:
    """Where `n` places stand on the network; every array has shape (n,)."""

    edge: Ints
    """Number of the nearest edge."""
    fraction: Floats
    """How far along that edge from its first node, 0 to 1."""
    off_road_m: Floats
    """Metres between the place and the road."""


class RoadGraph:
    """A road network in WGS-84.

    Args:
        lat, lon: degrees, shape (n,).
        component: label of each node's part of the network, shape (n,); the one with most edges is the main part.
        u, v: node numbers of each edge's ends, shape (m,).
        length_m: metres, shape (m,).
        lines: per edge its (lon, lat) vertices from u to v, shape (k, 2) with k >= 2.
        speed_kmh: free-flow speed, shape (m,); NaN where unknown. None: all unknown.
        oneway: whether an edge leads from u to v only, shape (m,). None: all two-way.

    Raises:
        BadInput: arrays that do not belong together, or no edge that every other one can reach.
    """

    def __init__(
        self,
        *,
        lat: Floats,
        lon: Floats,
        component: Sequence[str],
        u: Ints,
        v: Ints,
        length_m: Floats,
        lines: Sequence[Floats],
        speed_kmh: Floats | None = None,
        oneway: NDArray[np.bool_] | None = None,
    ) -> None:
        if not len(lat) == len(lon) == len(component) or not len(u) == len(v) == len(length_m) == len(lines):
            raise BadInput("road graph: node arrays, or edge arrays, of different lengths")
        if len(u) == 0:
            raise BadInput("road graph: no edges")
        self.lat, self.lon, self.u, self.v, self.length_m = lat, lon, u, v, length_m
        self.speed_kmh = np.full(len(u), np.nan) if speed_kmh is None else speed_kmh
        self.oneway = np.zeros(len(u), dtype=np.bool_) if oneway is None else oneway
        self._x_scale = _METRES_A_DEGREE * cos(radians(float(np.mean(lat))))
        self._vertices = np.concatenate([np.asarray(line, dtype=np.float64) for line in lines])
        counts = [len(line) for line in lines]
        self._first = np.concatenate([[0], np.cumsum(counts)])
        owner = np.repeat(np.arange(len(lines)), counts)
        self._lines = np.asarray(shapely.linestrings(self._flat(self._vertices), indices=owner))
        self._usable = np.flatnonzero(self._in_main_part(component))
        if len(self._usable) == 0:
            raise BadInput("road graph: no edge lies in a part that can be driven in both directions")
        self._tree = shapely.STRtree(self._lines[self._usable])

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return len(self.lat)

    @property
    def edges(self) -> int:
        """How many edges there are."""
        return len(self.u)

    def snap(self, places: Sequence[Point]) -> Snapped:
        """Put places on their nearest usable edges; never fails, however far away they are."""
        flat = self._flat(np.array([(p.lon, p.lat) for p in places], dtype=np.float64).reshape(-1, 2))
        points = shapely.points(flat)
        edge = self._usable[self._tree.nearest(points)] if len(places) else np.empty(0, dtype=np.int64)
        lines = self._lines[edge]
        fraction = shapely.line_locate_point(lines, points, normalized=True)
        return Snapped(edge, np.asarray(fraction), np.asarray(shapely.distance(lines, points)))

    def stretch(self, edge: int, start: float, end: float) -> Floats:
        """(lon, lat) vertices of an edge from fraction `start` to `end` (backwards where end < start)."""
        if {start, end} == {0.0, 1.0}:
            whole = self._vertices[self._first[edge] : self._first[edge + 1]]
            return whole if start < end else whole[::-1]
        line = self._lines[edge]
        low, high = sorted((start, end))
        vertices = shapely.get_coordinates(line)
        step = np.hypot(*np.diff(vertices, axis=0).T)
        along = np.concatenate([[0.0], np.cumsum(step)]) / max(float(step.sum()), 1e-9)
        inner = vertices[(along > low) & (along < high)]
        ends = shapely.get_coordinates(shapely.line_interpolate_point(line, [low, high], normalized=True))
        metres = np.concatenate([ends[:1], inner, ends[1:]])
        degrees: Floats = metres / np.array([self._x_scale, _METRES_A_DEGREE])
        return degrees if start <= end else degrees[::-1]

    def _flat(self, lonlat: Floats) -> Floats:
        """Metres on a local plane, shape (k, 2); good for finding what is near, within a city or a county."""
        return np.asarray(lonlat * np.array([self._x_scale, _METRES_A_DEGREE]), dtype=np.float64)

    def _in_main_part(self, component: Sequence[str]) -> NDArray[np.bool_]:
        labels = np.asarray(component)
        used = np.concatenate([labels[self.u], labels[self.v]])
        main = Counter(used.tolist()).most_common(1)[0][0]
        inside = (labels[self.u] == main) & (labels[self.v] == main)
        two_way = inside & ~self.oneway
        tail = np.concatenate([self.u[inside], self.v[two_way]])
        head = np.concatenate([self.v[inside], self.u[two_way]])
        arcs = coo_array((np.ones(len(tail)), (tail, head)), shape=(self.nodes, self.nodes)).tocsr()
        _, part = connected_components(arcs, directed=True, connection="strong")
        largest = np.bincount(part, minlength=1).argmax()
        return np.asarray(inside & (part[self.u] == largest) & (part[self.v] == largest))
