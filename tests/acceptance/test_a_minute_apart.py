"""Article: one number is rung at most once a minute, also by a call whose worker died before it was placed."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import insert

from dispatch.adapters.sql.statements import DIAL
from dispatch.core.errors import Unavailable
from dispatch.core.types import Point
from dispatch.services import chases, clocks, delivery
from tests.dispatch.centre import DUTY, HOLLY, Centre
from tests.dispatch.outside import START

ELSEWHERE = Point(30.03, 120.03)


class PowerCut(BaseException):
    """The worker is no more."""


async def die_while_calling(centre: Centre) -> None:
    """A worker prepares the calls that are due, and is gone before the exchange is asked."""

    async def cut(*args: Any) -> None:
        raise PowerCut

    await clocks.fire_due(centre.context)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(centre.exchange, "ring", cut)
        with pytest.raises(PowerCut):
            await delivery.deliver_due(centre.context, centre.ports, delivery.CALLS)


def stand_at(centre: Centre, minutes: float) -> None:
    """Nobody works until then."""
    centre.clock.advance_to(START + timedelta(minutes=minutes))


def rings(centre: Centre) -> list[float]:
    """When the crew's telephone rang, in minutes after START."""
    return [at for at, number in centre.exchange.log() if number == DUTY]


async def two_orders(centre: Centre) -> None:
    """The first one's crew is to be rung at 6 minutes, the second one's, the same, at 6.75."""
    await centre.dispatched(at=2.0)
    await centre.dispatched(at=2.75, place=ELSEWHERE)
    await centre.until(5.9)


async def test_a_ring_of_before_the_clock_was_set_back_keeps_nobody_waiting(centre: Centre) -> None:
    """`dispatch45 clock trust` set it back by an hour: a new order's call does not wait for that hour to pass."""
    ahead = {"number": DUTY, "at": START + timedelta(hours=1), "call_id": "call-0-0"}
    await centre.store.write(lambda c: c.execute(insert(DIAL), ahead) and None)
    await centre.dispatched(at=2.0)
    await centre.until(7.9)
    assert rings(centre) == [pytest.approx(6.0, abs=0.02)]


async def test_a_call_that_is_asked_for_again_begins_the_minute_anew(centre: Centre) -> None:
    """Prepared at 6, placed at 6.5 by another worker: the next one is not to ring at 7."""
    await two_orders(centre)
    stand_at(centre, 6.0)
    await die_while_calling(centre)
    await centre.until(9.0)
    first, second, *_ = rings(centre)
    assert first == pytest.approx(6.5, abs=0.02), "when the dead worker's lease has ended"
    assert second == pytest.approx(7.5, abs=0.02)


async def test_a_call_whose_minute_another_one_has_taken_waits(centre: Centre) -> None:
    """Nobody works for so long that both are due: they do not ring together."""
    await two_orders(centre)
    stand_at(centre, 6.0)
    await die_while_calling(centre)
    stand_at(centre, 7.5)
    await centre.until(12.0)
    found = rings(centre)
    assert found[0] == pytest.approx(7.5, abs=0.02)
    assert all(other - one > 0.98 for one, other in pairwise(found)), found


async def test_what_the_exchange_refuses_is_asked_for_again_without_waiting_for_a_minute(
    centre: Centre,
) -> None:
    refusals = iter([Unavailable("busy"), Unavailable("busy"), Unavailable("busy")])
    ring = centre.exchange.ring

    async def refuse(*args: Any) -> None:
        if (error := next(refusals, None)) is not None:
            raise error
        await ring(*args)

    await centre.dispatched(at=2.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(centre.exchange, "ring", refuse)
        await centre.until(6.9)
    assert rings(centre) == [pytest.approx(6.12, abs=0.03)], "after 1, 2 and 4 seconds"


async def chased_and_unanswered(centre: Centre) -> tuple[str, str]:
    """At 6.75 one order's crew is to be rung to accept it, and to be told that its other order is chased."""
    chased = await centre.dispatched(at=2.0)
    await centre.step(chased, "acknowledge")
    to_accept = await centre.dispatched(at=2.75, place=ELSEWHERE)
    await centre.until(6.5)
    await chases.expedite(centre.context, chased, by=HOLLY)
    stand_at(centre, 6.75)
    return chased, to_accept


async def test_a_key_never_means_two_things_in_one_call(centre: Centre) -> None:
    """Of one order a 1 accepts, of the other it only takes in hand: the first one rings first, the other a minute later."""
    centre.exchange.habits[DUTY] = "presses 1"
    chased, to_accept = await chased_and_unanswered(centre)
    await centre.until(8.5)
    assert rings(centre) == [pytest.approx(6.75, abs=0.02), pytest.approx(7.75, abs=0.02)]
    prompts = [call.prompt for call in centre.exchange.calls.values() if call.number == DUTY]
    assert ["Press 1 to accept" in said for said in prompts] == [True, False]
    assert ["Press 1 to take it in hand" in said for said in prompts] == [False, True]
    for order_id in (chased, to_accept):
        states = [state for to, state in await centre.attempts(order_id) if to == "crew_duty"]
        assert states == ["dialling", "keypress 1"]
    assert (await centre.order(to_accept)).state == "acknowledged"
    assert (await centre.order(chased)).last("in_hand") is not None
