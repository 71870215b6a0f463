"""One part that hangs, or one order that cannot be decided, keeps nobody else's telephone from ringing."""

from __future__ import annotations

import asyncio
from typing import Any, get_args

import pytest

from dispatch.adapters.sql.statements import ALERT
from dispatch.core.outgoing import Kind
from dispatch.core.types import Point
from dispatch.services import clocks, delivery, retries
from dispatch.services.ringing import APART
from tests.dispatch.centre import DUTY, START, Centre


async def _for_ever(*given: Any) -> None:
    await asyncio.Event().wait()


async def test_an_effect_that_never_ends_is_tried_again_and_the_next_are_carried_out(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "PATIENCE", 0.05)
    order_id = await centre.dispatched()
    write = centre.terminals.write_desired
    centre.terminals.write_desired = _for_ever  # type: ignore[method-assign,assignment]
    await centre.step(order_id, "acknowledge")
    async with asyncio.timeout(5):
        await delivery.deliver_due(centre.context, centre.ports)
    (row,) = await centre.rows(kind="desired", state="pending")
    assert "Timeout" in row.outcome
    centre.terminals.write_desired = write  # type: ignore[method-assign]
    await centre.until(4)
    assert await centre.rows(kind="desired", state="pending") == []


async def test_an_exchange_that_never_answers_is_asked_again(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatch.services.ringing.PATIENCE", 0.05)
    assert retries.PATIENCE < delivery.LEASE
    assert APART.total_seconds() > retries.PATIENCE, "or the next call to the number would be begun meanwhile"
    await centre.dispatched()
    ring = centre.exchange.ring
    centre.exchange.ring = _for_ever  # type: ignore[method-assign,assignment]
    async with asyncio.timeout(20):
        await centre.until(6.02)
    centre.exchange.ring = ring  # type: ignore[method-assign]
    await centre.until(6.5)
    assert [number for _, number in centre.exchange.log()] == [DUTY]


async def test_calls_wait_for_no_mail_server(centre: Centre) -> None:
    centre.mail.send = _for_ever  # type: ignore[method-assign,assignment]
    await centre.dispatched()
    centre.clock.advance(3600)
    await clocks.fire_due(centre.context)
    async with asyncio.timeout(5):
        await delivery.deliver_due(centre.context, centre.ports, delivery.CALLS)
    assert DUTY in {call.number for call in centre.exchange.calls.values()}
    lanes = delivery.CALLS + delivery.CUTS + delivery.ORDERS + delivery.ALERTS + delivery.MESSAGES
    assert sorted(lanes) == sorted(get_args(Kind)), "each kind goes by one lane"


async def test_an_order_that_cannot_be_decided_stops_no_other_ones_clocks(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = await centre.dispatched("N1")
    fine = await centre.dispatched("N2", place=Point(30.07, 120.07))
    decide = clocks.fire

    def fire(order: Any, *given: Any) -> Any:
        if order.id == broken:
            raise KeyError("what an older version wrote")
        return decide(order, *given)

    monkeypatch.setattr(clocks, "fire", fire)
    centre.clock.advance_to(START.replace(hour=3))
    for _ in range(3):
        await clocks.fire_due(centre.context)
    assert await centre.rungs(fine)
    assert not await centre.rungs(broken)


async def test_a_mail_server_that_stays_away_is_said_in_the_pages_once(centre: Centre) -> None:
    centre.mail.down = True
    for n in range(3):
        await centre.take_call(Point(35.0 + n, 110.0))
    await centre.until(30)
    assert len(await centre.rows(kind="message", state="dead")) > 3
    roles = {row.target for row in await centre.rows(kind="message", state="dead")}
    told = [r for r in await centre.rows(ALERT, code="undelivered") if r.facts["kind"] == "message"]
    assert [r.role for r in told] == ["manager"] * len(roles), "once for each channel"
    assert "hotline · test: the mail server does not answer" in {row.facts["text"] for row in told}
    assert not await centre.rows(kind="alert", state="dead"), "what tells of it is told in the pages only"


async def test_an_exchange_that_stays_away_is_said_in_the_pages(centre: Centre) -> None:
    centre.exchange.down = True
    await centre.dispatched()
    await centre.until(30)
    assert await centre.rows(kind="phone", state="dead")
    dead = {(row.target, row.centre_id) for row in await centre.rows(kind="phone", state="dead")}
    assert await centre.alerts("undelivered") == ["manager"] * len(dead), "once for each party of a centre"
