"""Positions as 16 bytes a vehicle: encoded once a second for everybody, cut to each viewer's view, and then only
what a viewer does not know yet.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dispatch.core.position import LastKnown
from dispatch.services.ports import Crew
from dispatch.services.views import STATUSES, CrewView

RECORD = np.dtype(
    [("no", "<u4"), ("lat", "<i4"), ("lon", "<i4"), ("course", "<u2"), ("status", "u1"), ("age", "u1")]
)
HEAD = struct.Struct("<B7xd")
"""What a frame begins with, as long as a record: its kind, and the installation's time in milliseconds."""
WHOLE, CHANGES = 1, 2
"""The kinds: whatever is not in a whole frame is not in view; changes are to what was sent before."""
GONE = 255
"""The status of a vehicle that left the view."""
UNKNOWN_COURSE = 65_535
AGE_STEP = 5.0
MARGIN = 0.25
"""Of the view's size, added on every side: what drives in is there before it is seen."""
_PLACE = RECORD.itemsize - 1
"""Bytes of a record without its age: the page counts that on by itself."""


class Positions(Protocol):
    """Where the devices are: as much of the context's fixes as is needed here."""

    def of_crew(self, crew: Crew) -> LastKnown | None:
        """The freshest fix of any device of a crew."""
        ...


@dataclass(frozen=True, slots=True)
class View:
    """What a screen shows, in degrees. West of east, or across the date line."""

    south: float
    west: float
    north: float
    east: float


@dataclass(frozen=True)
class Known:
    """Vehicles in the order of their numbers, as a viewer knows them; `fixed`: when each fix was taken."""

    records: NDArray[np.void]
    fixed: NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """All vehicles of one second, in the order of their numbers. `now` and `fixed` in seconds since 1970.

    `there`: which crews of the fleet have a fix, and so a record.
    """

    now: float
    there: NDArray[np.bool_]
    records: NDArray[np.void]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    fixed: NDArray[np.float64]

    def cut(self, mine: NDArray[np.bool_], view: View | None) -> Known:
        """What is for a viewer: of the fleet's crews those that are its own, in its view."""
        wanted = mine[self.there]
        if view is not None:
            wanted &= self._inside(view)
        return Known(self.records[wanted], self.fixed[wanted])

    def _inside(self, view: View) -> NDArray[np.bool_]:
        high = (view.north - view.south) * MARGIN
        wide = view.east - view.west
        wide = wide if wide >= 360.0 else wide % 360.0
        from_west = (self.lon - (view.west - wide * MARGIN)) % 360.0
        rows = (self.lat >= view.south - high) & (self.lat <= view.north + high)
        inside: NDArray[np.bool_] = rows & (from_west <= wide * (1 + 2 * MARGIN))
        return inside


class Fleet:
    """The crews that are shown, as columns. Made when they or the organisation change, not every second."""

    def __init__(self, shown: Mapping[str, CrewView], crews: Mapping[str, Crew]) -> None:
        known = sorted((v for v in shown.values() if v.id in crews), key=lambda v: v.no)
        self.crews = [crews[v.id] for v in known]
        self._no = np.array([v.no for v in known], dtype=np.uint32)
        self._status = np.array([STATUSES.index(v.status) for v in known], dtype=np.uint8)

    def frame(self, positions: Positions, now: float) -> Frame:
        """Where they are at `now`, in seconds since 1970 on the installation's clock."""
        rows = [_row(positions.of_crew(crew)) for crew in self.crews]
        lat, lon, fixed, course = np.array(rows, dtype=np.float64).reshape(-1, 4).T
        records = np.zeros(len(rows), dtype=RECORD)
        there = ~np.isnan(fixed)
        for name, values in (("no", self._no), ("status", self._status)):
            records[name] = values
        records["lat"] = np.rint(np.where(there, lat, 0.0) * 1e7)
        records["lon"] = np.rint(np.where(there, lon, 0.0) * 1e7)
        sure = ~np.isnan(course)
        records["course"] = np.where(sure, np.rint(np.where(sure, course, 0.0) % 360.0 * 100), UNKNOWN_COURSE)
        records["age"] = np.clip(np.floor(np.where(there, now - fixed, 0.0) / AGE_STEP), 0, 255)
        return Frame(now, there, records[there], lat[there], lon[there], fixed[there])

    def seen_by(self, sees: Callable[[Crew], bool]) -> NDArray[np.bool_]:
        """Which of the crews somebody may see."""
        return np.fromiter(map(sees, self.crews), dtype=np.bool_, count=len(self.crews))


def _row(known: LastKnown | None) -> tuple[float, float, float, float]:
    """Latitude, longitude, time of the fix, course; not a number where there is none."""
    if known is None:
        return (np.nan, np.nan, np.nan, np.nan)
    fix = known.fix
    course = fix.course_deg
    return (fix.lat, fix.lon, fix.fix_time, np.nan if course is None else course)


def whole(after: Known, now: float) -> bytes:
    """A frame with everything in view."""
    return HEAD.pack(WHOLE, now * 1000) + after.records.tobytes()


def changes(before: Known, after: Known, now: float) -> tuple[bytes, Known]:
    """What a viewer who knows `before` has to be told, empty where that is nothing; and what it knows then.

    A vehicle that stands still is told again only when its fix is newer by a step of the age.
    """
    place, old = _places(before.records["no"], after.records["no"])
    tell = ~old
    was = before.records[place[old]]
    tell[old] = (_without_age(was) != _without_age(after.records[old])).any(axis=1)
    tell[old] |= np.abs(after.fixed[old] - before.fixed[place[old]]) >= AGE_STEP
    fixed = after.fixed.copy()
    fixed[old] = np.where(tell[old], fixed[old], before.fixed[place[old]])
    _, still = _places(after.records["no"], before.records["no"])
    gone = np.zeros(int((~still).sum()), dtype=RECORD)
    gone["no"], gone["status"] = before.records["no"][~still], GONE
    known = Known(after.records, fixed)
    if not tell.any() and not len(gone):
        return b"", known
    return HEAD.pack(CHANGES, now * 1000) + after.records[tell].tobytes() + gone.tobytes(), known


def _places(
    among: NDArray[np.uint32], wanted: NDArray[np.uint32]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each of `wanted` stands in the sorted `among`, and whether it does."""
    place = np.searchsorted(among, wanted)
    there = place < len(among)
    there[there] = among[place[there]] == wanted[there]
    return place, there


def _without_age(records: NDArray[np.void]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(records).view(np.uint8).reshape(-1, RECORD.itemsize)[:, :_PLACE]
