"""A crew's vehicle on the roads, and what its terminal reports of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from dispatch.core.types import Point, distance
from simulators.actors.world import World
from simulators.terminals import Terminal
from simulators.vehicles import Vehicle

MOVING, PARKED = 10.0, 30.0
"""Seconds between two reports, on the installation's clock."""
LEAST = 0.5
"""Real seconds between two reports, however fast the clock runs."""
IDLE = timedelta(minutes=10)
"""A crew without work drives back to its base after this."""
HOME = "base"
NEAR = 150.0
"""Metres within which a vehicle is there."""


class Driver:
    """Drives to orders, and home when there are none."""

    def __init__(self, world: World, vehicle: Vehicle, base: Point, terminal: Terminal) -> None:
        self._world, self._base, self._terminal = world, base, terminal
        self.vehicle = vehicle
        self.bound_for = ""
        """An order's id, HOME, or nothing."""
        self._idle_since: datetime | None = None

    def drive(self, order_id: str, place: Point) -> None:
        """Set off for an order; a vehicle that is bound for it already goes on."""
        if self.bound_for != order_id:
            self._set_off(order_id, place)

    def stop(self) -> None:
        """Park where it is."""
        self.vehicle = self.vehicle.park(self._world.clock.now())
        self.bound_for = ""

    def arrived(self, order_id: str) -> datetime | None:
        """When it stopped at the order; None: it is not there yet, or does not drive there."""
        end = self.vehicle.arrives_at()
        there = end is not None and self.bound_for == order_id and end <= self._world.clock.now()
        return end if there else None

    def idle(self, busy: bool) -> None:
        """Drive home after a while without work; work stops that."""
        now = self._world.clock.now()
        if busy:
            self._idle_since = None
            if self.bound_for == HOME:
                self.stop()
            return
        self._idle_since = self._idle_since or now
        away_from_home = distance(self.vehicle.truly_at(now).point, self._base) > NEAR
        if self.bound_for != HOME and away_from_home and now - self._idle_since >= IDLE:
            self._set_off(HOME, self._base)

    async def report(self, phase: float) -> None:
        """Positions for ever; `phase` (0 to 1) spreads the fleet's reports."""
        clock = self._world.clock
        await clock.sleep(phase * self._world.rest(MOVING, LEAST))
        while True:
            now = clock.now()
            fix = self.vehicle.at(now)
            self._terminal.move(fix.point.lat, fix.point.lon, fix.speed_mps, fix.course_deg, now)
            pause = MOVING if self.vehicle.driving(now) else PARKED
            await clock.sleep(self._world.rest(pause, LEAST))

    def _set_off(self, whereto: str, place: Point) -> None:
        now = self._world.clock.now()
        origin = self.vehicle.truly_at(now).point
        self.vehicle = self.vehicle.drive(self._world.city.route(origin, place, now), now)
        self.bound_for = whereto
