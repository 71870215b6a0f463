"""Articles: an order is taken back, and it is proved that the vehicle no longer has it; a crew is away."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dispatch.adapters.sql.organisation import replace_organisation
from dispatch.core.errors import BadInput, GuardRefused
from dispatch.core.types import Point
from dispatch.messages import Receipt
from dispatch.services import clocks, crew, dispatcher, hotline
from dispatch.services.retries import TRIES
from dispatch.services.tracking import device_event
from tests.dispatch.centre import DORA, HOLLY, START, Centre, organisation, refused


async def test_a_recalled_order_stays_recall_pending_until_the_terminal_confirms(centre: Centre) -> None:
    order_id = await centre.dispatched()
    centre.terminals.online.discard("t-N1")
    await dispatcher.recall(centre.context, order_id, reason="nearer_crew", by=DORA)
    await centre.until(10)
    recalled = await centre.order(order_id)
    assert (recalled.state, recalled.crew_id) == ("at_centre", "")
    assert set(recalled.removing) == {"t-N1"}
    assert await centre.alerts("order_recall") == ["crew"]
    await centre.terminals.come_online("t-N1")
    assert (await centre.order(order_id)).removing == {}
    assert centre.terminals.shown["t-N1"] == {}


async def test_an_offline_vehicle_never_shows_what_was_recalled_meanwhile(centre: Centre) -> None:
    centre.terminals.online.clear()
    order_id = await centre.dispatched()
    await dispatcher.recall(centre.context, order_id, reason="nearer_crew", by=DORA)
    await centre.until(5)
    await centre.terminals.come_online("t-N1")
    assert centre.terminals.ever == []
    assert (await centre.order(order_id)).removing == {}


async def test_an_older_confirmation_does_not_prove_the_removal(centre: Centre) -> None:
    order_id = await centre.dispatched()
    centre.terminals.online.clear()
    await dispatcher.recall(centre.context, order_id, reason="nearer_crew", by=DORA)
    at = centre.clock.now().timestamp()
    await device_event(centre.context, Receipt("t-N1", "", 1, "settled", at))
    assert set((await centre.order(order_id)).removing) == {"t-N1"}
    for _ in range(2):
        await device_event(centre.context, Receipt("t-N1", order_id, 1, "removed", at))
    order = await centre.order(order_id)
    assert (order.removing, [e.kind for e in order.history].count("removed")) == ({}, 1)


async def test_a_press_after_the_recall_changes_nothing_and_says_so(centre: Centre) -> None:
    order_id = await centre.dispatched()
    await dispatcher.recall(centre.context, order_id, reason="nearer_crew", by=DORA)
    error = await refused(centre.step(order_id, "acknowledge", generation=1))
    assert error.facts["why"] == "not_yours"


async def test_a_late_receipt_of_an_earlier_dispatch_is_no_receipt_of_this_one(centre: Centre) -> None:
    centre.terminals.online.clear()
    order_id = await centre.dispatched()
    await dispatcher.recall(centre.context, order_id, reason="nearer_crew", by=DORA)
    await dispatcher.dispatch(centre.context, order_id, crew_id="N1", by=DORA)
    at = centre.clock.now().timestamp()
    await device_event(centre.context, Receipt("t-N1", order_id, 1, "delivered", at))
    assert (await centre.order(order_id)).state == "dispatched"
    await device_event(centre.context, Receipt("t-N1", order_id, 2, "delivered", at))
    assert (await centre.order(order_id)).state == "delivered"


async def test_a_reassigned_order_leaves_one_vehicle_and_reaches_the_other_in_one_decision(
    centre: Centre,
) -> None:
    order_id = await centre.dispatched()
    await dispatcher.reassign(centre.context, order_id, crew_id="N2", reason="nearer_crew", by=DORA, key="k")
    again = await dispatcher.reassign(
        centre.context, order_id, crew_id="N2", reason="nearer_crew", by=DORA, key="k"
    )
    await centre.until(3)
    order = await centre.order(order_id)
    assert (order.crew_id, order.generation, order.removing, again.generation) == ("N2", 2, {}, 2)
    assert centre.terminals.shown == {"t-N1": {}, "t-N2": {order_id: 2}}


async def test_a_reassignment_that_cannot_be_leaves_everything_as_it_was(centre: Centre) -> None:
    order_id = await centre.dispatched()
    before = await centre.order(order_id)
    assert isinstance(
        await refused(
            dispatcher.reassign(centre.context, order_id, crew_id="S1", reason="nearer_crew", by=DORA)
        ),
        GuardRefused,
    )
    assert await centre.order(order_id) == before
    await centre.until(3)
    assert centre.terminals.shown["t-N1"] == {order_id: 1}


async def test_a_crew_may_go_away_and_is_skipped(centre: Centre) -> None:
    centre.context.policy = "nearest"
    await crew.go_away(centre.context, centre.crew("N1"), until=START + timedelta(hours=1), reason="meal")
    order_id = await centre.sent()
    await centre.until(2, matching=True)
    assert (await centre.order(order_id)).crew_id == "N2"
    error = await refused(
        dispatcher.dispatch(centre.context, await centre.sent(at=2, place=None), crew_id="N1", by=DORA)
    )
    assert isinstance(error, GuardRefused | BadInput) or error.code == "illegal_step"


async def test_two_crews_of_a_trade_may_not_be_away_at_once(centre: Centre) -> None:
    until = START + timedelta(minutes=30)
    await crew.go_away(centre.context, centre.crew("N1"), until=until, reason="meal")
    error = await refused(crew.go_away(centre.context, centre.crew("N2"), until=until, reason="fuel"))
    assert (error.facts["why"], error.facts["possible_from"]) == ("max_away", until.isoformat())
    await crew.standby(centre.context, centre.crew("N1"))
    assert (
        await crew.go_away(centre.context, centre.crew("N2"), until=until, reason="fuel")
    ).presence == "away"


async def test_the_last_crew_of_a_trade_stays(centre: Centre) -> None:
    error = await refused(
        crew.go_away(centre.context, centre.crew("S1"), until=START + timedelta(hours=1), reason="meal")
    )
    assert error.facts["why"] == "min_cover"


async def test_a_crew_whose_absence_is_over_is_reminded_once(centre: Centre) -> None:
    await crew.go_away(centre.context, centre.crew("N1"), until=START + timedelta(minutes=10), reason="meal")
    for minute in (9, 11, 12):
        await centre.until(minute)
        await clocks.remind_away(centre.context)
    assert sorted(await centre.alerts("away_over")) == ["crew", "dispatcher"]


async def test_a_department_without_its_leaders_numbers_is_refused(centre: Centre) -> None:
    for leader in ("leader1", "leader2"):
        document = organisation()
        document["departments"][0][leader] = {"name": "Li", "phone": " "}
        with pytest.raises(BadInput, match=f"department d-north: {leader} has no telephone number"):
            centre.database.at_once(lambda c, d=document: replace_organisation(c, d))


async def test_an_order_may_be_routed_to_another_centre_and_back(centre: Centre) -> None:
    order_id = await centre.sent()
    for name in ("south", "north", "south"):
        await hotline.route(
            centre.context, order_id, centre_id=name, trade="service", area_class="urban", by=HOLLY
        )
    await centre.until(2)
    assert (await centre.order(order_id)).centre_id == "south"
    assert [c for c, _, _ in centre.inbox.arrived][-1] == "south"


async def test_a_port_that_is_down_is_tried_again_ever_more_slowly_until_the_row_is_dead(
    centre: Centre,
) -> None:
    centre.mail.down = True
    await centre.sent()
    await centre.until(30)
    (row,) = await centre.rows(kind="message", key="message/alert/W1/centre/1/0/hotline/1")
    assert (row.state, row.tries) == ("dead", TRIES)
    assert "does not answer" in row.outcome


async def test_the_telephone_too_is_given_up_and_the_order_says_so(centre: Centre) -> None:
    centre.exchange.down = True
    order_id = await centre.dispatched()
    await centre.until(30)
    (row,) = await centre.rows(key="phone/W1/crew/1/0")
    assert (row.state, row.tries) == ("dead", TRIES)
    assert ("crew_duty", "failed") in await centre.attempts(order_id)
    assert len(await centre.rungs(order_id)) > 6, "the chain climbs on all the same"


async def test_an_exchange_that_comes_back_places_the_call_once(centre: Centre) -> None:
    centre.exchange.down = True
    order_id = await centre.dispatched()
    await centre.until(6.1)
    assert centre.exchange.asked > 1
    centre.exchange.down = False
    await centre.until(6.9)
    assert [number for _, number in centre.exchange.log()] == [centre.crew().duty_phone]
    assert [s for _, s in await centre.attempts(order_id)] == ["dialling", "no_answer"]


async def test_the_way_to_centre_and_vehicle_is_never_given_up(centre: Centre) -> None:
    centre.inbox.down = centre.terminals.down = True
    sent = await centre.sent()
    order_id = await centre.sent(Point(30.07, 120.07))
    await dispatcher.dispatch(centre.context, order_id, crew_id="N1", by=DORA)
    await centre.until(60)
    rows = [r for r in await centre.rows() if r.kind == "desired" or r.order_id == sent]
    rows = [r for r in rows if r.kind in {"centre", "desired"}]
    assert {r.kind for r in rows} == {"centre", "desired"}
    assert {r.state for r in rows} == {"pending"}
    assert all(r.tries > TRIES for r in rows)
    centre.inbox.down = centre.terminals.down = False
    await centre.until(62)
    assert (await centre.order(order_id)).state == "delivered"
    assert (await centre.order(sent)).state == "at_centre"


async def test_an_inbox_that_loses_what_it_had_gets_it_again(centre: Centre) -> None:
    """A crash of Redis between the hand-over and the receipt."""
    centre.inbox.loses = 3
    order_id = await centre.sent()
    assert (await centre.order(order_id)).state == "sent"
    await centre.until(3)
    assert (await centre.order(order_id)).state == "at_centre"
    await centre.until(10)
    (row,) = [r for r in await centre.rows() if r.kind == "centre"]
    assert row.state == "done"
    assert len(centre.inbox.arrived) == 1
    receipt = (await centre.order(order_id)).last("centre_receipt")
    assert receipt is not None
    assert receipt.data["link"] == "down, 4 tries", "the evidence of the network's minutes"


async def test_what_nobody_expected_of_a_port_is_a_failure_like_any_other(centre: Centre) -> None:
    async def broken(url: str, title: str, body: str) -> str:
        raise KeyError("a bug in an adapter")

    centre.mail.send = broken  # type: ignore[method-assign]
    order_id = await centre.dispatched()
    await centre.until(9)
    assert len(centre.exchange.calls) == 3, "the telephone does not wait for the mail"
    await centre.until(30)
    (row,) = await centre.rows(key=f"message/alert/{order_id}/crew/1/0/dispatcher/2")
    assert (row.state, row.tries) == ("dead", TRIES)
