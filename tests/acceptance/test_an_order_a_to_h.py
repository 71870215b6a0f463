"""One order from the customer's call to its archive, and what cannot happen on the way."""

from __future__ import annotations

from dispatch.core.errors import Conflict, GuardRefused
from dispatch.core.segments import timeline
from dispatch.services import dispatcher, hotline
from tests.dispatch.centre import DORA, HOLLY, START, Centre, refused


async def test_an_order_goes_from_the_call_to_the_archive(centre: Centre) -> None:
    order_id = await centre.dispatched()
    delivered = await centre.order(order_id)
    assert delivered.state == "delivered"
    for minute, name in ((3, "acknowledge"), (4, "depart"), (10, "arrive"), (40, "restore")):
        await centre.until(minute)
        await centre.step(order_id, name)
    await centre.until(42)
    await centre.step(order_id, "record", data={"cause": "rust", "work_done": "a new clamp"})
    await hotline.call_back(centre.context, order_id, satisfied=True, by=HOLLY)
    closed = await hotline.close(centre.context, order_id, by=HOLLY)
    await centre.until(60)
    line = timeline(closed, centre.context.processes.of(closed), centre.clock.now())
    assert closed.state == "closed"
    assert list(line.points) == list("ABCDEFGH")
    assert line.total.total_seconds() == 600
    assert await centre.armed(order_id) == set()
    assert await centre.rungs(order_id) == []
    assert await centre.contacts() == ["new", "call_back"]
    assert centre.terminals.shown["t-N1"] == {}
    assert {r.state for r in await centre.rows()} == {"done"}


async def test_c_and_e_are_machines_receipts_at_their_own_time(centre: Centre) -> None:
    order = await centre.order(await centre.dispatched())
    points = timeline(order, centre.context.processes.of(order), centre.clock.now()).points
    assert [(points[p] - START).total_seconds() for p in "BCDE"] == [60, 61, 120, 122]
    assert {e.kind: str(e.by) for e in order.history if e.kind.endswith("receipt")} == {
        "centre_receipt": "system:dispatch45",
        "receipt": "device:t-N1",
    }


async def test_the_centre_has_nothing_until_its_inbox_says_so(centre: Centre) -> None:
    centre.inbox.receipts = False
    order_id = await centre.sent()
    assert (await centre.order(order_id)).state == "sent"
    await dispatcher.centre_received(centre.context, order_id, centre_id="south", send=1)
    await dispatcher.centre_received(centre.context, order_id, centre_id="north", send=2)
    assert (await centre.order(order_id)).state == "sent", (
        "another centre's receipt, or another send's, is none"
    )
    for _ in range(2):
        await dispatcher.centre_received(centre.context, order_id, centre_id="north", send=1)
    order = await centre.order(order_id)
    assert (order.state, [e.kind for e in order.history].count("centre_receipt")) == ("at_centre", 1)


async def test_a_returned_order_is_not_taken_for_received_by_the_old_receipt(centre: Centre) -> None:
    order_id = await centre.sent()
    await dispatcher.return_order(centre.context, order_id, reason="misrouted", by=DORA)
    assert await centre.alerts("order_return") == ["hotline"]
    await hotline.send(centre.context, order_id, by=HOLLY)
    await dispatcher.centre_received(centre.context, order_id, centre_id="north", send=1)
    assert (await centre.order(order_id)).state == "sent"
    await centre.until(3)
    assert (await centre.order(order_id)).state == "at_centre"


async def test_a_receipt_that_is_lost_leaves_the_order_delivered_by_nobody(centre: Centre) -> None:
    centre.terminals.receipts = False
    order = await centre.order(await centre.dispatched())
    assert order.state == "dispatched"
    assert "segment:DE" in await centre.armed(order.id)
    await centre.until(6.5)
    assert "dispatcher" in await centre.alerts("segment_overdue")


async def test_the_first_accept_wins_and_the_second_is_told_who(centre: Centre) -> None:
    order_id = await centre.dispatched()
    await centre.until(3)
    first = await centre.step(order_id, "acknowledge", key="press-1", data={"via": "terminal"})
    error = await refused(centre.step(order_id, "acknowledge", key="page-7", data={"via": "page"}))
    assert isinstance(error, Conflict)
    assert (error.facts["why"], error.facts["by"]) == ("already", "crew:N1")
    assert "by terminal" in error.message
    again = await centre.step(order_id, "acknowledge", key="press-1", data={"via": "terminal"})
    assert again == first, "the same press resent is harmless"
    await centre.until(4)
    (aboard,) = centre.terminals.desired["t-N1"].orders
    assert aboard.acknowledged, "the other devices show it"


async def test_another_crew_cannot_take_it(centre: Centre) -> None:
    order_id = await centre.dispatched()
    error = await refused(centre.step(order_id, "acknowledge", crew="N2"))
    assert error.facts["why"] == "not_yours"


async def test_a_repeat_call_joins_the_open_order_and_raises_its_priority(centre: Centre) -> None:
    first = await centre.call()
    again = await centre.take_call(id="call-2")
    assert (again.order_id, again.outcome) == (first, "joined")
    assert await centre.take_call(id="call-2") == again, "a resent call is not a third one"
    order = await centre.order(first)
    assert (order.priority, [e.kind for e in order.history].count("joined")) == (1, 1)
    assert await centre.contacts() == ["new", "joined"]


async def test_a_call_after_the_repair_is_a_new_order(centre: Centre) -> None:
    order_id = await centre.dispatched()
    for name in ("acknowledge", "arrive", "restore"):
        await centre.step(order_id, name)
    assert (await centre.take_call()).outcome == "new"


async def test_a_fourth_order_is_refused_and_the_three_stand_in_their_sequence(centre: Centre) -> None:
    orders = [await centre.sent(place, at=1) for place in _places(4)]
    for order_id in orders[:3]:
        await dispatcher.dispatch(centre.context, order_id, crew_id="N1", by=DORA)
    error = await refused(dispatcher.dispatch(centre.context, orders[3], crew_id="N1", by=DORA))
    assert isinstance(error, GuardRefused)
    assert error.facts["why"] == "full"
    await centre.until(3)
    assert [(o.order_id, o.slot) for o in centre.terminals.desired["t-N1"].orders] == [
        (orders[0], 1), (orders[1], 2), (orders[2], 3),
    ]  # fmt: skip
    assert (await centre.order(orders[3])).state == "at_centre"


async def test_waiting_of_a_stacked_order_belongs_to_the_centre(centre: Centre) -> None:
    first, second = [await centre.sent(place, at=1) for place in _places(2)]
    for order_id in (first, second):
        await dispatcher.dispatch(centre.context, order_id, crew_id="N1", by=DORA)
    await centre.until(2)
    for order_id in (first, second):
        await centre.step(order_id, "acknowledge")
    for minute, name in ((3, "depart"), (5, "arrive"), (25, "restore")):
        await centre.until(minute)
        await centre.step(first, name)
    for minute, name in ((26, "depart"), (30, "arrive")):
        await centre.until(minute)
        await centre.step(second, name)
    order = await centre.order(second)
    line = timeline(order, centre.context.processes.of(order), centre.clock.now())
    waited = [i for i in line.intervals if i.label == "stacked"]
    assert [(i.owner, i.duration.total_seconds() / 60) for i in waited] == [("repair_centre", 23)]
    assert line.duration("FG").total_seconds() == 60
    assert order.last("crew_free") is not None


def _places(number: int) -> list[object]:
    from dispatch.core.types import Point

    return [Point(30.01 + n / 100, 120.05) for n in range(number)]
