"""Driving times and ways: on the road graph, or along the straight line where there is none.

A time is that of the hour of departure for the whole way. Matrices have shape (destinations, origins): an
order is a row, a crew a column. What cannot be reached is infinite, never an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from dispatch.core.road_graph import RoadGraph
from dispatch.core.road_search import Leg, RoadSearch
from dispatch.core.route import OnTheWay, Route
from dispatch.core.speeds import SpeedTable
from dispatch.core.types import EARTH_RADIUS, Point, distance

__all__ = [
    "OnTheWay",
    "RoadGraph",
    "RoadTravel",
    "Route",
    "SpeedTable",
    "StraightLine",
    "TravelTimes",
    "great_circle",
]

Source = Literal["roads", "straight_line"]
Matrix = NDArray[np.float64]

LIMIT_S = 4 * 3600.0
"""Ways longer than this count as unreachable: it bounds the search, far above any promise."""


class TravelTimes(Protocol):
    """What the centre asks about driving."""

    @property
    def source(self) -> Source:
        """Where the figures come from; pages say so."""
        ...

    def seconds(self, origins: Sequence[Point], destinations: Sequence[Point], at: datetime) -> Matrix:
        """Driving seconds from each origin to each destination, shape (destinations, origins); inf: no way.

        `at` is the departure (aware).
        """
        ...

    def route(self, origin: Point, destination: Point, at: datetime) -> Route:
        """The way from `origin` to `destination`, departing `at`; its duration equals `seconds`.

        Where there is no way, a route that stays at the origin and takes infinitely long.
        """
        ...


class StraightLine:
    """The great circle times a detour, at the table's default speed: the fall-back without a road graph.

    `detour` = metres driven for each metre as the crow flies; 1.4 is usual for street grids.
    """

    source: Source = "straight_line"

    def __init__(self, speeds: SpeedTable, detour: float = 1.4) -> None:
        self._speeds = speeds
        self._detour = detour

    def seconds(self, origins: Sequence[Point], destinations: Sequence[Point], at: datetime) -> Matrix:
        return great_circle(origins, destinations) * self._detour / self._mps(at)

    def route(self, origin: Point, destination: Point, at: datetime) -> Route:
        metres = distance(origin, destination) * self._detour
        seconds = float(self.seconds([origin], [destination], at)[0, 0])
        return _route([origin, destination], np.array([0.0, seconds]), np.array([0.0, metres]))

    def _mps(self, at: datetime) -> float:
        return self._speeds.default_kmh / 3.6 * self._speeds.at(at)


class RoadTravel:
    """Fastest ways on a road graph (Dijkstra from each destination on the reversed graph).

    Places beside the network reach it at the table's off-road speed. Two places that are closer to each other
    than to any road are joined directly at that speed.
    """

    source: Source = "roads"

    def __init__(self, graph: RoadGraph, speeds: SpeedTable, limit_s: float = LIMIT_S) -> None:
        self._graph, self._speeds, self._limit_s = graph, speeds, limit_s
        kmh = np.where(np.isnan(graph.speed_kmh), speeds.default_kmh, graph.speed_kmh)
        self._search = RoadSearch(graph, graph.length_m / (kmh / 3.6))

    def seconds(self, origins: Sequence[Point], destinations: Sequence[Point], at: datetime) -> Matrix:
        if not origins or not destinations:
            return np.empty((len(destinations), len(origins)))
        factor, walk = self._speeds.at(at), self._speeds.off_road_mps
        start, end = self._graph.snap(origins), self._graph.snap(destinations)
        on_road = self._search.seconds(start, end, self._limit_s * factor) / factor
        beside = start.off_road_m[None, :] + end.off_road_m[:, None]
        direct = great_circle(origins, destinations)
        near = direct <= np.minimum(start.off_road_m[None, :], end.off_road_m[:, None])
        return np.where(near, direct / walk, on_road + beside / walk)

    def route(self, origin: Point, destination: Point, at: datetime) -> Route:
        factor, walk = self._speeds.at(at), self._speeds.off_road_mps
        start, end = self._graph.snap([origin]), self._graph.snap([destination])
        gap = float(distance(origin, destination))
        off = float(start.off_road_m[0]), float(end.off_road_m[0])
        if gap <= min(off):
            return _route([origin, destination], np.array([0.0, gap / walk]), np.array([0.0, gap]))
        legs = self._search.way(start, end, self._limit_s * factor)
        if legs is None:
            return _route([origin, origin], np.array([0.0, np.inf]), np.zeros(2))
        return self._drive(origin, destination, legs, off, factor)

    def _drive(
        self, origin: Point, destination: Point, legs: Sequence[Leg], off: tuple[float, float], factor: float
    ) -> Route:
        """String the legs together between the two short stretches beside the road."""
        walk = self._speeds.off_road_mps
        lonlat = [np.array([[origin.lon, origin.lat]])]
        seconds, metres = [np.zeros(1)], [np.zeros(1)]
        wait = off[0]
        for leg in legs:
            vertices = self._graph.stretch(leg.edge, leg.start, leg.end)
            share = _shares(vertices)
            lonlat.append(vertices)
            share_m = share * self._graph.length_m[leg.edge] * abs(leg.end - leg.start)
            share_s = share * leg.seconds / factor
            share_m[0], share_s[0] = wait, wait / walk
            seconds.append(share_s)
            metres.append(share_m)
            wait = 0.0
        lonlat.append(np.array([[destination.lon, destination.lat]]))
        seconds.append(np.array([off[1] / walk]))
        metres.append(np.array([off[1]]))
        places = np.concatenate(lonlat)
        return Route(
            places[:, 1], places[:, 0], np.cumsum(np.concatenate(seconds)), np.cumsum(np.concatenate(metres))
        )


def great_circle(origins: Sequence[Point], destinations: Sequence[Point]) -> Matrix:
    """Great-circle metres (haversine), shape (destinations, origins)."""
    a = np.radians(np.array([(p.lat, p.lon) for p in origins], dtype=np.float64).reshape(-1, 2))
    b = np.radians(np.array([(p.lat, p.lon) for p in destinations], dtype=np.float64).reshape(-1, 2))
    up = np.sin((b[:, None, 0] - a[None, :, 0]) / 2) ** 2
    across = np.sin((b[:, None, 1] - a[None, :, 1]) / 2) ** 2
    h = up + np.cos(b[:, None, 0]) * np.cos(a[None, :, 0]) * across
    return np.asarray(2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.minimum(h, 1.0))), dtype=np.float64)


def _shares(lonlat: Matrix) -> Matrix:
    """What part of a stretch lies between each vertex and the one before it; the first is 0, the sum 1."""
    squeeze = np.cos(np.radians(lonlat[0, 1]))
    step = np.diff(lonlat, axis=0) * np.array([squeeze, 1.0])
    long = np.hypot(step[:, 0], step[:, 1])
    total = float(long.sum())
    each = long / total if total > 0 else np.full(len(long), 1 / max(len(long), 1))
    return np.concatenate([np.zeros(1), each])


def _route(points: Sequence[Point], passed_s: Matrix, passed_m: Matrix) -> Route:
    return Route(np.array([p.lat for p in points]), np.array([p.lon for p in points]), passed_s, passed_m)
