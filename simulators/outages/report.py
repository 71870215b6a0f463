"""The figures of a replay, from the orders' own histories, beside what really happened.

Everything is a function of the outcome: no wall clock, no order of arrival, keys sorted, so that the same seed
writes the same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from dispatch.core.escalation import RUNG
from dispatch.core.segments import overruns, timeline
from dispatch.core.work_order import WorkOrder
from simulators.outages.day import Outcome, Plan
from simulators.outages.rows import Outage, OutageFile

CLOSED = "closed"
Figures = dict[str, Any]


def figures(plan: Plan, outcome: Outcome, file: OutageFile) -> Figures:
    """The whole report as plain values. Seconds, but `late_by_owner` in minutes; null = nothing to measure."""
    orders, process = outcome.orders, next(iter(outcome.processes.by_id.values()))
    ended = outcome.ended_at
    lines = {o.id: timeline(o, process, ended) for o in orders}
    arrived = [o for o in orders if "H" in lines[o.id].points]
    totals = [lines[o.id].total.total_seconds() for o in arrived]
    in_time = [
        s <= process.promise[o.area_class].total_seconds() for o, s in zip(arrived, totals, strict=True)
    ]
    late: Counter[str] = Counter()
    for order in orders:
        for one in overruns(order, process, ended):
            late[one.owner] += round(one.excess.total_seconds())
    ways = Counter(how for _, how in outcome.led_to.values())
    return {
        "calls": len(outcome.led_to), "joined": ways["joined"], "orders": len(orders),
        "closed": sum(o.state == CLOSED for o in orders), "lost": len(lost(plan, outcome)),
        "within_45_pct": _share(in_time), "total": _spread(totals),
        "segments": {
            s.name: _spread(lines[o.id].duration(s.name).total_seconds() for o in arrived)
            for s in process.segments
        },
        "escalations": escalations(orders), "attempts": _attempts(orders),
        "late_by_owner": {owner: round(seconds / 60, 1) for owner, seconds in late.items()},
        "actual": actual(plan.outages), "inputs": inputs(plan, file),
        "run": {"ended_at": ended.isoformat(), "batches": outcome.batches, "stuck": outcome.stuck},
    }  # fmt: skip


def lost(plan: Plan, outcome: Outcome) -> list[str]:
    """Outages whose call led to no order, or to one that was not closed: each said in words."""
    state = {o.id: o.state for o in outcome.orders}
    found = []
    for outage in plan.outages:
        order_id, _ = outcome.led_to.get(outage.id, ("", ""))
        if state.get(order_id) != CLOSED:
            where = f"order {order_id} is {state.get(order_id, 'unknown')}" if order_id else "never taken"
            found.append(f"outage {outage.id} (line {outage.line}): {where}")
    return found


def escalations(orders: Iterable[WorkOrder]) -> dict[str, dict[str, int]]:
    """How often each rung of each watch fired."""
    count: dict[str, Counter[str]] = {}
    for order in orders:
        for event in order.history:
            if event.kind == RUNG:
                count.setdefault(str(event.data["watch"]), Counter())[str(event.data["rung"])] += 1
    return {watch: dict(rungs) for watch, rungs in count.items()}


def _attempts(orders: Iterable[WorkOrder]) -> dict[str, int]:
    """How the telephone calls of the chains ended."""
    states = (str(e.data["state"]) for o in orders for e in o.history if e.kind == "attempt")
    return dict(Counter(state for state in states if state != "dialling"))


def actual(outages: Sequence[Outage]) -> Figures:
    """What really happened, over the outages with an arrival. Seconds from the start of the outage."""
    seconds = [(o.onsite - o.start).total_seconds() for o in outages if o.onsite is not None]
    stages: dict[str, list[tuple[datetime | None, datetime | None]]] = {
        "start_to_assigned": [(o.start, o.assigned) for o in outages],
        "assigned_to_enroute": [(o.assigned, o.enroute) for o in outages],
        "enroute_to_onsite": [(o.enroute, o.onsite) for o in outages],
    }
    return {
        "n": len(seconds), "within_45_pct": _share([s <= 45 * 60 for s in seconds]), "total": _spread(seconds),
        "stages": {
            name: _spread((b - a).total_seconds() for a, b in pairs if a is not None and b is not None)
            for name, pairs in stages.items()
        },
    }  # fmt: skip


def inputs(plan: Plan, file: OutageFile) -> Figures:
    """Everything that decides the run, so that it can be repeated."""
    speeds = plan.speeds
    people: Any = msgspec.to_builtins(plan.people.behaviour)
    return {
        "file": file.name, "date": plan.day.isoformat(), "timezone": str(plan.zone), "policy": plan.policy,
        "seed": plan.people.seed, "crews": {"number": sum(plan.trades.values()), "by_trade": plan.trades},
        "people": people, "transport": plan.transport.as_json(),
        "speeds": {
            "default_kmh": speeds.default_kmh, "off_road_kmh": speeds.off_road_kmh,
            "factor": list(speeds.factor),
        },
        "repair": {
            "usual_s": plan.usual_repair_s, "from_file": len(plan.outages) - plan.repairs_guessed,
            "from_median": plan.repairs_guessed,
        },
        "skipped_rows": {"number": len(file.malformed), "rows": file.malformed},
        "missing_columns": file.missing,
    }  # fmt: skip


def as_text(report: Mapping[str, Any]) -> str:
    """The report as it is written."""
    return json.dumps(report, sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def _spread(seconds: Iterable[float]) -> dict[str, float | None]:
    values = list(seconds)
    if not values:
        return {"p50": None, "p90": None}
    return {f"p{p}": round(float(np.percentile(values, p)), 1) for p in (50, 90)}


def _share(flags: Sequence[bool]) -> float | None:
    return round(100 * sum(flags) / len(flags), 1) if flags else None
