"""Due clocks are decided in batches: the oldest first, each once, and none takes another along."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from dispatch.adapters.sql import postgres, statements
from dispatch.adapters.sql.rows import event_row, outbox_row
from dispatch.adapters.sql.statements import CLOCK, EVENT, ORDER, OUTBOX
from dispatch.core import escalation
from dispatch.core.errors import Unavailable
from dispatch.core.outgoing import Outgoing
from dispatch.core.types import SYSTEM
from dispatch.core.work_order import Event
from dispatch.services import clocks
from dispatch.services import crew as crews
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Loaded
from loadtests.clock_runs import judge
from loadtests.clock_seed import CENTRES, CREWS, PROCESSES
from tests.dispatch.databases import Database, aside
from tests.dispatch.outside import START
from tests.dispatch.services.engine import Engine, names, unreadable


def _spoil(monkeypatch: pytest.MonkeyPatch, broken: set[str]) -> None:
    decide = escalation.fire

    def fire(order: Any, *given: Any) -> Any:
        if order.id in broken:
            raise KeyError("what an older version wrote")
        return decide(order, *given)

    monkeypatch.setattr(clocks, "fire", fire)


async def test_one_order_that_cannot_be_decided_costs_itself_only_and_is_looked_at_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = Engine(database)
    engine.overdue(9)
    broken = {"D4"}
    _spoil(monkeypatch, broken)
    worker = engine.worker()
    assert await clocks.fire_due(worker) == 8
    assert "the due clock of D4 was not decided" in caplog.text
    broken.clear()
    assert await clocks.fire_due(worker) == 0, "others come first"
    engine.clock.advance(clocks.AGAIN)
    assert await clocks.fire_due(worker) == 1
    assert engine.rungs() == dict.fromkeys(names(1, 9), 1)


async def test_more_broken_orders_than_a_batch_holds_stop_nobody(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clocks, "BATCH", 5)
    engine = Engine(database)
    engine.overdue(14)
    _spoil(monkeypatch, names(1, 12))
    worker = engine.worker()
    for _ in range(3):
        await clocks.fire_due(worker)
    assert set(engine.rungs()) == {"D13", "D14"}


async def test_an_order_whose_effects_cannot_be_written_takes_nobody_along(database: Database) -> None:
    engine = Engine(database)
    engine.overdue(6)
    row = outbox_row(Outgoing("phone/D3/crew/1/0", "phone", "x", START, "D3"), START)
    database.at_once(lambda c: c.execute(insert(OUTBOX), row) and None)
    decided = await clocks.decide_due(engine.worker())
    assert (decided.orders, set(decided.failed)) == (5, {"D3"})
    assert engine.rungs() == dict.fromkeys(names(1, 6) - {"D3"}, 1)
    armed = database.at_once(lambda c: c.execute(select(CLOCK.c.rung).where(CLOCK.c.order_id == "D3")).all())
    assert sorted(r.rung for r in armed) == [0, 0], "its clocks are armed as they were"


SPOIL = """
INSERT INTO order_event (order_id, seq, kind, at, recorded_at, by_role, by_id, "key", data)
SELECT order_id, 8, kind, at, recorded_at, by_role, by_id, "key", '{' FROM order_event WHERE order_id = 'D5' AND seq = 7"""


async def test_an_order_that_cannot_be_read_takes_nobody_along(database: Database) -> None:
    """Of a process that is not there any more, with a line that cannot be folded; on SQLite with one that is no JSON, too."""
    engine = Engine(database)
    engine.overdue(6)
    broken = {"D2", "D4"}

    def spoil(connection: Any) -> None:
        connection.execute(update(ORDER).where(ORDER.c.id == "D2").values(process="gone@1"))
        wrong = Event(7, "expedite", START, START, SYSTEM, "", {"priority": "much"})
        connection.execute(insert(EVENT), event_row("D4", wrong))
        if database.kind == "sqlite":
            connection.execute(insert(EVENT), event_row("D5", Event(7, "joined", START, START, SYSTEM)))
            connection.execute(text(SPOIL))
            broken.add("D5")

    database.at_once(spoil)
    decided = await clocks.decide_due(engine.worker())
    assert set(decided.failed) == broken
    assert set(engine.rungs()) == names(1, 6) - broken


@pytest.mark.parametrize("database_kind", ["postgresql"])  # a statement that fails ends its transaction
async def test_an_order_whose_events_the_server_cannot_read_stops_nobodys_clock(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one whose decision asks what the server cannot answer, or looks at one that cannot be read."""
    engine = Engine(database)
    engine.seed(8)
    engine.all_due(6)
    unreadable(monkeypatch, "D5")
    worker = engine.worker()

    def decide(order_id: str, loaded: Any, now: datetime) -> Changes[bool]:
        if order_id == "D3":
            loaded.connection.execute(text("SELECT 1/0"))
        if order_id in ("D2", "D4"):
            assert loaded.fetch(["D5", "D7", "D8"]).keys() == {"D5"}
        return clocks.fire_order(worker, order_id, loaded, now)

    decided = await worker.store.decide_due(decide, clocks.BATCH)
    assert set(decided.failed) == {"D3", "D5"}
    assert engine.rungs() == dict.fromkeys({"D1", "D2", "D4", "D6"}, 1)


async def test_the_oldest_come_first(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "BATCH", 10)
    engine = Engine(database)
    engine.seed(35, gap=-1.0)  # the highest number is the oldest
    engine.clock.advance(1)
    worker = engine.worker()
    for last in (26, 16, 6, 1):
        decided = await clocks.decide_due(worker)
        assert set(engine.rungs()) == names(last, 35)
        assert decided.full == (last > 1)


async def test_the_next_instant_is_said_when_nothing_is_left(database: Database) -> None:
    engine = Engine(database)
    engine.seed(3, gap=30.0)
    engine.clock.advance(30)
    decided = await clocks.decide_due(engine.worker())
    assert (decided.orders, decided.following) == (1, START + timedelta(seconds=60))


async def test_a_due_row_that_the_core_does_not_know_is_put_right(database: Database) -> None:
    """Else it would be asked about for ever, and 200 of them would stop everybody."""
    engine = Engine(database)
    engine.seed(1, gap=3600.0)
    stray = {"order_id": "D1", "name": "watch:gone", "generation": 1, "rung": 0, "due": START}
    database.at_once(lambda c: c.execute(insert(CLOCK), stray) and None)
    worker = engine.worker()
    assert (await clocks.decide_due(worker)).failed == {}
    found = database.at_once(lambda c: list(c.execute(select(CLOCK.c.name)).scalars()))
    assert sorted(found) == ["promise", "watch:crew"]


@pytest.mark.parametrize("database_kind", ["postgresql"])  # SQLite has one writer
async def test_two_workers_never_decide_one_rung_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clocks, "BATCH", 20)
    engine = Engine(database)
    engine.seed(300, gap=0.1)
    engine.all_due(30)

    async def work(worker: Context) -> int:
        total = 0
        while done := await clocks.decide_due(worker):
            assert not done.failed
            total += done.orders
            if not done.full:
                return total
        return total

    shares = await asyncio.gather(*(work(engine.worker()) for _ in range(3)))
    assert sum(shares) == 300
    assert sum(1 for share in shares if share) > 1, "they shared the work"
    assert engine.rungs() == {f"D{n}": 1 for n in range(1, 301)}


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_what_a_worker_has_claimed_others_leave_and_its_death_frees(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between claim and commit: nothing is lost, nothing doubled, nobody had to wait."""
    monkeypatch.setattr(clocks, "BATCH", 4)
    engine = Engine(database)
    engine.overdue(8)
    first, second = engine.worker(), engine.worker()

    def other() -> None:
        async def run() -> None:
            assert (await clocks.decide_due(second)).orders == 4
            await database.opened[1].close()  # type: ignore[misc]

        asyncio.run(asyncio.wait_for(run(), 20))

    class Killed(BaseException):
        """As a power cut: no handler of errors runs."""

    def die(order_id: str, loaded: Loaded, now: datetime) -> Changes[bool]:
        aside(other)
        raise Killed

    with pytest.raises(Killed):
        await first.store.decide_due(die, 4)
    assert engine.rungs() == dict.fromkeys(names(5, 8), 1)
    assert await clocks.fire_due(first) == 4
    assert engine.rungs() == dict.fromkeys(names(1, 8), 1)


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_what_a_worker_that_stands_still_has_claimed_is_freed_and_it_is_told_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped, or on a host that is gone: nobody hangs up for it, and claims pass by what is locked."""
    engine = Engine(database)
    engine.overdue(3)
    with monkeypatch.context() as patch:
        patch.setattr(postgres, "FROZEN", 0.5)
        first = engine.worker()
    second = engine.worker()
    tries: list[int] = []

    async def others() -> None:
        async with asyncio.timeout(20):
            while sum(tries) < 3:
                tries.append((await clocks.decide_due(second)).orders)
                await asyncio.sleep(0.05)
        await database.opened[1].close()  # type: ignore[misc]

    def stand_still(order_id: str, loaded: Loaded, now: datetime) -> Changes[bool]:
        if not tries:
            aside(lambda: asyncio.run(others()))
        loaded.roster("c1", "service")
        raise AssertionError("its transaction goes on")

    with pytest.raises(Unavailable):
        await first.store.decide_due(stand_still, 3)
    assert engine.rungs() == dict.fromkeys(names(1, 3), 1)


RACES = 120


async def test_nothing_follows_a_committed_acknowledgement(database: Database) -> None:
    """Each order is acknowledged at the instant at which two workers decide its rung."""
    engine = Engine(database)
    engine.seed(RACES)
    workers = [engine.worker(), engine.worker(), engine.worker()]
    luck = random.Random(45)

    async def fire(worker: Context) -> None:
        await asyncio.sleep(luck.uniform(0, 0.02))
        await clocks.decide_due(worker)

    async def answer(number: int) -> None:
        await asyncio.sleep(luck.uniform(0, 0.02))
        crew = engine.directory.crews[f"c{number % CENTRES}-{number // CENTRES % CREWS}"]
        await crews.step(workers[2], f"D{number}", "acknowledge", crew=crew, generation=1)

    for number in range(1, RACES + 1):
        engine.clock.advance_to(START + timedelta(seconds=number))
        await asyncio.gather(fire(workers[0]), answer(number), fire(workers[1]))
    found = judge(database.at_once, "D", {})
    assert (found.after, found.effects, found.answered) == (0, 0, RACES)
    assert 0 < found.fired_first < RACES, "these were races"


async def test_the_judge_of_races_sees_a_rung_after_the_acknowledgement(database: Database) -> None:
    engine = Engine(database)
    engine.seed(2)
    worker = engine.worker()
    crew = engine.directory.crews["c1-0"]
    await crews.step(worker, "D1", "acknowledge", crew=crew, generation=1)
    wrong = Event(8, "rung", START, START, SYSTEM, "D1/crew/1/0", {"watch": "crew"})
    call = outbox_row(Outgoing("phone/D1/crew/1/0", "phone", "crew_duty", START, "D1"), START)

    def spoil(connection: Any) -> None:
        connection.execute(insert(EVENT), event_row("D1", wrong))
        connection.execute(insert(OUTBOX), call)

    assert (judge(database.at_once, "D", {}).after, judge(database.at_once, "D", {}).effects) == (0, 0)
    database.at_once(spoil)
    assert (judge(database.at_once, "D", {}).after, judge(database.at_once, "D", {}).effects) == (1, 1)
    await crews.step(worker, "D2", "acknowledge", crew=engine.directory.crews["c2-0"], generation=1)
    alone = outbox_row(Outgoing("phone/D2/crew/1/0", "phone", "crew_duty", START, "D2"), START)
    database.at_once(lambda c: c.execute(insert(OUTBOX), alone) and None)
    assert (judge(database.at_once, "D", {}).after, judge(database.at_once, "D", {}).effects) == (1, 2)


async def test_seeded_clocks_are_what_the_core_says(database: Database) -> None:
    """Else the benchmark would measure how a wrong table is put right."""
    engine = Engine(database)
    engine.seed(3)
    read = database.at_once(lambda c: c.execute(select(CLOCK).order_by(CLOCK.c.order_id, CLOCK.c.name)).all())
    orders = await engine.worker().store.open_orders()
    said = [
        (o.id, c.name, c.generation, c.rung, c.due)
        for o in orders
        for c in escalation.clocks(o, PROCESSES.of(o))
    ]
    assert sorted(said) == sorted((r.order_id, r.name, r.generation, r.rung, r.due) for r in read)


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_a_line_that_breaks_in_the_middle_of_a_batch_is_the_databases_fault_and_no_orders(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(database)
    engine.overdue(5)
    worker = engine.worker()
    write = statements.write

    def cut(connection: Any, *given: Any) -> None:
        connection.connection.driver_connection.terminate()
        write(connection, *given)

    with monkeypatch.context() as patch, pytest.raises(Unavailable):  # noqa: PT012
        patch.setattr(statements, "write", cut)
        await clocks.fire_due(worker)
    assert engine.rungs() == {}
    assert await clocks.fire_due(worker) == 5, "at once: none of them is set aside"
