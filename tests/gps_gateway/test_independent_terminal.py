"""The simulators' terminal, written apart from the gateway, as the client: whatever its line does to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from dispatch.clock import SystemClock
from dispatch.messages import DesiredOrder, Press, Receipt
from gps_gateway.gateway import Gateway
from simulators.terminals import Faults, Terminal
from simulators.terminals.terminal import Timers
from tests.gps_gateway.conftest import Centre, RealServer
from tests.gps_gateway.raw_terminal import DEVICE

ORDER = DesiredOrder("W1", 1, 1, "W1 长安街1号 停电")
TAKEN = DesiredOrder("W1", 1, 1, "W1 长安街1号 停电", acknowledged=True)
START = datetime(2025, 1, 2, tzinfo=UTC)


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(8):
        while not condition():
            await SystemClock().sleep(0.01)


@pytest.mark.parametrize(
    "faults",
    [Faults(), Faults(split=3, duplicate=True), Faults(drop_replies=2, lose_acknowledgements=2)],
    ids=["good", "split and doubled", "lossy"],
)
async def test_an_order_and_its_positions_survive_the_line(
    gateway: Gateway, centre: Centre, server: RealServer, faults: Faults
) -> None:
    terminal = Terminal(
        DEVICE,
        "127.0.0.1",
        gateway.ports["jt808"],
        SystemClock(),
        timers=Timers(resend_after=0.3, back_off=0.05, longest_back_off=0.2),
    )
    terminal.faults = faults
    running = asyncio.create_task(terminal.run())
    try:
        await eventually(lambda: terminal.online)
        for n in range(20):
            terminal.move(39.9, 116.4 + n / 1000, 10.0, 90.0, START + timedelta(seconds=n))
        await centre.wish(ORDER)
        await eventually(lambda: terminal.screen.questions)
        await terminal.answer(next(iter(terminal.screen.questions)), 1)
        await centre.wish(TAKEN)
        await eventually(lambda: len(terminal.screen.events) == 3)
        server.stop()
        await terminal.press(next(iter(terminal.screen.events)))
        server.start()
        await eventually(lambda: terminal.waiting == 0)
        await centre.wish()
        await eventually(lambda: not terminal.screen.events)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    assert {round(p.fix_time - START.timestamp()) for p in await centre.positions()} == set(range(20))
    events = await centre.events()
    assert {e.what for e in events if isinstance(e, Receipt)} >= {"delivered"}
    assert {(e.order_id, e.version, e.action) for e in events if isinstance(e, Press)} == {
        ("W1", 1, "acknowledge"),
        ("W1", 1, "depart"),
    }
