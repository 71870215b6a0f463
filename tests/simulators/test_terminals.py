"""The simulated terminal against a platform that the test controls byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from struct import unpack

import pytest

from dispatch.clock import VirtualClock
from dispatch.core.errors import BadInput, NotFound
from simulators.terminals import FileStore, MemoryStore, Removed, Shown, Store, Terminal
from simulators.terminals.link import Timers
from tests.simulators.raw_platform import Platform, batch, buttons, question

DEVICE = "013800138000"
NOON = datetime(2024, 5, 1, 4, 0, 0, tzinfo=UTC)  # noon in Beijing
QUICK = Timers(resend_after=0.05, heartbeat=0.2, login=0.5, back_off=0.02, longest_back_off=0.05)

Start = Callable[..., Awaitable[Terminal]]


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    async with Platform() as standing:
        yield standing


@pytest.fixture
async def start(platform: Platform) -> AsyncIterator[Start]:
    running: list[asyncio.Task[None]] = []

    async def begin(store: Store | None = None, port: int = 0, timers: Timers = QUICK) -> Terminal:
        clock = VirtualClock(NOON)
        terminal = Terminal(DEVICE, "127.0.0.1", port or platform.port, clock, store=store, timers=timers)
        running.append(asyncio.create_task(terminal.run()))
        terminal.task = running[-1]  # type: ignore[attr-defined]
        return terminal

    yield begin
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.005)


async def stop(terminal: Terminal) -> None:
    terminal.task.cancel()  # type: ignore[attr-defined]
    with contextlib.suppress(asyncio.CancelledError):
        await terminal.task  # type: ignore[attr-defined]


def drive(terminal: Terminal, count: int, start: int = 0) -> None:
    for n in range(start, start + count):
        terminal.move(39.9, 116.4, 10.0, 90.0, NOON + timedelta(seconds=n))


def test_a_device_id_has_twelve_digits() -> None:
    with pytest.raises(BadInput):
        Terminal("1380", "127.0.0.1", 1, VirtualClock(NOON))


async def test_registers_once_then_authenticates_with_the_code(platform: Platform, start: Start) -> None:
    terminal = await start()
    assert await platform.wait(0x0102) == [(2, b"CODE-1")]
    await until(lambda: terminal.online)
    platform.writers[-1].close()
    await platform.wait(0x0102, 2)
    assert platform.ids()[0x0100] == 1


async def test_a_refused_code_is_forgotten_and_the_terminal_registers_anew(
    platform: Platform, start: Start
) -> None:
    platform.refuse_codes = 1
    terminal = await start()
    await until(lambda: terminal.online)
    assert platform.ids()[0x0100] == 2


async def test_a_position_says_where_how_fast_and_when_in_beijing_time(
    platform: Platform, start: Start
) -> None:
    terminal = await start()
    await until(lambda: terminal.online)
    terminal.move(39.908823, -116.39747, 10.0, 359.7, NOON)
    ((_, body),) = await platform.wait(0x0200)
    alarm, status, lat, lon, altitude, speed, course = unpack(">IIIIHHH", body[:22])
    assert (alarm, status, lat, lon, altitude) == (0, 0b1011, 39908823, 116397470, 0)
    assert (speed, course, body[22:].hex()) == (360, 0, "240501120000")
    await asyncio.wait_for(terminal.drained(), 5)
    assert terminal.counts.acknowledged == 1


async def test_unacknowledged_positions_are_resent_and_kept(platform: Platform, start: Start) -> None:
    terminal = await start()
    await until(lambda: terminal.online)
    platform.silent = True
    terminal.move(39.9, 116.4, 0, 0, NOON)
    first, second = (await platform.wait(0x0200, 2))[:2]
    assert first == second  # the same serial: a resend, not a new position
    assert terminal.waiting == 1
    await until(lambda: terminal.counts.logins >= 2)  # the link counts as dead after the last try
    assert terminal.waiting == 1
    platform.silent = False
    await asyncio.wait_for(terminal.drained(), 5)
    assert terminal.counts.acknowledged == 1
    kind, items = batch(platform.of(0x0704)[-1][1])
    assert (kind, items) == (1, [first[1]])


async def test_a_failed_storage_keeps_the_position(platform: Platform, start: Start) -> None:
    platform.result = 1
    terminal = await start()
    drive(terminal, 1)
    await platform.wait(0x0704, 2)
    assert terminal.waiting == 1
    platform.result = 0
    await asyncio.wait_for(terminal.drained(), 5)


async def test_a_position_called_wrong_is_counted_not_sent_for_ever(platform: Platform, start: Start) -> None:
    platform.result = 2
    terminal = await start()
    drive(terminal, 1)
    await asyncio.wait_for(terminal.drained(), 5)
    assert (terminal.counts.refused, terminal.counts.acknowledged) == (1, 0)


async def test_what_was_kept_offline_comes_in_batches_in_order(platform: Platform, start: Start) -> None:
    terminal = await start()
    await until(lambda: terminal.online)
    await terminal.go_offline()
    await until(lambda: not terminal.online)
    drive(terminal, 65)
    await terminal.go_online()
    await asyncio.wait_for(terminal.drained(), 5)
    batches = [batch(body) for _, body in platform.of(0x0704)]
    assert [len(items) for _, items in batches] == [30, 30, 5]
    times = [item[22:].hex() for _, items in batches for item in items]
    assert times == sorted(set(times))
    assert len(times) == 65


@pytest.mark.parametrize("kind", ["memory", "file"])
async def test_a_new_process_has_code_screen_and_positions(
    platform: Platform, start: Start, kind: str, tmp_path: Path
) -> None:
    store: Store = MemoryStore() if kind == "memory" else FileStore(tmp_path / "terminals.sqlite")
    terminal = await start(store)
    await until(lambda: terminal.online)
    platform.send(0x8302, 7, question("#1 抢修", "接单", "退单"))
    platform.send(0x8301, 8, buttons(1, e11="#1 出发"))
    await platform.wait(0x0001, 2)
    await terminal.go_offline()
    drive(terminal, 3)
    await terminal.press(11)
    await stop(terminal)
    if isinstance(store, FileStore):
        store.close()
        store = FileStore(tmp_path / "terminals.sqlite")
    again = await start(store)
    assert (again.waiting, again.screen.events, list(again.screen.questions)) == (4, {11: "#1 出发"}, [7])
    await asyncio.wait_for(again.drained(), 5)
    assert platform.ids()[0x0100] == 1
    assert store.kept(DEVICE) == []
    if isinstance(store, FileStore):
        store.close()


async def test_a_question_is_shown_receipted_and_answered_by_its_serial(
    platform: Platform, start: Start
) -> None:
    terminal = await start()
    await until(lambda: terminal.online)
    platform.send(0x8302, 300, question("#2 东单 停电", "接单", "退单"))
    ((_, receipt),) = await platform.wait(0x0001)
    assert unpack(">HHB", receipt) == (300, 0x8302, 0)
    shown = terminal.notices.get_nowait()
    assert shown == Shown("question", 300, "#2 东单 停电", NOON, urgent=True)
    assert terminal.screen.questions[300].answers == ((1, "接单"), (2, "退单"))
    with pytest.raises(NotFound):
        await terminal.answer(300, 3)
    await terminal.answer(300, 2)
    ((_, body),) = await platform.wait(0x0302)
    assert unpack(">HB", body) == (300, 2)
    assert isinstance(terminal.notices.get_nowait(), Removed)
    with pytest.raises(NotFound):
        await terminal.answer(300, 1)


async def test_a_resent_question_is_receipted_again_but_shown_once(platform: Platform, start: Start) -> None:
    terminal = await start()
    await until(lambda: terminal.online)
    terminal.faults.drop_replies = 1
    for _ in range(3):
        platform.send(0x8302, 5, question("#1", "是", "否"))
    await platform.wait(0x0001, 2)
    assert (terminal.notices.qsize(), platform.ids()[0x0001]) == (1, 2)
    await terminal.answer(5, 1)
    platform.send(0x8302, 5, question("#1", "是", "否"))
    await platform.wait(0x0001, 3)
    assert terminal.screen.questions == {}


async def test_a_question_that_was_taken_back_is_cleared_without_an_answer(
    platform: Platform, start: Start
) -> None:
    terminal = await start()
    await until(lambda: terminal.online)
    platform.send(0x8302, 5, question("#1", "是", "否"))
    await platform.wait(0x0001)
    await terminal.dismiss(5)
    assert (terminal.screen.questions, terminal.waiting, platform.ids()[0x0302]) == ({}, 0, 0)
    with pytest.raises(NotFound):
        await terminal.dismiss(5)


async def test_an_unacknowledged_press_keeps_its_serial_across_links(
    platform: Platform, start: Start
) -> None:
    terminal = await start()
    await until(lambda: terminal.online)
    platform.send(0x8301, 1, buttons(1, e11="#1 出发", e12="#1 到达"))
    await platform.wait(0x0001)
    with pytest.raises(NotFound):
        await terminal.press(99)
    terminal.faults.lose_acknowledgements = 6
    await terminal.press(12)
    await asyncio.wait_for(terminal.drained(), 5)
    presses = platform.of(0x0301)
    assert len(presses) >= 7
    assert len(set(presses)) == 1
    assert presses[0][1] == b"\x0c"
    assert terminal.counts.logins >= 2


async def test_the_button_list_follows_each_kind_of_change(platform: Platform, start: Start) -> None:
    terminal = await start()
    await until(lambda: terminal.online)
    for serial, body in enumerate(
        [
            buttons(1, e1="甲", e2="乙"),
            buttons(2, e3="丙"),
            buttons(3, e2="改", e9="无"),
            bytes([4, 1, 1]),
            bytes([4, 1, 3, 0]),
        ]
    ):
        platform.send(0x8301, serial, body)
    await platform.wait(0x0001, 5)
    assert terminal.screen.events == {2: "改"}
    platform.send(0x8301, 9, b"\0")
    await platform.wait(0x0001, 6)
    assert terminal.screen.events == {}
    last = [terminal.notices.get_nowait() for _ in range(terminal.notices.qsize())][-1]
    assert last == Removed("event", 2, "改", NOON)


async def test_a_long_text_in_parts_is_receipted_with_the_last_serial(
    platform: Platform, start: Start
) -> None:
    terminal = await start()
    await until(lambda: terminal.online)
    body = b"\x01" + ("收回 " * 300).encode("gbk")
    pieces = [body[:700], body[700:1400], body[1400:]]
    for index in (2, 1, 3):
        platform.send(0x8300, 0xFFFE + index & 0xFFFF, pieces[index - 1], (3, index))
    ((_, receipt),) = await platform.wait(0x0001)
    assert unpack(">HHB", receipt) == (1, 0x8300, 0)
    assert terminal.screen.texts == ["收回 " * 300]


@pytest.mark.parametrize(
    ("number", "body", "result"),
    [
        (0x8302, b"\x00\x09short", 2),
        (0x8301, b"\x01\x02\x01\x00", 2),
        (0x8300, b"\x00\xff", 2),
        (0x8103, b"", 3),
    ],
)
async def test_what_cannot_be_shown_is_said_in_the_receipt(
    platform: Platform, start: Start, number: int, body: bytes, result: int
) -> None:
    terminal = await start()
    await until(lambda: terminal.online)
    platform.send(number, 1, body)
    ((_, receipt),) = await platform.wait(0x0001)
    assert unpack(">HHB", receipt) == (1, number, result)
    assert terminal.notices.empty()


async def test_bad_bytes_do_not_end_a_good_link(platform: Platform, start: Start) -> None:
    terminal = await start()
    await until(lambda: terminal.online)
    platform.writers[-1].write(b"\x7e\x80\x01\x7d\x7e" + b"noise" * 10)
    platform.send(0x8300, 4, b"\x00ok")
    await platform.wait(0x0001)
    assert terminal.counts.connections == 1


async def test_duplicated_delayed_and_split_frames_are_whole(platform: Platform, start: Start) -> None:
    terminal = await start()
    terminal.faults.duplicate, terminal.faults.delay, terminal.faults.split = True, 0.001, 3
    await until(lambda: terminal.online)
    terminal.move(39.9, 116.4, 0, 0, NOON)
    first, second = (await platform.wait(0x0200, 2))[:2]
    assert first == second


async def test_heartbeats_keep_an_idle_link(platform: Platform, start: Start) -> None:
    terminal = await start()
    await platform.wait(0x0002, 2)
    assert terminal.counts.connections == 1


async def test_a_platform_that_is_not_there_is_tried_again(platform: Platform, start: Start) -> None:
    async with Platform() as gone:
        port = gone.port
    terminal = await start(port=port)
    drive(terminal, 2)
    await asyncio.sleep(0.1)
    assert (terminal.online, terminal.waiting) == (False, 2)
    terminal.port = platform.port
    await asyncio.wait_for(terminal.drained(), 5)


async def test_a_platform_that_lets_nobody_in_is_left_and_tried_again(
    platform: Platform, start: Start
) -> None:
    platform.refuse_codes = 3
    terminal = await start(timers=Timers(back_off=0.01, longest_back_off=0.02))
    drive(terminal, 1)
    await asyncio.wait_for(terminal.drained(), 5)
    assert terminal.counts.connections == 4
