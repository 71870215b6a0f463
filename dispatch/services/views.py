"""What screens are shown (docs/http-api.md, Shapes), made from the core's values and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from dispatch.core.crew import CrewDuty
from dispatch.core.escalation import open_watches
from dispatch.core.position import LastKnown
from dispatch.core.process import Process
from dispatch.core.segments import Timeline, deadline, limit, overruns, timeline
from dispatch.core.work_order import WorkOrder, last_move
from dispatch.services.context import Context
from dispatch.services.ports import Crew, Device, OutboxRow

STALE_AFTER = 300.0
"""Seconds after which a fix says no longer where a vehicle is."""

Status = Literal["standby", "assigned", "en_route", "on_scene", "away", "off_shift"]
STATUSES: tuple[Status, ...] = ("standby", "assigned", "en_route", "on_scene", "away", "off_shift")
"""In the order of their numbers in position frames."""


class Running(msgspec.Struct, frozen=True):
    """The interval that has not ended. `since` is when it began, `due` when its limit is used up."""

    label: str
    since: datetime
    limit_s: float
    due: datetime


class WatchView(msgspec.Struct, frozen=True):
    """An acknowledgement watch that nobody has answered."""

    name: str
    since: datetime
    next_due: datetime
    fired: int


class Moved(msgspec.Struct, frozen=True):
    """The step that brought an order where it is: who decided last, what, when."""

    step: str
    role: str
    id: str
    at: datetime
    crew_id: str
    reason: str


class OrderView(msgspec.Struct, frozen=True):
    """One order as every screen shows it."""

    id: str
    state: str
    centre_id: str
    trade: str
    area_class: str
    crew_id: str
    generation: int
    priority: int
    channel: str
    address: str
    lat: float | None
    lon: float | None
    fault_type: str
    voltage: str
    description: str
    customer_name: str
    customer_phone: str
    reported_at: datetime
    deadline: datetime
    points: Mapping[str, datetime]
    running: Running | None
    watch: WatchView | None
    behind: bool
    removing: Sequence[str]
    in_centre_hands: bool
    joined: int
    satisfied: bool | None
    recorded: bool
    total_s: float
    incident_id: str
    """The order that leads its incident (itself, or the one that it follows); empty: none."""
    withheld: bool
    """The first caller gives no telephone number."""
    last: Moved | None
    version: int


class Aboard(msgspec.Struct, frozen=True):
    """One order on a vehicle."""

    order_id: str
    version: int
    acknowledged: bool


class FixView(msgspec.Struct, frozen=True):
    """Where a crew was last known to be."""

    lat: float
    lon: float
    at: datetime
    age_s: float
    speed_mps: float
    course_deg: float | None


class DeviceView(msgspec.Struct, frozen=True):
    """A terminal or a phone."""

    id: str
    kind: str
    label: str


class Asked(msgspec.Struct, frozen=True):
    """A crew's wish to be away that the centre has not answered."""

    at: datetime
    until: datetime
    reason: str


class CrewView(msgspec.Struct, frozen=True):
    """One crew as every screen shows it; `no` is its number in position frames."""

    id: str
    no: int
    name: str
    name_zh: str
    centre_id: str
    trade: str
    presence: str
    status: Status
    away_until: datetime | None
    asked: Asked | None
    stack: Sequence[Aboard]
    capacity: int
    duty_phone: str
    devices: Sequence[DeviceView]
    fix: FixView | None
    stale: bool


class AlertView(msgspec.Struct, frozen=True):
    """One in-app alert."""

    id: int
    code: str
    role: str
    centre_id: str
    order_id: str
    facts: Mapping[str, Any]
    raised_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str
    settled: str
    """The step that ended its cause, taken by `acknowledged_by`; empty where a person acknowledged it."""
    rank: int
    """`alert_codes.Rank`: the lowest is shown and heard first."""


def order_view(order: WorkOrder, process: Process, now: datetime) -> OrderView:
    """An order as it stands at `now`."""
    facts = order.facts
    line = timeline(order, process, now)
    return OrderView(
        id=order.id, state=order.state, centre_id=order.centre_id, trade=order.trade,
        area_class=order.area_class, crew_id=order.crew_id, generation=order.generation,
        priority=order.priority, channel=facts.channel, address=facts.address,
        lat=facts.place.lat if facts.place else None, lon=facts.place.lon if facts.place else None,
        fault_type=facts.fault_type, voltage=facts.voltage, description=facts.description,
        customer_name=facts.customer_name, customer_phone=facts.customer_phone,
        reported_at=facts.reported_at, deadline=deadline(order, process), points=dict(line.points),
        running=_running(order, process, line), watch=_watch(order, process), behind=order.behind,
        removing=sorted(order.removing), in_centre_hands=order.in_centre_hands,
        joined=sum(1 for e in order.history if e.kind == "joined"), satisfied=order.satisfied,
        recorded=order.record is not None, total_s=line.total.total_seconds(), last=_moved(order, process),
        incident_id=order.incident_id, withheld=bool(order.history[0].data.get("withheld")), version=order.version,
    )  # fmt: skip


def _moved(order: WorkOrder, process: Process) -> Moved | None:
    event = last_move(order, process)
    if event is None:
        return None
    crew_id, reason = (str(event.data.get(name, "")) for name in ("crew_id", "reason"))
    return Moved(event.kind, event.by.role, event.by.id, event.at, crew_id, reason)


def _running(order: WorkOrder, process: Process, line: Timeline) -> Running | None:
    if not line.running:
        return None
    last = line.intervals[-1]
    allowed = limit(order, process, line.running)
    spent = line.duration(line.running) - last.duration
    return Running(line.running, last.start, allowed.total_seconds(), last.start + allowed - spent)


def _watch(order: WorkOrder, process: Process) -> WatchView | None:
    """The watch that began last, where several run."""
    if order.state in process.final:
        return None
    newest = max(open_watches(order, process), key=lambda w: w.since, default=None)
    if newest is None:
        return None
    return WatchView(newest.watch.name, newest.since, newest.next_due, newest.fired)


def crew_view(
    context: Context, crew: Crew, duty: CrewDuty, states: Mapping[str, str], number: int, now: datetime
) -> CrewView:
    """A crew as it stands; `states` has the state of each order aboard."""
    fix = context.fixes.of_crew(crew)
    return CrewView(
        id=crew.id, no=number, name=crew.name, name_zh=crew.name_zh, centre_id=crew.centre_id,
        trade=crew.trade, presence=duty.presence, status=_status(context, crew, duty, states, now),
        away_until=duty.away_until, asked=_asked(duty),
        stack=tuple(Aboard(s.order_id, s.version, s.acknowledged) for s in duty.stack),
        capacity=duty.capacity, duty_phone=crew.duty_phone,
        devices=tuple(_device(d) for d in crew.devices), fix=_fix(fix, now),
        stale=_stale(fix, now),
    )  # fmt: skip


def carried_on(
    context: Context, crew: Crew, shown: CrewView, now: datetime, far: float
) -> tuple[CrewView, float] | None:
    """A crew that was `shown` before, where time alone has changed it: its shift began or ended, its fix became stale or
    fresh; or where its fix is at least `far` seconds from the one that was shown: with these seconds, else 0."""
    fix = context.fixes.of_crew(crew)
    status, stale = shown.status, _stale(fix, now)
    if status in ("standby", "off_shift"):
        status = "standby" if context.on_shift(crew, now) else "off_shift"
    told = shown.fix.at.timestamp() if shown.fix else 0.0
    moved = abs(fix.fix_time - told) if fix else 0.0  # also a fix ahead of time
    changed = status != shown.status or stale != shown.stale
    if not changed and moved < far:
        return None
    after = msgspec.structs.replace(shown, status=status, stale=stale, fix=_fix(fix, now))
    return after, 0.0 if changed else moved


def _stale(fix: LastKnown | None, now: datetime) -> bool:
    return fix is None or now.timestamp() - fix.fix_time > STALE_AFTER


def _asked(duty: CrewDuty) -> Asked | None:
    if duty.asked_at is None or duty.asked_until is None:
        return None
    return Asked(duty.asked_at, duty.asked_until, duty.asked_reason)


def _status(context: Context, crew: Crew, duty: CrewDuty, states: Mapping[str, str], now: datetime) -> Status:
    if duty.presence == "away":
        return "away"
    aboard = {states.get(s.order_id, "") for s in duty.stack}
    if "on_scene" in aboard:
        return "on_scene"
    if "en_route" in aboard:
        return "en_route"
    if duty.stack:
        return "assigned"
    return "standby" if context.on_shift(crew, now) else "off_shift"


def _device(device: Device) -> DeviceView:
    return DeviceView(device.id, device.kind, device.label)


def _fix(fix: LastKnown | None, now: datetime) -> FixView | None:
    if fix is None:
        return None
    at = datetime.fromtimestamp(fix.fix_time, UTC)
    age = round(max(0.0, (now - at).total_seconds()), 1)
    return FixView(fix.point.lat, fix.point.lon, at, age, fix.speed_mps, fix.fix.course_deg)


def history(order: WorkOrder) -> list[dict[str, Any]]:
    """Every line of an order's history, the oldest first."""
    return [
        {
            "seq": e.seq, "kind": e.kind, "at": e.at, "recorded_at": e.recorded_at,
            "by": {"role": e.by.role, "id": e.by.id}, "data": dict(e.data),
        }
        for e in order.history
    ]  # fmt: skip


def intervals(order: WorkOrder, process: Process, now: datetime) -> list[dict[str, Any]]:
    """Where the minutes went, from A on."""
    return [
        {
            "label": i.label, "start": i.start, "end": i.end, "seconds": i.duration.total_seconds(),
            "owner": i.owner, "attempt": i.attempt, "evidence": i.evidence,
        }
        for i in timeline(order, process, now).intervals
    ]  # fmt: skip


def overrun_rows(order: WorkOrder, process: Process, now: datetime) -> list[dict[str, Any]]:
    """Which limits were exceeded, and by whom."""
    return [
        {
            "label": o.label, "owner": o.owner, "seconds": o.duration.total_seconds(),
            "limit_s": o.limit.total_seconds(), "excess_s": o.excess.total_seconds(), "evidence": o.evidence,
        }
        for o in overruns(order, process, now)
    ]  # fmt: skip


def attempts(order: WorkOrder, calls: Sequence[OutboxRow] = ()) -> list[dict[str, Any]]:
    """Every try to reach somebody about this order: the rungs that fired, what became of each call, and how the
    `calls` that are not over stand: queued, ringing, answered (that it was dialled is in the history)."""
    kinds = {"rung", "attempt", "in_hand"}
    found = [{"kind": e.kind, "at": e.at, **dict(e.data)} for e in order.history if e.kind in kinds]
    for row in calls:
        facts = {k: row.data[k] for k in ("watch", "generation", "rung")}
        state = row.outcome if row.call_id else "queued"
        if state == "dialling":
            continue
        found.append(
            {"kind": "attempt", "at": row.due, "to": row.target, "state": state, "live": True, **facts}
        )
    return found
