"""When a crew would be at each of its orders, worked in their sequence: what a dispatcher sees before deciding.

The same figures as the ranking: the arrival planned here for an order put last is the arrival that `rank` promises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Literal

from dispatch.core.travel import TravelTimes
from dispatch.core.types import Point

WhyUnknown = Literal["", "no_place", "no_position", "no_way"]
"""Why an arrival cannot be said: the order (or one ahead of it) has no place, the crew no position, no way leads there."""
Stage = Literal["waiting", "acknowledged", "en_route"]
LEAST_LEFT = 0.2
"""Share of the usual repair that is expected to be left, however long the crew has been there."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One order of a vehicle. `arrived_at`: since when its crew is there; None: not yet."""

    order_id: str
    place: Point | None
    deadline: datetime
    stage: Stage = "waiting"
    arrived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """Usual seconds until a crew acknowledges, then departs, and that it needs on the scene."""

    acknowledge_s: float = 60.0
    turnout_s: float = 120.0
    repair_s: float = 2_400.0


@dataclass(frozen=True, slots=True)
class Planned:
    """One stop as planned. `arrival` and `margin_s` (seconds before the deadline, negative: late) are None where they
    cannot be said, and `why` says why. `free_s`: seconds until the crew is done with it."""

    order_id: str
    arrival: datetime | None
    margin_s: float | None
    free_s: float
    why: WhyUnknown = ""


def planned(
    start: Point | None, stops: Sequence[Stop], travel: TravelTimes, now: datetime, pace: Pace
) -> tuple[Planned, ...]:
    """The stops worked in this sequence by a crew that is at `start` (None: unknown)."""
    found = []
    here, free_s = start, 0.0
    why: WhyUnknown = ""
    for stop in stops:
        arrival: datetime | None
        if stop.arrived_at is not None:
            spent = (now - stop.arrived_at).total_seconds()
            free_s += max(pace.repair_s - spent, pace.repair_s * LEAST_LEFT)
            arrival, why = stop.arrived_at, "" if stop.place else "no_place"
        else:
            drive = float(travel.seconds([here], [stop.place], now)[0, 0]) if here and stop.place else None
            why = why or _unknown(here, stop.place, drive)
            eta = _ready_s(stop, free_s, pace) + (drive or 0.0)
            arrival = None if why else now + timedelta(seconds=round(eta))
            free_s = eta + pace.repair_s
        margin = None if arrival is None else (stop.deadline - arrival).total_seconds()
        found.append(Planned(stop.order_id, arrival, margin, free_s, why if arrival is None else ""))
        here = stop.place or here
    return tuple(found)


def _unknown(here: Point | None, there: Point | None, drive: float | None) -> WhyUnknown:
    if there is None:
        return "no_place"
    if here is None:
        return "no_position"
    return "" if drive is not None and isfinite(drive) else "no_way"


def _ready_s(stop: Stop, free_s: float, pace: Pace) -> float:
    """Seconds until the crew departs for it; the next order is acknowledged while the one ahead is worked at."""
    if stop.stage == "en_route":
        return free_s
    if stop.stage == "acknowledged":
        return free_s + pace.turnout_s
    return max(free_s, pace.acknowledge_s) + pace.turnout_s
