"""Leases and settling: each effect is worked on by one worker, and comes back when that one dies."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from dispatch.adapters.sql import phone_rows
from dispatch.adapters.sql.statements import OUTBOX
from dispatch.services.ports import Changes, Loaded, Settled
from tests.dispatch.centre import START
from tests.dispatch.databases import AnyStore
from tests.dispatch.sql.two import Two


async def test_a_leased_row_is_nobody_elses_until_the_lease_ends(two: Two) -> None:
    await two.fill(START)
    until = START + timedelta(seconds=30)
    (row,) = await two.first.lease(START, until, 10)
    assert (row.tries, row.state) == (0, "pending")
    assert await two.second.lease(until - timedelta(microseconds=1), until, 10) == []
    (again,) = await two.second.lease(until, until + timedelta(seconds=30), 10)
    assert (again.id, again.tries) == (row.id, 1), "the worker died: the row comes back by itself"


async def test_two_workers_never_hold_the_same_row(two: Two) -> None:
    await two.fill(*[START] * 60)
    until = START + timedelta(seconds=30)
    leased = await asyncio.gather(*((two.first, two.second)[n % 2].lease(START, until, 7) for n in range(12)))
    ids = [row.id for rows in leased for row in rows]
    while more := await two.first.lease(START, until, 7):
        ids += [row.id for row in more]
    assert sorted(ids) == sorted(set(ids))
    assert len(ids) == 60


async def test_rows_are_leased_oldest_first_by_kind_and_not_before_they_are_due(two: Two) -> None:
    minutes = [3, 1, 2, 9]
    await two.fill(*(START + timedelta(minutes=m) for m in minutes), kind="centre")
    now = START + timedelta(minutes=5)
    assert await two.first.lease(now, now, 10, ["phone"]) == []
    rows = await two.first.lease(now, now + timedelta(seconds=30), 2, ["centre"])
    assert [row.key for row in rows] == ["k1", "k2"]


async def test_settling_ends_a_row_or_brings_it_back_when_it_says(two: Two) -> None:
    await two.fill(START, START, START)
    until = START + timedelta(seconds=30)
    a, b, c = await two.first.lease(START, until, 10)
    later = START + timedelta(minutes=2)
    await two.first.settle(
        [Settled(a.id, "done", "told"), Settled(b.id, "pending", "busy", due=later)], START
    )
    await two.second.settle([Settled(c.id, "dead", "given up")], START)
    assert [r.id for r in await two.second.lease(later, later + timedelta(seconds=1), 10)] == [b.id]
    rows = await two.first.read(lambda conn: conn.execute(select(OUTBOX).order_by(OUTBOX.c.id)).all())
    assert [(r.state, r.outcome, r.settled_at) for r in rows] == [
        ("done", "told", START), ("pending", "busy", None), ("dead", "given up", START),
    ]  # fmt: skip


@pytest.mark.parametrize("ended", ["done", "dead"])
async def test_a_row_that_ended_is_not_begun_again_by_a_worker_that_comes_too_late(
    two: Two, ended: Any
) -> None:
    await two.fill(START)
    (row,) = await two.first.lease(START, START, 1)
    await two.first.settle([Settled(row.id, ended, "first")], START)
    await two.second.settle([Settled(row.id, "pending", "late", due=START)], START)
    await two.second.settle([Settled(row.id, "sent", "late", due=START)], START)
    assert await two.first.lease(START + timedelta(hours=1), START, 9) == []


async def test_one_number_is_dialled_by_one_of_two_workers(two: Two) -> None:
    await two.first.transact(lambda loaded, now: Changes(None, dialled={"555": ""}, settled=()))
    two.clock.advance(120)

    async def dial(store: AnyStore) -> bool:
        def decide(loaded: Loaded, now: datetime) -> Changes[bool]:
            last = loaded.last_dial("555")
            if last is not None and now < last.at + timedelta(minutes=1):
                return Changes(False)
            return Changes(True, dialled={"555": ""})

        return await store.transact(decide)

    assert sorted(await asyncio.gather(dial(two.first), dial(two.second))) == [False, True]


async def test_what_waits_for_a_call_is_found_without_a_look_at_all_that_was_ever_sent(two: Two) -> None:
    def plan(connection: Connection) -> str:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        query = phone_rows.waiting([7], ["crew_duty"], ["north"], START, 100, 0)
        made = query.compile(connection, compile_kwargs={"render_postcompile": True})
        sqlite = connection.dialect.name == "sqlite"
        if not sqlite:
            made = query.compile(connection, compile_kwargs={"literal_binds": True})
        given = tuple(str(made.params[name]) for name in made.positiontup or ()) if sqlite else ()
        return str(connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN' * sqlite} {made}", given).all())

    assert "outbox_to_ring" in await two.first.write(plan)
