"""Orders with armed clocks, written by SQL in the form that the services write: facts, history, clocks.

Order number n of a family has the id PREFIXn; its crew's watch is due at `start + n * gap`. Five minutes before,
its call ended (A); it was sent, reached its centre, went to a crew and its terminal a minute later, and nobody has
acknowledged it: the segment EF is announced already. So two clocks are armed, the watch and the promise. What is
due far in the future has a history in the future too; the engine reads none of it before.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from dispatch.adapters.sql.organisation import replace_organisation
from dispatch.core.process import parse
from dispatch.services.ports import Processes

CENTRES = 100
CREWS = 5
"""Of each centre."""
_TEXT = files("dispatch").joinpath("process", "fault_repair.toml").read_text(encoding="utf-8")
PROCESS = parse(_TEXT)
PROCESSES = Processes({PROCESS.id: PROCESS}, PROCESS.id)
WATCH = timedelta(seconds=300)
"""From A until the crew's watch is due, in a seeded history."""
PROMISE = 2400
"""Seconds from there until the promise ends."""
LINES = 30_000
"""Orders that one statement writes."""
STORY: tuple[tuple[str, float, str, dict[str, Any]], ...] = (
    ("take_call", -300, "hotline", {"area_class": "urban", "trade": "service", "centre_id": "@centre"}),
    ("send", -290, "hotline", {}),
    ("centre_receipt", -289, "system", {"link": "up", "centre_id": "@centre"}),
    (
        "dispatch",
        -240,
        "dispatcher",
        {"crew_id": "@crew", "devices": ["t-@crew"], "revision": 1, "behind": []},
    ),
    ("receipt", -238, "device", {"crew_id": "@crew", "generation": 1, "via": "terminal"}),
    ("overdue", -118, "system", {"segment": "EF", "attempt": 2, "owner": "crew_receiver"}),
)
"""A delivered order's history: kind, seconds from the watch's end, role, data."""
ORDER = """
INSERT INTO work_order (id, version, process, state, centre_id, trade, area_class, crew_id, generation, priority,
  channel, address, lat, lon, fault_type, voltage, customer_name, customer_phone, description, incident_id,
  reported_at, deadline, sent_at, dispatched_at, changed_at, is_open, is_final, is_removing)
SELECT '{prefix}' || n, {version}, '{process}', '{state}', {centre}, 'service', 'urban', {crew}, {generation}, 0, 'phone',
  n || ' Long Street', 30 + n % 1000 / 10000.0, 120 + n % 997 / 10000.0, 'meter', 'lv', 'Ann', '1380000' || (n % 9999),
  'dark since the storm', '', {reported}, {promised}, {sent}, {dispatched}, {changed}, {true}, {false}, {false}
FROM {series}"""
EVENT = """
INSERT INTO order_event (order_id, seq, kind, at, recorded_at, by_role, by_id, "key", data)
SELECT '{prefix}' || n, {seq}, '{kind}', {at}, {at}, '{role}', 'seed', {key}, {data} FROM {series}"""
CLOCK = """
INSERT INTO clock (order_id, name, generation, rung, due)
SELECT '{prefix}' || n, '{name}', 1, 0, {due} FROM {series}"""

SERIES = {
    "postgresql": "generate_series({first}, {last}) AS g(n)",
    "sqlite": "(WITH RECURSIVE g(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM g WHERE n < {last}) SELECT n FROM g)",
}


class Family:
    """Orders of one kind. `gap`: seconds between two; `received`: nothing but the call has happened yet."""

    def __init__(
        self, prefix: str, start: datetime, gap: float, count: int, *, received: bool = False
    ) -> None:
        self.prefix, self.start, self.gap, self.count = prefix, start, gap, count
        self.received = received

    def write(self, connection: Connection, first: int, last: int) -> None:
        """The orders `first` to `last`, both included."""
        say = _Dialect(connection.dialect.name, self, first, last)
        story = STORY[:1] if self.received else STORY
        connection.execute(text(ORDER.format(**say.order(story))))
        for seq, (kind, offset, role, data) in enumerate(story, 1):
            key = f"'{self.prefix}' || n || '/EF/2'" if kind == "overdue" else "''"
            connection.execute(
                text(
                    EVENT.format(
                        **say.names,
                        seq=seq,
                        kind=kind,
                        at=say.at(offset),
                        role=role,
                        key=key,
                        data=say.json(data),
                    )
                )
            )
        armed = [("segment:AB", -180.0)] if self.received else [("watch:crew", 0.0)]
        for name, offset in (*armed, ("promise", float(PROMISE))):
            connection.execute(text(CLOCK.format(**say.names, name=name, due=say.at(offset))))


class _Dialect:
    """The same rows in both dialects. Only our own constants and numbers become part of a statement."""

    def __init__(self, name: str, family: Family, first: int, last: int) -> None:
        self.postgres = name == "postgresql"
        self.family = family
        self.centre = f"'c' || (n % {CENTRES})"
        self.crew = f"'c' || (n % {CENTRES}) || '-' || (n / {CENTRES} % {CREWS})"
        series = SERIES[name].format(first=first, last=last)
        self.names = {"prefix": family.prefix, "series": series}

    def at(self, offset: float) -> str:
        """The instant so many seconds from the watch's end of order n."""
        seconds = f"(n * {self.family.gap} + {offset})"
        if self.postgres:
            return f"(timestamptz '{self.family.start.isoformat()}' + {seconds} * interval '1 second')"
        base = self.family.start.replace(tzinfo=None).isoformat(" ", "milliseconds")
        return f"(strftime('%Y-%m-%d %H:%M:%f', '{base}', {seconds} || ' seconds') || '000')"

    def json(self, data: dict[str, Any]) -> str:
        """A column of JSON with the order's centre and crew in it."""
        told = msgspec.json.encode(data).decode().replace(":", "\\:")
        for mark, value in (("@centre", self.centre), ("@crew", self.crew)):
            told = told.replace(mark, f"' || ({value}) || '")
        return f"CAST(('{told}') AS jsonb)" if self.postgres else f"('{told}')"

    def order(self, story: tuple[Any, ...]) -> dict[str, Any]:
        """What fills ORDER."""
        new = len(story) == 1
        truth = ("true", "false") if self.postgres else ("1", "0")
        null = "CAST(NULL AS timestamptz)" if self.postgres else "NULL"
        return {
            **self.names, "version": len(story), "process": PROCESS.id,
            "state": "received" if new else "delivered", "centre": self.centre,
            "crew": "''" if new else self.crew, "generation": 0 if new else 1,
            "reported": self.at(-300), "promised": self.at(PROMISE),
            "sent": null if new else self.at(-290), "dispatched": null if new else self.at(-240),
            "changed": self.at(story[-1][1]), "true": truth[0], "false": truth[1],
        }  # fmt: skip


def organisation() -> dict[str, Any]:
    """CENTRES repair centres with CREWS crews each, of one trade."""
    leader = {"name": "Li", "phone": "+8630001"}
    names = [f"c{n}" for n in range(CENTRES)]
    return {
        "centres": [
            {"id": c, "name": c, "duty_phone": f"+8610{n}", "lat": 30.0, "lon": 120.0}
            for n, c in enumerate(names)
        ],
        "departments": [
            {"id": f"d-{c}", "name": c, "kind": "community_service_station", "centre_id": c,
             "trade": "service", "leader1": leader, "leader2": leader}
            for c in names
        ],
        "crews": [
            {"id": f"{c}-{k}", "name": f"{c}-{k}", "department_id": f"d-{c}", "centre_id": c, "trade": "service",
             "duty_phone": f"+862{n}{k}", "capacity": 3, "shares_office": False,
             "vehicle": {"device": f"t-{c}-{k}", "plate": f"{c}-{k}", "protocol": "jt808"},
             "phone_device": f"p-{c}-{k}"}
            for n, c in enumerate(names)
            for k in range(CREWS)
        ],
    }  # fmt: skip


def organise(connection: Connection) -> None:
    """Who works there."""
    replace_organisation(connection, organisation())
