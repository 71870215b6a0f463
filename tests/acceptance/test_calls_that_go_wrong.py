"""Article: calls that cannot be placed, that come too late, that carry a spoilt order, or that nobody is behind."""

from __future__ import annotations

import dataclasses
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text

from dispatch.adapters.sql.statements import ALERT
from dispatch.core.errors import Unavailable
from dispatch.core.on_call import HOTLINE, Duty
from dispatch.core.process import parse
from dispatch.core.types import Point
from dispatch.services import calls, clocks, delivery, dispatcher, hotline
from dispatch.services.ports import Processes
from tests.acceptance.test_calls_in_a_storm import many
from tests.dispatch.centre import CENTRE, DORA, DUTY, HERE, HOLLY, NOWHERE, PROCESS, Centre

LONG = 240.0


async def all_due(centre: Centre) -> None:
    """The centre's watch of orders that have just arrived is due, and decided."""
    centre.clock.advance(LONG)
    while await clocks.fire_due(centre.context):
        pass


def minutes_between(centre: Centre, number: str) -> list[float]:
    times = [at for at, rung in centre.exchange.log() if rung == number]
    return [round(b - a, 2) for a, b in pairwise(times)]


@pytest.mark.parametrize("how", ["full", "down"])
async def test_after_an_exchange_was_away_no_number_rings_twice_in_a_minute(centre: Centre, how: str) -> None:
    setattr(centre.exchange, how, True)
    centre.exchange.habits[DUTY] = "busy"
    for n in range(3):
        await centre.dispatched("N1", Point(30.05 + n * 0.01, 120.05), at=2 + n * 1.5)
    await centre.until(9.3)
    setattr(centre.exchange, how, False)
    await centre.until(14)
    assert DUTY in {number for _, number in centre.exchange.log()}
    assert all(gap >= 1 for gap in minutes_between(centre, DUTY)), centre.exchange.log()


async def test_what_was_certainly_not_placed_goes_in_one_call_later(centre: Centre) -> None:
    centre.exchange.full = True
    for n in range(3):
        place, at = Point(30.05 + n * 0.01, 120.05), 2 + n * 0.4
        order_id = await centre.sent(place, at=at)
        await dispatcher.dispatch(centre.context, order_id, crew_id="N1", by=DORA)
    await centre.until(7)
    centre.exchange.full = False
    await centre.until(8.2)
    first = next(c for c in centre.exchange.calls.values() if c.number == DUTY)
    assert "3 work order(s)" in first.prompt


async def test_a_short_want_of_lines_is_over_within_seconds_not_a_minute(centre: Centre) -> None:
    centre.exchange.full = True
    await centre.dispatched()
    await centre.until(6.02)
    centre.exchange.full = False
    await centre.until(6.2)
    assert [number for _, number in centre.exchange.log()] == [DUTY]


@pytest.mark.parametrize("how", ["full", "down"])
async def test_an_exchange_that_is_away_is_asked_once_for_a_bundle_not_once_for_an_order(
    centre: Centre, how: str
) -> None:
    await many(centre, 30)
    setattr(centre.exchange, how, True)
    await centre.until(3.99)
    centre.exchange.asked = 0
    await centre.until(4.9)
    assert 4 <= centre.exchange.asked <= 7, "after 1, 2, 4, 8, 16 seconds"


async def test_an_answer_while_the_exchange_is_asked_is_hung_up_until_the_exchange_hears_it(
    centre: Centre,
) -> None:
    order_id = await centre.dispatched()
    ring = centre.exchange.ring
    centre.exchange.habits = {DUTY: "silent"}

    async def slowly(*given: Any) -> None:
        await centre.step(order_id, "acknowledge")
        await delivery.deliver_due(centre.context, centre.ports, delivery.CUTS)
        await ring(*given)
        centre.exchange.down = True

    centre.exchange.ring = slowly  # type: ignore[method-assign]
    await centre.until(6.05)
    centre.exchange.down = False
    await centre.until(7)
    assert [c.ended for c in centre.exchange.calls.values()] == ["cut"]
    assert (await centre.attempts(order_id))[-1] == ("crew_duty", "cut")


async def test_a_call_whose_placing_was_never_heard_of_is_hung_up_when_it_is_needless(centre: Centre) -> None:
    """The worker died after the exchange took it, and the order was answered before that."""
    order_id = await centre.dispatched()
    ring = centre.exchange.ring
    centre.exchange.habits = {DUTY: "silent"}

    class Killed(BaseException):
        pass

    async def and_dies(*given: Any) -> None:
        await centre.step(order_id, "acknowledge")
        await delivery.deliver_due(centre.context, centre.ports, delivery.CUTS)
        await ring(*given)
        raise Killed

    centre.exchange.ring = and_dies  # type: ignore[method-assign]
    with pytest.raises(Killed):
        await centre.until(6.05)
    centre.exchange.ring = ring  # type: ignore[method-assign]
    await centre.until(7)
    assert [c.ended for c in centre.exchange.calls.values()] == ["cut"]


@pytest.mark.parametrize("spoilt", [0, 1, 2])
async def test_an_order_that_cannot_be_read_silences_no_number(centre: Centre, spoilt: int) -> None:
    ids = await many(centre, 3)
    await all_due(centre)
    await centre.store.write(
        lambda c: c.execute(text("update work_order set process='nope@9' where id=:i"), {"i": ids[spoilt]})
    )
    await delivery.deliver_due(centre.context, centre.ports, delivery.CALLS)
    (call,) = centre.exchange.calls.values()
    assert (call.number, "2 work order(s)" in call.prompt) == (CENTRE, True)
    await centre.exchange.tell(call.call_id, "keypress", "1")
    for order_id in set(ids) - {ids[spoilt]}:
        assert (await centre.order(order_id)).last("in_hand") is not None
    (dead,) = await centre.rows(kind="phone", state="dead")
    assert f"order {ids[spoilt]} cannot be read" in dead.outcome
    assert await centre.alerts("undelivered") == ["manager"]


async def test_an_order_that_is_spoilt_while_it_rings_keeps_the_others_key(centre: Centre) -> None:
    ids = await many(centre, 2)
    await all_due(centre)
    await delivery.deliver_due(centre.context, centre.ports, delivery.CALLS)
    await centre.store.write(
        lambda c: c.execute(text("update work_order set process='nope@9' where id=:i"), {"i": ids[0]})
    )
    (call,) = centre.exchange.calls.values()
    await centre.exchange.tell(call.call_id, "keypress", "1")
    assert (await centre.order(ids[1])).last("in_hand") is not None


async def test_a_storm_is_written_part_by_part(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call for 500 orders, and no transaction of it decides more than a part of them."""
    monkeypatch.setattr(delivery, "BATCH", 20)
    await many(centre, 500)
    await all_due(centre)
    sizes: list[int] = []
    transact = centre.store.transact

    async def seen(decide: Any) -> Any:
        def counted(loaded: Any, now: Any) -> Any:
            changes = decide(loaded, now)
            sizes.append(len(changes.orders))
            return changes

        return await transact(counted)

    monkeypatch.setattr(centre.store, "transact", seen)
    await delivery.deliver_due(centre.context, centre.ports, delivery.CALLS)
    (call,) = centre.exchange.calls.values()
    assert "500 work order(s)" in call.prompt
    await centre.exchange.tell(call.call_id, "no_answer")
    assert max(sizes) == calls.PART
    assert sum(sizes) == 2 * 500
    assert {r.outcome for r in await centre.rows(kind="phone")} == {"no_answer"}


async def test_a_begun_storm_goes_on_where_it_was(centre: Centre) -> None:
    """The exchange's answer was lost: the same call with all its orders, once."""
    await many(centre, 250)
    await all_due(centre)
    centre.exchange.down = True
    await delivery.deliver_due(centre.context, centre.ports, delivery.CALLS)
    centre.exchange.down = False
    centre.clock.advance(3)
    await delivery.deliver_due(centre.context, centre.ports, delivery.CALLS)
    (call,) = centre.exchange.calls.values()
    assert "250 work order(s)" in call.prompt
    assert {r.state for r in await centre.rows(kind="phone")} == {"sent"}


async def test_nobody_behind_a_call_is_said_to_the_managers_by_name(centre: Centre) -> None:
    """For each number that is missing, not once a day for all."""
    directory = centre.context.directory
    silent = {i: dataclasses.replace(c, duty_phone="") for i, c in directory.centres.items()}
    centre.context.directory = dataclasses.replace(directory, centres=silent)
    north = await centre.sent(HERE)
    await centre.sent(Point(29.95, 120.05), at=1.5)
    nowhere = await centre.call(NOWHERE)
    await hotline.send(centre.context, nowhere, by=HOLLY)
    await centre.until(5.9)
    told = [row.facts["text"] for row in await centre.rows(ALERT, code="undelivered")]
    assert sorted(told) == [
        "no number on file: centre north has no duty phone",
        "no number on file: centre south has no duty phone",
        "no number on file: the order has no centre yet",
    ]
    assert ("centre_duty", "failed") in await centre.attempts(north)


async def test_an_order_without_a_centre_rings_whoever_is_on_call_for_the_hotline(centre: Centre) -> None:
    duty = Duty(HOTLINE, "Night Nora", "+8690001")
    centre.context.directory = dataclasses.replace(centre.context.directory, on_call=(duty,))
    order_id = await centre.call(NOWHERE)
    await hotline.send(centre.context, order_id, by=HOLLY)
    await centre.until(4.5)
    assert centre.exchange.log() == [(4, "+8690001")]
    (attempt, *_) = [e.data for e in (await centre.order(order_id)).history if e.kind == "attempt"]
    assert attempt["note"] == "the order has no centre yet: the hotline's on call instead"
    assert attempt["name"] == "Night Nora"


async def test_a_crews_own_call_goes_to_nobody_else(centre: Centre) -> None:
    """A 1 would acknowledge for the crew."""
    order_id = await centre.dispatched()
    crews = dict(centre.context.directory.crews)
    crews["N1"] = dataclasses.replace(crews["N1"], duty_phone="")
    centre.context.directory = dataclasses.replace(centre.context.directory, crews=crews)
    await centre.until(6.5)
    assert centre.exchange.log() == []
    assert await centre.attempts(order_id) == [("crew_duty", "failed")]


def _adopted(centre: Centre, old: str, new: str) -> None:
    """The process as it is, but for this."""
    file = files("dispatch").joinpath("process", "fault_repair.toml").read_text(encoding="utf-8")
    assert old in file
    process = parse(file.replace("version = 2", "version = 3").replace(old, new))
    centre.context.processes = Processes({PROCESS.id: PROCESS, process.id: process}, process.id)
    centre.store._processes = centre.context.processes


async def test_a_nine_gives_the_reason_that_the_process_has_for_it(centre: Centre) -> None:
    _adopted(centre, 'code = "cannot_leave"', 'code = "not_now"')
    centre.exchange.habits = {DUTY: "press 9"}
    order_id = await centre.dispatched()
    await centre.until(6.5)
    assert (await centre.order(order_id)).last("reject").data["reason"] == "not_now"  # type: ignore[union-attr]


async def test_an_order_that_refuses_a_key_says_so_and_keeps_no_other_one_back(centre: Centre) -> None:
    new = await centre.dispatched()
    _adopted(centre, 'cause = "crew"', 'cause = "hotline"')
    old = await centre.sent(Point(30.02, 120.02), at=2.25)
    await dispatcher.dispatch(centre.context, old, crew_id="N1", by=DORA)
    centre.exchange.habits = {DUTY: "press 9"}
    centre.clock.advance(LONG + 30)
    await clocks.fire_due(centre.context)
    await centre.until(7.5)
    assert (await centre.order(new)).state == "at_centre"
    refusing = await centre.order(old)
    assert refusing.state == "delivered"
    assert any("a reason is needed" in e.data.get("refused", "") for e in refusing.history)


async def test_after_a_wrong_key_the_call_can_still_be_cut(centre: Centre) -> None:
    order_id = await centre.dispatched()
    centre.exchange.habits = {DUTY: "silent"}
    await centre.until(6.2)
    (call,) = centre.exchange.calls.values()
    await centre.exchange.tell(call.call_id, "keypress", "5")
    await centre.step(order_id, "acknowledge")
    await centre.until(6.3)
    assert call.ended == "cut"
    assert [state for _, state in await centre.attempts(order_id)] == ["dialling", "keypress 5", "cut"]


async def test_another_centre_cuts_what_rings_at_the_first(centre: Centre) -> None:
    centre.exchange.habits = {CENTRE: "silent"}
    order_id = await centre.sent()
    await dispatcher.accept(centre.context, order_id, by=DORA)
    await centre.until(5.4)
    (call,) = centre.exchange.calls.values()
    await hotline.route(
        centre.context, order_id, centre_id="south", trade="service", area_class="urban", by=HOLLY
    )
    await centre.until(5.6)
    assert call.ended == "cut"


async def test_a_failure_after_the_end_does_not_end_it_again(centre: Centre) -> None:
    order_id = await centre.dispatched()
    ring = centre.exchange.ring

    async def late(*given: Any) -> None:
        await ring(*given)
        (call,) = centre.exchange.calls.values()
        await centre.step(order_id, "acknowledge")
        await centre.exchange.hang_up(call.call_id)
        raise Unavailable("late")

    await centre.until(5.9)
    centre.exchange.ring = late  # type: ignore[method-assign]
    centre.clock.advance(10)
    await clocks.fire_due(centre.context)
    await centre.store.write(lambda c: c.execute(text("update outbox set tries=11 where kind='phone'")))
    await delivery.deliver_due(centre.context, centre.ports, delivery.CALLS)
    (row,) = await centre.rows(kind="phone")
    assert (row.state, row.outcome) == ("done", "cut")
    assert (await centre.attempts(order_id))[-1] == ("crew_duty", "cut")
    assert await centre.alerts("undelivered") == []


async def test_a_one_acknowledges_also_where_watch_and_dispatch_are_counted_apart(centre: Centre) -> None:
    """A recall that does not end the crew's watch: its first opening, the second dispatch."""
    _adopted(centre, '"reject", "recall", "cancel"]', '"reject", "cancel"]')
    centre.exchange.habits = {DUTY: "press 1"}
    order_id = await centre.dispatched()
    await dispatcher.recall(centre.context, order_id, reason="nearer_crew", by=DORA)
    await dispatcher.dispatch(centre.context, order_id, crew_id="N1", by=DORA)
    await centre.until(6.5)
    (row,) = await centre.rows(kind="phone")
    assert (row.data["generation"], row.data["dispatch"]) == (1, 2)
    assert (await centre.order(order_id)).state == "acknowledged"
