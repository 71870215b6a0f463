"""Where a simulated vehicle is, and what its GPS says. Pure: the same seed and instant, the same fix."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import cos, degrees, hypot, isfinite, radians
from random import Random

from dispatch.core.route import OnTheWay, Route
from dispatch.core.types import EARTH_RADIUS, Point

MOVING_M = 5.0
"""Error of a moving receiver, standard deviation of each axis: a mean of about 6 m in the open."""
PARKED_M = 3.0
"""A receiver that stands averages better, but wanders."""
WANDERS_S = 45.0
"""The error takes about so long to become another one."""


@dataclass(frozen=True, slots=True)
class Fix:
    """What a receiver gives: WGS-84, course in degrees from north, metres a second."""

    point: Point
    course_deg: float
    speed_mps: float
    fix_time: datetime


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle that is parked at `place`, or drives along `route` since `departed`."""

    id: str
    seed: int
    place: Point
    course_deg: float = 0.0
    route: Route | None = None
    departed: datetime | None = None

    def drive(self, route: Route, now: datetime) -> Vehicle:
        """Set off along a route that starts where the vehicle is."""
        return replace(self, route=route, departed=now)

    def park(self, now: datetime) -> Vehicle:
        """Stop where it is now."""
        here = self.truly_at(now)
        return replace(self, place=here.point, course_deg=here.course_deg, route=None, departed=None)

    def arrives_at(self) -> datetime | None:
        """When the route ends; None: parked, or no way leads there."""
        if self.route is None or self.departed is None or not isfinite(self.route.seconds):
            return None
        return self.departed + timedelta(seconds=self.route.seconds)

    def driving(self, now: datetime) -> bool:
        """Still on the way at `now`."""
        end = self.arrives_at()
        return end is not None and now < end

    def truly_at(self, now: datetime) -> OnTheWay:
        """Place, course and speed without a receiver's error."""
        if self.route is None or self.departed is None:
            return OnTheWay(self.place, self.course_deg, 0.0)
        return self.route.at((now - self.departed).total_seconds())

    def at(self, now: datetime) -> Fix:
        """What the receiver says at `now`."""
        truth = self.truly_at(now)
        sigma = MOVING_M if truth.speed_mps > 0 else PARKED_M
        north, east = (sigma * self._error(axis, now) for axis in ("north", "east"))
        return Fix(_shifted(truth.point, north, east), truth.course_deg, truth.speed_mps, now)

    def _error(self, axis: str, now: datetime) -> float:
        """A slow walk with mean 0 and standard deviation 1, between draws that only their time names."""
        step, rest = divmod(now.timestamp(), WANDERS_S)
        share = rest / WANDERS_S
        before, after = (
            Random(f"{self.seed}:gps:{self.id}:{axis}:{int(step) + k}").gauss(0.0, 1.0) for k in (0, 1)
        )
        return (before * (1 - share) + after * share) / hypot(1 - share, share)


def _shifted(point: Point, north: float, east: float) -> Point:
    lat = point.lat + degrees(north / EARTH_RADIUS)
    lon = point.lon + degrees(east / (EARTH_RADIUS * max(cos(radians(point.lat)), 1e-6)))
    return Point(min(90.0, max(-90.0, lat)), (lon + 180.0) % 360.0 - 180.0)
