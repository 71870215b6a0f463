"""The manager's figures against SQL that knows nothing of them: the same to the microsecond, on both databases.

`RECOUNT` reads nothing but the raw events, and cuts time by another rule than the core: each step's time since the
step before, named after that one, unless the next dispatch or withdrawal after it is a withdrawal.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, text, update

from dispatch.adapters.sql import day_sheets
from dispatch.adapters.sql.day_sheets import DaySheets
from dispatch.adapters.sql.histories import SqlHistories
from dispatch.adapters.sql.organisation import load_directory, set_fact
from dispatch.adapters.sql.shortages import SqlShortages
from dispatch.adapters.sql.statements import ORDER
from dispatch.clock import VirtualClock
from dispatch.core.errors import Conflict
from dispatch.core.sheet import SEGMENTS
from dispatch.core.work_order import WorkOrder, begin, remark
from dispatch.services.context import Context
from dispatch.services.ports import Changes
from dispatch.services.review import Period, Review, review
from tests.dispatch.core.orders import A_TO_CLOSED, HOTLINE, PROCESS, A, facts, step
from tests.dispatch.databases import AnyStore, Database
from tests.dispatch.organisation import context_of, fill, shipped_processes

NOW = A + timedelta(hours=30)
DAYS = Period(A.date() - timedelta(days=1), A.date() + timedelta(days=2), {})
TICKS = {
    "sqlite": "(CAST(strftime('%s', {0}) AS INTEGER) * 1000000 + CAST(substr({0}, 21, 6) AS INTEGER))",
    "postgresql": "CAST(extract(epoch FROM {0}) * 1000000 AS BIGINT)",
}
STEPS = "('take_call','send','centre_receipt','dispatch','receipt','acknowledge','depart','arrive','recall','reject','cancel')"
INTERVALS = f"""
WITH step AS (
  SELECT order_id, seq, kind, {{ticks}} AS at,
    LAG(kind) OVER (PARTITION BY order_id ORDER BY seq) AS since,
    {{ticks}} - LAG({{ticks}}) OVER (PARTITION BY order_id ORDER BY seq) AS spent,
    (SELECT x.kind FROM order_event x WHERE x.order_id = e.order_id AND x.seq >= e.seq
       AND x.kind IN ('dispatch', 'recall', 'reject') ORDER BY x.seq LIMIT 1) AS next_turn
  FROM order_event e WHERE kind IN {STEPS}
), part AS (
  SELECT *, CASE WHEN since IN ('dispatch', 'receipt', 'acknowledge', 'depart', 'arrive')
      AND next_turn IN ('recall', 'reject') THEN 'withdrawn'
    ELSE CASE since WHEN 'take_call' THEN 'AB' WHEN 'send' THEN 'BC' WHEN 'dispatch' THEN 'DE'
      WHEN 'receipt' THEN 'EF' WHEN 'acknowledge' THEN 'FG' WHEN 'depart' THEN 'GH' WHEN 'arrive' THEN 'after'
      ELSE 'CD' END END AS label
  FROM step WHERE since IS NOT NULL
), fate AS (
  SELECT order_id, MIN(at) AS a,
    MAX(CASE WHEN kind = 'arrive' AND (next_turn IS NULL OR next_turn = 'dispatch') THEN at END) AS h,
    MAX(CASE WHEN kind = 'cancel' THEN at END) AS c, MAX(seq) AS last_seq
  FROM step GROUP BY order_id
), spent AS (
  SELECT part.order_id, label, CAST(SUM(part.spent) AS BIGINT) AS spent, MAX(CASE WHEN part.seq = last_seq THEN 1 ELSE 0 END) AS is_last
  FROM part JOIN fate ON fate.order_id = part.order_id GROUP BY part.order_id, label
)
"""
SEGMENT = (
    INTERVALS
    + """
, ended AS (
  SELECT spent.spent, ROW_NUMBER() OVER (ORDER BY spent.spent) AS place, COUNT(*) OVER () AS n
  FROM spent JOIN fate ON fate.order_id = spent.order_id
  WHERE label = :label AND (h IS NOT NULL OR NOT (c IS NOT NULL AND is_last = 1))
)
SELECT place, n, spent FROM ended ORDER BY place
"""
)
RECOUNT = (
    INTERVALS
    + """
SELECT w.id, w.centre_id, COALESCE(h, c, :now) - a AS total, h IS NOT NULL AS arrived,
  CASE WHEN h IS NOT NULL THEN h - a <= 2700000000 WHEN COALESCE(c, :now) - a > 2700000000 THEN false END AS within
FROM fate JOIN work_order w ON w.id = fate.order_id ORDER BY w.id
"""
)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@pytest.fixture
async def context(database: Database, clock: VirtualClock) -> Context:
    """The small organisation."""
    database.at_once(fill)
    store = database.store(shipped_processes(), clock)
    return context_of(store, await store.read(load_directory), clock)


def random_order(number: int, chance: Random) -> WorkOrder:
    """Through its steps with random pauses, sometimes taken back, sometimes left where it is, sometimes cancelled."""
    at = A + timedelta(seconds=chance.uniform(-80_000, 80_000))
    data = {"centre_id": chance.choice(["east", "west"]), "trade": "service", "area_class": "urban"}
    made = begin(facts(f"W{number:04}", at), PROCESS, by=HOTLINE, now=at, data=data)
    pace = chance.choice([0.4, 1, 3])
    wanted, stop = list(A_TO_CLOSED), chance.choice([99, 99, 99, chance.randrange(8)])
    while wanted and stop:
        name = wanted.pop(0)
        stop -= 1
        at += timedelta(seconds=chance.expovariate(1 / (pace * (900 if name == "arrive" else 100))))
        if name in {"acknowledge", "depart", "restore"} and chance.random() < 0.12:
            back = "recall" if name != "depart" else "reject"
            made = step(made, back, at)
            wanted = list(A_TO_CLOSED[2:])
        elif chance.random() < 0.02 and made.state not in {"restored", "recorded"}:
            return step(made, "cancel", at)
        elif name == "arrive" and chance.random() < 0.3:
            made = remark(made, PROCESS, "joined", by=HOTLINE, now=at, data={})
            made = step(made, name, at)
        else:
            made = step(made, name, at)
    return made


async def keep(store: AnyStore, *orders: WorkOrder) -> None:
    """As the services would have."""
    await store.transact(lambda loaded, now: Changes(None, orders=orders))


def rows(database: Database, query: str, **values: Any) -> list[Any]:
    ticks = TICKS[database.kind].format("at")
    values = {key: value for key, value in values.items() if f":{key}" in query}

    def work(connection: Connection) -> list[Any]:
        return list(connection.execute(text(query.replace("{ticks}", ticks)), values).all())

    return list(database.at_once(work))


async def reviewed(context: Context, period: Period = DAYS) -> Review:
    store: Any = context.store
    return await review(context, SqlHistories(store, context), SqlShortages(store), period)


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_figures_are_those_of_other_sql_over_the_raw_events(
    database: Database, context: Context, seed: int
) -> None:
    store: Any = context.store
    chance = Random(seed)
    await keep(store, *(random_order(n, chance) for n in range(400)))
    await DaySheets(store, context).catch_up()
    found = await reviewed(context)
    now = int(NOW.timestamp() * 1_000_000)
    orders = rows(database, RECOUNT, now=now)
    judged = [r for r in orders if r.within is not None]
    figures = found.figures
    assert (figures.orders, figures.arrived, figures.judged, figures.within) == (
        400, sum(r.arrived for r in orders), len(judged), sum(bool(r.within) for r in judged)
    )  # fmt: skip
    assert 0 < figures.within < figures.judged
    for share in figures.by["centre"]:
        mine = [r for r in orders if r.centre_id == share.name]
        assert (share.orders, share.within) == (len(mine), sum(bool(r.within) for r in mine))
    assert spread_of(sorted(r.total for r in orders if r.arrived)) == (
        figures.total.n, figures.total.p50, figures.total.p90, figures.total.p95
    )  # fmt: skip
    for segment in figures.segments:
        assert segment.name in SEGMENTS
        times = [r.spent for r in rows(database, SEGMENT, label=segment.name)]
        times = without_running(database, segment.name, times)
        assert spread_of(times) == (segment.n, segment.p50, segment.p90, segment.p95), segment.name


def without_running(database: Database, label: str, times: list[int]) -> list[int]:
    """An order that runs in this segment has not ended it, though it may have been in it before."""
    runs = (
        INTERVALS
        + """
      SELECT spent.spent FROM spent JOIN fate ON fate.order_id = spent.order_id
      JOIN step ON step.order_id = fate.order_id AND step.seq = last_seq
      WHERE h IS NULL AND c IS NULL AND label = 'CD' AND step.kind IN ('centre_receipt', 'recall', 'reject')
    """
    )
    if label == "CD":
        for row in rows(database, runs):
            times.remove(row.spent)
    return times


def spread_of(times: list[int]) -> tuple[int, float | None, float | None, float | None]:
    """By the textbook: the ceil(p n / 100)-th of n; where two lie beyond."""
    n = len(times)
    places = [(p * n + 99) // 100 for p in (50, 90, 95)]
    return (n, *(times[p - 1] / 1e6 if n - p >= 2 and p else None for p in places))  # type: ignore[return-value]


def worked(name: str, begins: datetime, *steps: tuple[str, int, str]) -> WorkOrder:
    """An order that was reported then: steps, minutes after, by which crew."""
    routed = {"centre_id": "east", "trade": "service", "area_class": "urban"}
    made = begin(facts(name, begins), PROCESS, by=HOTLINE, now=begins, data=routed)
    for step_, minutes, crew in (("send", 1, ""), ("centre_receipt", 1, ""), *steps):
        data: dict[str, Any] = {"crew_id": crew} if crew else {}
        made = step(made, step_, begins + timedelta(minutes=minutes), **data)
    return made


async def test_a_crews_work_counts_across_midnight_and_after_the_order_was_taken_from_it(
    context: Context,
) -> None:
    store: Any = context.store
    today = A.date() + timedelta(days=1)
    midnight = datetime(today.year, today.month, today.day, tzinfo=A.tzinfo)
    over_midnight = worked(
        "W1", midnight - timedelta(minutes=40), ("dispatch", 10, "E1"), ("receipt", 11, "E1"),
        ("acknowledge", 20, "E1"), ("arrive", 30, "E1"), ("restore", 100, "E1"),
    )  # fmt: skip
    recalled = worked(
        "W2", midnight + timedelta(hours=6), ("dispatch", 5, "E1"), ("receipt", 6, "E1"),
        ("acknowledge", 10, "E1"), ("depart", 15, "E1"), ("recall", 40, ""), ("dispatch", 45, "E2"),
        ("receipt", 46, "E2"), ("acknowledge", 50, "E2"), ("arrive", 60, "E2"), ("restore", 110, "E2"),
    )  # fmt: skip
    cancelled = worked(
        "W3", midnight + timedelta(hours=9), ("dispatch", 5, "E2"), ("receipt", 6, "E2"),
        ("acknowledge", 10, "E2"), ("depart", 12, "E2"), ("cancel", 40, ""),
    )  # fmt: skip
    await keep(store, over_midnight, recalled, cancelled)
    await DaySheets(store, context).catch_up()
    found = await reviewed(context, Period(today, today, {}))
    busy = {one.crew: (one.orders, one.busy_s) for one in found.used}
    assert (busy["E1"], busy["E2"]) == ((0, 90 * 60.0), (1, 90 * 60.0))
    only = (await reviewed(context, Period(today, today, {"crew": "E1"}))).used
    assert [(one.crew, one.busy_s) for one in only] == [("E1", 90 * 60.0)]
    yesterday = await reviewed(context, Period(today - timedelta(days=1), today - timedelta(days=1), {}))
    first = next(one for one in yesterday.used if one.crew == "E1")
    assert (first.busy_s, first.shift_s) == (20 * 60.0, 40 * 60.0), "no shift before the first order of all"


async def test_what_changes_later_is_measured_again_and_nothing_else(
    context: Context, clock: VirtualClock
) -> None:
    store: Any = context.store
    chance = Random(3)
    made = [random_order(n, chance) for n in range(60)]
    await keep(store, *made)
    sheets = DaySheets(store, context)
    await sheets.catch_up()
    first = (await reviewed(context)).figures
    clock.advance(3600)
    running = next(one for one in made if one.state == "at_centre")

    def work(loaded: Any, now: Any) -> Changes[None]:
        return Changes(None, orders=(step(loaded.order(running.id), "cancel", now),))

    await store.transact(work)
    asked: list[str] = []
    measured = sheets._measured

    async def noted(order_ids: Sequence[str], now: datetime) -> Any:
        asked.extend(order_ids)
        return await measured(order_ids, now)

    sheets._measured = noted  # type: ignore[method-assign]
    await sheets.catch_up()
    still = {one.id for one in made if one.state not in {"closed", "cancelled"} and not one.last("arrive")}
    assert running.id in asked
    assert set(asked) <= still | {one.id for one in made if one.last("arrive") and one.last("recall")}
    again = (await reviewed(context)).figures
    assert (again.orders, again.arrived) == (first.orders, first.arrived)
    assert again == (await reviewed_anew(context)).figures


async def reviewed_anew(context: Context) -> Review:
    """By sheets that were made from nothing."""
    store: Any = context.store
    await store.write(lambda c: c.execute(day_sheets.SHEET.delete()))
    await store.write(lambda c: set_fact(c, day_sheets.FACT, ""))
    await DaySheets(store, context).catch_up()
    return await reviewed(context)


async def test_an_order_that_cannot_be_read_is_said_and_hides_no_other(
    database: Database, context: Context
) -> None:
    store: Any = context.store
    await keep(store, *(random_order(n, Random(4)) for n in range(5)))
    spoil = update(ORDER).where(ORDER.c.id == "W0002").values(process="nobodys-9")
    database.at_once(lambda c: c.execute(spoil))
    sheets, clock = DaySheets(store, context), context.clock
    assert (await sheets.catch_up()).unreadable == ("W0002",)
    found = await reviewed(context)
    assert (found.figures.orders, found.unreadable) == (4, 1)
    clock.advance(3600)  # type: ignore[attr-defined]
    assert (await sheets.catch_up()).unreadable == ("W0002",)  # it is still said when it changed long ago
    database.at_once(lambda c: c.execute(spoil.values(process=PROCESS.id)))
    assert (await sheets.catch_up()).unreadable == ()
    assert (await reviewed(context)).figures.orders == 5


async def test_of_two_workers_one_goes_on(context: Context) -> None:
    store: Any = context.store
    await keep(store, random_order(1, Random(5)))
    one, other = DaySheets(store, context), DaySheets(store, context)
    day = (await store.read(lambda c: day_sheets._next(c, (A - timedelta(days=9), ""))))[0]
    name = day.reported_at.date().isoformat()
    kept, version = await store.read(lambda c: day_sheets._load(c, name))
    await one.catch_up()
    with pytest.raises(Conflict):
        await store.write(lambda c: day_sheets._save(c, name, kept, version))
    await other.catch_up()
    assert (await reviewed(context)).figures.orders == 1


async def test_another_time_zone_makes_other_days(context: Context) -> None:
    from zoneinfo import ZoneInfo

    store: Any = context.store
    await keep(store, *(random_order(n, Random(n)) for n in range(30)))
    await DaySheets(store, context).catch_up()
    before = {one.name: one.orders for one in (await reviewed(context)).figures.by["day"]}
    context.zone = ZoneInfo("Asia/Shanghai")
    assert (await reviewed(context)).as_of is None
    await DaySheets(store, context).catch_up()
    after = {one.name: one.orders for one in (await reviewed(context)).figures.by["day"]}
    assert sum(before.values()) == sum(after.values()) == 30
    assert before != after


async def test_sheets_of_another_version_are_not_read_but_made_anew(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    store: Any = context.store
    await keep(store, *(random_order(n, Random(n)) for n in range(5)))
    with monkeypatch.context() as earlier:
        earlier.setattr(day_sheets, "LAYOUT", day_sheets.LAYOUT - 1)
        await DaySheets(store, context).catch_up()
    await store.write(lambda c: c.execute(text("UPDATE day_sheet SET numbers = ids")) and None)
    found = await reviewed(context)
    assert (found.as_of, found.figures.orders) == (None, 0)
    await DaySheets(store, context).catch_up()
    assert (await reviewed(context)).figures.orders == 5


def test_the_period_before_has_as_many_days() -> None:
    before = Period(date(2026, 3, 2), date(2026, 3, 8), {}).before
    assert (before.first, before.last) == (date(2026, 2, 23), date(2026, 3, 1))
