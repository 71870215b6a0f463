"""The utility that repairs a replay's outages: one repair centre for the whole city, crews of three trades.

What fails follows from how many customers lost their supply, for the published data say no more (docs/replay.md):
up to 1 = a service drop or a meter, low voltage, trade `service`; 2 to 50 = a low-voltage line, trade
`low_voltage`; more = a 10 kV line, trade `medium_voltage`. The trade itself is decided by the product's own rules of
responsibility. Crews are shared out over the trades in proportion to the square root of the file's unplanned
outages (a small trade needs relatively more of them), at least one each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from shapely.geometry import box, mapping

from dispatch.core.errors import BadInput
from dispatch.core.road_graph import RoadGraph
from dispatch.core.types import Point, distance
from simulators.outages.rows import Outage

CENTRE = "centre-1"
SERVICE_UP_TO, LOW_VOLTAGE_UP_TO = 1, 50
BESIDE_THE_ROADS = 0.05
"""Degrees around the road graph that still belong to the territory."""
CANDIDATES = 40
"""Crossings that are looked at for each crew's base."""
KINDS = {
    "service": "community_service_station",
    "low_voltage": "city_supply_station",
    "medium_voltage": "emergency_repair",
}
"""Trade → kind of its department."""


class Fault(NamedTuple):
    """What a caller's outage is taken to be."""

    fault_type: str
    voltage: str
    trade: str


def fault_of(outage: Outage) -> Fault:
    """By the number of customers; drops and meters in turn, by the outage's line."""
    if outage.customers <= SERVICE_UP_TO:
        return Fault("meter" if outage.line % 2 else "service_drop", "lv", "service")
    if outage.customers <= LOW_VOLTAGE_UP_TO:
        return Fault("low_voltage_line", "lv", "low_voltage")
    return Fault("mv_line", "10kv", "medium_voltage")


def shared_out(crews: int, outages: Sequence[Outage]) -> dict[str, int]:
    """How many crews each trade has. Raises BadInput where there are fewer crews than trades."""
    if crews < len(KINDS):
        raise BadInput(f"{crews} crew(s) for {len(KINDS)} trades: at least {len(KINDS)} are needed")
    count = Counter(fault_of(one).trade for one in outages)
    weight = {trade: max(count[trade], 1) ** 0.5 for trade in KINDS}
    exact = {trade: crews * w / sum(weight.values()) for trade, w in weight.items()}
    result = {trade: max(1, int(share)) for trade, share in exact.items()}
    while (left := crews - sum(result.values())) != 0:
        step = 1 if left > 0 else -1
        able = [trade for trade in KINDS if step > 0 or result[trade] > 1]
        result[max(able, key=lambda t: step * (exact[t] - result[t]))] += step
    return result


def organisation(graph: RoadGraph, trades: Mapping[str, int], seed: int) -> dict[str, Any]:
    """An organisation file: one centre, a department and crews for each trade, spread over the road graph."""
    numbers = (f"1415555{number:04d}" for number in range(100, 10_000))
    middle = {"lat": float(graph.lat.mean()), "lon": float(graph.lon.mean())}
    centre = {"id": CENTRE, "name": "Repair centre", "duty_phone": next(numbers), **middle}
    departments: list[dict[str, Any]] = []
    crews: list[dict[str, Any]] = []
    for trade, number in trades.items():
        leaders = {f"leader{n}": {"name": f"Leader {n}, {trade}", "phone": next(numbers)} for n in (1, 2)}
        departments.append(
            {"id": f"department-{trade}", "name": trade, "kind": KINDS[trade], "centre_id": CENTRE,
             "trade": trade, **leaders}
        )  # fmt: skip
        for base in _bases(graph, number, Random(f"{seed}:bases:{trade}")):
            crews.append(_crew(len(crews) + 1, trade, base, next(numbers)))
    return {"centres": [centre], "departments": departments, "crews": crews}


def territory(graph: RoadGraph) -> dict[str, Any]:
    """One territory: the road graph's frame and a little more. Who calls from outside it needs a person."""
    beside = BESIDE_THE_ROADS
    frame = box(
        max(-180.0, float(graph.lon.min()) - beside), max(-90.0, float(graph.lat.min()) - beside),
        min(180.0, float(graph.lon.max()) + beside), min(90.0, float(graph.lat.max()) + beside),
    )  # fmt: skip
    properties = {
        "id": "city", "name": "City", "centre_id": CENTRE, "area_class": "urban", "kind": "city",
    }  # fmt: skip
    feature = {"type": "Feature", "properties": properties, "geometry": mapping(frame)}
    return {"type": "FeatureCollection", "features": [feature]}


def _crew(number: int, trade: str, base: Point, phone: str) -> dict[str, Any]:
    return {
        "id": f"crew-{number:02d}", "name": f"Crew {number:02d}", "department_id": f"department-{trade}",
        "centre_id": CENTRE, "trade": trade, "duty_phone": phone, "capacity": 3, "shift_start": "00:00",
        "shift_end": "24:00", "base": {"lat": base.lat, "lon": base.lon}, "shares_office": False,
        "vehicle": {"plate": f"R{number:03d}", "device": f"0145{number:08d}", "protocol": "jt808"},
    }  # fmt: skip


def _bases(graph: RoadGraph, number: int, random: Random) -> list[Point]:
    """Crossings on the main part of the graph, each the farthest from the others of some that are drawn."""
    chosen: list[Point] = []
    while len(chosen) < number:
        drawn = [_somewhere(graph, random) for _ in range(CANDIDATES)]
        chosen.append(max(drawn, key=lambda p: min((distance(p, c) for c in chosen), default=0.0)))
    return chosen


def _somewhere(graph: RoadGraph, random: Random) -> Point:
    edge = random.randrange(graph.edges)
    node = int(graph.u[edge])
    return Point(float(graph.lat[node]), float(graph.lon[node]))
