"""A terminal of which nothing is known: its crew never had an order, or Redis has lost what was kept of it."""

from __future__ import annotations

import pytest

from dispatch.clock import SystemClock
from dispatch.messages import DesiredOrder, Shown, shown_key
from gps_gateway.codec import Pressed
from gps_gateway.delivery import Delivery, Outcome
from gps_gateway.gateway import Gateway
from gps_gateway.line import Line
from tests.gps_gateway.conftest import Centre, Open
from tests.gps_gateway.raw_terminal import RawTerminal
from tests.gps_gateway.test_orders_on_terminals import (
    EVENTS,
    FIRST,
    asked,
    buttons_set,
    presses,
    settled,
    taken,
    until,
)

FRAIL = "013800000099"


async def test_a_terminal_whose_crew_never_had_an_order_is_not_disturbed(
    gateway: Gateway, centre: Centre
) -> None:
    await centre.wish(revision=0)
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await until(centre, lambda e: settled(e) == [0])
        await terminal.silence(0.3)


@pytest.mark.parametrize("left", [b"", b"of another version"], ids=["lost", "not to be read"])
async def test_what_redis_has_lost_is_neither_called_gone_nor_taken_for_another_order(
    open_gateway: Open, centre: Centre, left: bytes
) -> None:
    """`shown` of a terminal with W1 on its buttons is lost with its gateway; W1 is recalled, and W2 wished."""
    await centre.wish()
    first = await open_gateway()
    async with RawTerminal(first.ports["jt808"]) as terminal:
        await terminal.login()
        assert await buttons_set(terminal) == {}
        await centre.wish(taken(FIRST))
        lost = await asked(terminal)
        await buttons_set(terminal)
        await until(centre, lambda e: centre.revision in settled(e))
    await first.close()
    await centre.redis.delete(shown_key(centre.device))
    if left:
        await centre.redis.set(shown_key(centre.device), left)
    await SystemClock().sleep(0.3)  # so many serials are not used in it
    await centre.wish()
    second = await open_gateway()
    async with RawTerminal(second.ports["jt808"]) as terminal:
        terminal.serial = 100
        await terminal.login()
        cleared = await terminal.expect(EVENTS)
        assert centre.revision not in settled(await centre.events()), "W1 is still on its buttons"
        await centre.wish(DesiredOrder("W2", 1, 1, "W2 建国路2号 停电", acknowledged=True))
        await asked(terminal)
        replaced = await terminal.expect(EVENTS)
        serial = terminal.press(0x11)
        assert (await terminal.expect(0x8001)).answered == (0x0301, serial, 2)
        serial = terminal.answer(lost.serial, 2)
        assert (await terminal.expect(0x8001)).answered == (0x0302, serial, 2)
        assert presses(await centre.events()) == [], "they meant W1"
        terminal.receipt(cleared)
        terminal.receipt(replaced)
        await until(centre, lambda e: centre.revision in settled(e))
        terminal.press(0x11)
        await until(centre, lambda e: presses(e) == [("W2", 1, "depart")])


async def test_a_bug_with_one_terminal_keeps_no_order_from_the_others(
    gateway: Gateway, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = gateway.store.shown

    async def frail(device: str) -> Shown | None:
        if device == FRAIL:
            raise KeyError("a bug of ours")
        return await read(device)

    monkeypatch.setattr(gateway.store, "shown", frail)
    await centre.register(FRAIL)
    async with (
        RawTerminal(gateway.ports["jt808"], FRAIL) as other,
        RawTerminal(gateway.ports["jt808"]) as one,
    ):
        await other.login()
        await one.login()
        await SystemClock().sleep(0.5)  # swept twice
        await centre.wish(FIRST, wake=False)
        await asked(one)


async def test_a_part_that_ends_by_a_bug_begins_anew(
    open_gateway: Open, centre: Centre, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gps_gateway.gateway.BEGIN_ANEW", 0.1)
    bugs, sweep = [KeyError("a bug of ours")], Delivery._sweep

    async def frail(delivery: Delivery) -> None:
        if bugs:
            raise bugs.pop()
        await sweep(delivery)

    monkeypatch.setattr(Delivery, "_sweep", frail)
    gateway = await open_gateway()
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await until(centre, lambda e: settled(e) == [0])
        while bugs:
            await SystemClock().sleep(0.05)
        await centre.wish(FIRST, wake=False)
        await asked(terminal)
    assert "a part of the gateway begins anew" in caplog.text


async def test_a_press_that_a_bug_meets_is_taken_when_it_is_sent_again(
    gateway: Gateway, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    bugs, press = [KeyError("a bug of ours")], gateway.delivery.press

    async def frail(line: Line, event: Pressed) -> Outcome:
        if bugs:
            raise bugs.pop()
        return await press(line, event)

    monkeypatch.setattr(gateway.delivery, "press", frail)
    await centre.wish(FIRST, wake=False)
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        order = await asked(terminal)
        terminal.answer(order.serial, 1, serial=77)
        while bugs:
            await SystemClock().sleep(0.01)
        terminal.answer(order.serial, 1, serial=77)
        assert (await terminal.expect(0x8001)).answered == (0x0302, 77, 0)
        assert presses(await centre.events()) == [("W1", 1, "acknowledge")]
