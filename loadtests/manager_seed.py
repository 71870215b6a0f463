"""A year of orders, as the manager's desk finds them: rows by one statement of SQL, sheets in the form of `day_sheets`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection, insert, text

from dispatch.adapters.sql.day_sheets import FACT, LAYOUT, SHEET
from dispatch.adapters.sql.organisation import replace_organisation, set_fact, set_territories
from dispatch.core.compliance import ENDS
from dispatch.core.sheet import SEGMENTS, Sheet, packed, sheet_of
from dispatch.services.review import Freshness

CENTRES, CREWS_EACH, TRADES = 8, 12, ("low_voltage", "service", "emergency")
FAULTS = ("service_drop", "meter", "lv_distribution", "low_voltage_line", "mv_line", "transformer", "cable")
CAUSES = tuple(f"cause {n}" for n in range(30))
OWNERS = ("hotline", "network", "repair_centre", "crew_receiver", "crew")
LIMITS = (120, 240, 120, 240, 120, 180, 1680)
USUAL = (60, 20, 80, 15, 60, 150, 1000)
SECOND = 1_000_000
_ROWS = """
INSERT INTO work_order (id, version, process, state, centre_id, trade, area_class, crew_id, generation, priority,
  channel, address, lat, lon, fault_type, voltage, customer_name, customer_phone, description, incident_id,
  reported_at, deadline, changed_at, is_open, is_final, is_removing)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})
SELECT 'B' || i, 12, 'fault_repair-2', 'closed', 'c' || (i % 8), 'service', 'urban', '', 1, 0, 'phone', i || ' Long Road',
  30.0, 120.0, 'meter', 'lv', '', '', '', '', {at}, {at}, {at}, {no}, {yes}, {no} FROM n
"""
_AT = {"sqlite": "'2025-01-01 00:00:00.000000'", "postgresql": "TIMESTAMPTZ '2025-01-01'"}


def organise(connection: Connection) -> None:
    """Eight centres with twelve crews each, on a grid."""
    leader = {"name": "Leader", "phone": "+861000002"}
    centres = [
        {"id": f"c{n}", "name": f"Centre {n}", "name_zh": f"中心{n}", "duty_phone": "+861000001", "lat": 30.0, "lon": 120.0}
        for n in range(CENTRES)
    ]  # fmt: skip
    departments = [
        {"id": f"d{n}", "name": f"d{n}", "kind": "community_service_station", "centre_id": f"c{n}", "trade": "service",
         "leader1": leader, "leader2": leader}
        for n in range(CENTRES)
    ]  # fmt: skip
    crews = [
        {"id": f"c{n}-{k}", "name": f"Crew {n}-{k}", "name_zh": f"{n}-{k}班", "department_id": f"d{n}",
         "centre_id": f"c{n}", "trade": "service", "duty_phone": f"+861000{n:02}{k:02}", "capacity": 3,
         "base": {"lat": 30.0, "lon": 120.0}, "shares_office": False,
         "vehicle": {"device": f"t-{n}-{k}", "plate": "P", "protocol": "jt808"}, "phone_device": f"p-{n}-{k}"}
        for n in range(CENTRES) for k in range(CREWS_EACH)
    ]  # fmt: skip
    replace_organisation(connection, {"centres": centres, "departments": departments, "crews": crews})
    set_territories(connection, {"type": "FeatureCollection", "features": []})


def fill(connection: Connection, count: int, days: int, last: date, zone: str) -> None:
    """`count` orders on `days` local days up to `last`, with everything that a sheet holds."""
    kind = connection.dialect.name
    yes, no = ("1", "0") if kind == "sqlite" else ("true", "false")
    connection.execute(text(_ROWS.format(count=count, at=_AT[kind], yes=yes, no=no)))
    random, number = np.random.default_rng(45), 0
    for day in range(days):
        size = count // days + (day < count % days)
        sheet = _sheet(random, size, last - timedelta(days=days - 1 - day), number)
        numbers, ids = packed(sheet)
        values = {"version": 1, "orders": size, "running": 0, "numbers": numbers, "ids": ids}
        connection.execute(
            insert(SHEET), {"day": (last - timedelta(days=days - 1 - day)).isoformat(), **values}
        )
        number += size
    as_of = datetime(last.year, last.month, last.day, 23, 59, tzinfo=UTC)
    set_fact(connection, FACT, msgspec.json.encode(Freshness(zone, LAYOUT, as_of)).decode())


def _sheet(random: Any, size: int, day: date, number: int) -> Sheet:
    empty = sheet_of([])
    begins = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND
    spent = {
        name: (random.lognormal(0, 0.8, size) * usual * SECOND).astype(np.int64)
        for name, usual in zip(SEGMENTS, USUAL, strict=True)
    }
    total = sum(spent.values())
    reported = begins + np.sort(random.integers(0, 86_400 * SECOND, size))
    centre, crew = random.integers(0, CENTRES, size), random.integers(0, CREWS_EACH, size)
    late = [
        (np.flatnonzero(spent[name] > limit * SECOND), place, limit)
        for place, (name, limit) in enumerate(zip(SEGMENTS, LIMITS, strict=True))
    ]
    climbed = np.flatnonzero(random.random(size) < 0.1)
    columns: dict[str, Any] = {
        **spent, "total": total, "reported": reported, "deadline": reported + 2_700 * SECOND, "arrived": np.ones(size), "running": np.zeros(size),
        "within": total <= 2_700 * SECOND, "satisfied": random.integers(-1, 2, size),
        "hour": (reported - begins) // (3_600 * SECOND), "version": np.full(size, 12), "day": np.full(size, day.toordinal()),
        "dispatches": np.ones(size), "stacked": random.integers(0, 2, size), "joined": random.integers(0, 2, size),
        "centre": centre, "crew": centre * CREWS_EACH + crew, "trade": random.integers(0, 3, size),
        "area": random.integers(0, 3, size), "fault": random.integers(0, len(FAULTS), size),
        "cause": random.integers(0, len(CAUSES), size), "state": np.zeros(size),
        "lat": 30 + random.normal(0, 0.05, size), "lon": 120 + random.normal(0, 0.05, size),
        "late_of": np.concatenate([rows for rows, *_ in late]),
        "late_label": np.concatenate([np.full(len(rows), place) for rows, place, _ in late]),
        "late_owner": np.concatenate([np.full(len(rows), place % len(OWNERS)) for rows, place, _ in late]),
        "late_excess": np.concatenate([spent[SEGMENTS[place]][rows] - limit * SECOND for rows, place, limit in late]),
        "rung_of": climbed, "rung_watch": np.zeros(len(climbed)), "rung_no": random.integers(1, 4, len(climbed)),
        "rung_end": random.integers(0, len(ENDS), len(climbed)), "rung_after": np.full(len(climbed), 60 * SECOND),
        "busy_of": np.arange(size), "busy_crew": centre * CREWS_EACH + crew, "busy_from": reported,
        "busy_to": reported + total + 1_800 * SECOND,
    }  # fmt: skip
    typed = {name: np.asarray(columns[name]).astype(column.dtype) for name, column in empty.columns.items()}
    crews = tuple(f"c{n}-{k}" for n in range(CENTRES) for k in range(CREWS_EACH))
    words = {
        "centre": tuple(f"c{n}" for n in range(CENTRES)),
        "crew": crews, "busy_crew": crews, "trade": TRADES,
        "area": ("urban", "rural", "remote"), "fault": FAULTS, "cause": CAUSES, "state": ("closed",),
        "late_label": SEGMENTS, "late_owner": OWNERS, "rung_watch": ("crew",),
    }  # fmt: skip
    return Sheet(typed, words, tuple(f"B{n}" for n in range(number, number + size)))
