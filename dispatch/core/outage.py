"""Planned outages: announced ahead, so that a call from inside one is answered from it and makes no order.

One that was called off, or is over, answers no call any more; both stay as they are, for whoever asks what was told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import shapely

from dispatch.core.errors import BadInput, GuardRefused
from dispatch.core.gazetteer import folded
from dispatch.core.territory import Territories
from dispatch.core.types import Point

State = Literal["coming", "under_way", "over", "called_off"]
EXTENDED_WITHIN = timedelta(days=1)
"""After its end: works that drag on are said late, yet an outage of last month is history."""


@dataclass(frozen=True, slots=True)
class PlannedOutage:
    """From `starts_at` until `ends_at`, for whoever lies on the territory, in the polygon, or at one of the addresses."""

    id: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    territory: str = ""
    polygon: tuple[Point, ...] = ()
    addresses: tuple[str, ...] = ()
    called_off_at: datetime | None = None

    def state(self, now: datetime) -> State:
        """Where it stands."""
        if self.called_off_at is not None:
            return "called_off"
        return "coming" if now < self.starts_at else "under_way" if now < self.ends_at else "over"


def changed(was: PlannedOutage | None, new: PlannedOutage, now: datetime) -> PlannedOutage:
    """`was` (None: nothing yet) as `new` says. Raises GuardRefused where it is history, BadInput where `new` would be."""
    if was is not None:
        keep_history(was, now)
    if new.ends_at <= now:
        raise BadInput(f"outage {new.id}: its end lies in the past", field="to", why="ends_past")
    return new


def ended(was: PlannedOutage, now: datetime) -> PlannedOutage:
    """The supply is back already. Raises GuardRefused where it is not under way."""
    if was.state(now) != "under_way":
        raise GuardRefused(f"outage {was.id} is not under way", why="not_under_way", state=was.state(now))
    return replace(was, ends_at=max(now.replace(microsecond=0), was.starts_at + timedelta(seconds=1)))


def called_off(was: PlannedOutage, now: datetime) -> PlannedOutage:
    """It does not take place. Raises GuardRefused where it is over or was called off before."""
    if (state := was.state(now)) in {"over", "called_off"}:
        raise GuardRefused(f"outage {was.id} is {state}: it cannot be called off", why=f"outage_{state}")
    return replace(was, called_off_at=now)


def keep_history(was: PlannedOutage, now: datetime) -> None:
    """Raises GuardRefused where it stays as it is: it was called off, or has been over for too long."""
    if was.called_off_at is not None:
        raise GuardRefused(f"outage {was.id} was called off: plan another one", why="outage_called_off")
    if was.ends_at + EXTENDED_WITHIN <= now:
        raise GuardRefused(f"outage {was.id} is over: plan another one", why="outage_over")


def covering(
    outages: Iterable[PlannedOutage], place: Point | None, address: str, territories: Territories
) -> list[PlannedOutage]:
    """Those of `outages` that concern this place or address, the one that ends last first."""
    lies_on = {one.id for one in territories.at(place)} if place is not None else set()
    found = [
        one for one in outages if one.territory in lies_on or _inside(one, place) or _named(one, address)
    ]
    return sorted(found, key=lambda one: (one.ends_at, one.id), reverse=True)


def _inside(outage: PlannedOutage, place: Point | None) -> bool:
    if place is None or not outage.polygon:
        return False
    area = shapely.Polygon([(one.lon, one.lat) for one in outage.polygon])
    return bool(shapely.intersects_xy(area, place.lon, place.lat))


def _named(outage: PlannedOutage, address: str) -> bool:
    """The address itself, or what stands behind it: a flat, a floor, a meter."""
    said = folded(address)
    for one in map(folded, outage.addresses):
        ends, goes_on = one[-1:], said[len(one) :][:1]
        within = all(c.isascii() and c.isalnum() for c in (ends, goes_on))  # of a word or a number
        if one and said.startswith(one) and not within:
            return True
    return False
