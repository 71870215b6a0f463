"""The machine's clock is put an hour back or ahead under a running worker, which is then killed and started anew: the
rung of an unanswered order fires on time, and the auditor says that the clocks do not agree.

libfaketime shows the processes another clock of the calendar; the seconds since the machine's start stay real, as they do
when somebody sets the clock of a machine.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select

from dispatch.adapters.redis.server import running
from dispatch.adapters.sql.organisation import fact
from dispatch.adapters.sql.statements import CLOCK, EVENT
from dispatch.bootstrap import definitions
from dispatch.bootstrap.loops import HEARTBEAT
from dispatch.clock import InstallationClock, SystemClock
from dispatch.core.escalation import RUNG
from dispatch.settings import Settings, to_environment
from tests.dispatch.bootstrap.test_auditor import Ear, listening
from tests.dispatch.centre import Centre
from tests.dispatch.databases import Database, aside
from tests.dispatch.processes import until

SPEED = 10.0
LATE = 15.0
"""Real seconds that a rung may be late here, with processes starting beside it on a busy machine; the step is an hour."""
STARTING = 100.0
"""Real seconds that a process may take to start on a busy machine."""
LIBRARY = next((str(p) for p in Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), "")


class World:
    """A clock of the calendar that can be stepped, for processes that are started here."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._file = folder / "faketime"
        self.step(0)
        self._environment = {
            **os.environ, **to_environment(settings), "LD_PRELOAD": LIBRARY, "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_NO_CACHE": "1", "FAKETIME_TIMESTAMP_FILE": str(self._file), "PYTHONFAULTHANDLER": "1",
        }  # fmt: skip
        self._said = folder / "said.txt"

    def step(self, seconds: int) -> None:
        part = self._file.with_suffix(".part")
        part.write_text(f"{seconds:+d}\n")
        part.replace(self._file)

    @contextmanager
    def program(self, name: str) -> Iterator[None]:
        """Runs until it is killed; where a story fails meanwhile, all have said before what they were about."""
        command = [sys.executable, "-m", "dispatch.cli", name]
        with self._said.open("ab") as said:
            process = subprocess.Popen(command, env=self._environment, stdout=said, stderr=said)
            try:
                yield
            except BaseException as error:
                process.send_signal(signal.SIGABRT)  # it says where each of its threads stands
                error.add_note(f"{name} ended with {process.wait()}; all: {self._said.read_text()[-6000:]}")
                raise
            finally:
                process.kill()
                process.wait()


@pytest.mark.timeout(400)
@pytest.mark.skipif(not LIBRARY, reason="needs libfaketime (Debian package libfaketime); .ci/run installs it")
@pytest.mark.parametrize(("database_kind", "seconds"), [("sqlite", -3600), ("postgresql", 3600)])
async def test_a_rung_fires_on_time_though_the_clock_is_stepped(
    database: Database, seconds: int, tmp_path: Path
) -> None:
    centre = Centre(database)
    await centre.dispatched()
    aside(lambda: definitions.register(database.settings))
    due = database.at_once(
        lambda c: c.execute(select(CLOCK.c.due).where(CLOCK.c.name == "watch:crew")).scalar()
    )
    before = aside(_patience)
    began = InstallationClock().now()
    virtual = due - timedelta(seconds=SPEED * before)
    with listening() as ear, running(tmp_path, "no") as redis_url:
        settings = replace(
            database.settings, redis_url=redis_url, secret="s", language="en",
            clock=f"{began.isoformat()} {virtual.isoformat()} {SPEED:g}", auditor_urls=f"json://127.0.0.1:{ear.port}/",
        )  # fmt: skip
        alive = aside(lambda: _live(settings, database, seconds, tmp_path, ear, before))
    fired = (_rung(database) - virtual).total_seconds() / SPEED
    assert before <= fired < max(before, (alive - began).total_seconds()) + LATE


def _live(
    settings: Settings, database: Database, seconds: int, folder: Path, ear: Ear, before: float
) -> datetime:
    """A worker sees the step, another one starts after it. When that one was seen alive (a busy machine may take long);
    returns when the rung has fired."""
    world, clock = World(folder, settings), InstallationClock()
    with world.program("auditor"):
        with world.program("worker"):
            until(lambda: _beat(database), STARTING)
            assert _rung(database) is None, "the machine is too busy: the rung was due before the step"
            world.step(seconds)
            Event().wait(2.5)
        last = _beat(database)
        with world.program("worker"):
            until(lambda: _beat(database) != last, STARTING)
            alive = clock.now()
            until(lambda: _rung(database) is not None, before + LATE)
        until(lambda: any("clocks do not agree" in alarm["message"] for alarm in ear.alarms), 60)
    return alive


def _patience() -> float:
    """Real seconds from the story's beginning to the rung: a worker has to have started by then, on a busy machine too."""
    began = SystemClock.monotonic()
    subprocess.run(
        [sys.executable, "-m", "dispatch.cli", "worker", "--help"], check=True, capture_output=True
    )
    return 10.0 + 2.0 * (SystemClock.monotonic() - began)


def _beat(database: Database) -> str:
    return str(database.at_once(lambda c: fact(c, HEARTBEAT)))


def _rung(database: Database) -> Any:
    """When a rung was decided, by the installation's time."""
    query = select(EVENT.c.recorded_at).where(EVENT.c.kind == RUNG).order_by(EVENT.c.id)
    return database.at_once(lambda c: c.execute(query).scalar())
