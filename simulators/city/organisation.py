"""Three repair centres, their departments, 24 crews and the people. Phone numbers are of a fictional block."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from dispatch.core.territory import Territories
from simulators.city.land import CENTRES
from simulators.city.names import Name, person
from simulators.city.network import Network
from simulators.city.plane import lonlat, place


class _Unit(NamedTuple):
    code: str
    kind: str
    trade: str
    name: Name
    crews: int
    shares_office: bool
    parts: tuple[str, ...]
    """The parts of its centre's land where its crews are based."""


_UNITS = (
    _Unit(
        "service",
        "community_service_station",
        "service",
        Name("community service station", "社区服务站"),
        3,
        False,
        ("city", "city", "suburb"),
    ),
    _Unit(
        "low",
        "city_supply_station",
        "low_voltage",
        Name("city supply station", "城区供电所"),
        2,
        True,
        ("city",),
    ),
    _Unit(
        "suburban",
        "suburban_supply_station",
        "low_voltage",
        Name("suburban supply station", "郊区供电所"),
        1,
        False,
        ("suburb",),
    ),
    _Unit(
        "medium",
        "emergency_repair",
        "medium_voltage",
        Name("emergency repair unit", "应急抢修队"),
        2,
        False,
        ("city", "suburb"),
    ),
)


def organisation(network: Network, territories: Territories, rng: np.random.Generator) -> dict[str, Any]:
    """What `organisation.json` holds: centres, departments, crews and people."""
    phones = (f"8610555{number:05d}" for number in count(1001))
    people = count()
    centres: list[dict[str, Any]] = []
    departments: list[dict[str, Any]] = []
    crews: list[dict[str, Any]] = []
    for centre_id, name, xy in CENTRES:
        office = place(*xy)
        where = {"lat": office.lat, "lon": office.lon}
        centres.append(
            {"id": centre_id, "name": name.en, "name_zh": name.zh, "duty_phone": next(phones), **where}
        )
        for unit in _UNITS:
            departments.append(_department(centre_id, name, unit, phones, people))
            for index in range(unit.crews):
                part = f"{centre_id}-{unit.parts[index % len(unit.parts)]}"
                base = where if unit.shares_office else _node_within(part, network, territories, rng)
                crews.append(_crew(len(crews) + 1, centre_id, name, unit, base, next(phones)))
    return {"centres": centres, "departments": departments, "crews": crews, "people": _people(crews, people)}


def _department(
    centre_id: str, centre: Name, unit: _Unit, phones: Iterator[str], people: Iterator[int]
) -> dict[str, Any]:
    return {
        "id": f"{centre_id}-{unit.code}",
        "name": f"{centre.en.split()[0]} {unit.name.en}",
        "name_zh": f"{centre.zh[:2]}{unit.name.zh}",
        "kind": unit.kind,
        "centre_id": centre_id,
        "trade": unit.trade,
        "leader1": {"name": person(next(people)), "phone": next(phones)},
        "leader2": {"name": person(next(people)), "phone": next(phones)},
    }


def _crew(
    number: int, centre_id: str, centre: Name, unit: _Unit, base: dict[str, float], phone: str
) -> dict[str, Any]:
    return {
        "id": f"crew-{number:02d}",
        "name": f"Crew {number:02d} ({centre.en.split()[0]} {unit.trade.replace('_', ' ')})",
        "name_zh": f"{centre.zh[:2]}{unit.name.zh}{number:02d}班",
        "department_id": f"{centre_id}-{unit.code}",
        "centre_id": centre_id,
        "trade": unit.trade,
        "duty_phone": phone,
        "capacity": 3,
        "shift_start": "00:00",
        "shift_end": "24:00",
        "base": base,
        "shares_office": unit.shares_office,
        "vehicle": {"plate": f"演A·45{number:03d}", "device": f"0145{number:08d}", "protocol": "jt808"},
    }


def _people(crews: list[dict[str, Any]], people: Iterator[int]) -> list[dict[str, str]]:
    def one(username: str, role: str, **more: str) -> dict[str, str]:
        return {"username": username, "name": person(next(people)), "role": role, **more}

    return [
        one("hotline", "hotline"),
        *(one(f"dispatcher-{centre}", "dispatcher", centre_id=centre) for centre, _, _ in CENTRES),
        *(one(crew["id"], "crew", centre_id=crew["centre_id"], crew_id=crew["id"]) for crew in crews),
        one("manager", "manager"),
        one("admin", "admin"),
    ]


def _node_within(
    territory: str, network: Network, territories: Territories, rng: np.random.Generator
) -> dict[str, float]:
    """A crossing on a territory."""
    while True:
        x, y = network.nodes[rng.integers(len(network.nodes))]
        point = place(float(x), float(y))
        if [one.id for one in territories.at(point)] == [territory]:
            lon, lat = lonlat(np.array([[x, y]]))[0]
            return {"lat": float(lat), "lon": float(lon)}
