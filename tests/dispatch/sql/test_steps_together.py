"""Steps of single orders that come at the same moment share a transaction; each is still one's own decision."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event, text

from dispatch.adapters.sql.crowd import AT_MOST, LANES, SLOW
from dispatch.adapters.sql.postgres import PostgresStore
from dispatch.core.errors import Conflict, IllegalStep, NotFound, Unavailable
from dispatch.core.types import Point
from dispatch.core.work_order import WorkOrder
from dispatch.services import dispatcher, hotline, incidents
from dispatch.services.ports import Changes, Loaded
from tests.dispatch.centre import DORA, HOLLY, PROCESSES, Centre
from tests.dispatch.databases import Database
from tests.dispatch.sql.two import Two, attempts, note, step, touch_roster

MANY = 30


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


@pytest.fixture
def commits(two: Two, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry a transaction of the first worker."""
    return _counted(two.first, monkeypatch)


@pytest_asyncio.fixture
async def centre(database: Database) -> Centre:
    return Centre(database)


def _far(n: int) -> Point:
    """Places that nobody takes for one."""
    return Point(30.02 + n / 100, 120.02)


def _counted(store: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    seen: list[int] = []
    real: Callable[..., Awaitable[Any]] = PostgresStore.write

    async def counting(self: PostgresStore, work: Any, **more: Any) -> Any:
        if self is store:
            seen.append(1)
        return await real(self, work, **more)

    monkeypatch.setattr(PostgresStore, "write", counting)
    return seen


async def test_those_that_come_while_others_are_written_share_one_transaction(
    two: Two, commits: list[int]
) -> None:
    ids = await two.several(MANY)
    commits.clear()
    said = await asyncio.gather(*(step(two, order_id, to=order_id) for order_id in ids))
    assert len(commits) == LANES + 1, "the first ones at once, the others together"
    assert [after.id for after in said] == ids
    for order_id in ids:
        assert await attempts(two, order_id) == [{"to": order_id}]


async def test_one_that_comes_alone_waits_for_nobody(two: Two, commits: list[int]) -> None:
    await two.new()
    commits.clear()
    await step(two, "W1")
    assert len(commits) == 1


async def test_a_transaction_takes_so_many_and_no_more(two: Two, commits: list[int]) -> None:
    ids = await two.several(LANES + AT_MOST + 1)
    commits.clear()
    await asyncio.gather(*(step(two, order_id) for order_id in ids))
    assert len(commits) == LANES + 2


async def test_what_one_refuses_is_its_own(two: Two) -> None:
    for order_id in ("W1", "W2", "W3", "W4"):
        await two.new(order_id)

    def refuse(loaded: Loaded, now: datetime) -> Changes[None]:
        loaded.order("W3")
        raise Conflict("not now")

    said = await asyncio.gather(
        step(two, "W1"), step(two, "W2"), two.first.transact(refuse, "W3"), step(two, "W4"),
        step(two, "nowhere"), return_exceptions=True,
    )  # fmt: skip
    assert [type(one) for one in said] == [WorkOrder, WorkOrder, Conflict, WorkOrder, NotFound]
    assert [len(await attempts(two, i)) for i in ("W1", "W2", "W3", "W4")] == [1, 1, 0, 1]


async def test_one_that_fails_takes_none_along(two: Two) -> None:
    ids = await two.several(6)

    def fail(loaded: Loaded, now: datetime) -> Changes[None]:
        raise ZeroDivisionError

    said = await asyncio.gather(
        *(step(two, order_id) for order_id in ids[:4]), two.first.transact(fail, "W4"), step(two, "W5"),
        return_exceptions=True,
    )  # fmt: skip
    assert [type(one).__name__ for one in said] == ["WorkOrder"] * 4 + ["ZeroDivisionError", "WorkOrder"]
    assert [len(await attempts(two, i)) for i in ids] == [1, 1, 1, 1, 0, 1]


async def test_two_steps_of_one_order_come_one_after_the_other(two: Two) -> None:
    await two.several(8)
    steps = [step(two, f"W{n}", turn=turn) for turn in range(3) for n in range(8)]
    await asyncio.gather(*steps)
    for n in range(8):
        assert await attempts(two, f"W{n}") == [{"turn": 0}, {"turn": 1}, {"turn": 2}]


async def test_where_another_worker_was_first_all_of_them_are_decided_on_what_stands_then(two: Two) -> None:
    """Its orders are theirs until the commit; a roster may be changed by others meanwhile."""
    for order_id in ("W1", "W2", "W3", "W4"):
        await two.new(order_id)
    seen: list[int] = []

    def careful(loaded: Loaded, now: datetime) -> Changes[int]:
        seen.append(loaded.roster("north", "service").version)
        if len(seen) == 1:
            two.database.at_once(touch_roster)
        return Changes(seen[-1], orders=(note(loaded.order("W4"), now),))

    others = [step(two, order_id) for order_id in ("W1", "W2", "W3")]
    *_, said = await asyncio.gather(*others, two.first.transact(careful, "W4"))
    assert seen == [said - 1, said]
    assert [len(await attempts(two, i)) for i in ("W1", "W2", "W3", "W4")] == [1, 1, 1, 1]


async def test_orders_that_somebody_has_locked_hold_up_no_others(two: Two) -> None:
    """Neither in a transaction that they would share, nor by taking every lane."""
    locked, free = [f"L{n}" for n in range(LANES + 1)], [f"W{n}" for n in range(5)]
    for order_id in (*locked, *free):
        await two.new(order_id)
    assert isinstance(two.first, PostgresStore)
    assert isinstance(two.second, PostgresStore)
    async with two.second.engine.begin() as somebody:
        await somebody.execute(text("SELECT 1 FROM work_order WHERE id LIKE 'L%' FOR UPDATE"))
        waiting = [asyncio.create_task(step(two, order_id)) for order_id in locked]
        await asyncio.sleep(0)
        async with asyncio.timeout(len(locked) * SLOW + 3.0):
            await asyncio.gather(*(step(two, order_id) for order_id in free))
        assert not any(task.done() for task in waiting)
    await asyncio.gather(*waiting)
    assert [len(await attempts(two, i)) for i in (*locked, *free)] == [1] * (len(locked) + len(free))


async def test_who_gives_up_before_it_is_begun_changes_nothing_and_holds_nobody_up(two: Two) -> None:
    await two.several(5)
    tasks = [asyncio.create_task(step(two, f"W{n}")) for n in range(5)]
    await asyncio.sleep(0)
    tasks[-1].cancel()
    said = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(said[-1], asyncio.CancelledError)
    assert [len(await attempts(two, f"W{n}")) for n in range(5)] == [1, 1, 1, 1, 0]


async def test_whoever_listens_is_told_once_of_steps_together_and_never_of_refusals(two: Two) -> None:
    told: list[int] = []
    ids = await two.several(6)
    two.first = two.database.store(PROCESSES, two.clock, lambda: told.append(1))

    def refuse(loaded: Loaded, now: datetime) -> Changes[None]:
        raise Conflict("not now")

    await asyncio.gather(*(step(two, order_id) for order_id in ids))
    assert len(told) == LANES + 1
    await asyncio.gather(*(two.first.transact(refuse, one) for one in ids), return_exceptions=True)
    assert len(told) == LANES + 1


async def test_the_store_closes_when_what_was_begun_is_committed(two: Two) -> None:
    await two.new()
    task = asyncio.create_task(step(two, "W1"))
    await asyncio.sleep(0)
    task.cancel()
    assert isinstance(two.first, PostgresStore)
    await two.first.close()
    assert len(await attempts(two, "W1")) == 1
    with pytest.raises(Unavailable):
        await step(two, "W1")


async def test_orders_of_one_roster_are_sent_to_their_crews_in_one_transaction(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each finds the roster as the one before it has left it."""
    ids = [await centre.sent(_far(n), address=f"{n} Long Lane", at=1.0 + n) for n in range(5)]
    commits = _counted(centre.store, monkeypatch)
    crews = ["N1", "N2", "N3", "N1", "N2"]
    await asyncio.gather(
        *(
            dispatcher.dispatch(centre.context, order_id, crew_id=crew, by=DORA)
            for order_id, crew in zip(ids, crews, strict=True)
        )
    )
    assert len(commits) == LANES + 1
    rosters = {r.centre_id: r for r in await centre.store.rosters()}
    stacks = {c.crew_id: [s.order_id for s in c.stack] for c in rosters["north"].crews}
    assert {crew: sorted(stack) for crew, stack in stacks.items()} == {
        "N1": [ids[0], ids[3]], "N2": [ids[1], ids[4]], "N3": [ids[2]],
    }  # fmt: skip


async def test_a_step_that_changes_other_orders_too_is_decided_by_itself(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crew restores the first of its stack, the second one is free from then on; others take their own steps."""
    first = await centre.dispatched(at=2.0)
    second = await centre.sent(_far(5), address="2 Far Road", at=3.0)
    others = [await centre.sent(_far(n), address=f"{n} Long Lane", at=4.0 + n) for n in range(4)]
    await dispatcher.dispatch(centre.context, second, crew_id="N1", by=DORA)
    for name in ("acknowledge", "depart", "arrive"):
        await centre.step(first, name)
    commits = _counted(centre.store, monkeypatch)
    await asyncio.gather(
        *(dispatcher.dispatch(centre.context, order_id, crew_id="N2", by=DORA) for order_id in others[:3]),
        centre.step(first, "restore"),
        dispatcher.dispatch(centre.context, others[3], crew_id="N3", by=DORA),
    )
    assert len(commits) == LANES + 2
    assert (await centre.order(first)).last("restore") is not None
    assert (await centre.order(second)).last("crew_free") is not None
    assert {(await centre.order(one)).state for one in others} == {"dispatched"}


async def test_of_two_that_want_the_same_order_one_is_refused(centre: Centre) -> None:
    ids = [await centre.call(_far(n), address=f"{n} Long Lane") for n in range(4)]
    said = await asyncio.gather(
        *(hotline.send(centre.context, order_id, by=HOLLY) for order_id in ids),
        *(hotline.send(centre.context, order_id, by=HOLLY) for order_id in ids),
        return_exceptions=True,
    )
    assert [type(one) for one in said] == [WorkOrder] * 4 + [IllegalStep] * 4


async def test_an_incident_of_which_somebody_has_locked_an_order_holds_up_no_other_order(
    centre: Centre, database: Database
) -> None:
    """The step of the one that leads it locks those that follow: it waits for them by itself."""
    lead, member = [await centre.sent(_far(n), address=f"{n} Mill Way", at=1.0 + n) for n in (0, 6)]
    others = [await centre.call(_far(n), address=f"{n} Long Lane") for n in range(1, 6)]
    await incidents.group(centre.context, [lead, member], by=DORA)
    assert (await centre.order(member)).incident_id == lead
    beside = database.store(PROCESSES, centre.clock)
    assert isinstance(beside, PostgresStore)
    async with beside.engine.begin() as somebody:
        query = text("SELECT 1 FROM work_order WHERE id = :id FOR UPDATE")
        await somebody.execute(query, {"id": member})
        first = asyncio.create_task(hotline.send(centre.context, others[0], by=HOLLY))
        led = asyncio.create_task(dispatcher.dispatch(centre.context, lead, crew_id="N1", by=DORA))
        rest = [asyncio.create_task(hotline.send(centre.context, one, by=HOLLY)) for one in others[1:]]
        async with asyncio.timeout(20):
            await asyncio.gather(first, *rest)
        assert not led.done()
    await led
    assert {(await centre.order(one)).state for one in others} == {"sent"}
    assert {(await centre.order(one)).state for one in (lead, member)} == {"dispatched"}


async def test_what_is_refused_or_was_done_before_costs_the_others_no_journey(two: Two) -> None:
    """Forty phones that come back send again what was taken: their orders are locked, nobody can have changed them."""
    ids = await two.several(12)
    assert isinstance(two.first, PostgresStore)
    seen: list[str] = []

    @event.listens_for(two.first.engine.sync_engine, "before_cursor_execute")
    def count(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    def again(order_id: str) -> Any:
        return two.first.transact(lambda loaded, now: Changes(loaded.order(order_id)), order_id)

    def refused(loaded: Loaded, now: datetime) -> Changes[None]:
        loaded.roster("north", "service")
        two.database.at_once(touch_roster)  # nothing of what the others decide
        raise Conflict("not now")

    await asyncio.gather(
        step(two, "W0"), *(again(order_id) for order_id in ids[1:9]), two.first.transact(refused, "W9"),
        step(two, "W10"), step(two, "W11"), return_exceptions=True,
    )  # fmt: skip
    assert len(seen) == 2 + 4, "the first one alone; two for the orders, one for the roster, one that writes"
    assert [len(await attempts(two, i)) for i in ("W0", "W10", "W11")] == [1, 1, 1]
