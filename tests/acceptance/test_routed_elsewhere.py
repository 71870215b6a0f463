"""An order that one centre had answered for, and that is then routed to another one, is nobody's until that answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from dispatch.core.work_order import WorkOrder
from dispatch.services import dispatcher, hotline
from dispatch.services.context import Context
from tests.dispatch.centre import DORA, HOLLY, LIZ, START, Centre, refused


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
