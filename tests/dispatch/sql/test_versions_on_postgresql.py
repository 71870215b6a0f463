"""Somebody else commits between look and commit. SQLite has one writer: there nothing can."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from dispatch.adapters.sql.lines import ALERT, OUTBOX, statement
from dispatch.adapters.sql.postgres import PostgresStore
from dispatch.core.errors import Conflict, Unavailable
from dispatch.core.outgoing import Outgoing
from dispatch.services.ports import Changes, Loaded
from tests.dispatch.centre import START
from tests.dispatch.databases import aside
from tests.dispatch.sql.two import Two, note, touch_order, touch_roster


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


async def test_a_roster_that_was_looked_at_is_checked_too(two: Two) -> None:
    """It changes after the look and before the commit: the decision is made again on what stands then."""
    seen: list[int] = []

    def careful(loaded: Loaded, now: datetime) -> Changes[int]:
        seen.append(loaded.roster("north", "service").version)
        if len(seen) == 1:
            two.database.at_once(touch_roster)
        return Changes(seen[-1], orders=(note(loaded.order("W1"), now, seen=seen[-1]),))

    await two.new()
    assert await two.first.transact(careful) == seen[0] + 1
    assert len(seen) == 2
    assert [e.data["seen"] for e in (await two.order()).history if e.kind == "attempt"] == [seen[1]]


async def test_an_order_that_changes_between_look_and_commit_is_decided_again(two: Two) -> None:
    seen: list[int] = []

    def careful(loaded: Loaded, now: datetime) -> Changes[int]:
        before = loaded.order("W1")
        seen.append(before.version)
        if len(seen) == 1:
            aside(lambda: asyncio.run(touch_order(two)))
        return Changes(before.version, orders=(note(before, now),))

    await two.new()
    assert await two.first.transact(careful) == 3
    assert seen == [2, 3]


async def test_a_worker_that_always_comes_second_gives_up_saying_so(two: Two) -> None:
    def never(loaded: Loaded, now: datetime) -> Changes[None]:
        loaded.roster("north", "service")
        two.database.at_once(touch_roster)
        return Changes(None, orders=(note(loaded.order("W1"), now),))

    await two.new()
    with pytest.raises(Conflict, match="try again"):
        await two.first.transact(never)
    assert (await two.order()).version == 2


async def test_a_server_that_hangs_up_is_unavailable_and_nothing_that_was_written_is_told(two: Two) -> None:
    """It was neither an OperationalError nor one of the codes: the raw error, with its parameters, got out."""
    await two.new()

    def ended(connection: Connection) -> None:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid()), :told"), {"told": "secret"})

    for work in (two.first.write(ended), two.first.read(ended)):
        with pytest.raises(Unavailable) as error:
            await work
        assert "secret" not in str(error.value)
    assert (await two.order()).version == 2, "the next look finds another connection"


async def test_a_statement_that_is_wrong_is_no_reason_to_wait(two: Two) -> None:
    for wrong in ("SELECT 1 FROM nowhere", "SELECT 1/0"):
        with pytest.raises(DBAPIError):
            await two.first.read(lambda c, wrong=wrong: c.execute(text(wrong)).all())


async def test_a_step_of_one_order_is_read_and_written_with_one_statement_each(two: Two) -> None:
    """However many rows it has: every statement is a journey to the server, and the order waits for each."""
    await two.new()
    assert isinstance(two.first, PostgresStore)
    seen: list[str] = []

    @event.listens_for(two.first.engine.sync_engine, "before_cursor_execute")
    def count(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    rows = tuple(Outgoing(f"k{n}", "alert", "crew", START, data={"code": "x"}) for n in range(3))
    await two.first.transact(
        lambda loaded, now: Changes(None, (note(loaded.order("W1"), now),), outgoing=rows)
    )
    assert [one.split()[0] for one in seen] == ["SELECT", "WITH"]
    assert ((await two.order()).version, await two.count(ALERT), await two.count(OUTBOX)) == (3, 3, 3)


async def test_the_orders_table_is_not_read_whole_for_one_order(two: Two) -> None:
    """The planner expects a hundred rows of a JSON parameter: it would read two thousand orders for one of them."""
    await two.new()

    def plan(connection: Connection) -> str:
        copy = (
            "INSERT INTO work_order SELECT (jsonb_populate_record(o, jsonb_build_object('id', 'X' || n))).*"
        )
        connection.execute(text(f"{copy} FROM work_order o, generate_series(1, 5000) n WHERE o.id = 'W1'"))
        connection.execute(text("ANALYZE work_order"))
        connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        connection.exec_driver_sql(f"PREPARE one AS {statement(('changed',))}")
        return str(connection.execute(text("EXPLAIN EXECUTE one('[]')")).all())

    told = await two.first.write(plan)
    assert "work_order_pkey" in told
    assert "Seq Scan on work_order" not in told
