"""What both stores promise (D1, D13). On PostgreSQL two stores are two workers; SQLite has one writer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dispatch.adapters.sql.organisation import replace_organisation
from dispatch.adapters.sql.statements import CLOCK, DIAL, EVENT, ORDER, OUTBOX
from dispatch.clock import VirtualClock
from dispatch.core.crew import Stacked, stack
from dispatch.core.errors import Conflict, GuardRefused, NotFound, Unavailable
from dispatch.core.escalation import clocks, fire
from dispatch.core.outgoing import Outgoing
from dispatch.core.work_order import Facts, WorkOrder, begin, take
from dispatch.services.ports import Changes, Contact, Loaded
from tests.dispatch.centre import HERE, PROCESS, PROCESSES, START, organisation
from tests.dispatch.databases import AnyStore, Database
from tests.dispatch.sql.two import HOTLINE, Two, note


async def test_a_decision_commits_all_of_it(two: Two) -> None:
    contact = Contact("C1", START, "phone", "1", "Ann", "dark", "W1", "new", "hotline:holly")
    await two.new(
        outgoing=(Outgoing("k", "centre", "north", START),), contacts=(contact,), dialled={"123": ""}
    )
    assert [await two.count(t) for t in (ORDER, EVENT, OUTBOX, DIAL)] == [1, 2, 1, 1]
    assert await two.second.transact(lambda loaded, now: Changes(loaded.contact_order("C1"))) == "W1"
    assert (await two.order()).state == "sent"


async def test_what_decide_raises_changes_nothing_and_reaches_the_caller(two: Two) -> None:
    await two.new()

    def refuse(loaded: Loaded, now: datetime) -> Changes[None]:
        note(loaded.order("W1"), now)
        raise GuardRefused("not today")

    with pytest.raises(GuardRefused, match="not today"):
        await two.first.transact(refuse)
    with pytest.raises(ZeroDivisionError):
        await two.first.transact(lambda loaded, now: Changes(1 // 0))
    with pytest.raises(NotFound, match="no order 'W9'"):
        await two.first.transact(lambda loaded, now: Changes(loaded.order("W9")))
    with pytest.raises(NotFound, match="no crews of the trade 'magic'"):
        await two.first.transact(lambda loaded, now: Changes(loaded.roster("north", "magic")))
    assert (await two.order()).version == 2


async def test_a_key_that_is_there_already_stops_the_whole_decision(two: Two) -> None:
    await two.new(outgoing=(Outgoing("once", "centre", "north", START),))

    def again(loaded: Loaded, now: datetime) -> Changes[None]:
        return Changes(
            None,
            orders=(note(loaded.order("W1"), now),),
            outgoing=(Outgoing("once", "centre", "north", now),),
        )

    with pytest.raises(Conflict):
        await two.first.transact(again)
    assert (await two.order()).version == 2
    assert await two.count(OUTBOX) == 1


async def test_an_order_that_exists_is_not_begun_again(two: Two) -> None:
    await two.new()
    with pytest.raises(Conflict):
        await two.new()
    assert await two.count(EVENT) == 2


async def test_many_writers_lose_nothing(two: Two) -> None:
    await two.new()

    async def write(worker: int) -> None:
        store = (two.first, two.second)[worker % 2]
        for n in range(5):
            await store.transact(
                lambda loaded, now, n=n: Changes(None, orders=(note(loaded.order("W1"), now, w=worker, n=n),))
            )

    await asyncio.gather(*(write(worker) for worker in range(6)))
    order = await two.order()
    assert {(e.data["w"], e.data["n"]) for e in order.history if e.kind == "attempt"} == {
        (w, n) for w in range(6) for n in range(5)
    }
    assert [e.seq for e in order.history] == list(range(1, 33))


async def test_a_roster_that_many_change_never_holds_more_than_it_may(two: Two) -> None:
    async def put(n: int) -> bool:
        def decide(loaded: Loaded, now: datetime) -> Changes[bool]:
            roster = loaded.roster("north", "service")
            return Changes(True, rosters=(stack(roster, "N1", Stacked(f"W{n}", 1, "")),))

        try:
            return await (two.first, two.second)[n % 2].transact(decide)
        except GuardRefused:
            return False

    taken = await asyncio.gather(*(put(n) for n in range(9)))
    (north, _) = await two.second.rosters()
    assert taken.count(True) == 3
    assert len(north.crew("N1").stack) == north.crew("N1").revision == north.version - 1 == 3


async def test_what_was_only_looked_at_must_still_stand(two: Two) -> None:
    """Write skew: two orders, each changed on condition that the other was not."""
    for order_id in ("W1", "W2"):
        await two.new(order_id)

    async def unless_the_other(mine: str, other: str, store: AnyStore) -> bool:
        def decide(loaded: Loaded, now: datetime) -> Changes[bool]:
            if loaded.order(other).version > 2:
                return Changes(False)
            return Changes(True, orders=(note(loaded.order(mine), now),))

        return await store.transact(decide)

    for turn in range(5):
        done = await asyncio.gather(
            unless_the_other("W1", "W2", two.first), unless_the_other("W2", "W1", two.second)
        )
        assert done.count(True) <= 1, f"turn {turn}"
        if True in done:
            break
    assert (await two.order("W1")).version + (await two.order("W2")).version == 5


async def test_clocks_in_sql_are_what_the_core_says(two: Two) -> None:
    await two.new()
    for _ in range(40):
        order = await two.order()
        await _same_clocks(two, order)
        armed = clocks(order, PROCESS)
        now = max(min(c.due for c in armed), two.clock.now())
        two.clock.advance_to(now)
        assert order.id in await _due(two.second)
        clock = min(armed, key=lambda c: c.due)

        def decide(loaded: Loaded, now: datetime, clock: Any = clock) -> Changes[None]:
            after, outgoing = fire(loaded.order("W1"), PROCESS, clock, now)
            return Changes(None, orders=(after,), outgoing=outgoing)

        await two.first.transact(decide)
    await two.first.transact(
        lambda loaded, now: Changes(
            None,
            orders=(
                take(
                    loaded.order("W1"), PROCESS, "cancel", by=HOTLINE, now=now, data={"reason": "duplicate"}
                ),
            ),
        )
    )
    await _same_clocks(two, await two.order())
    assert await two.count(CLOCK) == 0


async def _same_clocks(two: Two, order: WorkOrder) -> None:
    rows = await two.first.read(lambda c: c.execute(select(CLOCK).where(CLOCK.c.order_id == order.id)).all())
    kept = {(r.name, r.generation, r.rung, r.due) for r in rows}
    assert kept == {(c.name, c.generation, c.rung, c.due) for c in clocks(order, PROCESS)}


async def _due(store: AnyStore, limit: int = 10) -> list[str]:
    """The orders that are due, in the order in which they are decided."""
    seen: list[str] = []

    def look(order_id: str, loaded: Loaded, now: datetime) -> Changes[bool]:
        seen.append(order_id)
        return Changes(False)

    await store.decide_due(look, limit)
    return seen


async def test_due_orders_come_oldest_first_and_none_too_early(two: Two) -> None:
    for minute, n in enumerate((3, 1, 2), 1):
        two.clock.advance_to(START + timedelta(minutes=minute))
        await two.new(f"W{n}")
    first = START + timedelta(minutes=1, seconds=240)
    assert await two.second.next_due() == first
    two.clock.advance_to(first - timedelta(microseconds=1))
    assert await _due(two.second) == []
    two.clock.advance_to(START + timedelta(hours=9))
    assert await _due(two.second) == ["W3", "W1", "W2"]
    assert await _due(two.second, 1) == ["W3"]


async def test_instants_come_back_aware_utc_with_their_microseconds(two: Two) -> None:
    local = datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    two.clock.advance_to(local)
    await two.new()
    order = await two.order()
    assert order.facts.reported_at == local
    assert order.facts.reported_at.tzinfo is UTC
    assert {e.at for e in order.history} == {local}
    due = await two.second.next_due()
    assert due is not None
    assert (due.tzinfo, due.microsecond) == (UTC, 123456)


async def test_a_naive_time_is_refused(two: Two) -> None:
    with pytest.raises(Exception, match="naive datetime"):
        await two.first.lease(datetime(2026, 1, 1), START, 1)  # noqa: DTZ001


async def test_a_failing_decision_does_not_take_its_neighbours_along(two: Two) -> None:
    for n in range(12):
        await two.new(f"W{n}")

    def decide(n: int) -> Any:
        def one(loaded: Loaded, now: datetime) -> Changes[int]:
            after = note(loaded.order(f"W{n}"), now)
            if n % 3 == 0:
                raise GuardRefused("no")
            if n % 3 == 1:
                return Changes(n, orders=(after,), outgoing=(Outgoing("same", "centre", "x", now),) * 2)
            return Changes(n, orders=(after,))

        return one

    results = await asyncio.gather(
        *(two.first.transact(decide(n)) for n in range(12)), return_exceptions=True
    )
    assert [type(r) for r in results] == [GuardRefused, Conflict, int] * 4
    assert [(await two.order(f"W{n}")).version for n in range(12)] == [2, 2, 3] * 4
    assert await two.count(OUTBOX) == 0


async def test_open_orders_are_those_not_restored_oldest_first(two: Two) -> None:
    for n in (2, 1):
        await two.new(f"W{n}")
        two.clock.advance(1)
    assert [o.id for o in await two.second.open_orders()] == ["W2", "W1"]
    assert [o.id for o in await two.second.open_orders(["at_centre"])] == []
    near = await two.second.transact(lambda loaded, now: Changes(loaded.open_near(HERE, 50)))
    assert [o for o, _, _ in near] == ["W2", "W1"]


async def test_two_reports_of_one_place_at_the_same_moment_see_each_other(two: Two) -> None:
    """The second is decided on what the first has committed, so that it can join it."""

    async def take_call(store: AnyStore, n: int) -> bool:
        def decide(loaded: Loaded, now: datetime) -> Changes[bool]:
            if loaded.open_near(HERE, 50):
                return Changes(False)
            facts = Facts(f"W{n}", PROCESS.id, now, "phone", "1 Lane", HERE, "meter", "lv")
            return Changes(True, orders=(begin(facts, PROCESS, by=HOTLINE, now=now, data={}),))

        return await store.transact(decide)

    calls = [take_call((two.first, two.second)[n % 2], n) for n in range(8)]
    assert (await asyncio.gather(*calls)).count(True) == 1
    assert await two.count(ORDER) == 1


async def test_the_commit_is_announced_and_a_deaf_listener_stops_nobody(database: Database) -> None:
    database.at_once(lambda c: replace_organisation(c, organisation()))
    heard: list[int] = []

    def listener() -> None:
        heard.append(1)
        raise RuntimeError("the listener's loop is closed")

    store = database.store(PROCESSES, VirtualClock(START), listener)
    for n in range(3):
        told = (Outgoing(f"k{n}", "centre", "north", START),)
        await asyncio.wait_for(store.transact(lambda loaded, now, told=told: Changes(None, outgoing=told)), 5)
    for _ in range(200):  # the writer tells after it has answered
        if len(heard) == 3:
            break
        await asyncio.sleep(0.01)
    assert len(heard) == 3


@pytest.mark.parametrize("database_kind", ["sqlite"])  # PostgreSQL's pool opens again when it is asked
async def test_a_store_that_was_closed_says_so(database: Database) -> None:
    store = database.store(PROCESSES, VirtualClock(START))
    await database.close()
    database.opened.clear()
    with pytest.raises(Unavailable, match="closed"):
        await asyncio.wait_for(store.transact(lambda loaded, now: Changes(None)), 5)


async def test_a_database_that_cannot_answer_is_unavailable(database: Database) -> None:
    store = database.store(PROCESSES, VirtualClock(START))
    database.at_once(lambda c: c.exec_driver_sql("ALTER TABLE clock RENAME TO gone") and None)
    with pytest.raises(Unavailable if database.kind == "sqlite" else Exception, match="clock"):
        await store.next_due()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3), max_leaves=5,
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.dictionaries(st.text("xyz", min_size=1), json_values, max_size=3))
async def test_what_an_event_carries_comes_back_as_it_was(two: Two, data: dict[str, Any]) -> None:
    name = f"W{await two.count(ORDER)}"
    await two.new(name)
    await two.first.transact(
        lambda loaded, now: Changes(None, orders=(note(loaded.order(name), now, **data),))
    )
    assert (await two.order(name)).history[-1].data == data


async def test_a_look_at_the_open_orders_finds_what_changed_since_the_one_before(two: Two) -> None:
    """It is looked for twice a second: what has not changed is not read again, what has is never missed."""
    for n in (1, 2, 3):
        await two.new(f"W{n}")
        two.clock.advance(1)
    before = await two.first.open_orders()
    await two.second.transact(lambda loaded, now: Changes(None, orders=(note(loaded.order("W2"), now),)))
    after = await two.first.open_orders()
    assert [(o.id, o.version) for o in after] == [("W1", 2), ("W2", 3), ("W3", 2)]
    assert after[0] is before[0]
    assert after[2] is before[2]
