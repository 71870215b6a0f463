"""An order that one centre had answered for, and that is then routed to another one, is nobody's until that answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from dispatch.core.work_order import WorkOrder
from dispatch.services import dispatcher, hotline
from dispatch.services.context import Context
from tests.dispatch.centre import CENTRE, DORA, HOLLY, LIZ, START, Centre, refused


async def test_the_other_centre_has_four_minutes_to_answer_too(centre: Centre) -> None:
    order_id = await centre.sent()
    await dispatcher.accept(centre.context, order_id, by=DORA)
    assert "watch:centre" not in await centre.armed(order_id)
    await centre.until(20)
    await _route(centre, order_id, "south")
    order = await centre.order(order_id)
    assert (order.centre_id, order.in_centre_hands) == ("south", False)
    assert {name for name in await centre.armed(order_id) if name.startswith("watch:")} == {"watch:centre"}
    await centre.until(24.5)
    assert [rung for rung in await centre.rungs(order_id) if rung[0] > 20] == [(24.0, "centre_duty")]
    assert [number for at, number in centre.exchange.log() if at > 20] == ["+8610002"]
    await dispatcher.accept(centre.context, order_id, by=LIZ)
    assert "watch:centre" not in await centre.armed(order_id)


async def test_a_correction_within_the_centre_and_one_before_it_is_sent_start_nothing(centre: Centre) -> None:
    order_id = await centre.sent()
    await dispatcher.accept(centre.context, order_id, by=DORA)
    await _route(centre, order_id, "north")
    assert "watch:centre" not in await centre.armed(order_id)
    await dispatcher.return_order(centre.context, order_id, reason="misrouted", by=DORA)
    await _route(centre, order_id, "south")
    assert "watch:centre" not in await centre.armed(order_id), "it is with the hotline"
    await hotline.send(centre.context, order_id, by=HOLLY)
    assert "watch:centre" in await centre.armed(order_id)


async def test_a_watch_that_runs_goes_on_when_the_order_is_routed(centre: Centre) -> None:
    order_id = await centre.sent(at=1)
    await centre.until(3)
    await _route(centre, order_id, "south")
    await centre.until(5.5)
    assert await centre.rungs(order_id) == [(5.0, "centre_duty")]
    assert centre.clock.now() > START


async def test_the_former_centre_is_not_rung_on_and_the_other_one_has_its_own_four_minutes(
    centre: Centre,
) -> None:
    centre.exchange.habits[CENTRE] = "silent"
    order_id = await centre.sent(at=1)
    await centre.until(5 + 20 / 60)
    [call] = centre.exchange.calls.values()
    assert (call.number, call.ended) == (CENTRE, "")
    await _route(centre, order_id, "south")
    await centre.until(5.5)
    assert call.ended == "cut"
    assert [e.data["by"] for e in (await centre.order(order_id)).history if e.data.get("state") == "cut"] == [
        "route by hotline:holly"
    ]
    call.ended = ""
    await centre.exchange.tell(call.call_id, "keypress", "1")  # pressed as it was hung up
    assert (await centre.order(order_id)).last("in_hand") is None
    await centre.until(9.5)
    assert [(round(at, 1), number) for at, number in centre.exchange.log()] == [
        (5.0, CENTRE),
        (9.3, "+8610002"),
    ]


async def test_what_the_former_centre_took_in_hand_pauses_nothing_of_the_other_ones(centre: Centre) -> None:
    centre.exchange.habits[CENTRE] = "presses 1"
    order_id = await centre.sent(at=1)
    await centre.until(6)
    assert (await centre.order(order_id)).last("in_hand") is not None
    await _route(centre, order_id, "south")
    await centre.until(10.1)
    assert [(at, number) for at, number in centre.exchange.log() if at > 6] == [(10.0, "+8610002")]


async def test_what_the_hotline_owes_is_no_younger_for_another_centre(centre: Centre) -> None:
    order_id = await centre.call()
    await centre.until(4.5)
    await _route(centre, order_id, "south")
    await centre.until(5.5)
    assert [at for at, _ in await centre.rungs(order_id)] == [4.0, 5.0]


async def _route(centre: Centre, order_id: str, to: str) -> None:
    await hotline.route(
        centre.context, order_id, centre_id=to, trade="service", area_class="urban", by=HOLLY
    )  # fmt: skip


ACTS: dict[str, Callable[[Context, str], Awaitable[WorkOrder]]] = {
    "accept": lambda c, o: dispatcher.accept(c, o, by=DORA, at_centre="north"),
    "return": lambda c, o: dispatcher.return_order(c, o, reason="misrouted", by=DORA, at_centre="north"),
    "recall": lambda c, o: dispatcher.recall(c, o, reason="other", by=DORA, at_centre="north"),
    "dispatch": lambda c, o: dispatcher.dispatch(c, o, crew_id="N1", by=DORA, at_centre="north"),
    "reassign": lambda c, o: dispatcher.reassign(
        c, o, crew_id="N1", reason="other", by=DORA, at_centre="north"
    ),
    "route": lambda c, o: hotline.route(
        c, o, centre_id="north", trade="service", area_class="urban", by=DORA, at_centre="north"
    ),
}


@pytest.mark.parametrize("act", ACTS)
async def test_a_press_at_the_former_centre_comes_too_late_and_silences_nobodys_watch(
    centre: Centre, act: str
) -> None:
    order_id = await centre.sent()
    await _route(centre, order_id, "south")
    before = await centre.order(order_id)
    error = await refused(ACTS[act](centre.context, order_id))
    assert error.code == "forbidden"
    assert await centre.order(order_id) == before
    assert "watch:centre" in await centre.armed(order_id)
    await centre.until(5.5)
    assert [number for at, number in centre.exchange.log()] == ["+8610002"]
