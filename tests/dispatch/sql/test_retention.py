"""Old positions go, on both databases; what is inside the limit, or of an open order's time, never does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from dispatch.adapters.sql import history, postgres, retention
from dispatch.adapters.sql.history import POSITION
from dispatch.adapters.sql.postgres import PostgresStore
from dispatch.adapters.sql.retention import Retention
from dispatch.bootstrap.database import open_history
from dispatch.core.errors import Unavailable
from dispatch.core.position import Fix
from dispatch.core.retention import gone_before, is_time
from dispatch.core.track import Kept
from tests.dispatch.centre import PROCESSES, Centre
from tests.dispatch.databases import AnyStore, Database
from tests.dispatch.outside import START

DAY = 86_400.0
TODAY = datetime(START.year, START.month, START.day, tzinfo=UTC).timestamp()
KEEP = 7


class Kepts:
    """A centre whose history is filled by hand; `n` is a row's name."""

    def __init__(self, database: Database) -> None:
        self.centre = Centre(database)
        self.positions: AnyStore = self.centre.store
        if database.kind == "sqlite":
            self.positions = open_history(database.settings, PROCESSES, self.centre.clock, self.centre.store)
            database.opened.append(self.positions)
        history._made.clear()

    def retention(self, keep: int = KEEP) -> Retention:
        return Retention(self.centre.context, self.centre.store, self.positions, keep)

    async def put(self, n: str, day: float, came: float | None = None, flag: Any = "ok") -> None:
        """A fix at noon, so many days from today; received then, or `came` days from today."""
        at = TODAY + (day + 0.5) * DAY
        fix = Fix(36.0, 101.0, at, at if came is None else TODAY + (came + 0.5) * DAY)
        row = Kept(n, 0, "d", fix, flag, at)
        await self.positions.write(lambda c: history.store(c, [row]))

    async def there(self) -> dict[str, str]:
        query = select(POSITION.c.entry, POSITION.c.flag)
        return dict(await self.positions.read(lambda c: [(row[0], row[1]) for row in c.execute(query)]))

    def night(self, days: float = 0.0) -> None:
        """So many days from today, 02:00."""
        self.centre.clock.advance_to(datetime.fromtimestamp(TODAY + days * DAY + 7_200, UTC))


@pytest.fixture
def kepts(database: Database) -> Kepts:
    return Kepts(database)


async def test_no_day_inside_the_limit_goes(kepts: Kepts) -> None:
    for day in range(-10, 2):
        await kepts.put(f"{day}", day)
    kepts.night(1)
    await kepts.retention().clear()
    assert set(await kepts.there()) == {f"{day}" for day in range(-6, 2)}
    await kepts.put("again", -1.25)
    assert "again" in await kepts.there(), "the days that are left take fixes"


async def test_nothing_goes_where_positions_are_kept_for_ever(kepts: Kepts) -> None:
    await kepts.put("old", -4_000)
    kepts.night(1)
    await kepts.retention(0).clear()
    assert await kepts.there() == {"old": "ok"}


async def test_the_time_of_an_open_order_stays_until_it_is_restored(kepts: Kepts) -> None:
    await kepts.put("before", -1)
    await kepts.put("on the day", 0)
    await kepts.put("later", 3)
    order_id = await kepts.centre.call()
    kepts.night(40)
    await kepts.retention().clear()
    assert set(await kepts.there()) == {"on the day", "later"}
    ended = text("UPDATE work_order SET is_open = false WHERE id = :id")
    await kepts.centre.store.write(lambda c: c.execute(ended, {"id": order_id}))
    await kepts.retention().clear()
    assert await kepts.there() == {}


async def test_a_late_fix_of_a_day_that_is_gone_is_kept_and_its_copies_are_told(kepts: Kepts) -> None:
    await kepts.put("first", -9)
    kepts.night(1)
    await kepts.retention().clear()
    for n in ("late", "copy"):
        await kepts.put(n, -9, came=1, flag="out_of_order")
    await kepts.retention().clear()
    assert await kepts.there() == {"late": "out_of_order", "copy": "duplicate"}
    kepts.night(8)
    await kepts.retention().clear()
    assert len(await kepts.there()) == 2, "within the limit after their receipt"
    kepts.night(9)
    await kepts.retention().clear()
    assert await kepts.there() == {}


async def test_what_came_late_into_a_day_stays_when_the_day_goes(kepts: Kepts) -> None:
    await kepts.put("in time", -9)
    await kepts.put("late", -9.25, came=-1, flag="out_of_order")
    kepts.night()
    await kepts.retention().clear()
    assert await kepts.there() == {"late": "out_of_order"}
    await kepts.put("copy", -9.25, came=0)
    assert (await kepts.there())["copy"] == "duplicate"


async def test_wrong_clocks_do_not_keep_a_fix_nor_lose_one(kepts: Kepts) -> None:
    await kepts.put("1970, long ago", -TODAY / DAY, came=-20)
    await kepts.put("1970, today", -TODAY / DAY + 1, came=0)
    await kepts.put("2099, long ago", 26_000, came=-20, flag="future")
    await kepts.put("2099, today", 26_001, came=0, flag="future")
    kepts.night(1)
    await kepts.retention().clear()
    assert set(await kepts.there()) == {"1970, today", "2099, today"}


async def test_by_day_only_what_is_long_overdue_goes(kepts: Kepts) -> None:
    await kepts.put("8 days old at noon", -8)
    kepts.night(0.5)
    await kepts.retention().clear()
    assert set(await kepts.there()) == {"8 days old at noon"}
    kepts.night(2.5)
    await kepts.retention().clear()
    assert await kepts.there() == {}


async def test_writers_go_on_between_two_batches(kepts: Kepts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 20)
    rows = [
        Kept(f"old {n}", 0, "d", Fix(36.0, 101.0, TODAY - 20 * DAY + n, TODAY - 20 * DAY + n), "ok", 0.0)
        for n in range(300)
    ]
    await kepts.positions.write(lambda c: history.store(c, rows))
    kepts.night(1)
    clearing = asyncio.create_task(kepts.retention().clear())
    for n in range(3):
        await kepts.put(f"new {n}", 0.01 * n)
        if kepts.positions.engine.dialect.name == "sqlite":
            assert not clearing.done(), "the writer is not taken for the whole of it"
    await clearing
    assert set(await kepts.there()) == {f"new {n}" for n in range(3)}


async def test_what_fails_is_tried_again_and_ends_nobody(
    kepts: Kepts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(self: Retention) -> None:
        raise ValueError("nobody thought of it")

    for name in ("EVERY_S", "AFTER_FAILURE_S"):
        monkeypatch.setattr(retention, name, 0.0)
    monkeypatch.setattr(Retention, "clear", broken)
    await kepts.retention().once()
    assert "could not be deleted" in caplog.text

    async def away(self: Retention) -> None:
        raise Unavailable("somebody reads for long")

    monkeypatch.setattr(Retention, "clear", away)
    await kepts.retention().once()
    assert "deleted later: somebody reads" in caplog.text


# -- PostgreSQL only: partitions (SQLite has one table for all days)

on_postgresql = pytest.mark.parametrize("database_kind", ["postgresql"])


@on_postgresql
async def test_a_writer_in_mid_transaction_is_not_disturbed(kepts: Kepts) -> None:
    await kepts.put("old", -9)
    await kepts.put("today", 0)
    kepts.night(1)
    assert isinstance(kepts.positions, PostgresStore)
    async with kepts.positions.engine.connect() as writer:
        await writer.execute(text("INSERT INTO position SELECT * FROM position LIMIT 0"))
        with pytest.raises(Unavailable):
            await kepts.retention().clear()
        await kepts.put("new", 0.01)
    assert set(await kepts.there()) == {"old", "today", "new"}
    await kepts.retention().clear()
    assert set(await kepts.there()) == {"today", "new"}


@on_postgresql
async def test_one_that_was_killed_between_two_steps_is_gone_on_with(kepts: Kepts) -> None:
    await kepts.put("old", -9)
    await kepts.put("late", -9.25, came=0, flag="out_of_order")
    kepts.night(1)
    (name,) = await kepts.positions.read(retention.old_days)
    await kepts.positions.write(lambda c: retention.take_off(c, name))
    await kepts.put("copy", -9.25, came=1, flag="out_of_order")  # while its day is away
    await kepts.retention().clear()
    assert await kepts.there() == {"copy": "out_of_order", "late": "duplicate"}
    assert await kepts.positions.read(retention.old_days) == []
    await kepts.put("new", -9.25, came=1)
    assert (await kepts.there())["new"] == "duplicate"


@on_postgresql
async def test_a_day_that_takes_longer_than_any_decision_may_is_dropped_all_the_same(
    kepts: Kepts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kepts.put("old", -9)
    kepts.night(1)
    drop = retention.drop

    def slowly(connection: Connection, *given: Any) -> int:
        connection.execute(text("SELECT pg_sleep(2)"))
        return drop(connection, *given)

    monkeypatch.setattr(retention, "drop", slowly)
    monkeypatch.setattr(postgres, "LONGEST", 1.0)
    await kepts.retention().clear()
    assert await kepts.there() == {}
    assert await kepts.positions.read(retention.old_days) == []


@on_postgresql
async def test_two_workers_at_once_lose_nothing(kepts: Kepts) -> None:
    for day in range(-20, 0):
        await kepts.put(f"{day}", day)
        await kepts.put(f"late {day}", day + 0.1, came=-1, flag="out_of_order")
    kepts.night(1)
    await asyncio.gather(*(kepts.retention().clear() for _ in range(3)), return_exceptions=True)
    assert {f"late {d}" for d in range(-20, 0)} <= set(await kepts.there())
    await kepts.retention().clear()  # a day that one found the other at is left for the next time
    assert set(await kepts.there()) == {f"{d}" for d in range(-6, 0)} | {f"late {d}" for d in range(-20, 0)}


def test_whole_days_and_none_of_an_open_order() -> None:
    now = 100 * DAY + 5_000
    assert gone_before(now, 90, None) == 10 * DAY
    assert gone_before(now, 90, 95 * DAY) == 10 * DAY
    assert gone_before(now, 90, 3 * DAY + 7) == 3 * DAY
    assert gone_before(now, 0, None) is None
    night, noon = (datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (3, 12))
    assert is_time(9 * DAY, 10 * DAY, night)
    assert not is_time(10 * DAY, 10 * DAY, night)
    assert not is_time(9 * DAY, 10 * DAY, noon)
    assert is_time(7 * DAY, 10 * DAY, noon)
