"""Orders on terminals of 2019 and of taxis: the same promises in other messages (D4)."""

from __future__ import annotations

import pytest

from dispatch.messages import Press
from gps_gateway.downlink import named, standing
from gps_gateway.gateway import Gateway
from tests.gps_gateway.conftest import Centre, RealServer
from tests.gps_gateway.raw_2019 import DEVICE_2019, ISU, Taxi, Terminal2019, tags
from tests.gps_gateway.raw_terminal import Heard
from tests.gps_gateway.test_orders_on_terminals import FIRST, SECOND, kept, presses, receipts, taken, until

OTHER_ISU = "100000000022"
PASS, TEXT = 0x8900, 0x8300
ASSIGN, RECALL, ACCEPT, REFUSE, DEPART, ARRIVE, RESTORE, WORK = range(1, 9)


async def assigned(terminal: Terminal2019, operation: int = ASSIGN) -> Heard:
    """The next 0x8900 with this operation, not receipted yet."""
    while True:
        heard = await terminal.expect(PASS)
        if (3, bytes([operation])) in tags(heard):
            return heard
        terminal.receipt(heard)


async def test_a_2019_terminal_gets_the_order_as_tags_and_as_a_text(gateway: Gateway, centre: Centre) -> None:
    centre.device = DEVICE_2019
    await centre.wish(FIRST, wake=False)
    async with Terminal2019(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        heard = await assigned(terminal)
        assert tags(heard) == [
            (0, b"\xf1"), (1, b"W1"), (2, b"\0\0\0\1"), (3, b"\1"), (6, b"\1"), (7, FIRST.text.encode("gbk")),
        ]  # fmt: skip
        copy = await terminal.expect(TEXT)
        assert copy.body[:2] == b"\x0e\x01"  # urgent, display, aloud; a notice
        assert copy.body[2:].decode("gbk") == "#1 " + FIRST.text
        assert receipts(await centre.events()) == []
        terminal.receipt(heard)
        await until(centre, lambda e: receipts(e) == [("W1", 1, "delivered")])
        assert not [h for h in terminal.heard if h.message in {0x8301, 0x8302}]


async def test_a_step_names_its_order_itself(gateway: Gateway, centre: Centre) -> None:
    centre.device = DEVICE_2019
    await centre.wish(FIRST, SECOND, wake=False)
    async with Terminal2019(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        terminal.receipt(await assigned(terminal))
        terminal.receipt(await assigned(terminal))
        place = (39_900_000).to_bytes(4, "big") + (-1_000_000).to_bytes(4, "big", signed=True)
        serial = terminal.step("W2", 1, ACCEPT, b"\x04\x06\x25\x01\x02\x08\x03\x04" + b"\x05\x08" + place)
        assert (await terminal.expect(0x8001)).answered == (0x0900, serial, 0)
        (press,) = [e for e in await centre.events() if isinstance(e, Press)]
        assert (press.order_id, press.version, press.action) == ("W2", 1, "acknowledge")
        assert (press.at, press.lat, press.lon) == (1735776184, 39.9, -1.0)
        await centre.wish(FIRST, taken(SECOND))
        while (1, b"W2") not in tags(work := await assigned(terminal, WORK)):
            terminal.receipt(work)  # the set before it, perhaps sent again
        assert tags(work) == [(0, b"\xf2"), (3, b"\x08"), (1, b"W2"), (2, b"\0\0\0\1")]
        terminal.receipt(work)
        for operation in (DEPART, ARRIVE, RESTORE):
            terminal.step("W2", 1, operation)
            await terminal.expect(0x8001)
        terminal.step("W1", 1, REFUSE)
        await terminal.expect(0x8001)
        assert presses(await centre.events()) == [
            ("W2", 1, "acknowledge"), ("W2", 1, "depart"), ("W2", 1, "arrive"), ("W2", 1, "restore"),
            ("W1", 1, "reject"),
        ]  # fmt: skip


async def test_a_step_with_an_order_that_is_not_there_is_wrong(gateway: Gateway, centre: Centre) -> None:
    centre.device = DEVICE_2019
    await centre.wish(FIRST, wake=False)
    async with Terminal2019(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        terminal.receipt(await assigned(terminal))
        for name, version in (("W1", 2), ("W9", 1)):
            serial = terminal.step(name, version, ACCEPT)
            assert (await terminal.expect(0x8001)).answered == (0x0900, serial, 2)
        assert presses(await centre.events()) == []


async def test_a_recall_on_a_2019_terminal_is_proven_and_final(gateway: Gateway, centre: Centre) -> None:
    centre.device = DEVICE_2019
    await centre.wish(taken(FIRST), wake=False)
    async with Terminal2019(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        terminal.receipt(await assigned(terminal))
        terminal.receipt(await assigned(terminal, WORK))
        await until(centre, lambda e: receipts(e) == [("W1", 1, "delivered")])
        await centre.wish()
        recall = await assigned(terminal, RECALL)
        assert (1, b"W1") in tags(recall)
        nothing = await assigned(terminal, WORK)
        assert tags(nothing) == [(0, b"\xf2"), (3, b"\x08")]
        terminal.receipt(recall)
        terminal.receipt(nothing)
        await until(centre, lambda e: ("W1", 1, "removed") in receipts(e))
        assert standing(None, named(await kept(centre), "W1", 1)) == "recalled"
    async with Terminal2019(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        heard = await terminal.expect(PASS)
        assert tags(heard) == [(0, b"\xf2"), (3, b"\x08")], "nothing may be worked"
        terminal.receipt(heard)
        await terminal.silence(0.4)


async def test_an_order_in_flight_at_its_recall_is_taken_back_on_reconnect_of_a_2019_terminal(
    gateway: Gateway, centre: Centre
) -> None:
    centre.device = DEVICE_2019
    await centre.wish(FIRST, wake=False)
    async with Terminal2019(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await assigned(terminal)
    await centre.wish()
    async with Terminal2019(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        terminal.receipt(await assigned(terminal, RECALL))
        terminal.receipt(await assigned(terminal, WORK))
        await until(centre, lambda e: receipts(e) == [("W1", 1, "removed")])
        await terminal.silence(0.4)


async def test_a_recall_that_is_never_receipted_is_told(gateway: Gateway, centre: Centre) -> None:
    centre.device = DEVICE_2019
    await centre.wish(FIRST, wake=False)
    async with Terminal2019(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        terminal.receipt(await assigned(terminal))
        await until(centre, lambda e: receipts(e) == [("W1", 1, "delivered")])
        await centre.wish()
        await until(centre, lambda e: ("W1", 1, "recall_unreceipted") in receipts(e))


# -- JT/T 905


async def order_of(taxi: Taxi, message: int) -> tuple[Heard, int]:
    """The next message of this kind, and the business id that it carries."""
    heard = await taxi.expect(message)
    return heard, int.from_bytes(heard.body[:4], "big")


async def test_a_taxi_takes_works_and_completes_an_order(gateway: Gateway, centre: Centre) -> None:
    centre.device = ISU
    await centre.wish(FIRST, wake=False)
    async with Taxi(gateway.ports["jt905"]) as taxi:
        serial = taxi.send(0x0002)
        assert (await taxi.expect(0x8001)).answered == (0x0002, serial, 0)
        heard, business = await order_of(taxi, 0x8B00)
        assert heard.body[4] == 2, "assigned to this vehicle"
        assert heard.body[11:] == FIRST.text.encode("gbk") + b"\0"
        taxi.receipt(heard)
        await until(centre, lambda e: receipts(e) == [("W1", 1, "delivered")])
        serial = taxi.send(0x0B01, business.to_bytes(4, "big"))
        assert (await taxi.expect(0x8001)).answered == (0x0B01, serial, 0)
        await centre.wish(taken(FIRST))
        details, again = await order_of(taxi, 0x8B01)
        assert again == business
        assert details.body[27:] == b"\0\0" + FIRST.text.encode("gbk") + b"\0"
        taxi.receipt(details)
        taxi.send(0x0B07, business.to_bytes(4, "big"))
        await taxi.expect(0x8001)
        assert presses(await centre.events()) == [("W1", 1, "acknowledge"), ("W1", 1, "restore")]


async def test_a_taxi_that_cancels_says_why(gateway: Gateway, centre: Centre) -> None:
    centre.device = ISU
    await centre.wish(FIRST, wake=False)
    async with Taxi(gateway.ports["jt905"]) as taxi:
        taxi.send(0x0002)
        _, business = await order_of(taxi, 0x8B00)
        taxi.send(0x0B08, business.to_bytes(4, "big") + b"\x01")
        await taxi.expect(0x8001)
        (press,) = [e for e in await centre.events() if isinstance(e, Press)]
        assert (press.action, press.reason) == ("reject", "traffic")
        serial = taxi.send(0x0B01, (business + 77).to_bytes(4, "big"))
        assert (await taxi.expect(0x8001)).answered == (0x0B01, serial, 2)


async def test_a_recall_from_a_taxi_is_proven_also_after_a_reconnect(
    gateway: Gateway, centre: Centre
) -> None:
    centre.device = ISU
    await centre.wish(FIRST, wake=False)
    async with Taxi(gateway.ports["jt905"]) as taxi:
        taxi.send(0x0002)
        _, business = await order_of(taxi, 0x8B00)
    await centre.wish()
    async with Taxi(gateway.ports["jt905"]) as taxi:
        taxi.send(0x0002)
        recall, named_by = await order_of(taxi, 0x8B09)
        assert named_by == business
        assert not [h for h in taxi.heard if h.message == 0x8B00]
        taxi.receipt(recall)
        await until(centre, lambda e: receipts(e) == [("W1", 1, "removed")])
        await taxi.silence(0.4)


async def test_an_unknown_taxi_is_refused(gateway: Gateway, centre: Centre) -> None:
    async with Taxi(gateway.ports["jt905"], "100000009999") as taxi:
        serial = taxi.send(0x0002)
        assert (await taxi.expect(0x8001)).answered == (0x0002, serial, 1)


async def test_taxis_on_one_connection_have_their_own_orders(gateway: Gateway, centre: Centre) -> None:
    """What the one says of an order's number means nothing of the other's order of that number."""
    centre.device = ISU
    await centre.wish(FIRST, wake=False)
    await centre.register(OTHER_ISU)
    async with Taxi(gateway.ports["jt905"]) as taxi:
        taxi.send(0x0002)
        first, business = await order_of(taxi, 0x8B00)
        taxi.device = OTHER_ISU
        taxi.receipt(first)
        serial = taxi.send(0x0B01, business.to_bytes(4, "big"))
        while (heard := await taxi.expect(0x8001)).answered[:2] != (0x0B01, serial):
            pass
        assert heard.answered[2] == 2, "no such order"
        assert presses(await centre.events()) == []
        assert ("W1", 1, "delivered") not in receipts(await centre.events())

        centre.device = OTHER_ISU
        await centre.wish(SECOND, revision=1)
        while (second := await taxi.expect(0x8B00)).body[11:-1] != SECOND.text.encode("gbk"):
            pass
        taxi.receipt(second)
        await until(centre, lambda e: ("W2", 1, "delivered") in receipts(e))
        assert ("W1", 1, "delivered") not in receipts(await centre.events())
        taxi.device = ISU
        taxi.receipt(first)
        await until(centre, lambda e: ("W1", 1, "delivered") in receipts(e))


async def test_a_second_taxi_is_not_refused_because_nobody_could_be_asked(
    gateway: Gateway, centre: Centre, server: RealServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal takes a refusal for an answer, and sends that position no more."""
    monkeypatch.setattr("gps_gateway.conversation.ASK_AGAIN", 0.2)
    await centre.register(ISU)
    await centre.register(OTHER_ISU)
    async with Taxi(gateway.ports["jt905"]) as taxi:
        taxi.send(0x0002)
        await taxi.expect(0x8001)
        server.stop()
        taxi.device = OTHER_ISU
        serial = taxi.send(0x0002)
        await taxi.silence(0.4)
        server.start()
        taxi.send(0x0002, serial=serial)
        assert (await taxi.expect(0x8001)).answered == (0x0002, serial, 0)
