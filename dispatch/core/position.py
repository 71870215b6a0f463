"""Which fixes can be believed, and where a device was last known to be.

Every fix is kept somewhere; only those that are `ok` move the last known position, and only that is used for
dispatch. All times are seconds since 1970-01-01 UTC (as they cross Redis), speeds metres a second, courses degrees.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal

from dispatch.core.types import Point, distance

Flag = Literal["ok", "no_fix", "null_island", "future", "duplicate", "out_of_order", "jump"]


@dataclass(frozen=True, slots=True)
class Fix:
    """One fix as a device gave it."""

    lat: float
    lon: float
    fix_time: float
    """When the receiver took it, by its own clock."""
    received_time: float
    """When it reached us."""
    valid: bool = True
    """Whether the receiver says that it had a position."""
    speed_mps: float | None = None
    course_deg: float | None = None

    @property
    def point(self) -> Point:
        """The place. Raises ValueError where the numbers are no place: see `classify`."""
        return Point(self.lat, self.lon)


@dataclass(frozen=True, slots=True)
class Plausibility:
    """What is believed; data, with the defaults that fit road vehicles."""

    max_speed_mps: float = 60.0
    """216 km/h: faster between two fixes is a jump."""
    jump_slack_m: float = 150.0
    """A jump must also be longer than this: receivers scatter between high houses."""
    future_s: float = 120.0
    """A fix time further ahead of its receipt than this cannot be true: the device's clock is wrong."""
    null_island_deg: float = 0.01
    """Closer to 0 N 0 E than this is a receiver without a position."""
    accept_after: int = 3
    """So many fixes in a row that agree with each other make a new place believed after a jump."""


@dataclass(frozen=True, slots=True)
class LastKnown:
    """Where a device was last known to be: its last `ok` fix, and what came after it and was doubted."""

    device: str
    fix: Fix
    doubted: Fix | None = None
    """The last fix that jumped away."""
    agreeing: int = 0
    """How many doubted fixes in a row agree with each other."""

    @property
    def point(self) -> Point:
        return self.fix.point

    @property
    def fix_time(self) -> float:
        return self.fix.fix_time

    @property
    def received_time(self) -> float:
        return self.fix.received_time

    @property
    def speed_mps(self) -> float:
        return self.fix.speed_mps or 0.0

    @property
    def course_deg(self) -> float:
        return self.fix.course_deg or 0.0


DEFAULTS = Plausibility()


def classify(fix: Fix, last: LastKnown | None, rules: Plausibility = DEFAULTS) -> Flag:
    """Judge one fix against the last known position (None: the first fix of a device). Never raises."""
    alone = _by_itself(fix, rules)
    if alone != "ok" or last is None:
        return alone
    if fix.fix_time == last.fix_time:
        return "duplicate"
    if fix.fix_time < last.fix_time:
        return "out_of_order"
    return "jump" if _jumps(last.fix, fix, rules) else "ok"


def follow(
    last: LastKnown | None, device: str, fix: Fix, rules: Plausibility = DEFAULTS
) -> tuple[LastKnown | None, Flag]:
    """The next last known position and the flag of `fix`.

    A flagged fix leaves the position where it was. After a jump, `accept_after` fixes in a row that agree with each
    other are believed: the last of them is `ok`, and the vehicle is there (a device that was moved while off).
    """
    flag = classify(fix, last, rules)
    if flag == "ok":
        return LastKnown(device, fix), flag
    if flag != "jump" or last is None:
        return last, flag
    before = last.doubted
    if before is not None and fix.fix_time <= before.fix_time:
        return last, "duplicate" if fix.fix_time == before.fix_time else "out_of_order"
    agreeing = last.agreeing + 1 if before is not None and not _jumps(before, fix, rules) else 1
    if agreeing >= rules.accept_after:
        return LastKnown(device, fix), "ok"
    return replace(last, doubted=fix, agreeing=agreeing), flag


def _by_itself(fix: Fix, rules: Plausibility) -> Flag:
    numbers = (fix.lat, fix.lon, fix.fix_time, fix.received_time)
    if not fix.valid or not all(isfinite(one) for one in numbers) or abs(fix.lat) > 90 or abs(fix.lon) > 180:
        return "no_fix"
    if abs(fix.lat) < rules.null_island_deg and abs(fix.lon) < rules.null_island_deg:
        return "null_island"
    return "future" if fix.fix_time > fix.received_time + rules.future_s else "ok"


def _jumps(a: Fix, b: Fix, rules: Plausibility) -> bool:
    metres = distance(a.point, b.point)
    return metres > rules.jump_slack_m and metres > rules.max_speed_mps * (b.fix_time - a.fix_time)
