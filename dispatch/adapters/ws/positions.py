"""Positions as 16 bytes a vehicle: encoded once a second for everybody, cut to each viewer's view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch.core.position import LastKnown

RECORD = np.dtype(
    [("no", "<u4"), ("lat", "<i4"), ("lon", "<i4"), ("course", "<u2"), ("status", "u1"), ("age", "u1")]
)
UNKNOWN_COURSE = 65_535
AGE_STEP = 5.0
MARGIN = 0.25
"""Of the view's size, added on every side: what drives in is there before it is seen."""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One crew with its fix; `no` is its number on the board, `status` the number of its status."""

    no: int
    status: int
    centre_id: str
    crew_id: str
    fix: LastKnown


@dataclass(frozen=True, slots=True)
class View:
    """What a screen shows, in degrees. West of east, or across the date line."""

    south: float
    west: float
    north: float
    east: float


@dataclass(frozen=True)
class Frame:
    """All vehicles of one second."""

    records: NDArray[np.void]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]

    def cut(self, mine: NDArray[np.bool_], view: View | None) -> bytes:
        """The records of a viewer: those that it may see, in its view."""
        return self.records[mine if view is None else mine & self._inside(view)].tobytes()

    def _inside(self, view: View) -> NDArray[np.bool_]:
        high = (view.north - view.south) * MARGIN
        wide = view.east - view.west
        wide = wide if wide >= 360.0 else wide % 360.0
        from_west = (self.lon - (view.west - wide * MARGIN)) % 360.0
        rows = (self.lat >= view.south - high) & (self.lat <= view.north + high)
        inside: NDArray[np.bool_] = rows & (from_west <= wide * (1 + 2 * MARGIN))
        return inside


def encode(vehicles: Sequence[Vehicle], now: float) -> Frame:
    """The frame of these vehicles at `now` (seconds since 1970 on the installation's clock)."""
    lat = np.array([v.fix.point.lat for v in vehicles], dtype=np.float64)
    lon = np.array([v.fix.point.lon for v in vehicles], dtype=np.float64)
    records = np.zeros(len(vehicles), dtype=RECORD)
    records["no"] = [v.no for v in vehicles]
    records["lat"] = np.rint(lat * 1e7)
    records["lon"] = np.rint(lon * 1e7)
    records["course"] = [_course(v.fix.fix.course_deg) for v in vehicles]
    records["status"] = [v.status for v in vehicles]
    ages = np.array([now - v.fix.fix_time for v in vehicles], dtype=np.float64)
    records["age"] = np.clip(np.floor(ages / AGE_STEP), 0, 255)
    return Frame(records, lat, lon)


def _course(degrees: float | None) -> int:
    return UNKNOWN_COURSE if degrees is None else round(degrees % 360.0 * 100)
