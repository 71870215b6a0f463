"""Article: a storm. Many orders, few telephones: one call a number and minute, and a cut that waits for nobody."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from dispatch.adapters.sql import phone_rows
from dispatch.clock import SystemClock
from dispatch.core.types import SYSTEM, Point
from dispatch.services import clocks, delivery, dispatcher
from dispatch.services.context import PHONE_TURNS
from dispatch.services.hotline import Call, take_call
from dispatch.services.ports import Changes
from dispatch.services.steps import Draft
from dispatch.services.telephone import PhoneReport, phone_reported
from tests.dispatch.centre import CENTRE, DORA, DUTY, HOLLY, Centre

LONGER = 300.0
"""Seconds after which a crew's watch is due."""


async def many(centre: Centre, count: int) -> list[str]:
    """So many orders at one centre, which nobody answers."""
    ids = []
    for number in range(count):
        call = Call("phone", f"{number} Street", "meter", "lv", place=None)
        ids.append((await take_call(centre.context, call, by=HOLLY)).order_id)

    def arrive(loaded: Any, now: Any) -> Changes[None]:
        draft = Draft(centre.context, loaded, now)
        for order_id in ids:
            data = {"centre_id": "north", "trade": "service", "area_class": "urban"}
            draft.remark(order_id, "route", by=HOLLY, data=data)
            draft.take(order_id, "send", by=HOLLY)
            draft.take(order_id, "centre_receipt", by=SYSTEM)
        return draft.changes(None)

    await centre.store.transact(arrive)
    return ids


async def test_all_that_waits_for_one_number_goes_in_one_call(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what is beyond the rows that a worker takes at a time."""
    monkeypatch.setattr(delivery, "BATCH", 10)
    orders = await many(centre, 60)
    centre.clock.advance(240)
    while await clocks.fire_due(centre.context):
        pass
    await delivery.deliver_due(centre.context, centre.ports, delivery.CALLS)
    (call,) = centre.exchange.calls.values()
    assert call.number == CENTRE
    assert "60 work order(s) not acknowledged: " in call.prompt
    assert (call.prompt.count("Street"), "; and 55 more." in call.prompt) == (5, True)
    assert call.prompt.endswith("Press 1 to take in hand all of them, 2 to hear it again.")
    for order_id in (orders[0], orders[-1]):
        assert await centre.attempts(order_id) == [("centre_duty", "dialling")], "every order has its attempt"
    assert await centre.rows(kind="phone", call_id="") == []


async def test_one_key_takes_all_of_them_in_hand_and_the_chain_pauses(centre: Centre) -> None:
    centre.exchange.habits = {CENTRE: "press 1"}
    orders = await many(centre, 40)
    await centre.until(7)
    for order_id in orders:
        order = await centre.order(order_id)
        assert order.last("in_hand") is not None
    assert len(centre.exchange.calls) == 1
    assert await centre.rows(kind="cut") == [], "nothing has to be cut, and nothing was asked 40 times"


async def full_vehicle(centre: Centre) -> list[str]:
    """Three orders that a crew gets at one moment, and which it does not answer."""
    ids = []
    for n in range(3):
        ids.append(await centre.sent(Point(30.05 + n * 0.01, 120.05)))
    for order_id in ids:
        await dispatcher.dispatch(centre.context, order_id, crew_id="N1", by=DORA)
    return ids


async def test_a_call_is_looked_at_and_hung_up_once_however_many_of_its_orders_were_answered(
    centre: Centre,
) -> None:
    centre.exchange.habits = {DUTY: "silent"}
    ids = await full_vehicle(centre)
    await centre.until(6)
    (call,) = centre.exchange.calls.values()
    for order_id in ids:
        await centre.step(order_id, "acknowledge")
    await delivery.deliver_due(centre.context, centre.ports, delivery.CUTS)
    assert centre.exchange.hung_up == [call.call_id]
    assert [r.outcome for r in await centre.rows(kind="cut")] == ["1 call(s) cut"] * 3
    for order_id in ids:
        assert (await centre.attempts(order_id))[-1] == ("crew_duty", "cut")


async def test_what_cannot_be_hung_up_is_asked_for_again_by_each_of_its_orders(centre: Centre) -> None:
    centre.exchange.habits = {DUTY: "silent"}
    ids = await full_vehicle(centre)
    await centre.until(6)
    for order_id in ids:
        await centre.step(order_id, "acknowledge")
    centre.exchange.down = True
    await delivery.deliver_due(centre.context, centre.ports, delivery.CUTS)
    assert {r.state for r in await centre.rows(kind="cut")} == {"pending"}
    centre.exchange.down = False
    await centre.until(6.1)
    assert {r.state for r in await centre.rows(kind="cut")} == {"done"}
    assert [c.ended for c in centre.exchange.calls.values()] == ["cut"]


async def test_the_call_in_which_the_crew_accepts_ends_by_itself(centre: Centre) -> None:
    centre.exchange.habits = {DUTY: "press 1"}
    ids = await full_vehicle(centre)
    await centre.until(7)
    assert {(await centre.order(order_id)).state for order_id in ids} == {"acknowledged"}
    assert await centre.rows(kind="cut") == [], "nothing else rings"


async def test_hanging_up_stands_in_no_line_behind_calls_that_are_prepared(centre: Centre) -> None:
    centre.exchange.habits = {DUTY: "silent"}
    order_id = await centre.dispatched()
    await centre.until(6)
    await centre.step(order_id, "acknowledge")
    for _ in range(PHONE_TURNS):
        await centre.context.phone_turn.acquire()
    async with asyncio.timeout(20):
        await delivery.deliver_due(centre.context, centre.ports, delivery.CUTS)
    assert [c.ended for c in centre.exchange.calls.values()] == ["cut"]


async def test_a_key_that_is_pressed_stands_in_no_line_behind_them_either(centre: Centre) -> None:
    centre.exchange.habits = {DUTY: "silent"}
    order_id = await centre.dispatched()
    await centre.until(6)
    (call,) = centre.exchange.calls.values()
    for _ in range(PHONE_TURNS):
        await centre.context.phone_turn.acquire()
    async with asyncio.timeout(20):
        await phone_reported(
            centre.context, PhoneReport(call.call_id, DUTY, 9, "keypress", "1", centre.clock.now())
        )
    assert (await centre.order(order_id)).state == "acknowledged"


async def test_calls_to_different_numbers_are_prepared_side_by_side(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    for crew, where in (("N1", 30.05), ("N2", 30.06), ("N3", 30.07)):
        await dispatcher.dispatch(
            centre.context, await centre.sent(Point(where, 120.05)), crew_id=crew, by=DORA
        )
    centre.clock.advance(LONGER)
    while await clocks.fire_due(centre.context):
        pass
    centre.context.phone_turn = asyncio.Semaphore(2)
    transact, under_way, most = centre.store.transact, [0], [0]

    async def counted(decide: Any, order_id: str = "") -> Any:
        under_way[0] += 1
        if not centre.exchange.calls:  # before any of them rings
            most[0] = max(most[0], *under_way)
        await asyncio.sleep(0.05)
        try:
            return await transact(decide, order_id)
        finally:
            under_way[0] -= 1

    monkeypatch.setattr(centre.store, "transact", counted)
    await delivery.deliver_due(centre.context, centre.ports, delivery.CALLS)
    assert len(centre.exchange.calls) == 3
    assert most[0] == 2, "three wait, two are under way"


async def test_a_row_that_cannot_be_read_keeps_no_other_call_ringing(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    centre.exchange.habits = {DUTY: "silent", "+8620002": "silent"}
    one, other = await centre.dispatched(), await centre.dispatched("N2", Point(30.06, 120.05))
    await centre.until(7)
    for order_id, crew in ((one, "N1"), (other, "N2")):
        await centre.step(order_id, "acknowledge", crew)
    live = phone_rows.live

    def spoilt(order_ids: Any) -> Any:
        if one in order_ids:
            raise ValueError("a row that cannot be read")
        return live(order_ids)

    monkeypatch.setattr(phone_rows, "live", spoilt)
    await delivery.deliver_due(centre.context, centre.ports, delivery.CUTS)
    monkeypatch.undo()
    ended = {c.number: c.ended for c in centre.exchange.calls.values()}
    assert (ended["+8620002"], bool(ended[DUTY])) == ("cut", False)
    await centre.until(7.2)
    assert {c.ended for c in centre.exchange.calls.values()} == {"cut"}, "the other one is asked for again"


async def test_what_should_be_on_a_terminal_is_written_once_however_often_it_changed(centre: Centre) -> None:
    await full_vehicle(centre)
    written: list[str] = []
    write = centre.terminals.write_desired

    async def counted(desired: Any) -> None:
        written.append(desired.device)
        await write(desired)

    centre.terminals.write_desired = counted  # type: ignore[method-assign]
    await delivery.deliver_due(centre.context, centre.ports, delivery.ORDERS)
    assert written == ["t-N1"]
    assert {row.state for row in await centre.rows(kind="desired")} == {"done"}


async def test_in_a_storm_no_number_is_rung_twice_in_a_minute(centre: Centre) -> None:
    await many(centre, 12)
    await centre.until(13)
    by_number: dict[str, list[float]] = {}
    for at, number in centre.exchange.log():
        by_number.setdefault(number, []).append(at)
    assert all(b - a >= 1 for times in by_number.values() for a, b in pairwise(times))
    assert len(centre.exchange.calls) <= 2 * 2 + 1, "two rungs a round, two rounds"


@pytest.mark.parametrize(
    "states",
    [
        ["completed", "answered", "ringing"],
        ["answered", "ringing", "no_answer", "answered"],
        ["ringing", "ringing", "busy", "busy", "ringing"],
        ["machine", "completed", "answered", "cut"],
    ],
)
async def test_reports_out_of_order_and_doubled_leave_one_outcome(centre: Centre, states: list[str]) -> None:
    centre.exchange.habits = {DUTY: "silent"}
    order_id = await centre.dispatched()
    await centre.until(6)
    (call,) = centre.exchange.calls.values()
    for seq, state in enumerate(states, 1):
        for _ in range(2):
            report = PhoneReport(call.call_id, call.number, seq, state, "", centre.clock.now())
            await phone_reported(centre.context, report)
    first = next(s for s in states if s not in {"ringing", "answered"})
    assert await centre.attempts(order_id) == [("crew_duty", "dialling"), ("crew_duty", first)]
    (row,) = [r for r in await centre.rows(kind="phone") if r.call_id == call.call_id]
    assert (row.state, row.outcome) == ("done", first)


async def test_an_attempt_says_how_far_the_call_came(centre: Centre) -> None:
    centre.exchange.habits = {DUTY: "listens"}
    order_id = await centre.dispatched()
    await centre.until(6.3)
    order = await centre.order(order_id)
    assert order.history[-1].data["state"] == "dialling"
    (row,) = await centre.rows(kind="phone")
    assert row.outcome == "answered", "while it lasts, its state is in the outbox"
    await centre.until(7)
    ended = next(e.data for e in (await centre.order(order_id)).history if e.data.get("state") == "completed")
    assert ended["reached"] == "answered"


async def test_a_cut_attempt_says_who_acknowledged(centre: Centre) -> None:
    order_id = await centre.dispatched()
    await centre.until(6.2)
    await centre.step(order_id, "acknowledge")
    await centre.until(7)
    cut = next(e.data for e in (await centre.order(order_id)).history if e.data.get("state") == "cut")
    assert cut["by"] == "acknowledge by crew:N1"
    assert cut["reached"] == "ringing"


async def test_a_cut_is_kept_also_where_the_exchange_never_reports_it(centre: Centre) -> None:
    order_id = await centre.dispatched()
    await centre.until(6.2)

    async def silently(call_id: str) -> None:
        centre.exchange.hung_up.append(call_id)

    centre.exchange.hang_up = silently  # type: ignore[method-assign]
    await centre.step(order_id, "acknowledge")
    await delivery.deliver_due(centre.context, centre.ports, delivery.CUTS)
    assert (await centre.attempts(order_id))[-1] == ("crew_duty", "cut")
    assert len(centre.exchange.hung_up) == 1


async def test_a_cut_does_not_wait_behind_calls_that_hang(centre: Centre) -> None:
    """Within a second of real time, while the exchange lets every new call hang."""
    first = await centre.dispatched("N1")
    await centre.until(6.2)
    await many(centre, 10)
    centre.clock.advance(300)
    while await clocks.fire_due(centre.context):
        pass
    hanging = asyncio.Event()

    async def hang(*given: Any) -> None:
        await hanging.wait()

    centre.exchange.ring = hang  # type: ignore[method-assign,assignment]
    lane = asyncio.create_task(delivery.deliver_due(centre.context, centre.ports, delivery.CALLS))
    await asyncio.sleep(0.1)
    begun = SystemClock().now()
    await centre.step(first, "acknowledge")
    await delivery.deliver_due(centre.context, centre.ports, delivery.CUTS)
    took = SystemClock().now() - begun
    assert centre.exchange.hung_up
    assert not lane.done(), "the calls' lane still waits for the exchange"
    assert took < timedelta(seconds=1)
    hanging.set()
    await lane


async def test_one_hang_up_that_fails_keeps_no_other_call_ringing(centre: Centre) -> None:
    centre.exchange.habits = {DUTY: "silent", "+8620002": "silent"}
    first = await centre.dispatched()
    second = await centre.sent(Point(30.02, 120.02), at=2.4)
    await dispatcher.dispatch(centre.context, second, crew_id="N2", by=DORA)
    await centre.until(6.7)
    assert len(centre.exchange.calls) == 2
    hang_up = centre.exchange.hang_up
    broken = next(c.call_id for c in centre.exchange.calls.values() if c.number == DUTY)

    async def fails(call_id: str) -> None:
        if call_id == broken:
            raise RuntimeError("this line is stuck")
        await hang_up(call_id)

    centre.exchange.hang_up = fails  # type: ignore[method-assign]
    await centre.step(first, "acknowledge")
    await centre.step(second, "acknowledge", crew="N2")
    await delivery.deliver_due(centre.context, centre.ports, delivery.CUTS)
    assert sorted(c.ended for c in centre.exchange.calls.values()) == ["", "cut"]
    centre.exchange.hang_up = hang_up  # type: ignore[method-assign]
    await centre.until(6.8)
    assert [c.ended for c in centre.exchange.calls.values()] == ["cut", "cut"], "asked again"


async def test_a_key_pressed_in_a_call_that_was_given_up_counts(centre: Centre) -> None:
    """The exchange took the call and never said so: whoever answers it is heard."""
    order_id = await centre.dispatched()
    centre.exchange.down = True
    await centre.until(6.01)
    (row,) = await centre.rows(kind="phone")
    report = PhoneReport(row.call_id, DUTY, 3, "keypress", "1", centre.clock.now())
    await phone_reported(centre.context, report)
    assert (await centre.order(order_id)).state == "acknowledged"


async def test_two_workers_do_not_ring_one_number_twice(centre: Centre) -> None:
    await many(centre, 30)
    centre.clock.advance(240)
    while await clocks.fire_due(centre.context):
        pass
    await asyncio.gather(
        *(delivery.deliver_due(centre.context, centre.ports, delivery.CALLS) for _ in range(3))
    )
    assert len(centre.exchange.calls) == 1
    await delivery.deliver_due(centre.context, centre.ports, delivery.CALLS)
    assert len(centre.exchange.calls) == 1, "and nothing more a moment later"
