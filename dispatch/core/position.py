"""Which fixes can be believed, and where a device was last known to be.

Every fix is kept somewhere; only those that are `ok` move the last known position, and only that is used for
dispatch. All times are seconds since 1970-01-01 UTC (as they cross Redis), speeds metres a second, courses degrees.
docs/positions.md says what each flag means.
"""

from __future__ import annotations

from math import isfinite
from typing import Literal

import msgspec

from dispatch.core.types import Point, distance

Flag = Literal["ok", "no_fix", "null_island", "future", "duplicate", "out_of_order", "jump", "frozen"]


class Fix(msgspec.Struct, frozen=True):
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
    odometer_m: float | None = None
    """What the device itself has counted, where it counts."""

    @property
    def point(self) -> Point:
        """The place. Raises ValueError where the numbers are no place: see `follow`."""
        return Point(self.lat, self.lon)


class Plausibility(msgspec.Struct, frozen=True):
    """What is believed; data, with the defaults that fit road vehicles."""

    max_speed_mps: float = 50.0
    """180 km/h: faster between two fixes is a jump."""
    jump_slack_m: float = 150.0
    """A jump must also be longer than this: receivers scatter between high houses."""
    future_s: float = 120.0
    """A fix time further ahead of its receipt than this cannot be true: the device's clock is wrong."""
    null_island_deg: float = 0.01
    """Closer to 0 N 0 E than this is a receiver without a position."""
    accept_after: int = 3
    """So many fixes in a row that agree with each other make a new place believed after a jump."""
    accept_after_s: float = 30.0
    """And so long without a fix that fits the place believed before: a second device may report more often."""
    rival_s: float = 600.0
    """A second device on the same id is forgotten when it has not been heard for so long."""
    drive_mps: float = 3.0
    """Slower than this a device does not claim to drive: receivers at rest say 0.5 or 1."""
    frozen_m: float = 200.0
    """So far a device must claim to have driven with the same digits before its position is called frozen."""
    frozen_s: float = 60.0
    """And for so long."""
    gap_s: float = 120.0
    """A claimed speed counts for no longer than this, and a second device may be where it was last seen."""
    step_m: float = 20.0
    """A drive is measured in steps of at least this length: scatter adds nothing."""
    leave_m: float = 50.0
    """Further than this from where it stood, a vehicle that does not claim a speed is moving."""
    stop_s: float = 120.0
    """So long without a step means stopped: longer than most red lights."""


class Still(msgspec.Struct, frozen=True):
    """A device that goes on sending the digits of its last believed fix."""

    until: float
    """The last fix time with them."""
    claimed_m: float = 0.0
    """How far it claims to have driven meanwhile."""


class Rival(msgspec.Struct, frozen=True):
    """Where the fixes are that do not fit the last known position: a jump, a moved or a second device."""

    fix: Fix
    agreeing: int = 1
    """How many of them fit each other."""
    in_a_row: int = 1
    """How many since the last fix that was believed."""


class LastKnown(msgspec.Struct, frozen=True):
    """Where a device was last known to be, how far it has come, and what came since and was doubted.

    It is all that is kept of a device between two fixes: its size does not grow.
    """

    device: str
    fix: Fix
    """The last believed fix."""
    odometer_m: float = 0.0
    """How far it has driven since it was first heard, as the sum of believed steps."""
    moving: bool = False
    step: Fix | None = None
    """Where the last step of the odometer ended; None: at `fix`."""
    rival: Rival | None = None
    still: Still | None = None

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

    @property
    def torn(self) -> bool:
        """Whether two devices seem to report under this id: somebody has to look."""
        return self.rival is not None and self.rival.agreeing >= DEFAULTS.accept_after


DEFAULTS = Plausibility()


def follow(
    last: LastKnown | None, device: str, fix: Fix, rules: Plausibility = DEFAULTS
) -> tuple[LastKnown | None, Flag]:
    """The next last known position and the flag of `fix`. Never raises.

    A flagged fix leaves the position where it was. After a jump, `accept_after` fixes in a row that agree with each
    other are believed: the last of them is `ok`, and the vehicle is there (a device that was moved while off). Where
    two devices report under one id in turn, no such row comes about: the one believed first stays believed.
    """
    alone = _by_itself(fix, rules)
    if alone != "ok":
        return last, alone
    if last is None:
        return LastKnown(device, fix), "ok"
    passed = fix.fix_time - last.fix.fix_time
    if passed < 0:
        return last, "out_of_order"
    if fix.lat == last.fix.lat and fix.lon == last.fix.lon:
        return _stay(last, fix, rules)
    metres = distance(last.fix.point, fix.point)
    if leaps(metres, passed, rules) or (last.rival and _of_rival(last.rival, fix, metres, rules)):
        return _doubt(last, fix, rules)
    return (_advance(last, fix, metres, rules), "ok") if passed else (last, "out_of_order")


def leaps(metres: float, seconds: float, rules: Plausibility = DEFAULTS) -> bool:
    """Whether a road vehicle cannot have gone so far in so long."""
    return metres > rules.jump_slack_m and metres > rules.max_speed_mps * seconds


def _by_itself(fix: Fix, rules: Plausibility) -> Flag:
    lat, lon, at, received = fix.lat, fix.lon, fix.fix_time, fix.received_time
    if not fix.valid or not isfinite(lat + lon + at + received) or abs(lat) > 90 or abs(lon) > 180:
        return "no_fix"
    if abs(lat) < rules.null_island_deg and abs(lon) < rules.null_island_deg:
        return "null_island"
    return "future" if at > received + rules.future_s else "ok"


def _of_rival(rival: Rival, fix: Fix, metres: float, rules: Plausibility) -> bool:
    """Whether a fix that could be the believed device's continues a known second device's track instead."""
    passed = fix.fix_time - rival.fix.fix_time
    if rival.agreeing < rules.accept_after or not 0 <= passed <= rules.gap_s:
        return False
    return metres > rules.jump_slack_m and distance(rival.fix.point, fix.point) * 2 < metres


def _doubt(last: LastKnown, fix: Fix, rules: Plausibility) -> tuple[LastKnown, Flag]:
    """A fix that does not fit: one more of the rival's, or a new rival."""
    before = last.rival
    if before is None:
        return msgspec.structs.replace(last, rival=Rival(fix)), "jump"
    passed = fix.fix_time - before.fix.fix_time
    if passed <= 0:
        same = passed == 0 and (fix.lat, fix.lon) == (before.fix.lat, before.fix.lon)
        return last, "duplicate" if same else "out_of_order"
    if leaps(distance(before.fix.point, fix.point), passed, rules):
        return msgspec.structs.replace(last, rival=Rival(fix)), "jump"
    in_a_row = before.in_a_row + 1
    silent = fix.fix_time - last.fix.fix_time
    if in_a_row >= rules.accept_after and silent >= rules.accept_after_s:
        return LastKnown(last.device, fix, last.odometer_m, last.moving), "ok"
    rival = Rival(fix, before.agreeing + 1, in_a_row)
    return msgspec.structs.replace(last, rival=rival), "jump"


def _stay(last: LastKnown, fix: Fix, rules: Plausibility) -> tuple[LastKnown, Flag]:
    """The same digits again: parked, unless the device says that it drives."""
    still = last.still or Still(last.fix.fix_time)
    since = fix.fix_time - still.until
    if since <= 0:
        return last, "out_of_order" if since and fix.fix_time > last.fix.fix_time else "duplicate"
    claimed = _claimed(last, fix, since, rules)
    still = Still(fix.fix_time, still.claimed_m + claimed)
    began = last.step or last.fix
    if still.claimed_m >= rules.frozen_m and fix.fix_time - began.fix_time >= rules.frozen_s:
        return msgspec.structs.replace(last, still=still), "frozen"
    return msgspec.structs.replace(_advance(last, fix, 0.0, rules), still=still), "ok"


def _claimed(last: LastKnown, fix: Fix, seconds: float, rules: Plausibility) -> float:
    """Metres that a device says it has driven since its last fix."""
    speed = fix.speed_mps or 0.0
    by_speed = speed * min(seconds, rules.gap_s) if rules.drive_mps <= speed <= rules.max_speed_mps else 0.0
    if fix.odometer_m is None or last.fix.odometer_m is None:
        return by_speed
    counted = fix.odometer_m - last.fix.odometer_m
    return counted if by_speed < counted <= rules.max_speed_mps * seconds else by_speed


def _advance(last: LastKnown, fix: Fix, metres: float, rules: Plausibility) -> LastKnown:
    """A believed fix: the position moves; a step is counted when it is longer than scatter."""
    start = last.step or last.fix
    if last.step is not None and metres:
        metres = distance(start.point, fix.point)
    driving = last.moving or (fix.speed_mps or 0.0) >= rules.drive_mps
    rival = _kept(last.rival, fix, rules)
    if metres > (rules.step_m if driving else rules.leave_m):
        return LastKnown(last.device, fix, last.odometer_m + metres, True, None, rival)
    moving = last.moving and fix.fix_time - start.fix_time < rules.stop_s
    return LastKnown(last.device, fix, last.odometer_m, moving, start, rival)


def _kept(rival: Rival | None, fix: Fix, rules: Plausibility) -> Rival | None:
    """What stays of a rival after a believed fix: it has to begin its row anew."""
    if rival is None or fix.fix_time - rival.fix.fix_time > rules.rival_s:
        return None
    return Rival(rival.fix, rival.agreeing, 0) if rival.in_a_row else rival
