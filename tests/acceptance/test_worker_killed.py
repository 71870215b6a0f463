"""A worker dies at every one of its crossings, one after the other, and nothing is lost and nothing doubled.

What a worker without an accident decides is the measure: after each accident and a new start the same events and
the same outbox rows stand in SQL, each once, and the exchange has each call once.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import tests
from dispatch.adapters.sql.statements import ALERT, EVENT, OUTBOX
from dispatch.bootstrap.database import at_once
from dispatch.services import dispatcher, hotline
from dispatch.settings import Settings
from tests.dispatch.centre import DORA, HOLLY, START, Centre
from tests.dispatch.databases import Database, Server, aside, new_settings
from tests.http_peer import Peer, listening_to

SIX = 6.0
AFTERWARDS = (6.0, 6.6, 7.0, 7.6, 8.0, 8.6, 12.0)
"""Minutes at which the worker that comes after looks: at once, when the leases have ended, at the next rungs."""
_numbers = count(1)


@dataclass
class World:
    """What reached the world outside."""

    calls: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    hung_up: list[str] = field(default_factory=list)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    url: str = ""

    def forget(self) -> None:
        for kept in (self.calls, self.asked, self.hung_up, self.told):
            kept.clear()


@contextmanager
def world() -> Iterator[World]:
    """A telephone exchange that takes a call id once, and an ear for everything else, over real HTTP."""
    seen = World()

    class Handler(Peer):
        def do_POST(self) -> None:  # noqa: N802
            length = int(self.headers["Content-Length"])
            raw = self.rfile.read(length)
            if len(raw) < length:  # whoever asked was killed in the middle of it
                return
            body, new = json.loads(raw), True
            if self.path == "/calls":
                seen.asked.append(body["call_id"])
                if new := body["call_id"] not in seen.calls:
                    seen.calls.append(body["call_id"])
            else:
                seen.told.append((self.path[1:], body))
            self.answer(201 if new else 200)

        def do_DELETE(self) -> None:  # noqa: N802
            seen.hung_up.append(self.path.rsplit("/", 1)[1])
            self.answer(200)

    with listening_to(Handler) as port:
        seen.url = f"http://127.0.0.1:{port}"
        yield seen


@dataclass
class Workers:
    """Starts workers, one at a time."""

    process: subprocess.Popen[str]
    seen: World
    folder: Path

    def run(self, settings: Settings, minutes: tuple[float, ...], kill: int = 0) -> tuple[int, list[str]]:
        """How it ended, and what it crossed."""
        trace = self.folder / f"trace-{next(_numbers)}"
        order = {
            "data": str(settings.data), "database_url": settings.database_url, "outside": self.seen.url,
            "trace": str(trace), "kill": kill,
            "instants": [(START + timedelta(minutes=m)).isoformat() for m in minutes],
        }  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(order), file=self.process.stdin, flush=True)
        ended = int(self.process.stdout.readline())
        return ended, trace.read_text(encoding="utf-8").splitlines()


@contextmanager
def workers(folder: Path) -> Iterator[Workers]:
    command = [sys.executable, "-m", "tests.acceptance.worker_under_test"]
    root = Path(tests.__file__).parent.parent
    with (
        world() as seen,
        subprocess.Popen(
            command, cwd=root, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process,
    ):
        yield Workers(process, seen, folder)


def copied(settings: Settings, server: Server | None) -> Settings:
    """The prepared database once more, for one accident."""
    number = next(_numbers)
    if server is not None:
        name = settings.database_url.split("@/")[1].split("?")[0]
        server.run("postgres", f"CREATE DATABASE killed_{number} TEMPLATE {name}")
        return replace(settings, database_url=server.url(f"killed_{number}"))
    data = settings.data.with_name(f"killed-{number}")
    shutil.copytree(settings.data, data)
    return replace(settings, data=data)


def state(settings: Settings) -> dict[str, Any]:
    """Everything that was decided, as multisets."""

    def read(connection: Any) -> dict[str, Any]:
        events = connection.execute(select(EVENT).order_by(EVENT.c.id)).all()
        rows = connection.execute(select(OUTBOX)).all()
        return {
            "events": Counter((e.order_id, e.kind, e.key) for e in events if e.kind != "attempt"),
            "rungs": Counter(
                (e.order_id, e.data["watch"], e.data["generation"], e.data["cycle"], e.data["rung"])
                for e in events
                if e.kind == "rung"
            ),
            "attempts": Counter(
                (e.order_id, e.data["to"], e.data["rung"], e.data["state"])
                for e in events
                if e.kind == "attempt"
            ),
            "outbox": Counter(r.key for r in rows),
            "ended": Counter((r.kind, r.state) for r in rows),
            "calls": [r.call_id for r in rows if r.kind == "phone"],
            "alerts": Counter(a.key for a in connection.execute(select(ALERT))),
        }

    return dict(aside(lambda: at_once(settings, read)))


async def _dispatched(centre: Centre) -> None:
    """An order that went to a crew at minute 2; nothing has left the centre yet, and at 6 nobody has answered."""
    order_id = await centre.call()
    centre.clock.advance(60)
    await hotline.send(centre.context, order_id, by=HOLLY)
    await dispatcher.centre_received(centre.context, order_id, centre_id="north", send=1)
    centre.clock.advance(60)
    await dispatcher.dispatch(centre.context, order_id, crew_id="N1", by=DORA)


async def _answered_while_ringing(centre: Centre) -> None:
    """The crew's phone rings; the crew has acknowledged on its terminal. The call is still to be cut."""
    centre.exchange.habits = dict.fromkeys((centre.crew().duty_phone,), "silent")
    order_id = await centre.dispatched()
    await centre.until(SIX)
    await centre.step(order_id, "acknowledge")


SCENARIOS = {"nobody answers": _dispatched, "answered while it rings": _answered_while_ringing}


@pytest.fixture(params=["sqlite"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """One database here, the other one in a file of its own: they take long, and run beside each other."""
    return str(request.param)


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_worker_that_is_killed_anywhere_loses_and_doubles_nothing(
    database_kind: str, scenario: str, tmp_path: Path, kill_ground: tuple[Settings, Server | None]
) -> None:
    prepared, server = kill_ground
    database = Database(database_kind, prepared)
    await SCENARIOS[scenario](Centre(database))
    await database.close()
    with workers(tmp_path) as started:
        undisturbed = copied(prepared, server)
        ended, crossings = started.run(undisturbed, (SIX,))
        assert ended == 0
        assert started.run(undisturbed, AFTERWARDS)[0] == 0
        expected = state(undisturbed)
        _check_the_measure(scenario, expected, crossings)
        _check_the_world(scenario, expected.pop("calls"), started.seen, "undisturbed")
        for kill in _worth_dying_at(crossings):
            started.seen.forget()
            accident = copied(prepared, server)
            ended, crossed = started.run(accident, (SIX,), kill)
            where = f"killed at crossing {kill} of {len(crossings)}: {crossed[-1]}"
            assert (ended, len(crossed)) == (-signal.SIGKILL, kill), where
            assert started.run(accident, AFTERWARDS)[0] == 0, where
            found = state(accident)
            _check_the_world(scenario, found.pop("calls"), started.seen, where)
            assert found == expected, where


def _worth_dying_at(crossings: list[str]) -> list[int]:
    """Every crossing, of each name the first and the last (an alert is told like the one before it)."""
    last = {name: n for n, name in enumerate(crossings)}
    return [n + 1 for n, name in enumerate(crossings) if name not in crossings[:n] or last[name] == n]


@pytest.fixture
def kill_ground(
    database_kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> tuple[Settings, Server | None]:
    """A database that is prepared once and copied for each accident."""
    folder = tmp_path / "prepared"
    folder.mkdir()
    settings = new_settings(database_kind, folder, request)
    server = request.getfixturevalue("postgres_server") if database_kind == "postgresql" else None
    return settings, server


def _check_the_measure(scenario: str, expected: dict[str, Any], crossings: list[str]) -> None:
    """The undisturbed run itself does what the scenario says, and crosses where it should."""
    assert max(expected["events"].values()) == max(expected["outbox"].values()) == 1
    assert {
        "before transact",
        "before decide_due",
        "after decide_due",
        "written, not committed",
        "after transact",
        "after lease",
        "after settle",
    } <= set(crossings)
    if scenario == "nobody answers":
        assert expected["rungs"] == Counter(("W1", "crew", 1, 1, n) for n in (1, 2, 3))
        assert {"before ring", "after ring", "after send", "before write_desired", "after deliver"} <= set(
            crossings
        )
        assert set(expected["ended"]) == {
            (k, "done") for k in ("centre", "desired", "alert", "message", "phone")
        }
    else:
        assert len(expected["rungs"]) == 1
        assert {"before hang_up", "after hang_up"} <= set(crossings)


def _check_the_world(scenario: str, calls: list[str], seen: World, where: str) -> None:
    """The exchange has every rung's call, and started each once; everything else arrived at least once."""
    told = Counter(what for what, _ in seen.told)
    if scenario == "nobody answers":
        assert sorted(seen.calls) == sorted(calls), where
        assert len(set(calls)) == 3, where
        assert told["alert"] >= 4, where
        assert told["inbox"] <= 2, f"{where}: it has reached its centre, so it is not handed over for ever"
        assert [b["orders"] for what, b in seen.told if what == "desired"][-1] == ["W1"], where
    else:
        assert seen.calls == [], where
        assert set(seen.hung_up) == set(calls), where
