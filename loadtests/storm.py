"""A storm evening: `python -m loadtests.storm [--orders N] [--seconds N] [--postgresql] [--short] [--json FILE]`.

Thousands of orders that nobody answers, their watches due within one minute, at a real centre process with a telephone
exchange that keeps its own log, at life's own speed. Meanwhile a dispatcher reads the board, and some crews accept all
that they have while their telephone rings. Judged by the histories, the exchange's log and the answers of the pages.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import click
import httpx
import msgspec
from sqlalchemy import Connection, select

from dispatch.adapters.sql.statements import EVENT
from dispatch.bootstrap.database import at_once
from dispatch.clock import SystemClock
from dispatch.settings import Settings
from loadtests.clock_seed import CENTRES, CREWS, Family, organisation
from loadtests.crew_faults import PASSWORD, centre_running, people
from loadtests.fault_run import exchange_running
from loadtests.fault_town import phone_log, settled
from loadtests.objectives import Objective, Outcome, ahead, tell
from loadtests.postgres import postgres_running
from loadtests.processes import free_ports, redis_running
from simulators.exchange import FINAL, CallEvent
from simulators.phone_log import CallLine, Entry, StateLine

WITHIN = 60.0
"""Seconds in which all watches fall due."""
LEAD = 20.0
"""Seconds until the first one does: everything has to be there by then."""
ANSWERING = {f"c0-{k}": f"+8620{k}" for k in range(CREWS - 1)}
"""Crews that accept all they have while their telephone rings, and its number."""
NOBODYS = {"type": "FeatureCollection", "features": []}
"""No territories: where the orders lie is decided already."""
ALREADY = 1.0
"""Seconds before the last acceptance was answered in which its call may have been hung up for it."""
SLACK = 1.0
"""Seconds by which two processes may note one instant differently."""
MINUTE = timedelta(minutes=1)
P99, P95 = 0.99, 0.95


@contextmanager
def _town(folder: Path, postgresql: bool, orders: int) -> Iterator[Settings]:
    """The centre at work."""
    with redis_running(folder) as redis, _database(folder, postgresql) as url:
        port = free_ports()
        phone = f"http://127.0.0.1:{port + 4}"
        settings = Settings(data=folder, port=port, database_url=url, redis_url=redis.url, phone_url=phone)
        settings = settled(settings, organisation(), NOBODYS, 1.0)
        at_once(settings, lambda c: people(c, 1))
        start = SystemClock().now() + timedelta(seconds=LEAD)
        at_once(settings, lambda c: Family("S", start, WITHIN / orders, orders).write(c, 1, orders))
        with exchange_running(settings, folder, _habits()), centre_running(settings, folder):
            yield settings


@contextmanager
def _database(folder: Path, postgresql: bool) -> Iterator[str]:
    if not postgresql:
        yield ""
        return
    with postgres_running(folder / "pg") as server:
        yield server.url


def _habits() -> dict[str, dict[str, object]]:
    """Nobody presses a key: some do not take it up, some are engaged, at some a machine answers."""
    ways: list[dict[str, object]] = [
        {"behaviour": "no_answer"}, {"behaviour": "voicemail", "answer_after": 6.0}, {"behaviour": "busy"},
    ]  # fmt: skip
    crews = [f"+862{n}{k}" for n in range(1, CENTRES) for k in range(CREWS)]
    found = {
        number: ways[at % 3] for at, number in enumerate([*crews, *(f"+8610{n}" for n in range(CENTRES))])
    }
    return found | dict.fromkeys(ANSWERING.values(), ways[0])


class Evening(msgspec.Struct):
    """What the people saw. `accepted`: of each answering crew's number, the instant after its last order was."""

    board: list[float] = []
    refused: list[str] = []
    accepted: dict[str, datetime] = {}


def _live(settings: Settings, seconds: float) -> Evening:
    """Until the end: the board each second, and whoever's telephone rings accepts."""
    seen, ends = Evening(), SystemClock.monotonic() + seconds
    base = f"http://127.0.0.1:{settings.port}"
    with _signed_in(base, "dora0") as dora:
        while SystemClock.monotonic() < ends:
            began = SystemClock.monotonic()
            orders = dora.get("/api/board").raise_for_status().json()["orders"]
            seen.board.append(SystemClock.monotonic() - began)
            ringing = {one.event.number for one in _states(settings) if one.event.state == "ringing"}
            for crew, number in ANSWERING.items():
                if number in ringing and number not in seen.accepted:
                    seen.refused += _accept(base, crew, [o for o in orders if o["crew_id"] == crew])
                    seen.accepted[number] = SystemClock().now()
            Event().wait(max(0.0, began + 1 - SystemClock.monotonic()))
    return seen


def _accept(base: str, crew: str, orders: list[dict[str, Any]]) -> list[str]:
    """What was not taken, and why."""
    wrong = []
    with _signed_in(base, crew) as phone:
        for order in orders:
            body = {"generation": order["generation"]}
            said = phone.post(f"/api/crew/orders/{order['id']}/acknowledge", json=body)
            wrong += [] if said.is_success else [f"{order['id']}: {said.status_code} {said.text[:100]}"]
    return wrong


@contextmanager
def _signed_in(base: str, who: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base, trust_env=False, timeout=60) as client:
        client.post("/api/session", json={"username": who, "password": PASSWORD}).raise_for_status()
        yield client


def _log(settings: Settings) -> list[Entry]:
    decode = msgspec.json.Decoder(Entry).decode
    file = phone_log(settings)
    return [decode(line) for line in (file.read_bytes().splitlines() if file.exists() else ())]


def _states(settings: Settings) -> list[StateLine]:
    return [one for one in _log(settings) if isinstance(one, StateLine)]


class Judged(msgspec.Struct):
    """What was found afterwards."""

    rungs: int = 0
    late: list[float] = []
    """Seconds from the instant that a rung was due until it was decided."""
    heard: list[float] = []
    """Seconds from an order's first rung until somebody was rung for it."""
    forgotten: int = 0
    """Orders that have no rung and were not accepted before."""
    judged: int = 0
    """Orders whose two minutes were over at the end."""
    unseen: list[str] = []
    """Orders that nobody was rung for within two minutes of their first rung, and that were not accepted either."""


def _judge(connection: Connection, orders: int, end: datetime) -> Judged:
    found = Judged()
    query = select(EVENT.c.order_id, EVENT.c.kind, EVENT.c.recorded_at, EVENT.c.data).order_by(EVENT.c.id)
    first: dict[str, datetime] = {}
    seen: dict[str, datetime] = {}
    for row in connection.execute(query.where(EVENT.c.kind.in_(["rung", "attempt", "acknowledge"]))):
        if row.kind == "rung":
            found.rungs += 1
            due = datetime.fromisoformat(row.data["due"])
            found.late.append((row.recorded_at - due).total_seconds())
            first.setdefault(row.order_id, due)
        elif row.data.get("state") != "failed":
            seen.setdefault(row.order_id, row.recorded_at)
    found.forgotten = orders - len(first.keys() | seen.keys())
    found.heard = [(seen[order] - due).total_seconds() for order, due in first.items() if order in seen]
    had = [(order, due + 2 * MINUTE) for order, due in first.items() if due + 2 * MINUTE < end]
    found.judged = len(had)
    found.unseen = [order for order, until in had if seen.get(order, end) > until]
    return found


def _too_soon(settings: Settings) -> tuple[int, int, float]:
    """Calls, how many rang within a minute of the one before to the same number, and the shortest time between two."""
    rang: dict[str, list[datetime]] = defaultdict(list)
    for one in _log(settings):
        if isinstance(one, CallLine):
            rang[one.request.number].append(one.at)
    gaps = [(b - a).total_seconds() for at in rang.values() for a, b in pairwise(sorted(at))]
    return (
        sum(map(len, rang.values())),
        sum(gap < MINUTE.total_seconds() - SLACK for gap in gaps),
        min(gaps, default=0.0),
    )


def _cuts(settings: Settings, accepted: dict[str, datetime]) -> list[float]:
    """Of each call that rang when the last of its orders was accepted: seconds until it had ended, by hanging up or not."""
    rang: dict[str, CallEvent] = {}
    ended: dict[str, CallEvent] = {}
    for one in (line.event for line in _states(settings) if line.event.number in accepted):
        if one.state in FINAL:
            ended.setdefault(one.call_id, one)
        elif one.at <= accepted[one.number]:
            rang.setdefault(one.call_id, one)
    found = []
    for call_id, call in sorted(rang.items()):
        last = ended.get(call_id)
        took = (last.at - accepted[call.number]).total_seconds() if last else float("inf")
        found += [took] if took > -ALREADY else []
    return found


@click.command()
@click.option("--orders", type=click.IntRange(1), default=10_000, show_default=True)
@click.option(
    "--seconds", type=click.IntRange(60), default=240, show_default=True, help="From the start of the centre."
)
@click.option("--postgresql", is_flag=True, help="Instead of SQLite, as it comes.")
@click.option("--short", is_flag=True, help="2,000 orders, 110 seconds.")
@click.option("--json", "file", type=click.Path(dir_okay=False), help="Write the outcome to this file, too.")
def main(orders: int, seconds: int, postgresql: bool, short: bool, file: str | None) -> None:
    """Let it come, look, judge."""
    if short:
        orders, seconds = 2_000, 110
    with TemporaryDirectory(prefix="d45-storm-") as name:
        with _town(Path(name), postgresql, orders) as settings:
            seen = _live(settings, seconds)
            end = SystemClock().now()
            judged = at_once(settings, lambda c: _judge(c, orders, end), reading=True)
        calls, soon, shortest = _too_soon(settings)
        cuts = _cuts(settings, seen.accepted)
    outcome = Outcome(
        name="storm",
        objectives=(
            Objective(name="rung decided after it was due, p99", measured=ahead(judged.late, P99), wanted=5, sense="at most", unit="s"),
            Objective(name="orders without a rung", measured=judged.forgotten, wanted=0, sense="at most"),
            Objective(name="orders nobody was rung for in two minutes", measured=len(judged.unseen), wanted=0, sense="at most"),
            Objective(name="numbers rung twice within a minute", measured=soon, wanted=0, sense="at most"),
            Objective(name="last acceptance to the end of the call, slowest", measured=max(cuts, default=float("nan")), wanted=1, sense="at most", unit="s"),
            Objective(name="a dispatcher's board, p95", measured=ahead(seen.board, P95), wanted=1, sense="at most", unit="s"),
            Objective(name="acceptances refused", measured=len(seen.refused), wanted=0, sense="at most"),
        ),
        facts={
            "orders whose two minutes were over": judged.judged,
            "database": "PostgreSQL" if postgresql else "SQLite", "orders": orders, "rungs": judged.rungs, "calls": calls,
            "shortest time between two calls to one number": f"{shortest:.1f} s",
            "first calls for an order, after its rung, p50 and p99": f"{ahead(judged.heard, 0.5):.1f} s, {ahead(judged.heard, P99):.1f} s",
            "calls that rang while their orders were accepted": len(cuts), "refused": " ".join(seen.refused[:3]),
        },
        left_out=("10,000 orders",) if orders < 10_000 else (),
    )  # fmt: skip
    sys.exit(tell(outcome, file))


if __name__ == "__main__":
    main()
