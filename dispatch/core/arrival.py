"""What positions say about an order: has the vehicle left for it, is it there.

Two folds over a device's good fixes (see dispatch.core.position), in the order of their fix times. A crew's button
is believed at once; these are the evidence beside it, and stand in for a button that nobody pressed. Standing still is no
evidence of coming: whoever is at the place already when its order is followed first has arrived there by positions once it has
departed (G before H); that it is there its crew can say by the button.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dispatch.core.position import Fix
from dispatch.core.types import Point, distance


@dataclass(frozen=True, slots=True)
class Geofence:
    """What counts as being there and as having left; data, with defaults."""

    radius_m: float = 150.0
    """Inside this distance of the fault a vehicle can have arrived: it parks where it can."""
    slow_mps: float = 3.0
    """Faster is driving past."""
    dwell_s: float = 60.0
    """So long inside and slow means arrived: longer than a red light."""
    forget_s: float = 600.0
    """Two fixes further apart than this say nothing about the time between them: the dwell starts anew."""
    left_m: float = 200.0
    """Further than this from where it acknowledged, a vehicle has departed."""


DEFAULTS = Geofence()


@dataclass(frozen=True, slots=True)
class ArrivalWatch:
    """Whether a vehicle is at a place. Times are fix times, seconds since 1970-01-01 UTC."""

    place: Point
    fence: Geofence = DEFAULTS
    since: float | None = None
    """Since when it has been inside and slow without a break."""
    arrived_at: float | None = None
    """When it had come to stay: the first fix of the dwell. Never changes again."""
    last: Fix | None = None

    def see(self, fix: Fix) -> ArrivalWatch:
        """The watch after one more good fix; a fix not later than the last one changes nothing."""
        if self.arrived_at is not None or (self.last is not None and fix.fix_time <= self.last.fix_time):
            return self
        if not self._there(fix):
            return replace(self, since=None, last=fix)
        broken = self.last is None or fix.fix_time - self.last.fix_time > self.fence.forget_s
        since = fix.fix_time if self.since is None or broken else self.since
        arrived = since if fix.fix_time - since >= self.fence.dwell_s else None
        return replace(self, since=since, arrived_at=arrived, last=fix)

    def covers(self, point: Point) -> bool:
        """Whether a vehicle there is close enough to have arrived."""
        return distance(self.place, point) <= self.fence.radius_m

    def _there(self, fix: Fix) -> bool:
        return self.covers(fix.point) and _speed(fix, self.last) <= self.fence.slow_mps


@dataclass(frozen=True, slots=True)
class DepartureWatch:
    """Whether a vehicle has left the place where its crew acknowledged."""

    start: Point
    fence: Geofence = DEFAULTS
    left_at: float | None = None
    """Fix time of the first fix too far away to be still there. Never changes again."""

    def see(self, fix: Fix) -> DepartureWatch:
        """The watch after one more good fix."""
        if self.left_at is not None or distance(self.start, fix.point) <= self.fence.left_m:
            return self
        return replace(self, left_at=fix.fix_time)


def _speed(fix: Fix, last: Fix | None) -> float:
    """What the device says, else what the last two fixes imply; a first fix without a speed counts as slow."""
    if fix.speed_mps is not None:
        return fix.speed_mps
    if last is None:
        return 0.0
    return distance(last.point, fix.point) / (fix.fix_time - last.fix_time)
