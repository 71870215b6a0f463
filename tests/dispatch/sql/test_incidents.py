"""Orders of one fault on both databases: one crew for all, and no caller's promise lost by it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import pytest_asyncio

from dispatch.core.errors import Conflict, GuardRefused, IllegalStep
from dispatch.core.escalation import clocks, open_watches
from dispatch.core.segments import timeline
from dispatch.core.types import SYSTEM, Actor
from dispatch.services import clocks as due
from dispatch.services import dispatcher, hotline, incidents
from dispatch.services.call_desk import not_reached
from tests.dispatch.databases import Database
from tests.dispatch.sql.desk import CREW_STEPS, DORA, HOLLY, Place


@pytest_asyncio.fixture
async def place(database: Database) -> Place:
    return await Place(database).open()


async def _three(place: Place) -> tuple[str, str, str]:
    return (
        await place.at_centre("1 Lane", 0, "+861011111"),
        await place.at_centre("2 Lane", 200, "+861022222"),
        await place.at_centre("3 Lane", 400, "+861033333"),
    )


async def _holds(place: Place, crew_id: str = "E1") -> list[str]:
    rosters = await place.context.store.rosters()
    return [s.order_id for r in rosters for d in r.crews if d.crew_id == crew_id for s in d.stack]


async def test_one_crew_goes_and_every_caller_has_all_eight_points(place: Place) -> None:
    a, b, c = await _three(place)
    lead = await incidents.group(place.context, [b, c, a], by=DORA)
    assert lead.id == a, "the one whose promise ends first leads"
    await place.dispatch(a)
    assert await _holds(place) == [a], "the vehicle has one order, not three"
    await place.works(a, *CREW_STEPS)
    led = await place.order(a)
    for order_id in (b, c):
        order = await place.order(order_id)
        assert order.state == "recorded"
        line = timeline(order, place.context.processes.of(order), place.clock.now())
        assert list(line.points) == list("ABCDEFGH")
        theirs = timeline(led, place.context.processes.of(led), place.clock.now()).points
        assert line.points["A"] == order.facts.reported_at != theirs["A"], "each caller's own clock"
        assert [line.points[p] for p in "DEFGH"] == [theirs[p] for p in "DEFGH"]
        assert sum((i.duration for i in line.intervals), timedelta()) == line.points["H"] - line.points["A"]


async def test_an_order_that_joins_on_the_way_counts_from_when_it_joined(place: Place) -> None:
    a = await place.at_centre("1 Lane")
    await place.dispatch(a)
    await place.works(a, "acknowledge", "depart")
    late = await place.at_centre("2 Lane", 300)
    called = (await place.order(late)).facts.reported_at
    joined = place.clock.now()
    await incidents.group(place.context, [late, a], by=DORA)
    order = await place.order(late)
    assert order.state == "en_route"
    points = timeline(order, place.context.processes.of(order), joined).points
    assert points["A"] == called
    assert points["D"] == points["G"] == joined, "nobody was on the way for this caller before"
    await place.works(a, "arrive")
    assert (await place.order(late)).state == "on_scene"


async def test_an_order_that_has_not_reached_the_centre_follows_as_soon_as_it_has(place: Place) -> None:
    a = await place.at_centre("1 Lane")
    b = await place.call("2 Lane", 300)
    await hotline.send(place.context, b, by=HOLLY)
    await incidents.group(place.context, [a, b], by=DORA)
    await dispatcher.dispatch(place.context, a, crew_id="E1", by=SYSTEM)
    assert (await place.order(b)).state == "sent", "the automatic dispatches nothing that has not arrived"
    await place.received(b)
    assert (await place.order(b)).state == "dispatched"
    c = await place.call("3 Lane", 500)
    await hotline.send(place.context, c, by=HOLLY)
    await incidents.group(place.context, [a, c], by=DORA)
    await place.received(c)
    assert (await place.order(c)).state == "dispatched"


async def test_nobody_can_act_on_one_that_follows_but_through_the_one_that_leads(place: Place) -> None:
    a, b, _ = await _three(place)
    await incidents.group(place.context, [a, b], by=DORA)
    with pytest.raises(GuardRefused, match="part it first"):
        await dispatcher.dispatch(place.context, b, crew_id="E2", by=DORA)
    assert await dispatcher.match_waiting(place.context) == 0
    assert await _holds(place, "E2") == []


async def test_every_follower_is_watched_until_the_crew_acknowledges_and_its_promise_is_armed(
    place: Place,
) -> None:
    a, b, _ = await _three(place)
    await incidents.group(place.context, [a, b], by=DORA)
    await place.dispatch(a)
    order = await place.order(b)
    process = place.context.processes.of(order)
    assert [w.watch.name for w in open_watches(order, process)] == ["crew"]
    await place.works(a, "acknowledge")
    order = await place.order(b)
    assert not open_watches(order, process)
    assert clocks(order, process), "its own limits and promise still run"
    place.clock.advance(50 * 60)
    await due.fire_due(place.context)
    assert (await place.order(b)).last("promise_missed") is not None


async def test_a_recall_or_reject_brings_all_back_and_the_next_crew_takes_all(place: Place) -> None:
    a, b, c = await _three(place)
    await incidents.group(place.context, [a, b], by=DORA)
    await place.dispatch(a)
    await dispatcher.recall(place.context, a, reason="nearer_crew", by=DORA)
    assert [(await place.order(one)).state for one in (a, b)] == ["at_centre", "at_centre"]
    await incidents.group(place.context, [a, c], by=DORA)
    assert (await place.order(c)).generation == 0, "it never was with the crew that was recalled"
    await place.dispatch(a, "E2")
    assert [(await place.order(one)).crew_id for one in (a, b, c)] == ["E2", "E2", "E2"]


async def test_parted_on_the_way_it_waits_at_the_centre_and_can_be_dispatched(place: Place) -> None:
    a, b, _ = await _three(place)
    await incidents.group(place.context, [a, b], by=DORA)
    await place.dispatch(a)
    await place.works(a, "acknowledge", "depart")
    parted = await incidents.part(place.context, b, by=DORA)
    assert (parted.state, parted.crew_id, parted.incident_id) == ("at_centre", "", "")
    assert open_watches(parted, place.context.processes.of(parted)), "somebody is asked for it again"
    assert (await place.order(a)).state == "en_route"
    await place.dispatch(b, "E2")
    assert await _holds(place, "E2") == [b]
    await place.works(a, "arrive")
    assert (await place.order(b)).state == "delivered", "it follows no more"


@pytest.mark.parametrize("how", ["cancel", "return", "route"])
async def test_where_the_leading_order_goes_away_nobody_else_does(place: Place, how: str) -> None:
    a, b, c = await _three(place)
    await incidents.group(place.context, [a, b, c], by=DORA)
    if how == "cancel":
        await place.dispatch(a)
        await hotline.cancel(place.context, a, reason="customer_withdrew", by=HOLLY)
    elif how == "return":
        await dispatcher.return_order(place.context, a, reason="misrouted", by=DORA)
    else:
        await hotline.route(place.context, a, centre_id="west", trade="service", area_class="urban", by=DORA)
    for order_id in (b, c):
        order = await place.order(order_id)
        assert (order.state, order.crew_id, order.incident_id) == ("at_centre", "", "")
        assert open_watches(order, place.context.processes.of(order))
        await place.dispatch(order_id, "E2")


async def test_one_whose_customer_withdraws_leaves_the_others_alone(place: Place) -> None:
    a, b, _ = await _three(place)
    await incidents.group(place.context, [a, b], by=DORA)
    await place.dispatch(a)
    await hotline.cancel(place.context, b, reason="customer_withdrew", by=HOLLY)
    assert await _holds(place) == [a]
    await place.works(a, "acknowledge", "depart", "arrive")
    assert (await place.order(b)).state == "cancelled"


async def test_two_crews_two_centres_or_a_repaired_order_are_refused(place: Place) -> None:
    a, b, c = await _three(place)
    await place.dispatch(a)
    await place.dispatch(b, "E2")
    with pytest.raises(GuardRefused, match="both with a crew"):
        await incidents.group(place.context, [a, b], by=DORA)
    await place.works(a, "acknowledge", "depart", "arrive", "restore")
    with pytest.raises(IllegalStep):
        await incidents.group(place.context, [a, c], by=DORA)
    unsent = await place.call("9 Lane", 700)
    with pytest.raises(GuardRefused, match="not been sent"):
        await incidents.group(place.context, [b, unsent], by=DORA)
    assert {(await place.order(one)).incident_id for one in (a, b, c, unsent)} == {""}


async def test_incidents_grow_together_and_a_resend_changes_nothing(place: Place) -> None:
    a, b, c = await _three(place)
    d = await place.at_centre("4 Lane", 600)
    await incidents.group(place.context, [a, b], by=DORA, key="once")
    before = (await place.order(a)).version
    assert (await incidents.group(place.context, [a, b], by=DORA, key="once")).id == a
    assert (await place.order(a)).version == before
    await incidents.group(place.context, [c, d], by=DORA)
    await incidents.group(place.context, [d, b], by=DORA)
    assert {(await place.order(one)).incident_id for one in (a, b, c, d)} == {a}


async def test_a_dispatch_and_a_join_at_the_same_moment_lose_nothing(place: Place) -> None:
    a, b, _ = await _three(place)
    other = await place.context_of_a_worker()
    await asyncio.gather(
        incidents.group(other, [a, b], by=DORA),
        dispatcher.dispatch(place.context, a, crew_id="E1", by=DORA),
    )
    assert [(await place.order(one)).crew_id for one in (a, b)] == ["E1", "E1"]
    assert await _holds(place) == [a]


async def test_every_caller_of_an_incident_is_called_back(place: Place) -> None:
    a, b, _ = await _three(place)
    again = await place.call("1 Lane", 10, "+861044444")
    assert again == a, "the same place joins by itself"
    await incidents.group(place.context, [a, b], by=DORA)
    await place.dispatch(a)
    await place.works(a, *CREW_STEPS)
    await hotline.call_back(place.context, a, satisfied=True, phone="+861011111", by=HOLLY)
    with pytest.raises(GuardRefused):
        await hotline.close(place.context, a, by=HOLLY)
    await not_reached(place.context, a, phone="+861044444", given_up=True, by=HOLLY)
    assert (await hotline.close(place.context, a, by=HOLLY)).state == "closed"
    with pytest.raises(GuardRefused):
        await hotline.close(place.context, b, by=HOLLY)


async def test_a_press_of_the_crew_on_one_that_follows_is_refused(place: Place) -> None:
    a, b, _ = await _three(place)
    await incidents.group(place.context, [a, b], by=DORA)
    await place.dispatch(a)
    with pytest.raises((GuardRefused, Conflict)):
        await place.works(b, "acknowledge")
    assert (await place.order(b)).last("acknowledge") is None
    assert Actor("crew", "E1") not in {e.by for e in (await place.order(b)).history}
