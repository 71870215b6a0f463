"""The auditor sees each thing that is broken, and its alarm arrives by a way of its own."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner
from sqlalchemy import delete, insert, select, update

from dispatch.adapters.channels.alarms import alarms
from dispatch.adapters.sql import audit
from dispatch.adapters.sql.definitions import keep
from dispatch.adapters.sql.organisation import fact, set_fact
from dispatch.adapters.sql.statements import ALERT, CLOCK, EVENT, ORDER, OUTBOX
from dispatch.bootstrap import auditor
from dispatch.bootstrap.auditor import Auditor
from dispatch.bootstrap.database import sqlite_file
from dispatch.bootstrap.loops import HEARTBEAT
from dispatch.bootstrap.operator_commands import audit as audit_command
from dispatch.bootstrap.timekeeping import TIME
from dispatch.clock import InstallationClock
from dispatch.core.errors import BadInput
from dispatch.core.process import parse
from dispatch.services import auditor as rules
from dispatch.services.auditor import Finding, Watchlist
from dispatch.services.ports import Processes
from dispatch.settings import Settings
from tests.dispatch.centre import PROCESSES, Centre
from tests.dispatch.databases import Database, aside
from tests.dispatch.outside import START
from tests.http_peer import Peer, listening_to

VERSION_1 = Path(__file__).parents[1] / "core" / "fault_repair_1.toml"


class Silent:
    async def tell(self, title: str, body: str, *, solved: bool) -> None:
        return


def at_minute(database: Database, minute: float, **settings: Any) -> Settings:
    """An installation whose time stands so many minutes after the story's start, with a worker that has just reported."""
    real = InstallationClock()
    now = real.now().isoformat()
    database.at_once(lambda c: set_fact(c, HEARTBEAT, now))
    database.at_once(lambda c: set_fact(c, TIME, str(real.mark())))
    clock = f"{now} {(START + timedelta(minutes=minute)).isoformat()} 1"
    return replace(database.settings, clock=clock, language="en", **settings)


async def findings(settings: Settings) -> dict[str, Finding]:
    watching = Auditor(settings, [Silent()])
    try:
        return {finding.name: finding for finding in await watching.findings(all_orders=True)}
    finally:
        await watching.close()


async def answered(centre: Centre) -> None:
    """What left the centre has been carried out."""
    await centre.store.write(lambda c: c.execute(update(OUTBOX).values(state="done")) and None)


async def unanswered(database: Database) -> Settings:
    """An order that was dispatched at minute 0 to a crew that does not answer; at minute 3 nothing is wrong."""
    centre = Centre(database)
    await centre.dispatched()
    await answered(centre)
    settings = at_minute(database, 3)
    return replace(settings, clock=f"{settings.clock.split()[0]} {centre.clock.now().isoformat()} 1")


async def test_nothing_is_found_in_an_installation_that_works(database: Database) -> None:
    assert await findings(await unanswered(database)) == {}


async def test_a_clock_loop_that_stands_still(database: Database) -> None:
    await unanswered(database)
    found = await findings(at_minute(database, 30))
    late = found["audit_clocks_overdue"].facts
    assert late["count"] >= 1
    assert late["seconds"] > 1000
    assert "W1 " in str(late["oldest"])


async def test_a_worker_that_is_silent(database: Database) -> None:
    settings = await unanswered(database)
    past = (InstallationClock().now() - timedelta(seconds=30)).isoformat()
    database.at_once(lambda c: set_fact(c, HEARTBEAT, past))
    found = await findings(settings)
    assert 29 <= found["audit_worker_silent"].facts["seconds"] <= 60
    database.at_once(lambda c: set_fact(c, HEARTBEAT, ""))
    assert "audit_worker_silent" in await findings(settings)


@pytest.mark.parametrize("which", ["the watch", "all"])
async def test_an_armed_clock_that_somebody_deletes(database: Database, which: str) -> None:
    settings = await unanswered(database)
    mine = CLOCK.c.name == "watch:crew" if which == "the watch" else CLOCK.c.order_id == "W1"
    database.at_once(lambda c: c.execute(delete(CLOCK).where(mine)) and None)
    assert (await findings(settings))["audit_clock_missing"].facts == {"count": 1, "orders": "W1"}


async def test_one_without_any_clock_is_found_at_once_however_many_orders_there_are(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = await unanswered(database)
    database.at_once(lambda c: c.execute(delete(CLOCK)) and None)
    monkeypatch.setattr(audit, "slice_after", lambda *_: [])
    monkeypatch.setattr(audit, "changed_since", lambda *_: [])
    assert set(await findings(settings)) == {"audit_clock_missing"}


async def test_a_due_time_that_was_moved_and_a_clock_that_nobody_asked_for(database: Database) -> None:
    settings = await unanswered(database)
    later = START + timedelta(days=1)
    database.at_once(
        lambda c: c.execute(update(CLOCK).where(CLOCK.c.name == "watch:crew").values(due=later)) and None
    )
    assert set(await findings(settings)) == {"audit_clock_missing", "audit_clock_left"}


async def test_an_order_that_its_own_process_has_forgotten(database: Database) -> None:
    """Under version 1 nothing watches an order that was taken and never sent, once all is announced."""
    centre = Centre(database)
    before = parse(VERSION_1.read_text(encoding="utf-8"), VERSION_1.name)
    database.at_once(lambda c: keep(c, before))
    PROCESSES.learn(before)
    centre.context.processes = Processes({before.id: before}, before.id)
    await centre.call()
    await centre.until(120)
    await answered(centre)
    found = await findings(at_minute(database, 120))
    assert found["audit_nobody_waits"].facts["orders"] == "W1"


async def test_facts_that_are_kept_twice_and_differ(database: Database) -> None:
    settings = await unanswered(database)
    database.at_once(lambda c: c.execute(update(ORDER).values(state="en_route")) and None)
    assert set(await findings(settings)) == {"audit_facts_differ"}


async def test_a_rung_that_was_decided_twice(database: Database) -> None:
    centre = Centre(database)
    await centre.dispatched()
    await centre.until(7)
    settings = at_minute(database, 7)

    def double(connection: Any) -> None:
        rung = connection.execute(select(EVENT).where(EVENT.c.kind == "rung")).first()
        row = {**rung._mapping, "seq": 900, "key": "again"}
        row.pop("id")
        connection.execute(insert(EVENT), row)

    database.at_once(double)
    assert "audit_rung_doubled" in await findings(settings)


async def test_effects_that_nobody_takes_that_do_not_arrive_and_that_were_given_up(
    database: Database,
) -> None:
    settings = await unanswered(database)
    long_ago = START - timedelta(minutes=30)
    database.at_once(
        lambda c: (
            c.execute(update(OUTBOX).where(OUTBOX.c.kind == "desired").values(state="pending", due=long_ago))
            and None
        )
    )
    found = await findings(settings)
    assert found["audit_outbox_stuck/desired"].facts["count"] >= 1
    database.at_once(
        lambda c: c.execute(
            update(OUTBOX).where(OUTBOX.c.kind == "desired").values(
                state="pending", due=START + timedelta(days=1), first_due=long_ago, tries=9, outcome="no Redis"
            )
        ) and None
    )  # fmt: skip
    assert (await findings(settings))["audit_outbox_waiting/desired"].facts["outcome"] == "no Redis"
    database.at_once(
        lambda c: c.execute(
            update(OUTBOX).where(OUTBOX.c.kind == "desired").values(state="dead", settled_at=START, outcome="refused")
        ) and None
    )  # fmt: skip
    assert (await findings(settings))["audit_outbox_dead/desired"].facts["outcome"] == "refused"


async def test_a_transaction_that_somebody_holds_open(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite it holds the writer up, so that no heartbeat is written; the auditor reads beside it all the same."""
    settings = await unanswered(database)
    if database.kind == "sqlite":
        with sqlite3.connect(sqlite_file(database.settings), isolation_level=None) as held:
            held.execute("BEGIN IMMEDIATE")
            assert await findings(settings) == {}, "reading waits for nobody"
            monkeypatch.setattr(audit, "WAIT_FOR_WRITER", 0.1)
            with pytest.raises(Exception, match="locked"):
                await audit.Eyes(sqlite_file(settings)).write(lambda c: None)
            held.execute("ROLLBACK")
        held.close()
        return
    monkeypatch.setattr(rules, "LONG", 0.2)
    held = await asyncpg.connect(settings.database_url)
    transaction = held.transaction()
    await transaction.start()
    await held.execute("SELECT 1")
    await asyncio.sleep(0.5)
    try:
        found = await findings(settings)
    finally:
        await transaction.rollback()
        await held.close()
    assert found["audit_transaction_open"].facts["count"] == 1
    assert "idle in transaction" in str(found["audit_transaction_open"].facts["who"])
    assert "audit_transaction_open" not in await findings(settings)


async def test_sqlites_log_that_grows(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    if database.kind != "sqlite":
        return
    settings = await unanswered(database)
    monkeypatch.setattr(rules, "LARGEST_WAL", 1000)
    assert set(await findings(settings)) == {"audit_wal_grows"}


async def test_a_worker_whose_time_differs(database: Database) -> None:
    settings = await unanswered(database)
    mark = InstallationClock().mark()
    watching = Auditor(settings, [Silent()])
    try:
        assert await watching.findings() == []
        database.at_once(lambda c: set_fact(c, TIME, str(replace(mark, time=mark.time + 90.0))))
        (found,) = await watching.findings()
    finally:
        await watching.close()
    assert (found.code, found.facts["workers"]) == ("audit_clocks_diverge", pytest.approx(90, abs=1))


async def test_a_database_that_is_away(database: Database) -> None:
    settings = await unanswered(database)
    away = replace(settings, data=settings.data / "nowhere") if database.kind == "sqlite" else replace(
        settings, database_url="postgresql://postgres@127.0.0.1:1/none"
    )  # fmt: skip
    assert set(await findings(away)) == {"audit_database_silent"}


def test_one_look_by_command(database_kind: str, tmp_path: Any, request: pytest.FixtureRequest) -> None:
    from tests.dispatch.databases import new_settings

    settings = new_settings(database_kind, tmp_path, request)
    environment = {"DATABASE_URL": settings.database_url, "DISPATCH45_DATA": str(settings.data)}
    asked = aside(lambda: CliRunner().invoke(audit_command, ["now"], env=environment))
    assert (asked.exit_code, "[audit_worker_silent]" in asked.output) == (1, True)
    database = Database(database_kind, settings)
    at_minute(database, 0)
    asked = aside(lambda: CliRunner().invoke(audit_command, ["now"], env=environment))
    assert (asked.exit_code, asked.output) == (0, "Nothing is wrong.\n")


def test_a_finding_is_said_once_again_after_a_while_and_when_it_is_solved() -> None:
    watch, late = Watchlist(again=60, clean=2), Finding("audit_clocks_overdue", facts={"count": 1})
    said = [
        [word.kind for word in watch.see(found, at)]
        for at, found in enumerate([[], [late], [late], [], [late], [], [], []])
    ]
    assert said == [[], ["begins"], [], [], [], [], ["solved"], []]
    kinds = [word.kind for at in range(0, 200, 5) for word in watch.see([late], at)]
    assert kinds == ["begins", "goes_on", "goes_on", "goes_on"]
    assert watch.findings == [late]


def test_an_address_that_cannot_be_used_is_named_by_its_place_only() -> None:
    with pytest.raises(BadInput, match="address 2") as refused:
        alarms("json://127.0.0.1:9/x nonsense-with-password")
    assert "password" not in str(refused.value)


class Ear:
    """A real HTTP receiver."""

    def __init__(self) -> None:
        self.alarms: list[dict[str, str]] = []
        self.beats = 0
        self.broken = False
        self.port = 0


@contextmanager
def listening() -> Iterator[Ear]:
    ear = Ear()

    class Handler(Peer):
        def do_POST(self) -> None:  # noqa: N802
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not ear.broken:
                ear.alarms.append(body)
            self.answer(500 if ear.broken else 200)

        def do_GET(self) -> None:  # noqa: N802
            ear.beats += 1
            self.answer(200)

    with listening_to(Handler) as port:
        ear.port = port
        yield ear


@asynccontextmanager
async def watching(settings: Settings) -> AsyncIterator[None]:
    one = Auditor(settings, alarms(settings.auditor_urls))
    running = asyncio.create_task(one.run())
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await one.close()


async def becomes(true: Any) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.05)


async def test_the_alarm_arrives_outside_in_the_pages_and_at_the_outer_monitoring(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"LOOK": 0.1, "START": 0.0, "SPEAK": 0.05, "BEAT": 0.1, "REPORT": 0.1}.items():
        monkeypatch.setattr(auditor, name, value)
    settings = await unanswered(database)
    watch = database.at_once(
        lambda c: c.execute(select(CLOCK).where(CLOCK.c.name == "watch:crew")).first()._mapping
    )
    with listening() as ear:
        near = f"127.0.0.1:{ear.port}"
        settings = replace(settings, auditor_urls=f"json://{near}/alarm", heartbeat_url=f"http://{near}/beat")
        async with watching(settings):
            await becomes(lambda: ear.beats > 1)
            assert ear.alarms == []
            ear.broken = True  # and what is to be said is not forgotten
            database.at_once(lambda c: c.execute(delete(CLOCK).where(CLOCK.c.name == "watch:crew")) and None)
            await becomes(lambda: "missing" in database.at_once(lambda c: fact(c, audit.AUDITOR)))
            beats, ear.broken = ear.beats, False
            await becomes(lambda: ear.alarms)
            assert ear.alarms[0]["title"].startswith("Dispatch45: Auditor: a clock")
            assert "orders W1" in ear.alarms[0]["message"]
            assert ear.alarms[0]["type"] == "failure"
            shown = database.at_once(
                lambda c: c.execute(select(ALERT).where(ALERT.c.role == "manager")).all()
            )
            assert [(a.code, a.facts["orders"]) for a in shown if a.code.startswith("audit")] == [
                ("audit_clock_missing", "W1")
            ]
            assert ear.beats <= beats + 1, "monitoring outside hears nothing while something is wrong"
            database.at_once(lambda c: c.execute(insert(CLOCK), dict(watch)) and None)
            await becomes(lambda: len(ear.alarms) > 1)
            assert ear.alarms[1]["message"].startswith("solved: ")
            before = ear.beats
            await becomes(lambda: ear.beats > before)
    assert len(ear.alarms) == 2
