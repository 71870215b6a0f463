"""Steps that share a transaction in trouble: what goes wrong with one, with the server or on the way takes no other along."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, text

from dispatch.adapters.sql import postgres
from dispatch.adapters.sql.crowd import FEW, Crowd
from dispatch.adapters.sql.postgres import PostgresStore, open_engine
from dispatch.adapters.sql.rows import outbox_row
from dispatch.adapters.sql.statements import OUTBOX, SqlLoaded, write
from dispatch.core.errors import Conflict, Unavailable
from dispatch.core.outgoing import Outgoing
from dispatch.core.types import SYSTEM
from dispatch.core.work_order import WorkOrder, remark
from dispatch.services.ports import Changes, Loaded, Settled
from tests.dispatch.centre import PROCESS, PROCESSES, START
from tests.dispatch.services.engine import unreadable
from tests.dispatch.sql.silent import Line
from tests.dispatch.sql.two import Two, attempts, note, step

MANY = 30


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


async def test_a_history_that_the_server_cannot_read_takes_no_other_step_along(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the steps that share its transaction, nor one that looks at its order beside others."""
    ids = await two.several(6)
    unreadable(monkeypatch, "W3")

    def looks(loaded: Loaded, now: datetime) -> Changes[list[str]]:
        unread = list(loaded.fetch(ids))
        return Changes(unread, orders=(note(loaded.order("W5"), now),))

    *said, unread = await asyncio.gather(*map(partial(step, two), ids[:5]), two.first.transact(looks, "W5"))
    assert ([after.id for after in said], unread) == (ids[:5], ["W3"])
    assert [len(await attempts(two, i)) for i in ids] == [1] * 6


async def test_one_whose_key_is_taken_makes_no_storm_of_the_others(two: Two) -> None:
    """It is tried once more with them; then each goes by itself, few at a time: others find a connection, too."""
    ids = await two.several(MANY)
    row = Outgoing("phone/taken", "phone", "x", two.clock.now(), "W7")
    two.database.at_once(lambda c: c.execute(OUTBOX.insert(), outbox_row(row, two.clock.now())) and None)
    runs, under_way, most = 0, 0, 0

    def wrong(loaded: Loaded, now: datetime) -> Changes[None]:
        nonlocal runs
        runs += not under_way
        return Changes(None, orders=(note(loaded.order("W7"), now),), outgoing=(row,))

    assert isinstance(two.first, PostgresStore)
    alone = two.first._crowd._alone

    async def counting(decide: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await alone(decide)
        finally:
            under_way -= 1

    two.first._crowd._alone = counting
    steps = [two.first.transact(wrong, i) if i == "W7" else step(two, i) for i in ids]
    said = await asyncio.gather(*steps, return_exceptions=True)
    assert [type(one) for one in said] == [WorkOrder] * 7 + [Conflict] + [WorkOrder] * (MANY - 8)
    assert (runs, most) == (2, FEW)
    assert [len(await attempts(two, i)) for i in ids] == [int(i != "W7") for i in ids]


@pytest.mark.parametrize("other", ["W2", "W9"])
async def test_another_order_that_one_only_looks_at_is_checked_too(two: Two, other: str) -> None:
    """Whether it has a step of its own in the crowd that somebody's lock has left out, or none."""
    for order_id in ("W0", "W1", "W2", "W3", "W9"):
        await two.new(order_id)
    locked, go = threading.Event(), threading.Event()

    def somebody(connection: Connection) -> None:
        connection.execute(text("SELECT 1 FROM work_order WHERE id = :id FOR UPDATE"), {"id": other})
        locked.set()
        assert go.wait(20)
        loaded, now = SqlLoaded(connection, PROCESSES), two.clock.now()
        write(connection, loaded, Changes(None, (note(loaded.order(other), now),)), PROCESSES, now)

    seen: list[int] = []

    def looks(loaded: Loaded, now: datetime) -> Changes[int]:
        seen.append(loaded.order(other).version)
        if len(seen) == 1:
            go.set()
            change.result(20)
        return Changes(seen[-1], orders=(note(loaded.order("W1"), now),))

    with ThreadPoolExecutor(1) as thread:
        change = thread.submit(two.database.at_once, somebody)
        assert await asyncio.to_thread(locked.wait, 20)
        *_, said, _ = await asyncio.gather(
            step(two, "W0"), step(two, "W2"), two.first.transact(looks, "W1"), step(two, "W3")
        )
    assert seen == [2, said]
    assert said == (await two.order(other)).version
    assert [len(await attempts(two, i)) for i in ("W0", "W1", "W2", "W3")] == [1, 1, 1 + (other == "W2"), 1]


async def test_who_gives_up_in_the_middle_of_its_transaction_takes_no_other_along(two: Two) -> None:
    """What was begun is committed, the others are told, and the order takes its next step."""
    await two.several(5)
    tasks = [asyncio.create_task(step(two, "W0")), asyncio.create_task(step(two, "W1"))]

    def meanwhile(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        tasks[1].cancel()
        after = note(loaded.order("W3"), now)
        return Changes(after, orders=(after,))

    tasks += [asyncio.create_task(one) for one in (step(two, "W2"), two.first.transact(meanwhile, "W3"))]
    tasks.append(asyncio.create_task(step(two, "W4")))
    async with asyncio.timeout(20):
        said = await asyncio.gather(*tasks, return_exceptions=True)
        await step(two, "W1")
    kinds = [WorkOrder, asyncio.CancelledError, WorkOrder, WorkOrder, WorkOrder]
    assert [type(one) for one in said] == kinds
    assert [len(await attempts(two, f"W{n}")) for n in range(5)] == [1, 2, 1, 1, 1]


@pytest.mark.parametrize("before", [True, False])
async def test_a_lane_that_falls_over_leaves_nobody_waiting(
    two: Two, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, before: bool
) -> None:
    """It is ended before it begins, or is wrong itself: who waits is told, and the log, too."""
    await two.several(4)

    async def wrong(self: Any, wishes: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Crowd, "_together", wrong)
    tasks = [asyncio.create_task(step(two, f"W{n}")) for n in range(4)]
    await asyncio.sleep(0)
    if before:
        assert isinstance(two.first, PostgresStore)
        for lane in two.first._crowd._lanes:
            lane.cancel()
    async with asyncio.timeout(20):
        said = await asyncio.gather(*tasks, return_exceptions=True)
    first = asyncio.CancelledError if before else WorkOrder
    assert [type(one) for one in said] == [first] + [ZeroDivisionError] * 3
    assert "steps were left unanswered: ['W1', 'W2', 'W3']" in caplog.text
    monkeypatch.undo()
    await asyncio.gather(*(step(two, f"W{n}") for n in range(4)))


async def test_a_commit_whose_answer_is_lost_is_told_to_everybody_and_made_once(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it stands, nobody knows: it is decided by none again, and who asks with the same key finds it done."""
    ids = await two.several(5)
    ran: list[str] = []
    real: Callable[..., Awaitable[Any]] = PostgresStore.write

    def keyed(order_id: str) -> Any:
        def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
            ran.append(order_id)
            if (before := loaded.order(order_id)).has_key("k"):
                return Changes(before)
            after = remark(before, PROCESS, "attempt", by=SYSTEM, now=now, key="k")
            return Changes(after, orders=(after,))

        return two.first.transact(decide, order_id)

    async def unheard(self: PostgresStore, work: Any, **more: Any) -> None:
        await real(self, work, **more)
        raise Unavailable("the line broke")

    with monkeypatch.context() as patch:
        patch.setattr(PostgresStore, "write", unheard)
        said = await asyncio.gather(*map(keyed, ids), return_exceptions=True)
    assert [type(one) for one in said] == [Unavailable] * 5
    assert ran == ids, "each once"
    assert [len(await attempts(two, i)) for i in ids] == [1] * 5
    assert [after.id for after in await asyncio.gather(*map(keyed, ids))] == ids
    assert [len(await attempts(two, i)) for i in ids] == [1] * 5


async def test_a_line_that_goes_silent_holds_no_order_for_ever(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither end hangs up: each is told that there was no answer, and its order can be decided again."""
    ids = await two.several(5)
    async with Line(two.database.settings.database_url) as line:
        two.first = store = PostgresStore(open_engine(line.url), PROCESSES, two.clock)
        await step(two, "W0")
        line.silent = True
        monkeypatch.setattr(postgres, "LONGEST", 0.5)
        async with asyncio.timeout(20):
            said = await asyncio.gather(*(step(two, one, turn=1) for one in ids), return_exceptions=True)
            assert [type(one) for one in said] == [Unavailable] * 5
            assert line.dropped
            monkeypatch.setattr(postgres, "LONGEST_LOOK", 0.5)
            for work in (
                store.next_due,
                lambda: store.lease(START, START, 1),
                lambda: store.settle([Settled(1, "done", "")], START),
            ):
                with pytest.raises(Unavailable):
                    await work()
            line.silent = False
            monkeypatch.undo()
            await asyncio.gather(*(step(two, one, turn=2) for one in ids))
            line.silent = True
            monkeypatch.setattr(postgres, "LONGEST", 0.5)
            begun = asyncio.create_task(step(two, "W0"))
            await asyncio.sleep(0)
            await store.close()
            assert isinstance(begun.exception(), Unavailable)
    for order_id in ids:
        assert {"turn": 2} in await attempts(two, order_id)
