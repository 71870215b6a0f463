"""What a crew said of an order beside what positions say: the claim and the evidence, step by step.

The evidence is the track of the crew's vehicle while the crew had the order, folded by the rules of core.arrival; nothing of it is
kept, so it is the same whoever asks and whenever.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from dispatch.core.arrival import ArrivalWatch, DepartureWatch
from dispatch.core.track import whereabouts
from dispatch.core.types import Point, distance
from dispatch.core.work_order import Event, WorkOrder
from dispatch.services.context import Context
from dispatch.services.positions import Tracks, terminal_of

STEPS = ("depart", "arrive", "restore")
MOST_FIXES = 5_000
"""Of one dispatch: 1.4 hours at one a second."""
CLOSE_S = 180.0
"""A press so far from what positions say is worth a question."""
NEAR_M = 500.0
"""So far from the fault nobody has arrived."""


class Claim(msgspec.Struct, frozen=True):
    """One step: who says what, and what the vehicle's positions say. Times are aware; None: not known."""

    step: str
    at: datetime | None
    """As it counts."""
    via: str
    """The person's name, `terminal`, `gps`, or `phone…`; empty: nobody has said it."""
    device_at: datetime | None
    """What the phone's own clock showed."""
    offset_s: float | None
    """By how much the phone took its clock to be behind the centre's."""
    recorded_at: datetime | None
    """When the centre received it."""
    gps_at: datetime | None
    """When positions show it."""
    to_fault_m: float | None
    """How far from the fault the vehicle was at `at`, in a straight line."""
    fix_age_s: float | None
    """How old that position was then."""
    doubtful: bool
    """The two do not agree."""


async def claims(context: Context, tracks: Tracks, order: WorkOrder) -> list[Claim]:
    """One for each of STEPS since the last dispatch that was said, or that positions show."""
    dispatched = order.last("dispatch")
    if dispatched is None:
        return []
    after = [e for e in order.history if e.seq > dispatched.seq]
    device = terminal_of(context, str(dispatched.data.get("crew_id", "")))
    seen = await _seen(tracks, device, order, after, context.clock.now()) if device else {}
    said = {step: next((e for e in after if e.kind == step), None) for step in STEPS}
    return [
        await _claim(tracks, device, order, step, said[step], seen.get(step))
        for step in STEPS
        if said[step] is not None or step in seen
    ]


async def _seen(
    tracks: Tracks, device: str, order: WorkOrder, after: list[Event], now: datetime
) -> dict[str, datetime]:
    """When positions show the departure and the arrival."""
    begun = next((e for e in after if e.kind == "acknowledge"), None)
    if begun is None:
        return {}
    ended = next((e.at for e in after if e.kind in {"restore", "reject", "recall", "cancel"}), now)
    start = whereabouts(await tracks.around(device, begun.at.timestamp()), begun.at.timestamp())
    fixes, _ = await tracks.between(device, begun.at.timestamp(), ended.timestamp(), None, MOST_FIXES)
    left = DepartureWatch(Point(start.lat, start.lon)) if start else None
    there = ArrivalWatch(order.facts.place) if order.facts.place else None
    for one in fixes:
        left = left.see(one.fix) if left else None
        there = there.see(one.fix) if there else None
    found = {"depart": left.left_at if left else None, "arrive": there.arrived_at if there else None}
    return {step: datetime.fromtimestamp(at, UTC) for step, at in found.items() if at is not None}


async def _claim(
    tracks: Tracks, device: str, order: WorkOrder, step: str, event: Event | None, gps: datetime | None
) -> Claim:
    at = event.at if event else None
    then = whereabouts(await tracks.around(device, at.timestamp()), at.timestamp()) if at and device else None
    place = order.facts.place
    metres = round(distance(Point(then.lat, then.lon), place), 1) if then and place else None
    data = event.data if event else {}
    via = str(data.get("via", "terminal")) if event else ""
    apart = at is not None and gps is not None and abs((at - gps).total_seconds()) > CLOSE_S
    far = step != "depart" and metres is not None and metres > NEAR_M
    return Claim(
        step=step, at=at, via=via, device_at=_instant(data.get("device_at")), offset_s=data.get("offset_s"),
        recorded_at=event.recorded_at if event else None, gps_at=gps, to_fault_m=metres,
        fix_age_s=round(then.age_s, 1) if then else None, doubtful=via != "gps" and (apart or far),
    )  # fmt: skip


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
