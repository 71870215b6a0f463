"""From devices: positions, receipts and presses, as the streams bring them; arrival by geofence and dwell.

Handing the same entry over twice changes nothing: positions are kept under their stream entry, and steps carry the
press's own id as their key.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dispatch.core import hop
from dispatch.core import position as fixes
from dispatch.core.arrival import ArrivalWatch, DepartureWatch
from dispatch.core.errors import TRANSIENT, DispatchError
from dispatch.core.segments import LEFT
from dispatch.core.types import Actor
from dispatch.core.work_order import WorkOrder
from dispatch.messages import DeviceEvent, Link, Position, Press, Receipt, Status
from dispatch.services import crew as crew_service
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Crew, Loaded
from dispatch.services.steps import Draft

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SeenFix:
    """One position as it came, with what was thought of it."""

    position: Position
    fix: fixes.Fix
    flag: fixes.Flag
    odometer_m: float | None = None
    """How far the device had driven by then; None where the fix is not believed."""
    moving: bool | None = None


@dataclass
class Judged:
    """A batch in the order it came, with what would be known of its devices after it."""

    seen: list[SeenFix] = field(default_factory=list)
    known: dict[str, fixes.LastKnown] = field(default_factory=dict)

    @property
    def moved(self) -> set[str]:
        """Devices with a good fix."""
        return {one.position.device for one in self.seen if one.flag == "ok"}


@dataclass
class _Bound:
    """A crew on its way to an order, and what its positions say about that."""

    order: WorkOrder
    arrival: ArrivalWatch
    departure: DepartureWatch | None
    stood: bool
    """It was at the place already when that was looked at first: only who has departed arrives."""

    @property
    def has_departed(self) -> bool:
        """As its crew said, or as its positions did, also before this worker began."""
        if self.order.state == "en_route" or (
            self.departure is not None and self.departure.left_at is not None
        ):
            return True
        left, dispatched = self.order.last(LEFT), self.order.last("dispatch")
        return left is not None and dispatched is not None and left.seq > dispatched.seq


class Tracking:
    """Follows every device. `bound_for` is asked again whenever orders may have changed (`look_again`)."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[str, fixes.LastKnown] = {f.device: f for f in context.fixes.all()}
        self._bound: dict[str, list[_Bound]] = {}

    async def look_again(self) -> None:
        """Learn which crews are bound for which orders; what was seen of an order so far is kept."""
        before = {b.order.id: b for bound in self._bound.values() for b in bound}
        now: dict[str, list[_Bound]] = {}
        for order in await self._context.store.open_orders(["acknowledged", "en_route"]):
            if order.facts.place is None or order.follows or (order.behind and order.state == "acknowledged"):
                continue
            known = before.get(order.id)
            if known is None or known.order.generation != order.generation:
                known = self._watch(order)
            elif known.order.facts.place != order.facts.place:
                anew = self._watch(order)
                known.arrival, known.stood = anew.arrival, anew.stood
            known.order = order
            now.setdefault(order.crew_id, []).append(known)
        self._bound = now

    def _watch(self, order: WorkOrder) -> _Bound:
        crew = self._context.directory.crews.get(order.crew_id)
        here = self._context.fixes.of_crew(crew) if crew else None
        assert order.facts.place is not None
        arrival = ArrivalWatch(order.facts.place)
        if here is None:
            return _Bound(order, arrival, None, stood=False)
        return _Bound(order, arrival, DepartureWatch(here.point), stood=arrival.covers(here.point))

    def learn(self, known: Iterable[fixes.LastKnown]) -> None:
        """What other workers know of devices: the newer counts."""
        for one in known:
            mine = self._known.get(one.device)
            if mine is None or mine.fix_time < one.fix_time:
                self._known[one.device] = one

    def classify(self, batch: Sequence[Position]) -> Judged:
        """Judge a batch, in the order of the fix times: a terminal may send its blind spot's newest fix first.

        Nothing is moved by it: what could not be stored is judged anew, not as its own duplicate.
        """
        known: dict[str, fixes.LastKnown] = {}
        seen: list[SeenFix | None] = [None] * len(batch)
        for n in sorted(range(len(batch)), key=lambda n: batch[n].fix_time):
            p = batch[n]
            fix = _fix(p)
            after, flag = fixes.follow(known.get(p.device) or self._known.get(p.device), p.device, fix)
            if after is not None:
                known[p.device] = after
            if after is not None and flag == "ok":
                seen[n] = SeenFix(p, fix, flag, after.odometer_m, after.moving)
            else:
                seen[n] = SeenFix(p, fix, flag)
        return Judged([one for one in seen if one is not None], known)

    def believe(self, judged: Judged) -> None:
        """Move the last known positions; only good fixes do that."""
        self._known |= judged.known
        for device in judged.moved:
            self._context.fixes.put(judged.known[device])

    async def follow(self, seen: Sequence[SeenFix]) -> None:
        """What good fixes say about departures and arrivals becomes steps or evidence."""
        if not self._bound:
            return
        for one in sorted(seen, key=lambda one: one.fix.fix_time):
            crew = self._context.directory.crew_of_device(one.position.device)
            if one.flag != "ok" or crew is None:
                continue
            for bound in self._bound.get(crew.id, []):
                await self._evidence(crew, bound, one.position.device, one.fix)

    async def _evidence(self, crew: Crew, bound: _Bound, device: str, fix: fixes.Fix) -> None:
        if bound.departure is not None:
            departure = bound.departure.see(fix)
            if departure.left_at is not None and bound.departure.left_at is None:
                await self._remark_left(bound, device, departure.left_at)
            bound.departure = departure
        if bound.stood and not bound.has_departed:
            return
        bound.arrival = bound.arrival.see(fix)
        if bound.arrival.arrived_at is not None:
            await self._arrived(crew, bound, device)

    async def _remark_left(self, bound: _Bound, device: str, left_at: float) -> None:
        await _remark(
            self._context, bound.order.id, "gps_departed", device, _instant(left_at),
            f"gps-left/{device}/{bound.order.generation}",
        )  # fmt: skip

    async def _arrived(self, crew: Crew, bound: _Bound, device: str) -> None:
        """The vehicle has come to stay: stands in for buttons that nobody pressed."""
        assert bound.arrival.arrived_at is not None
        at = _instant(bound.arrival.arrived_at)
        order = bound.order  # another look may come meanwhile
        generation, edition = order.generation, len(order.editions)
        by = Actor("device", device)
        left = bound.departure.left_at if bound.departure else None
        steps = [("arrive", at)]
        if bound.order.state == "acknowledged":
            steps.insert(0, ("depart", _instant(left) if left else at))
        for name, when in steps:
            try:
                await crew_service.step(
                    self._context, bound.order.id, name, crew=crew, by=by, at=when, generation=generation,
                    data={"via": "gps"}, key=f"gps-{name}/{device}/{generation}", edition=edition,
                )  # fmt: skip
            except TRANSIENT:
                raise
            except DispatchError as error:
                log.debug("gps %s of %s: %s", name, bound.order.id, error)
        self._bound[crew.id] = [b for b in self._bound.get(crew.id, []) if b is not bound]


def _fix(p: Position) -> fixes.Fix:
    odometer = p.attributes.get("odometer_m")
    counted = float(odometer) if isinstance(odometer, int | float) else None
    return fixes.Fix(p.lat, p.lon, p.fix_time, p.received_time, p.valid, p.speed_mps, p.course_deg, counted)


async def _remark(context: Context, order_id: str, kind: str, device: str, at: datetime, key: str) -> None:
    def decide(loaded: Loaded, now: datetime) -> Changes[None]:
        draft = Draft(context, loaded, now)
        draft.remark(order_id, kind, by=Actor("device", device), at=at, data={"device": device}, key=key)
        return draft.changes(None)

    await context.store.transact(decide)


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def device_event(context: Context, event: DeviceEvent) -> None:
    """One receipt, press or link change. What cannot be applied any more is logged, never raised again.

    Raises one of TRANSIENT where it could not be decided now: it has to come again, or it would be lost.
    """
    if isinstance(event, Link):
        hop.learn(context.links, [(event.device, event.state, _instant(event.at))])
        return
    if isinstance(event, Status):
        return  # moves no order; the gateway keeps the last one for the device page
    crew = context.directory.crew_of_device(event.device)
    if crew is None:
        log.warning("%s of a device that belongs to no crew: %s", type(event).__name__, event.device)
        return
    handler: Callable[[Context, Crew, DeviceEvent], Awaitable[None]]
    handler = _press if isinstance(event, Press) else _receipt
    try:
        await handler(context, crew, event)
    except TRANSIENT:
        raise
    except DispatchError as error:
        log.warning("%s changed nothing: %s", event, error)


async def _receipt(context: Context, crew: Crew, event: DeviceEvent) -> None:
    assert isinstance(event, Receipt)
    at = _instant(event.at)
    if event.what == "delivered":
        order = await _order(context, event.order_id)
        await crew_service.receipt(
            context, event.order_id, crew=crew, by=Actor("device", event.device), at=at,
            generation=order.dispatch_of(event.version), edition=event.version,
            link=_link_since_dispatch(context, order, event), via="terminal",
        )  # fmt: skip
    elif event.what in {"unreceipted", "recall_unreceipted"}:
        await crew_service.unreceipted(
            context, event.order_id, crew=crew, device=event.device, at=at,
            edition=event.version, what=event.what,
        )  # fmt: skip
    elif event.what == "removed":
        await crew_service.removed(context, event.order_id, device=event.device, at=at, edition=event.version)
    elif event.what == "settled":
        await _settled(context, event.device, event.version, at)


async def _order(context: Context, order_id: str) -> WorkOrder:
    """As it is now: which dispatch a version on a device belongs to does not change any more."""

    def load(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        return Changes(loaded.order(order_id))

    return await context.store.transact(load)


def _link_since_dispatch(context: Context, order: WorkOrder, event: Receipt) -> str:
    """State of the hop while the order was on its way: the network's minutes are explained by it."""
    sent = order.last("dispatch")
    if sent is None:
        return "unknown"
    at_dispatch = str(sent.data.get("links", {}).get(event.device, "unknown"))
    return hop.crossed(at_dispatch, context.links.get(event.device), sent.at)


async def _settled(context: Context, device: str, revision: int, at: datetime) -> None:
    """The device shows just what it should, as of `revision`: orders recalled until then are gone from it."""

    def decide(loaded: Loaded, now: datetime) -> Changes[None]:
        draft = Draft(context, loaded, now)
        waiting = loaded.removing()
        unreadable = loaded.fetch(waiting)  # nobody's confirmation waits for an order that is spoilt
        for order_id in (one for one in waiting if one not in unreadable):
            if draft.order(order_id).removing.get(device, revision + 1) <= revision:
                by = Actor("device", device)
                draft.remark(order_id, "removed", by=by, at=at, data={"device": device, "revision": revision})
        return draft.changes(None)

    await context.store.transact(decide)


async def _press(context: Context, crew: Crew, event: DeviceEvent) -> None:
    assert isinstance(event, Press)
    data: dict[str, Any] = {"via": "terminal", "device": event.device}
    data |= {"edition": event.version} if event.version else {}
    if event.action == "reject":
        data |= {"reason": "other", "said": event.reason} if event.reason else {"reason": "other"}
    if event.lat is not None and event.lon is not None:
        data |= {"lat": event.lat, "lon": event.lon}
    generation = (await _order(context, event.order_id)).dispatch_of(event.version) if event.version else None
    await crew_service.step(
        context, event.order_id, event.action, crew=crew, at=_instant(event.at), data=data,
        key=event.press_id, generation=generation,
    )  # fmt: skip
