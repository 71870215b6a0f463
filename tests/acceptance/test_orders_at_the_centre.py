"""Articles: the centre does not answer, nobody can route a call, a crew gives an order back."""

from __future__ import annotations

from dispatch.core.errors import Conflict
from dispatch.core.types import Point
from dispatch.services import dispatcher, hotline
from tests.dispatch.centre import CENTRE, DORA, HOLLY, LEADER1, NOWHERE, Centre, refused


async def test_the_hotlines_watch_rings_the_centre_when_nobody_there_answers(centre: Centre) -> None:
    order_id = await centre.sent()
    await centre.until(8)
    assert await centre.rungs(order_id) == [(5, "centre_duty"), (6, "on_call")]
    assert centre.exchange.log() == [(5, CENTRE), (6, LEADER1)]
    assert (await centre.alerts("unanswered_centre")) == ["hotline", "hotline", "manager"]


async def test_automatic_matching_without_a_free_crew_does_not_stop_the_hotlines_watch(
    centre: Centre,
) -> None:
    centre.context.policy = "nearest"
    full = [await centre.sent(Point(30.011 + n / 100, 120.01), at=1) for n in range(9)]
    await centre.until(1.5, matching=True)
    for order_id in full:
        if (await centre.order(order_id)).crew_id:
            continue
        await centre.until(2, matching=True)
    for n, order_id in enumerate(full):
        if not (await centre.order(order_id)).crew_id:
            await dispatcher.dispatch(centre.context, order_id, crew_id=f"N{n % 3 + 1}", by=DORA)
    waiting = await centre.sent(Point(30.09, 120.09), at=3)
    await centre.until(7.5, matching=True)
    assert (await centre.order(waiting)).state == "at_centre"
    assert (await centre.rungs(waiting))[0] == (7, "centre_duty")


async def test_a_person_at_the_centre_stops_the_hotlines_watch(centre: Centre) -> None:
    order_id = await centre.sent()
    await dispatcher.accept(centre.context, order_id, by=DORA)
    assert "watch:centre" not in await centre.armed(order_id)
    await centre.until(30)
    assert await centre.alerts("unanswered_centre") == []
    assert set(await centre.alerts("unanswered_hand")) == {"dispatcher", "manager"}, (
        "it is the dispatcher's now"
    )


async def test_a_one_at_the_centre_only_takes_it_in_hand(centre: Centre) -> None:
    centre.exchange.habits = {CENTRE: "press 1"}
    order_id = await centre.sent()
    await centre.until(9)
    assert await centre.rungs(order_id) == [(5, "centre_duty"), (8.25, "on_call")]


async def test_an_unroutable_call_is_watched_and_the_hotline_is_told(centre: Centre) -> None:
    taken = await centre.take_call(NOWHERE)
    assert "no territory" in taken.unroutable
    assert await centre.alerts("unroutable") == ["hotline"]
    await centre.until(1)
    await hotline.send(centre.context, taken.order_id, by=HOLLY)
    await centre.until(6.5)
    assert [m for m, _ in await centre.rungs(taken.order_id)] == [5, 6]
    assert await centre.alerts("unanswered_centre") == ["hotline", "hotline", "manager"]
    assert centre.exchange.log() == [(5, CENTRE), (6.02, CENTRE)], (
        "no centre's desk is asked for, so the first one's is"
    )
    first = next(e.data for e in (await centre.order(taken.order_id)).history if e.kind == "attempt")
    assert first["note"] == "the order has no centre yet: the duty phone of north instead"
    await hotline.route(
        centre.context, taken.order_id, centre_id="south", trade="service", area_class="rural", by=HOLLY
    )
    await centre.until(7)
    assert (await centre.order(taken.order_id)).state == "at_centre"
    assert centre.inbox.arrived == [("south", taken.order_id, 1)]


async def test_a_rejected_order_is_back_at_once_with_its_reason(centre: Centre) -> None:
    order_id = await centre.dispatched()
    await centre.step(order_id, "reject", data={"reason": "wrong_trade"})
    order = await centre.order(order_id)
    assert (order.state, order.crew_id) == ("at_centre", "")
    (alert,) = [r for r in await centre.rows() if r.kind == "alert" and r.data["code"] == "order_reject"]
    assert (alert.target, alert.data["reason"], alert.data["crew_id"]) == ("dispatcher", "wrong_trade", "N1")
    error = await refused(centre.step(order_id, "acknowledge"))
    assert isinstance(error, Conflict)
    await centre.until(7)
    assert (await centre.rungs(order_id))[0] == (6.25, "centre_duty"), "and it is watched anew"


async def test_the_automatic_does_not_ask_a_crew_again_that_gave_it_back(centre: Centre) -> None:
    centre.context.policy = "nearest"
    order_id = await centre.sent()
    await centre.until(1.5, matching=True)
    first = (await centre.order(order_id)).crew_id
    await centre.step(order_id, "reject", crew=first, data={"reason": "vehicle_breakdown"})
    await centre.until(2, matching=True)
    assert (await centre.order(order_id)).crew_id not in {"", first}
