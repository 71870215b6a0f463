"""Where vehicles are and were: at an instant, along a track, and who is nearest now.

What is served is believed; docs/positions.md says when a fix is. Who may see a device: whoever sees its crew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import isfinite, nan
from typing import Protocol

import msgspec

from dispatch.core.errors import BadInput, NotFound
from dispatch.core.position import LastKnown
from dispatch.core.track import Kept, Whereabouts, whereabouts
from dispatch.core.types import Point, distance
from dispatch.core.work_order import WorkOrder
from dispatch.services.context import Context
from dispatch.services.people import Person, Scope, own_crew
from dispatch.services.ports import Crew
from dispatch.services.views import STALE_AFTER

Cursor = tuple[float, str, int]
"""The last fix of a page: fix time, stream entry, place in it."""
LOOK_BACK_S = 86_400.0
"""A fix older than a day says nothing about where a vehicle was."""
LONGEST_S = 31 * 86_400.0
"""The longest track that is served at once."""
LAST_PLACE = 32_767
"""Of a fix in its stream entry, by what the history can hold."""
RINGS_M = (1_000.0, 4_000.0, 16_000.0, 64_000.0, 256_000.0)
"""Radii that the search for the nearest widens through."""


class Tracks(Protocol):
    """The position history."""

    async def around(self, device: str, at: float) -> list[Kept]:
        """The woven track on both sides of an instant, a few fixes each."""
        ...

    async def between(
        self, device: str, since: float, until: float, after: Cursor | None, limit: int
    ) -> tuple[list[Kept], Cursor | None]:
        """One page of a woven track, and where the next begins."""
        ...


class Near(Protocol):
    """Last known positions by place."""

    async def near(self, place: Point, metres: float) -> list[LastKnown]:
        """Every device last known within so many metres. Raises Unavailable."""
        ...


class Seen(msgspec.Struct, frozen=True):
    """One fix as it is shown. Instants are aware; metres, metres a second, degrees."""

    lat: float
    lon: float
    fix_at: datetime
    device_at: datetime
    received_at: datetime
    speed_mps: float | None
    course_deg: float | None
    odometer_m: float | None
    moving: bool | None
    flag: str
    altitude_m: float | None
    protocol: str
    attributes: dict[str, str | int | float | bool]
    """What else the device said with it, by the codec's names."""


class PositionAt(msgspec.Struct, frozen=True):
    """Where a device was at an instant, and how that is known; see `Whereabouts`."""

    device: str
    crew_id: str
    at: datetime
    lat: float
    lon: float
    how: str
    age_s: float
    before: Seen
    after: Seen | None


class TrackPage(msgspec.Struct, frozen=True):
    """Part of a track; `next` is what to ask with for the rest, None: there is none."""

    device: str
    crew_id: str
    fixes: Sequence[Seen]
    next: str | None


class VehicleThen(msgspec.Struct, frozen=True):
    """Where the crew's vehicle was at one event of an order; `to_fault_m` in a straight line, None: place unknown."""

    seq: int
    device: str
    lat: float
    lon: float
    how: str
    age_s: float
    to_fault_m: float | None


class Nearby(msgspec.Struct, frozen=True):
    """A crew that is near now. `shared`: two devices seem to report under one id."""

    crew_id: str
    device: str
    distance_m: float
    lat: float
    lon: float
    fix_at: datetime
    age_s: float
    speed_mps: float
    moving: bool
    odometer_m: float
    shared: bool


def crew_of(context: Context, person: Person, device: str) -> Crew:
    """The crew that a device belongs to, if this person sees it. Raises NotFound, Forbidden."""
    crew = context.directory.crew_of_device(device)
    if crew is None:
        raise NotFound(f"no device {device!r}", device=device)
    return own_crew(person, crew)


async def position_at(context: Context, tracks: Tracks, crew: Crew, device: str, at: datetime) -> PositionAt:
    """Where a device was at an instant; interpolated only between two close fixes. Raises NotFound."""
    found = whereabouts(await tracks.around(device, at.timestamp()), at.timestamp())
    if found is None:
        raise NotFound(f"nothing is known of {device} in the day before {at.isoformat()}", device=device)
    return _position(crew, device, at, found)


async def last_of(tracks: Tracks, device: str, now: datetime) -> Seen | None:
    """The last believed fix of a device, where there is one of the last day."""
    found = whereabouts(await tracks.around(device, now.timestamp()), now.timestamp())
    return None if found is None else _seen(found.before)


async def along(context: Context, tracks: Tracks, order: WorkOrder) -> list[VehicleThen]:
    """Where the vehicle of the order's crew was at each event while the crew had the order, if that is known."""
    found = []
    device = ""
    for event in order.history:
        if event.kind == "dispatch":
            device = terminal_of(context, str(event.data.get("crew_id", "")))
        if device:
            at = event.at.timestamp()
            then = whereabouts(await tracks.around(device, at), at)
            if then is not None:
                found.append(_then(event.seq, device, then, order.facts.place))
        if event.kind in {"reject", "recall", "restore", "cancel"}:
            device = ""
    return found


def terminal_of(context: Context, crew_id: str) -> str:
    """The device whose positions are the crew's vehicle's; empty: there is none."""
    crew = context.directory.crews.get(crew_id)
    devices = sorted(crew.devices, key=lambda d: d.kind != "terminal") if crew else []
    return devices[0].id if devices else ""


def _then(seq: int, device: str, then: Whereabouts, fault: Point | None) -> VehicleThen:
    away = None if fault is None else round(distance(Point(then.lat, then.lon), fault), 1)
    return VehicleThen(
        seq, device, round(then.lat, 7), round(then.lon, 7), then.how, round(then.age_s, 1), away
    )


async def track(
    tracks: Tracks, crew: Crew, device: str, since: datetime, until: datetime, after: str, limit: int
) -> TrackPage:
    """A page of a device's believed fixes from `since` to `until`, both included. Raises BadInput."""
    if not 0 <= (until - since).total_seconds() <= LONGEST_S:
        raise BadInput("from, to: expected at most 31 days in order", field="to")
    cursor = _cursor(after) if after else None
    fixes, end = await tracks.between(device, since.timestamp(), until.timestamp(), cursor, limit)
    following = None if end is None else f"{end[0]!r},{end[2]},{end[1]}"
    return TrackPage(device, crew.id, [_seen(one) for one in fixes], following)


async def nearest(context: Context, near: Near, place: Point, k: int, scope: Scope) -> list[Nearby]:
    """The `k` crews whose vehicles are nearest now, of those that are seen and whose position is fresh."""
    found: dict[str, Nearby] = {}
    for metres in RINGS_M:
        found = {}
        for known in await near.near(place, metres):
            one = _nearby(context, known, place, scope)
            if one is not None and _better(one, found.get(one.crew_id)):
                found[one.crew_id] = one
        if len(found) >= k:
            break
    return sorted(found.values(), key=lambda one: (one.distance_m, one.crew_id))[:k]


def _better(one: Nearby, than: Nearby | None) -> bool:
    """A crew is where its freshest device is."""
    return than is None or one.fix_at > than.fix_at


def _nearby(context: Context, known: LastKnown, place: Point, scope: Scope) -> Nearby | None:
    crew = context.directory.crew_of_device(known.device)
    age = context.clock.now().timestamp() - known.fix_time
    if crew is None or not scope.sees_crew(crew) or age > STALE_AFTER:
        return None
    return Nearby(
        crew.id, known.device, round(distance(place, known.point), 1), known.fix.lat, known.fix.lon,
        _instant(known.fix_time), round(max(0.0, age), 1), known.speed_mps, known.moving,
        round(known.odometer_m, 1), known.torn,
    )  # fmt: skip


def _position(crew: Crew, device: str, at: datetime, found: Whereabouts) -> PositionAt:
    return PositionAt(
        device, crew.id, at, round(found.lat, 7), round(found.lon, 7), found.how, round(found.age_s, 1),
        _seen(found.before), None if found.after is None else _seen(found.after),
    )  # fmt: skip


def _seen(one: Kept) -> Seen:
    fix = one.fix
    return Seen(
        fix.lat, fix.lon, _instant(fix.fix_time), _instant(one.device_time), _instant(fix.received_time),
        fix.speed_mps, fix.course_deg, one.odometer_m, one.moving, one.flag,
        one.altitude_m, one.protocol, one.attributes,
    )  # fmt: skip


def _cursor(text: str) -> Cursor:
    try:
        at, place, entry = text.split(",", 2)
        cursor = float(at), entry, int(place)
    except ValueError:
        cursor = nan, "", 0
    if isfinite(cursor[0]) and 0 <= cursor[2] <= LAST_PLACE:
        return cursor
    raise BadInput("after: expected the `next` of a page", field="after")


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
