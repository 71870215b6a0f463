"""Somebody else commits between look and commit. SQLite has one writer: there nothing can."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from dispatch.core.errors import Conflict, Unavailable
from dispatch.services.ports import Changes, Loaded
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
