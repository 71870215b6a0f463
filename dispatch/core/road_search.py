"""Shortest paths on the reversed road graph, between places that stand somewhere along edges.

Each destination becomes one more row of the graph, with an arc to the ends of its edge, so that one search
gives its times from everywhere. Parallel arcs are reduced to the fastest by hand: a sparse matrix would add them up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from dispatch.core.road_graph import Floats, RoadGraph, Snapped

_ROWS_AT_ONCE = 64
"""Destinations searched together: bounds the memory to 64 rows of the graph."""
_SHORTEST_S = 1e-3
"""No arc is free: an explicit zero in a sparse matrix would be no arc at all."""
_KEPT_BYTES = 64_000_000
"""Memory for destinations that may be asked about again; those asked about longest ago go first."""
_NOTHING = (-1.0, np.empty(0))


@dataclass(frozen=True, slots=True)
class Leg:
    """A stretch of one edge, from fraction `start` to `end`, and its free-flow seconds."""

    edge: int
    start: float
    end: float
    seconds: float


class RoadSearch:
    """Searches on `graph`, whose edges take `edge_s` free-flow seconds, shape (m,)."""

    def __init__(self, graph: RoadGraph, edge_s: Floats) -> None:
        self._n = graph.nodes
        self._u, self._v, self._oneway = graph.u, graph.v, graph.oneway
        self._edge_s = np.maximum(edge_s, _SHORTEST_S)
        back = np.flatnonzero(~graph.oneway)
        edge = np.concatenate([np.arange(graph.edges), back])
        backwards = np.repeat([False, True], [graph.edges, len(back)])
        tail = np.where(backwards, graph.v[edge], graph.u[edge])
        head = np.where(backwards, graph.u[edge], graph.v[edge])
        order = np.lexsort((self._edge_s[edge], tail, head))
        head, tail = head[order], tail[order]
        first = np.concatenate([[True], (head[1:] != head[:-1]) | (tail[1:] != tail[:-1])])
        fastest = first & (head != tail)
        self._arc_edge = edge[order][fastest]
        self._arc_backwards = backwards[order][fastest]
        self._column = tail[fastest]
        self._arc_s = self._edge_s[self._arc_edge]
        self._row_start = np.searchsorted(head[fastest], np.arange(self._n + 1))
        self._kept: dict[tuple[int, float], tuple[float, Floats]] = {}
        """By destination (edge, fraction): the limit of the search, and the seconds from every node."""

    def seconds(self, start: Snapped, end: Snapped, limit_s: float) -> Floats:
        """Free-flow seconds between places on the road, shape (ends, starts); inf beyond `limit_s`.

        What was found for a destination is kept for a while: an order that waits is asked about in every batch.
        """
        out = np.empty((len(end.edge), len(start.edge)))
        for low in range(0, len(end.edge), _ROWS_AT_ONCE):
            some = slice(low, low + _ROWS_AT_ONCE)
            part = Snapped(end.edge[some], end.fraction[some], end.off_road_m[some])
            dist = self._to_each(part, limit_s)
            out[some] = np.minimum(self._from_ends(start, dist).min(axis=0), self._same_edge(start, part))
        return out

    def _to_each(self, end: Snapped, limit_s: float) -> Floats:
        """Seconds from every node to each destination, shape (ends, nodes); inf beyond `limit_s`."""
        places = list(zip(end.edge.tolist(), end.fraction.tolist(), strict=True))
        new = [n for n, place in enumerate(places) if self._kept.get(place, _NOTHING)[0] < limit_s]
        if new:
            part = Snapped(end.edge[new], end.fraction[new], end.off_road_m[new])
            rows = self._n + np.arange(len(new))
            found = np.asarray(dijkstra(self._with(part), directed=True, indices=rows, limit=limit_s))
            for n, row in zip(new, found[:, : self._n], strict=True):
                self._kept[places[n]] = (limit_s, row.copy())
        dist = np.stack([self._kept[place][1] for place in places])
        for place in places:
            self._kept[place] = self._kept.pop(place)
        while len(self._kept) * self._n * dist.itemsize > _KEPT_BYTES and len(self._kept) > 1:
            del self._kept[next(iter(self._kept))]
        return np.where(dist > limit_s, np.inf, dist)

    def way(self, start: Snapped, end: Snapped, limit_s: float) -> list[Leg] | None:
        """The legs from the first place of `start` to the first of `end`; None where there is no way."""
        dist, before = dijkstra(
            self._with(end), directed=True, indices=[self._n], limit=limit_s, return_predecessors=True
        )
        by_u, by_v = (float(x) for x in self._from_ends(start, np.asarray(dist))[:, 0, 0])
        along = float(self._same_edge(start, end)[0, 0])
        best = min(by_u, by_v, along)
        if best == np.inf:
            return None
        edge, fraction = int(start.edge[0]), float(start.fraction[0])
        if along == best:
            return [Leg(edge, fraction, float(end.fraction[0]), along)]
        exit_at = 0.0 if by_u == best else 1.0
        node = int(self._u[edge] if exit_at == 0.0 else self._v[edge])
        first = Leg(edge, fraction, exit_at, abs(exit_at - fraction) * float(self._edge_s[edge]))
        return [first, *self._follow(node, np.asarray(before)[0], end)]

    def _follow(self, node: int, before: NDArray[np.int32], end: Snapped) -> list[Leg]:
        """The whole edges from `node` on, then the stretch of the last edge."""
        legs: list[Leg] = []
        while (ahead := int(before[node])) != self._n:
            low, high = self._row_start[ahead], self._row_start[ahead + 1]
            arc = int(low + np.searchsorted(self._column[low:high], node))
            ends = (1.0, 0.0) if self._arc_backwards[arc] else (0.0, 1.0)
            legs.append(Leg(int(self._arc_edge[arc]), *ends, seconds=float(self._arc_s[arc])))
            node = ahead
        edge, fraction = int(end.edge[0]), float(end.fraction[0])
        enter_at = min(self._entries(edge, fraction)[node])
        seconds = abs(fraction - enter_at[1]) * float(self._edge_s[edge])
        return [*legs, Leg(edge, enter_at[1], fraction, seconds)]

    def _entries(self, edge: int, fraction: float) -> dict[int, list[tuple[float, float]]]:
        """By end node of an edge: (seconds to `fraction`, 0.0 or 1.0 = the end where one enters)."""
        whole = float(self._edge_s[edge])
        entries = {int(self._u[edge]): [(max(fraction * whole, _SHORTEST_S), 0.0)]}
        if not self._oneway[edge]:
            entry = (max((1 - fraction) * whole, _SHORTEST_S), 1.0)
            entries.setdefault(int(self._v[edge]), []).append(entry)
        return entries

    def _with(self, end: Snapped) -> csr_array:
        """The reversed graph with one more row for each destination."""
        column: list[int] = []
        seconds: list[float] = []
        count: list[int] = []
        for edge, fraction in zip(end.edge.tolist(), end.fraction.tolist(), strict=True):
            entries = self._entries(edge, fraction)
            column.extend(entries)
            seconds.extend(min(ways)[0] for ways in entries.values())
            count.append(len(entries))
        size = self._n + len(count)
        row_start = np.concatenate([self._row_start, self._row_start[-1] + np.cumsum(count)]).astype(np.int32)
        columns = np.concatenate([self._column, np.array(column, dtype=np.int64)]).astype(np.int32)
        return csr_array((np.concatenate([self._arc_s, seconds]), columns, row_start), shape=(size, size))

    def _from_ends(self, start: Snapped, dist: Floats) -> Floats:
        """Seconds when leaving the origin's edge by its u and by its v, shape (2, ends, starts)."""
        whole = self._edge_s[start.edge]
        leave_u = np.where(self._oneway[start.edge], np.inf, start.fraction * whole)
        by_u = leave_u + dist[:, self._u[start.edge]]
        by_v = (1 - start.fraction) * whole + dist[:, self._v[start.edge]]
        return np.stack([by_u, by_v])

    def _same_edge(self, start: Snapped, end: Snapped) -> Floats:
        """Seconds along the edge where both places stand on one; else inf. Shape (ends, starts)."""
        gap = end.fraction[:, None] - start.fraction[None, :]
        together = (end.edge[:, None] == start.edge[None, :]) & (
            (gap >= 0) | ~self._oneway[start.edge][None, :]
        )
        return np.where(together, np.abs(gap) * self._edge_s[start.edge][None, :], np.inf)
