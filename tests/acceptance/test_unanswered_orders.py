"""Article: nobody answers. The crew's phone, leader 1, leader 2, round again; and what stops it, and what does not."""

from __future__ import annotations

import pytest

from dispatch.core.errors import Unavailable
from dispatch.core.types import Point
from dispatch.services import clocks, delivery, dispatcher, hotline
from dispatch.services.telephone import PhoneReport, phone_reported
from tests.dispatch.centre import DORA, DUTY, HERE, HOLLY, LEADER1, LEADER2, Centre
from tests.dispatch.outside import Placed

NEXT_DOOR = Point(30.02, 120.02)


async def test_unacknowledged_order_rings_the_crew_then_leader_1_then_leader_2(centre: Centre) -> None:
    order_id = await centre.dispatched()
    await centre.until(9)
    assert await centre.rungs(order_id) == [(6, "crew_duty"), (7, "leader1"), (8, "leader2")]
    assert centre.exchange.log() == [(6, DUTY), (7, LEADER1), (8, LEADER2)]


async def test_the_chain_repeats_every_five_minutes_and_the_manager_is_alerted(centre: Centre) -> None:
    order_id = await centre.dispatched()
    await centre.until(24)
    assert await centre.rungs(order_id) == [
        (6, "crew_duty"), (7, "leader1"), (8, "leader2"),
        (13, "crew_duty"), (14, "leader1"), (15, "leader2"),
        (20, "crew_duty"), (21, "leader1"), (22, "leader2"),
    ]  # fmt: skip
    assert (await centre.alerts("unanswered_crew")).count("manager") == 1 + 3 + 3
    told = ("manager", f"The crew does not answer: order {order_id}")
    assert centre.mail.told.count(told) == 1 + 3 + 3


@pytest.mark.parametrize("habit", ["no_answer", "busy", "voicemail", "listens", "silent", "press 5"])
async def test_only_a_one_on_the_keypad_counts(centre: Centre, habit: str) -> None:
    centre.exchange.habits = dict.fromkeys((DUTY, LEADER1, LEADER2), habit)
    order_id = await centre.dispatched()
    await centre.until(17)
    assert [minute for minute, _ in await centre.rungs(order_id)] == [6, 7, 8, 13, 14, 15]
    assert (await centre.order(order_id)).state == "delivered"
    outcomes = {state for _, state in await centre.attempts(order_id)} - {"dialling"}
    expected = {
        "no_answer": "no_answer", "busy": "busy", "voicemail": "machine", "listens": "completed",
        "silent": "failed", "press 5": "keypress 5",
    }  # fmt: skip
    after = {"press 5": {"completed"}}  # a wrong key ends nothing
    assert outcomes == {expected[habit], *after.get(habit, ())}, "every attempt is kept, with its outcome"


async def test_a_nine_on_the_crews_own_phone_hands_the_order_back_at_once(centre: Centre) -> None:
    centre.exchange.habits = dict.fromkeys((DUTY, LEADER1, LEADER2), "press 9")
    order_id = await centre.dispatched()
    await centre.until(6.5)
    order = await centre.order(order_id)
    assert (order.state, order.crew_id) == ("at_centre", "")
    assert order.last("reject").data["reason"] == "cannot_leave"  # type: ignore[union-attr]
    assert "dispatcher" in await centre.alerts("order_reject")
    assert [to for _, to in centre.exchange.log() if to in {DUTY, LEADER1}] == [DUTY], "its chain has ended"


async def test_a_one_on_the_crews_own_phone_acknowledges(centre: Centre) -> None:
    centre.exchange.habits = {DUTY: "press 1"}
    order_id = await centre.dispatched()
    await centre.until(20)
    order = await centre.order(order_id)
    assert order.state == "acknowledged"
    assert order.last("acknowledge").data["via"] == f"phone {DUTY}"  # type: ignore[union-attr]
    assert centre.exchange.log() == [(6, DUTY)]


async def test_a_leaders_one_only_pauses_three_minutes_and_then_it_goes_on(centre: Centre) -> None:
    centre.exchange.habits = {LEADER1: "press 1"}
    order_id = await centre.dispatched()
    await centre.until(16)
    order = await centre.order(order_id)
    assert (order.state, order.last("in_hand").data["who"]) == ("delivered", "leader1")  # type: ignore[union-attr]
    assert await centre.rungs(order_id) == [
        (6, "crew_duty"),
        (7, "leader1"),
        (10.25, "leader2"),
        (15.25, "crew_duty"),
    ]


async def test_an_acknowledgement_cuts_the_call_that_is_ringing(centre: Centre) -> None:
    order_id = await centre.dispatched()
    await centre.until(6.2)
    assert [c.ended for c in centre.exchange.calls.values()] == [""]
    await centre.step(order_id, "acknowledge")
    await centre.until(6.2)
    assert [c.ended for c in centre.exchange.calls.values()] == ["cut"]
    await centre.until(30)
    assert await centre.rungs(order_id) == [(6, "crew_duty")]
    assert await centre.attempts(order_id) == [("crew_duty", "dialling"), ("crew_duty", "cut")]


async def test_an_acknowledgement_that_comes_before_the_dial_prevents_it(centre: Centre) -> None:
    order_id = await centre.dispatched()
    centre.clock.advance(3600)
    await clocks.fire_due(centre.context)
    await centre.step(order_id, "acknowledge")
    await delivery.deliver_due(centre.context, centre.ports)
    assert centre.exchange.log() == []
    assert {r.outcome for r in await centre.rows(kind="phone")} == {"answered meanwhile"}


async def test_an_acknowledgement_while_the_exchange_is_asked_hangs_up_again(centre: Centre) -> None:
    """The order was still open when the call was prepared, and is not when it is placed."""
    order_id = await centre.dispatched()
    ring = centre.exchange.ring

    async def slowly(call_id: str, number: str, language: str, prompt: str) -> None:
        await centre.step(order_id, "acknowledge")
        await delivery.deliver_due(centre.context, centre.ports)
        await ring(call_id, number, language, prompt)

    centre.exchange.ring = slowly  # type: ignore[method-assign]
    await centre.until(6)
    await centre.until(7)
    assert [c.ended for c in centre.exchange.calls.values()] == ["cut"]


@pytest.mark.parametrize("what", ["recall", "reject", "cancel"])
async def test_recall_reject_and_cancel_stop_the_chain_and_cut_the_call(centre: Centre, what: str) -> None:
    order_id = await centre.dispatched()
    await centre.until(6.2)
    if what == "recall":
        await dispatcher.recall(centre.context, order_id, reason="nearer_crew", by=DORA)
    elif what == "reject":
        await centre.step(order_id, "reject", data={"reason": "vehicle_breakdown"})
    else:
        await hotline.cancel(centre.context, order_id, reason="customer_withdrew", by=HOLLY)
    await centre.until(9.9)
    assert [c.ended for c in centre.exchange.calls.values()] == ["cut"]
    assert [phone for _, phone in await centre.rungs(order_id)] == ["crew_duty"]


async def test_one_number_is_rung_at_most_once_a_minute_with_several_orders_in_one_call(
    centre: Centre,
) -> None:
    orders = [
        await centre.sent(place, at=1, address=f"{n} Lane") for n, place in enumerate((HERE, NEXT_DOOR))
    ]
    for order_id in orders:
        await dispatcher.dispatch(centre.context, order_id, crew_id="N1", by=DORA)
    await centre.until(30)
    assert centre.exchange.log()[:3] == [(5.25, DUTY), (6.25, LEADER1), (7.25, LEADER2)]
    first = next(iter(centre.exchange.calls.values()))
    assert "2 work order(s)" in first.prompt
    assert "0 Lane" in first.prompt
    assert "1 Lane" in first.prompt


async def test_an_order_that_comes_due_within_the_minute_waits_for_the_next_call(centre: Centre) -> None:
    first = await centre.dispatched()
    second = await centre.sent(NEXT_DOOR, at=2.25)
    await dispatcher.dispatch(centre.context, second, crew_id="N1", by=DORA)
    await centre.until(8)
    times = [minute for minute, number in centre.exchange.log() if number == DUTY]
    assert times == [6, 7.02], "rungs at 6:00 and 6:30, calls a minute apart from when it began to ring"
    last = [c for c in centre.exchange.calls.values() if c.number == DUTY][-1]
    assert "1 work order(s)" in last.prompt
    assert await centre.rungs(second) == [(6.5, "crew_duty"), (7.5, "leader1")]
    assert first != second


async def test_one_keypress_acknowledges_every_order_that_was_read_out(centre: Centre) -> None:
    centre.exchange.habits = {DUTY: "press 1"}
    orders = [await centre.sent(place, at=1) for place in (HERE, NEXT_DOOR)]
    for order_id in orders:
        await dispatcher.dispatch(centre.context, order_id, crew_id="N1", by=DORA)
    await centre.until(8)
    assert {(await centre.order(o)).state for o in orders} == {"acknowledged"}
    assert len(centre.exchange.calls) == 1


async def test_a_bundled_call_goes_on_ringing_while_one_of_its_orders_is_open(centre: Centre) -> None:
    orders = [await centre.sent(place, at=1) for place in (HERE, NEXT_DOOR)]
    for order_id in orders:
        await dispatcher.dispatch(centre.context, order_id, crew_id="N1", by=DORA)
    await centre.until(5.4)
    await centre.step(orders[0], "acknowledge")
    await centre.until(5.5)
    assert [c.ended for c in centre.exchange.calls.values()] == [""]
    await centre.step(orders[1], "acknowledge")
    await centre.until(5.6)
    assert [c.ended for c in centre.exchange.calls.values()] == ["cut"]


async def test_late_and_doubled_callbacks_change_nothing(centre: Centre) -> None:
    centre.exchange.habits = {DUTY: "busy"}
    order_id = await centre.dispatched()
    await centre.until(6.5)
    before = await centre.order(order_id)
    (call,) = centre.exchange.calls.values()
    for seq, state in (
        (1, "ringing"),
        (2, "busy"),
        (2, "busy"),
        (3, "answered"),
        (4, "no_answer"),
        (5, "completed"),
    ):
        await phone_reported(
            centre.context, PhoneReport(call.call_id, call.number, seq, state, "", centre.clock.now())
        )
    assert await centre.order(order_id) == before
    assert {r.state for r in await centre.rows(kind="phone")} == {"done"}


async def test_a_one_that_is_reported_twice_or_too_late_acknowledges_once_or_not(centre: Centre) -> None:
    order_id = await centre.dispatched()
    await centre.until(6.2)
    (call,) = centre.exchange.calls.values()
    report = PhoneReport(call.call_id, call.number, 9, "keypress", "1", centre.clock.now())
    for _ in range(2):
        await phone_reported(centre.context, report)
    once = await centre.order(order_id)
    assert (once.state, [e.kind for e in once.history].count("acknowledge")) == ("acknowledged", 1)
    await dispatcher.recall(centre.context, order_id, reason="nearer_crew", by=DORA)
    await dispatcher.dispatch(centre.context, order_id, crew_id="N2", by=DORA)
    late = PhoneReport(call.call_id, call.number, 10, "keypress", "1", centre.clock.now())
    await phone_reported(centre.context, late)
    assert (await centre.order(order_id)).state == "dispatched", "a key pressed for another dispatch is none"


async def test_a_call_that_was_begun_is_not_given_orders_that_its_prompt_does_not_name(
    centre: Centre,
) -> None:
    """The worker died after the dial; when it comes back another order of the same crew is due too."""
    first = await centre.dispatched()
    second = await centre.sent(NEXT_DOOR, at=2.25)
    await dispatcher.dispatch(centre.context, second, crew_id="N1", by=DORA)
    ring = centre.exchange.ring

    async def and_dies(call_id: str, number: str, language: str, prompt: str) -> None:
        centre.exchange.calls[call_id] = Placed(call_id, number, prompt, centre.clock.now())
        raise Unavailable("killed before it could settle")

    centre.exchange.ring = and_dies  # type: ignore[method-assign]
    await centre.until(6)
    centre.exchange.ring = ring  # type: ignore[method-assign]
    centre.clock.advance(45)
    await centre.until(6.75)
    begun = next(iter(centre.exchange.calls))
    assert "1 work order(s)" in centre.exchange.calls[begun].prompt
    await phone_reported(centre.context, PhoneReport(begun, DUTY, 5, "keypress", "1", centre.clock.now()))
    assert (await centre.order(first)).state == "acknowledged"
    assert (await centre.order(second)).state == "delivered", "nobody has heard of it"


async def test_a_report_of_an_unknown_call_is_nothing(centre: Centre) -> None:
    report = PhoneReport("call-of-somebody-else", DUTY, 1, "keypress", "1", centre.clock.now())
    await phone_reported(centre.context, report)
