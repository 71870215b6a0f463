"""A way that is driven: where a vehicle is after so many seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, cos, degrees, radians, sin
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch.core.types import Point


class OnTheWay(NamedTuple):
    """Where a vehicle is, its course in degrees from north (0 to 360), and its speed in metres a second."""

    point: Point
    course_deg: float
    speed_mps: float


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """Vertices of a way with what has passed on reaching each; n >= 1, arrays of shape (n,)."""

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    passed_s: NDArray[np.float64]
    """Seconds since departure; starts at 0, never falls."""
    passed_m: NDArray[np.float64]
    """Metres since departure; starts at 0, never falls."""

    @property
    def seconds(self) -> float:
        """How long the whole way takes; infinite where there is none."""
        return float(self.passed_s[-1])

    @property
    def metres(self) -> float:
        """How long the whole way is."""
        return float(self.passed_m[-1])

    @property
    def points(self) -> Sequence[Point]:
        """The vertices."""
        return [Point(float(a), float(b)) for a, b in zip(self.lat, self.lon, strict=True)]

    def at(self, seconds: float) -> OnTheWay:
        """Where the vehicle is `seconds` after departure: before it at the start, afterwards at the end."""
        last = len(self.lat) - 1
        if last == 0 or seconds >= self.passed_s[-1]:
            course = _course(self, max(last - 1, 0), last)
            return OnTheWay(Point(float(self.lat[-1]), float(self.lon[-1])), course, 0.0)
        behind = int(np.searchsorted(self.passed_s, max(seconds, 0.0), side="right")) - 1
        ahead = behind + 1
        took = float(self.passed_s[ahead] - self.passed_s[behind])
        share = min(max((seconds - float(self.passed_s[behind])) / took, 0.0), 1.0)
        place = Point(_between(self.lat, behind, share), _between(self.lon, behind, share))
        speed = float(self.passed_m[ahead] - self.passed_m[behind]) / took
        return OnTheWay(place, _course(self, behind, ahead), speed if seconds >= 0 else 0.0)


def _between(values: NDArray[np.float64], index: int, share: float) -> float:
    return float(values[index] * (1 - share) + values[index + 1] * share)


def _course(route: Route, start: int, end: int) -> float:
    a, b = radians(route.lat[start]), radians(route.lat[end])
    turn = radians(route.lon[end] - route.lon[start])
    east, north = sin(turn) * cos(b), cos(a) * sin(b) - sin(a) * cos(b) * cos(turn)
    return degrees(atan2(east, north)) % 360.0 % 360.0  # a course just below 0 rounds up to 360
