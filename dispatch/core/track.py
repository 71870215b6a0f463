"""Where a device was: a track woven from what is kept, and its place at any instant between.

Times are seconds since 1970-01-01 UTC. A fix that came late (`out_of_order`: a batch sent again, a blind spot made good)
never was the last known position, but it is as good a witness of its own time as any: it is taken where it fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from dispatch.core.position import DEFAULTS, Fix, Flag, Plausibility, leaps
from dispatch.core.types import distance

CLOSE_S = 120.0
"""Between two fixes further apart than this nobody knows where a vehicle was: nothing is interpolated."""


class Kept(msgspec.Struct, frozen=True):
    """One fix as it is kept, with what was thought of it when it came."""

    entry: str
    """The stream entry that brought it, and `place` in that: its own name."""
    place: int
    device: str
    fix: Fix
    flag: Flag
    device_time: float
    """When the device sent it, by its clock; the fix time where its protocol gives only one time."""
    odometer_m: float | None = None
    """How far the device had driven by then; None where the fix was not believed."""
    moving: bool | None = None
    altitude_m: float | None = None
    protocol: str = ""
    """That the device spoke; empty: not known, of a history of before."""
    attributes: dict[str, str | int | float | bool] = {}
    """What else the device said with it (ignition, battery, alarms, ...), by the codec's names."""

    @property
    def order(self) -> tuple[float, str, int]:
        """Its place on a track."""
        return self.fix.fix_time, self.entry, self.place


class Whereabouts(msgspec.Struct, frozen=True):
    """Where a device was at an instant, and how that is known."""

    lat: float
    lon: float
    how: Literal["fix", "between", "last"]
    """At a fix of just that time, between two close ones, or at the last one before."""
    age_s: float
    """How long before the instant `before` was taken."""
    before: Kept
    after: Kept | None
    """The next believed fix, close or not; None: there is none near."""


def weave(kept: Sequence[Kept], rules: Plausibility = DEFAULTS) -> list[Kept]:
    """The believed fixes in the order of their times, with the late ones that fit between their neighbours."""
    ordered = sorted((k for k in kept if k.flag in {"ok", "out_of_order"}), key=lambda k: k.order)
    believed = [k for k in ordered if k.flag == "ok"]
    track: list[Kept] = []
    coming = 0
    for one in ordered:
        if one.flag == "ok":
            track.append(one)
            coming += 1
            continue
        ahead = believed[coming] if coming < len(believed) else None
        if _fits(track[-1] if track else None, one, rules) and _fits(one, ahead, rules):
            track.append(one)
    return track


def whereabouts(track: Sequence[Kept], at: float, rules: Plausibility = DEFAULTS) -> Whereabouts | None:
    """Where a device was at `at`, by a woven track around it; None: no fix is that old."""
    before = next((k for k in reversed(track) if k.fix.fix_time <= at), None)
    if before is None:
        return None
    after = next((k for k in track if k.fix.fix_time > at), None)
    here, age = before.fix, at - before.fix.fix_time
    if age == 0 or after is None or not _close(before, after, rules):
        return Whereabouts(here.lat, here.lon, "last" if age else "fix", age, before, after)
    share = age / (after.fix.fix_time - here.fix_time)
    east = (after.fix.lon - here.lon + 180.0) % 360.0 - 180.0
    lon = (here.lon + share * east + 180.0) % 360.0 - 180.0
    lat = here.lat + share * (after.fix.lat - here.lat)
    return Whereabouts(lat, lon, "between", age, before, after)


def _fits(a: Kept | None, b: Kept | None, rules: Plausibility) -> bool:
    if a is None or b is None:
        return True
    return not leaps(distance(a.fix.point, b.fix.point), b.fix.fix_time - a.fix.fix_time, rules)


def _close(a: Kept, b: Kept, rules: Plausibility) -> bool:
    """Whether what lies between two fixes can be told: near in time, and a drive that is possible."""
    return b.fix.fix_time - a.fix.fix_time <= CLOSE_S and _fits(a, b, rules)
