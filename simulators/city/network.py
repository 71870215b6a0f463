"""Streets cut at their crossings into a road graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from simulators.city.plane import Floats
from simulators.city.streets import Street

_LEFT_OUT = 0.09
"""Share of small blocks' sides that are not there, so that the grid is not perfect."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One piece of a street between two crossings; `xy` runs from node `u` to node `v`, metres."""

    u: int
    v: int
    xy: Floats
    street: Street

    @property
    def length_m(self) -> float:
        return float(np.hypot(*np.diff(self.xy, axis=0).T).sum())


@dataclass(frozen=True, slots=True)
class Network:
    """The whole road graph, connected; `nodes` in metres, shape (n, 2)."""

    nodes: Floats
    edges: tuple[Edge, ...]


def build(streets: Sequence[Street], rng: np.random.Generator) -> Network:
    """Cut streets at their crossings, leave out some small pieces, and keep what hangs together."""
    lines = np.array([one.line for one in streets], dtype=object)
    pieces = shapely.get_parts(shapely.union_all(lines, grid_size=1.0))
    pieces = pieces[shapely.length(pieces) > 0]
    ends = [(line.coords[0], line.coords[-1]) for line in pieces]
    number: dict[tuple[float, ...], int] = {}
    for a, b in ends:
        number.setdefault(a, len(number))
        number.setdefault(b, len(number))
    owner = _owners(pieces, streets)
    edges = [
        _turned(Edge(number[a], number[b], shapely.get_coordinates(line), streets[own]))
        for (a, b), line, own in zip(ends, pieces, owner, strict=True)
    ]
    drop = rng.random(len(edges)) < _LEFT_OUT
    kept = [one for one, out in zip(edges, drop, strict=True) if one.street.kmh > 40 or not out]
    return _main_part(np.array(list(number)), kept)


def _owners(pieces: NDArray[np.object_], streets: Sequence[Street]) -> list[int]:
    """For each piece the street that it is of: the fastest of those that it lies on."""
    tree = shapely.STRtree([one.line for one in streets])
    middle = shapely.line_interpolate_point(pieces, 0.5, normalized=True)
    piece, candidate = tree.query(middle, predicate="dwithin", distance=3.0)
    owner = tree.nearest(middle).tolist()
    for one, street in zip(piece.tolist(), candidate.tolist(), strict=True):
        if streets[street].kmh > streets[owner[one]].kmh:
            owner[one] = street
    return list(owner)


def _turned(edge: Edge) -> Edge:
    """A one-way piece points the way that its street does."""
    if not edge.street.oneway:
        return edge
    start, end = (edge.street.line.project(shapely.Point(edge.xy[i])) for i in (0, -1))
    return edge if start <= end else Edge(edge.v, edge.u, edge.xy[::-1], edge.street)


def _main_part(nodes: Floats, edges: Sequence[Edge]) -> Network:
    u, v = np.array([one.u for one in edges]), np.array([one.v for one in edges])
    both = np.array([not one.street.oneway for one in edges])
    tail, head = np.concatenate([u, v[both]]), np.concatenate([v, u[both]])
    arcs = coo_array((np.ones(len(tail)), (tail, head)), shape=(len(nodes), len(nodes)))
    _, part = connected_components(arcs.tocsr(), directed=True, connection="strong")
    inside = part == np.bincount(part).argmax()
    new = np.cumsum(inside) - 1
    kept = [Edge(int(new[e.u]), int(new[e.v]), e.xy, e.street) for e in edges if inside[e.u] and inside[e.v]]
    return Network(nodes[inside], tuple(kept))
