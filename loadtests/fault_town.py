"""The installation that the faults are done to: its organisation, its telephones, its processes' settings.

Every centre has four crews. Who answers the telephone is fixed by the number, so that each way of ending an
escalation is there: a crew that presses 1, crews that never answer, leaders who take it in hand or are not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Connection

from dispatch.adapters.sql.organisation import replace_organisation, set_fact, set_territories
from dispatch.bootstrap import definitions
from dispatch.bootstrap.database import at_once, make_ready
from dispatch.bootstrap.epochs import EPOCH
from dispatch.bootstrap.timekeeping import mark_start
from dispatch.core.types import Point
from dispatch.settings import Settings
from simulators.phone_callbacks import token

SECRET = "a secret of the fault run"  # noqa: S105 - of a database that is thrown away
SIDE = 0.1
"""Degrees: a centre's territory is a square."""
CAPACITY = 500
"""Orders that a vehicle may hold: the run is not about matching."""
ANSWERING = "1"
"""The crew of each centre whose telephone is answered with the key 1."""
ANSWERED = {"behaviour": "answer_key_1", "answer_after": 4.0, "key_after": 5.0}
LEFT = ({"behaviour": "no_answer"}, {"behaviour": "voicemail", "answer_after": 6.0}, {"behaviour": "busy"})


def crew_ids(centre: int) -> list[str]:
    """The crews of a centre."""
    return [f"c{centre}-{k}" for k in range(4)]


def place(centre: int, number: int) -> Point:
    """A place of its own for each order of a centre, 100 m from the next: none is taken for a repeated call."""
    row, column = divmod(number % 8_000, 90)
    return Point(20.0 + centre * SIDE + 0.005 + row * 0.001, 110.005 + column * 0.001)


def organisation(centres: int) -> dict[str, Any]:
    """So many centres with their departments and crews."""
    return {
        "centres": [
            {"id": f"c{n}", "name": f"c{n}", "duty_phone": f"+861{n:04}", "lat": 20.0, "lon": 110.0}
            for n in range(centres)
        ],
        "departments": [
            {
                "id": f"d{n}", "name": f"d{n}", "kind": "community_service_station", "centre_id": f"c{n}",
                "trade": "service", "leader1": {"name": "Li", "phone": f"+863{n:04}"},
                "leader2": {"name": "Wu", "phone": f"+864{n:04}"},
            }
            for n in range(centres)
        ],
        "crews": [
            {
                "id": crew, "name": crew, "department_id": f"d{n}", "centre_id": f"c{n}", "trade": "service",
                "duty_phone": f"+862{n:04}{k}", "capacity": CAPACITY, "shares_office": False,
                "vehicle": {"device": f"t-{crew}", "plate": crew, "protocol": "jt808"},
                "phone_device": f"p-{crew}",
            }
            for n in range(centres)
            for k, crew in enumerate(crew_ids(n))
        ],
    }  # fmt: skip


def _land(n: int) -> dict[str, Any]:
    south = 20.0 + n * SIDE
    ring = [
        [110.0, south], [110.0 + SIDE, south], [110.0 + SIDE, south + SIDE], [110.0, south + SIDE], [110.0, south],
    ]  # fmt: skip
    facts = {"id": f"c{n}", "name": f"c{n}", "centre_id": f"c{n}", "area_class": "urban", "kind": "city"}
    return {"type": "Feature", "properties": facts, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def prepare(settings: Settings, centres: int, speed: float) -> Settings:
    """So many centres, and the settings that every process of the run gets."""
    land = {"type": "FeatureCollection", "features": [_land(n) for n in range(centres)]}
    return settled(settings, organisation(centres), land, speed)


def settled(settings: Settings, organisation: dict[str, Any], land: dict[str, Any], speed: float) -> Settings:
    """The schema, an organisation and the clock; the settings that every process of the run gets."""
    make_ready(settings)
    definitions.register(settings)

    def settle(connection: Connection) -> None:
        replace_organisation(connection, organisation)
        set_territories(connection, land)
        set_fact(connection, EPOCH, "faults")

    at_once(settings, settle)
    real = mark_start(settings)
    begins = real.now()
    clock = f"{begins.isoformat()} {(begins + timedelta(seconds=1)).isoformat()} {speed:g}"
    return replace(
        settings, secret=SECRET, policy="manual", language="en", clock=clock, time_mark=str(real.mark())
    )


def habits(centres: int) -> dict[str, dict[str, Any]]:
    """What happens when a number rings."""
    found: dict[str, dict[str, Any]] = {}
    for n in range(centres):
        found |= {f"+862{n:04}{k}": ANSWERED if str(k) == ANSWERING else LEFT[(n + k) % 3] for k in range(4)}
        found[f"+861{n:04}"] = (ANSWERED, *LEFT)[n % 4]
        found[f"+863{n:04}"] = (*LEFT, ANSWERED)[n % 4]
        found[f"+864{n:04}"] = LEFT[n % 3]
    return found


def teach(exchange: str, habits: Mapping[str, Mapping[str, Any]]) -> None:
    """Tell the exchange who answers."""
    bearer = {"Authorization": f"Bearer {token(SECRET)}"}
    with httpx.Client(base_url=exchange, headers=bearer, trust_env=False) as client:
        for number, habit in habits.items():
            client.put(f"/numbers/{number}", json=habit).raise_for_status()


def phone_log(settings: Settings) -> Path:
    """The exchange's own record."""
    return settings.data / "phones" / "log.jsonl"
