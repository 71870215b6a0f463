"""D4: a terminal is brought to what is desired, recall is proven, and a press names exactly one order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from dispatch.clock import SystemClock
from dispatch.messages import DesiredOrder, DeviceEvent, Press, Receipt, Shown, decode_shown, shown_key
from gps_gateway.downlink import named, standing
from gps_gateway.gateway import Gateway
from tests.gps_gateway.conftest import Centre, Open, RealServer
from tests.gps_gateway.raw_terminal import DEVICE, Heard, RawTerminal

QUESTION, EVENTS, TEXT = 0x8302, 0x8301, 0x8300

FIRST = DesiredOrder("W1", 1, 1, "W1 长安街1号 停电 剩余41分")
SECOND = DesiredOrder("W2", 1, 2, "W2 建国路2号 停电")


def taken(order: DesiredOrder) -> DesiredOrder:
    return DesiredOrder(order.order_id, order.version, order.slot, order.text, acknowledged=True)


def question(heard: Heard) -> tuple[str, dict[int, str]]:
    length = heard.body[1]
    text, rest = heard.body[2 : 2 + length].decode("gbk"), heard.body[2 + length :]
    answers = {}
    while rest:
        size = int.from_bytes(rest[1:3], "big")
        answers[rest[0]] = rest[3 : 3 + size].decode("gbk")
        rest = rest[3 + size :]
    return text, answers


def buttons(heard: Heard) -> dict[int, str]:
    if heard.body == b"\0":
        return {}
    assert heard.body[0] == 1
    found, rest = {}, heard.body[2:]
    while rest:
        found[rest[0]] = rest[2 : 2 + rest[1]].decode("gbk")
        rest = rest[2 + rest[1] :]
    assert len(found) == heard.body[1]
    return found


async def until(centre: Centre, wanted: Callable[[list[DeviceEvent]], bool]) -> list[DeviceEvent]:
    """The device events, as soon as they are as wanted."""
    async with asyncio.timeout(3):
        while not wanted(events := await centre.events()):
            await SystemClock().sleep(0.01)
    return events


def receipts(events: list[DeviceEvent]) -> list[tuple[str, int, str]]:
    return [(e.order_id, e.version, e.what) for e in events if isinstance(e, Receipt) and e.what != "settled"]


def settled(events: list[DeviceEvent]) -> list[int]:
    """Revisions of which the gateway said that the terminal shows just that."""
    return [e.version for e in events if isinstance(e, Receipt) and e.what == "settled"]


def presses(events: list[DeviceEvent]) -> list[tuple[str, int, str]]:
    return [(e.order_id, e.version, e.action) for e in events if isinstance(e, Press)]


async def kept(centre: Centre) -> Shown:
    """What the gateway keeps of the terminal."""
    raw = await centre.redis.get(shown_key(centre.device))
    assert isinstance(raw, bytes)
    return decode_shown(raw)


async def standing_of(centre: Centre, order: DesiredOrder, *, wanted: bool = True) -> str:
    """Where it stands on the terminal, by what the gateway keeps."""
    return standing(order if wanted else None, named(await kept(centre), order.order_id, order.version))


async def buttons_set(terminal: RawTerminal) -> dict[int, str]:
    """The next set of buttons, receipted."""
    heard = await terminal.expect(EVENTS)
    terminal.receipt(heard)
    return buttons(heard)


async def asked(terminal: RawTerminal, *, receipted: bool = True) -> Heard:
    """The next question."""
    heard = await terminal.expect(QUESTION)
    if receipted:
        terminal.receipt(heard)
    return heard


async def test_an_order_is_asked_receipted_accepted_and_worked(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await centre.wish(FIRST)
        heard = await asked(terminal)
        assert heard.body[0] & 0x09 == 0x09  # urgent, and read aloud
        assert question(heard) == ("#1 " + FIRST.text, {1: "接单", 2: "退单"})
        await until(centre, lambda e: receipts(e) == [("W1", 1, "delivered")])

        serial = terminal.answer(heard.serial, 1)
        assert (await terminal.expect(0x8001)).answered == (0x0302, serial, 0)
        assert presses(await centre.events()) == [("W1", 1, "acknowledge")]

        assert await buttons_set(terminal) == {}
        await centre.wish(taken(FIRST))
        shown = await buttons_set(terminal)
        assert shown == {0x11: "#1 出发", 0x12: "#1 到达", 0x13: "#1 修复"}
        standings = []
        for code in shown:
            serial = terminal.press(code)
            assert (await terminal.expect(0x8001)).answered == (0x0301, serial, 0)
            standings.append(await standing_of(centre, FIRST))
        assert standings == ["departed", "arrived", "restored"]
        actions = [action for _, _, action in presses(await centre.events())]
        assert actions == ["acknowledge", "depart", "arrive", "restore"]


async def test_refusing_is_a_reject(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await centre.wish(FIRST)
        terminal.answer((await asked(terminal)).serial, 2)
        await terminal.expect(0x8001)
        assert presses(await centre.events()) == [("W1", 1, "reject")]


async def test_an_answer_proves_the_delivery_whose_receipt_was_lost(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await centre.wish(FIRST)
        terminal.answer((await asked(terminal, receipted=False)).serial, 1)
        await terminal.expect(0x8001)
        events = await centre.events()
        assert receipts(events) == [("W1", 1, "delivered")]
        assert presses(events) == [("W1", 1, "acknowledge")]


async def test_what_was_recalled_before_it_was_sent_is_proven_to_be_gone(
    gateway: Gateway, centre: Centre
) -> None:
    await centre.wish(FIRST)
    await centre.wish()
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        cleared = await terminal.expect(EVENTS)
        assert settled(await centre.events()) == [], "nothing is known of this terminal"
        terminal.receipt(cleared)
        await until(centre, lambda e: settled(e) == [centre.revision])


async def test_an_order_that_is_not_receipted_is_not_settled(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await centre.wish(FIRST)
        heard = await asked(terminal, receipted=False)
        await buttons_set(terminal)
        assert centre.revision not in settled(await centre.events())
        terminal.receipt(heard)
        await until(centre, lambda e: centre.revision in settled(e))


async def test_an_order_recalled_while_the_device_was_away_is_never_sent(
    gateway: Gateway, centre: Centre
) -> None:
    await centre.wish(FIRST)
    await centre.wish()
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        assert await buttons_set(terminal) == {}
        await terminal.silence(0.5)


async def test_a_recall_is_proven_by_its_receipts(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await centre.wish(taken(FIRST))
        first = await asked(terminal)
        assert len(await buttons_set(terminal)) == 3
        await until(centre, lambda e: receipts(e) == [("W1", 1, "delivered")])
        await centre.wish()
        text = await terminal.expect(TEXT)
        assert text.body[0] & 1, "urgent"
        assert "W1" in text.body[1:].decode("gbk")
        terminal.receipt(text)
        events = await terminal.expect(EVENTS)
        assert buttons(events) == {}
        terminal.send(0x0002)
        await terminal.expect(0x8001)  # what came before it has been handled
        assert receipts(await centre.events()) == [("W1", 1, "delivered")], "not before both are receipted"
        terminal.receipt(events)
        await until(centre, lambda e: receipts(e) == [("W1", 1, "delivered"), ("W1", 1, "removed")])
        # A press that comes all the same still names its order; the centre decides.
        terminal.answer(first.serial, 1)
        await terminal.expect(0x8001)
        assert presses(await centre.events()) == [("W1", 1, "acknowledge")]


async def test_an_order_in_flight_when_its_recall_comes_is_taken_back_on_reconnect(
    gateway: Gateway, centre: Centre
) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await centre.wish(FIRST)
        await asked(terminal, receipted=False)
    await centre.wish()
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        for _ in range(2):
            terminal.receipt(await terminal.next())
        await until(centre, lambda e: receipts(e) == [("W1", 1, "removed")])
        assert not [heard for heard in terminal.heard if heard.message == QUESTION]


async def test_a_slot_is_not_given_to_another_order_while_a_press_may_still_mean_the_first(
    gateway: Gateway, centre: Centre
) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await centre.wish(taken(FIRST))
        await asked(terminal)
        await buttons_set(terminal)
        await centre.wish(DesiredOrder("W9", 1, 1, "W9"))
        heard = [await terminal.next() for _ in range(3)]
        for message in heard:
            terminal.receipt(message)
        assert question(heard[1])[0] == "#2 W9"
        await until(centre, lambda e: ("W1", 1, "removed") in receipts(e))
        terminal.press(0x12)  # "#1 arrived", pressed before the recall, heard after it
        await terminal.expect(0x8001)
        assert presses(await centre.events()) == [("W1", 1, "arrive")]


async def test_a_restarted_gateway_still_knows_which_order_an_answer_means(
    open_gateway: Open, centre: Centre
) -> None:
    before = await open_gateway()
    async with RawTerminal(before.ports["jt808"]) as terminal:
        await terminal.login()
        await centre.wish(FIRST, SECOND)
        first, second = await asked(terminal), await asked(terminal, receipted=False)
        await until(centre, lambda e: len(receipts(e)) == 1)
    await before.close()
    after = await open_gateway()
    async with RawTerminal(after.ports["jt808"]) as terminal:
        await terminal.login()
        again = await terminal.expect(QUESTION)
        assert again.serial == second.serial, "never shown under two serials"
        terminal.answer(second.serial, 2)
        terminal.answer(first.serial, 1)
        await terminal.expect(0x8001)
        await terminal.expect(0x8001)
        assert presses(await centre.events()) == [("W2", 1, "reject"), ("W1", 1, "acknowledge")]


async def test_the_serial_is_durable_before_the_order_is_sent(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await centre.wish(FIRST)
        heard = await terminal.expect(QUESTION)
        raw = await centre.redis.get(shown_key(DEVICE))
        assert isinstance(raw, bytes)
        (order,) = decode_shown(raw).orders
        assert (order.order_id, order.serial, order.state) == ("W1", heard.serial, "sent")


async def test_an_order_whose_serial_cannot_be_kept_is_not_sent(
    gateway: Gateway, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(shown: Shown) -> None:
        raise ConnectionError("no room")

    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        with monkeypatch.context() as broken:
            broken.setattr(gateway.store, "keep_shown", refuse)
            await centre.wish(FIRST)
            await terminal.silence(0.3)
        await terminal.expect(QUESTION)  # found by the sweep


async def test_nothing_is_sent_until_the_epoch_is_confirmed(gateway: Gateway, centre: Centre) -> None:
    await centre.redis.delete("epoch")
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await centre.wish(FIRST)
        await terminal.silence(0.5)
        await centre.confirm("another")
        await terminal.silence(0.5)
        await centre.confirm()
        await terminal.expect(QUESTION)  # found by the sweep


async def test_an_older_revision_is_never_gone_back_to(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await centre.wish(FIRST, revision=7)
        await asked(terminal)
        await buttons_set(terminal)
        await centre.wish(SECOND, revision=6)
        await terminal.silence(0.5)
        await centre.confirm("e2")
        await centre.wish(SECOND, epoch="e2", revision=1)  # another epoch counts anew
        assert [(await terminal.next()).message for _ in range(2)] == [TEXT, QUESTION]


async def test_a_lost_wake_is_made_good_by_the_sweep(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await centre.wish(FIRST, wake=False)
        await asked(terminal)


async def test_an_unreceipted_question_is_resent_under_its_serial_and_then_given_up(
    gateway: Gateway, centre: Centre
) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await centre.wish(FIRST)
        heard = [await asked(terminal, receipted=False)]
        await buttons_set(terminal)
        heard += [await terminal.expect(QUESTION) for _ in range(3)]
        assert len({(h.serial, h.body) for h in heard}) == 1
        async with asyncio.timeout(3):
            while gateway.delivery.counts["given up"] != 1:
                await SystemClock().sleep(0.01)
        await terminal.silence(0.1)
        assert receipts(await centre.events()) == [("W1", 1, "unreceipted")], "a missed E is told"
        assert await standing_of(centre, FIRST) == "expired"
        terminal.receipt(heard[0])  # late, and true all the same
        await until(centre, lambda e: receipts(e) == [("W1", 1, "unreceipted"), ("W1", 1, "delivered")])
        async with asyncio.timeout(3):  # kept just after it was said
            while await standing_of(centre, FIRST) != "delivered":
                await SystemClock().sleep(0.01)


async def test_a_press_sent_again_on_another_connection_has_the_same_id(
    gateway: Gateway, centre: Centre
) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await centre.wish(FIRST)
        asked_as = (await asked(terminal)).serial
        terminal.answer(asked_as, 1, serial=4711)
        await terminal.expect(0x8001)
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        terminal.answer(asked_as, 1, serial=4711)
        await terminal.expect(0x8001)
        ids = [event.press_id for event in await centre.events() if isinstance(event, Press)]
        assert len(ids) == 2
        assert len(set(ids)) == 1


async def test_a_press_of_nothing_is_answered_as_wrong_and_counted(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        serial = terminal.answer(12345, 1)
        assert (await terminal.expect(0x8001)).answered == (0x0302, serial, 2)
        assert presses(await centre.events()) == []
        assert gateway.delivery.counts["press of nothing"] == 1


async def test_a_press_is_not_acknowledged_while_it_cannot_be_stored(
    gateway: Gateway, centre: Centre, server: RealServer
) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await centre.wish(FIRST)
        heard = await asked(terminal)
        await buttons_set(terminal)
        await until(centre, lambda e: len(receipts(e)) == 1)
        terminal.send(0x0002)
        await terminal.expect(0x8001)  # both receipts have been handled
        server.stop()
        serial = terminal.answer(heard.serial, 1)
        await terminal.silence(0.4)
        server.start()
        assert (await terminal.expect(0x8001)).answered == (0x0302, serial, 0)
        assert presses(await centre.events()) == [("W1", 1, "acknowledge")]
