"""What devices say is never lost because a part is away, and means what it meant when it was said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from dispatch.adapters.sql.statements import ALERT
from dispatch.core.errors import Contended, Unavailable
from dispatch.core.types import Point
from dispatch.messages import Position, Press, Receipt
from dispatch.services import dispatcher
from dispatch.services.tracking import Tracking, device_event
from tests.dispatch.centre import DORA, HERE, START, Centre


def _away(centre: Centre, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def transact(decide: Any, order_id: str = "") -> Any:
        raise error

    monkeypatch.setattr(centre.store, "transact", transact)


@pytest.mark.parametrize("error", [Unavailable("no disk"), Contended("try again")])
async def test_a_press_comes_again_when_the_database_could_not_take_it(
    centre: Centre, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    order_id = await centre.dispatched()
    press = Press("t-N1", order_id, "acknowledge", centre.clock.now().timestamp(), "press-1", 1)
    with monkeypatch.context() as broken:
        _away(centre, broken, error)
        with pytest.raises(type(error)):
            await device_event(centre.context, press)
    await device_event(centre.context, press)
    assert (await centre.order(order_id)).state == "acknowledged"
    await device_event(centre.context, press)


async def test_a_press_that_is_too_late_changes_nothing_and_stops_nobody(centre: Centre) -> None:
    order_id = await centre.dispatched()
    await device_event(centre.context, Press("t-N1", order_id, "arrive", 0.0, "press-1", 7))
    await device_event(centre.context, Press("t-N1", "W99", "arrive", 0.0, "press-2", 1))
    assert (await centre.order(order_id)).state == "delivered"


def _stay(minutes: range) -> list[Position]:
    """At the fault, a fix a minute."""
    times = [(START + timedelta(minutes=m)).timestamp() for m in minutes]
    return [Position("t-N1", t, times[-1] + 1, HERE.lat, HERE.lon, speed_mps=0.0) for t in times]


async def test_fixes_that_come_together_after_a_blind_spot_tell_when_the_vehicle_arrived(
    centre: Centre,
) -> None:
    order_id = await centre.dispatched()
    await centre.step(order_id, "acknowledge")
    await centre.step(order_id, "depart")
    await centre.until(20)
    tracking = Tracking(centre.context)
    await tracking.look_again()
    judged = tracking.classify(_stay(range(10, 20)))
    tracking.believe(judged)
    await tracking.follow(judged.seen)
    order = await centre.order(order_id)
    assert order.state == "on_scene"
    assert order.history[-1].at == START + timedelta(minutes=10)


async def test_fixes_that_could_not_be_stored_are_no_duplicates_of_themselves(centre: Centre) -> None:
    tracking = Tracking(centre.context)
    batch = _stay(range(10, 13))
    assert [one.flag for one in tracking.classify(batch).seen] == ["ok"] * 3
    judged = tracking.classify(batch)
    assert [one.flag for one in judged.seen] == ["ok"] * 3
    tracking.believe(judged)
    assert {one.flag for one in tracking.classify(batch).seen} == {"duplicate", "out_of_order"}


async def test_a_crew_that_goes_to_its_second_order_first_is_seen_to_arrive(centre: Centre) -> None:
    first, second = [await centre.dispatched(place=p) for p in (HERE, Point(30.07, 120.07))]
    for order_id in (first, second):
        await centre.step(order_id, "acknowledge")
    assert (await centre.order(second)).behind
    await centre.step(second, "depart")
    await centre.until(20)
    tracking = Tracking(centre.context)
    await tracking.look_again()
    there = [structs.replace(p, lat=30.07, lon=120.07) for p in _stay(range(15, 20))]
    judged = tracking.classify(there)
    await tracking.follow(judged.seen)
    assert (await centre.order(second)).state == "on_scene"


async def see(tracking: Tracking, place: Point, minutes: range) -> None:
    """A vehicle is at a place, a fix a minute, after the centre has looked at the orders again."""
    await tracking.look_again()
    judged = tracking.classify([structs.replace(p, lat=place.lat, lon=place.lon) for p in _stay(minutes)])
    tracking.believe(judged)
    await tracking.follow(judged.seen)


async def stood_there(centre: Centre) -> tuple[Tracking, str]:
    """A vehicle that stands where its next order is, which its crew acknowledges."""
    tracking = Tracking(centre.context)
    await see(tracking, HERE, range(2))
    order_id = await centre.dispatched()
    await centre.step(order_id, "acknowledge")
    return tracking, order_id


async def test_a_crew_that_stands_at_its_next_order_already_has_not_arrived_by_standing_there(
    centre: Centre,
) -> None:
    """Nobody has moved: the clocks of turnout go on, and the crew can say by its button that it is there."""
    tracking, order_id = await stood_there(centre)
    await centre.until(9)
    await see(tracking, HERE, range(3, 9))
    assert (await centre.order(order_id)).state == "acknowledged"
    assert "segment_overdue" in {row.code for row in await centre.rows(ALERT)}, (
        "it is said that nobody departs"
    )
    await see(Tracking(centre.context), HERE, range(9, 12))
    assert (await centre.order(order_id)).state == "acknowledged", "nor to a worker that has just begun"
    await centre.step(order_id, "arrive")
    assert (await centre.order(order_id)).state == "on_scene"


@pytest.mark.parametrize("how", ["it drove", "its crew says so", "it drove, before the worker began"])
async def test_a_crew_that_stood_at_its_next_order_arrives_by_positions_once_it_has_departed(
    centre: Centre, how: str
) -> None:
    tracking, order_id = await stood_there(centre)
    await centre.until(20)
    if how == "its crew says so":
        await centre.step(order_id, "depart", at=START + timedelta(minutes=8))
    else:
        await see(tracking, Point(30.055, 120.05), range(3, 8))
    if how == "it drove, before the worker began":
        await see(tracking, HERE, range(8, 9))
        tracking = Tracking(centre.context)
    await see(tracking, HERE, range(9, 15))
    order = await centre.order(order_id)
    assert order.state == "on_scene"
    assert order.history[-1].at >= START + timedelta(minutes=8)


async def test_an_order_that_its_terminal_never_confirms_is_told_to_the_dispatcher_once(
    centre: Centre,
) -> None:
    order_id = await centre.dispatched()
    missed = Receipt("t-N1", order_id, 1, "unreceipted", centre.clock.now().timestamp())
    await device_event(centre.context, missed)
    await device_event(centre.context, missed)
    assert await centre.alerts("unreceipted") == ["dispatcher"]
    assert [e.kind for e in (await centre.order(order_id)).history].count("unreceipted") == 1


async def test_an_order_that_was_acknowledged_otherwise_alarms_nobody_for_its_receipt(centre: Centre) -> None:
    order_id = await centre.dispatched()
    await centre.step(order_id, "acknowledge")
    await device_event(centre.context, Receipt("t-N1", order_id, 1, "unreceipted", 0.0))
    assert await centre.alerts("unreceipted") == []
    assert "unreceipted" in [e.kind for e in (await centre.order(order_id)).history]


async def test_a_recall_that_its_terminal_never_confirms_is_told_to_the_dispatcher(centre: Centre) -> None:
    order_id = await centre.dispatched()
    await dispatcher.recall(centre.context, order_id, by=DORA, reason="nearer_crew")
    missed = Receipt("t-N1", order_id, 1, "recall_unreceipted", centre.clock.now().timestamp())
    await device_event(centre.context, missed)
    assert await centre.alerts("recall_unreceipted") == ["dispatcher"]
