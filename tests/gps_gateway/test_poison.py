"""What one device says must never stop what the others say from being stored."""

from __future__ import annotations

import pytest

from dispatch.messages import Position, Status, decode_events, decode_positions, storable
from gps_gateway.codec import Attributes
from gps_gateway.codec import Status as SaidStatus
from gps_gateway.gateway import Gateway
from gps_gateway.protocols.teltonika.codec import Teltonika
from gps_gateway.publisher import encoded
from gps_gateway.seen import FACTS, Seen
from tests.gps_gateway.beacon import dial
from tests.gps_gateway.conftest import Centre
from tests.gps_gateway.raw_terminal import RawTerminal, position

TRACKER = "359710049075097"
CELLS = b"imei:359710049075097,help me,,,L,,,1a2b,,558f,,,,,0,0,,,;"
"""GPS103 with cells in place of a position."""


async def test_a_number_that_no_store_holds_stops_nobody(
    gateway: Gateway, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = {"lac": 0x199999999999999999999B}  # as a codec without a bound would read it
    monkeypatch.setattr("gps_gateway.protocols.gps103.codec.read_cell", lambda _: huge)
    await centre.register(TRACKER)
    _, writer = await dial(gateway.ports["trackers"])
    writer.write(b"##,imei:359710049075097,A;" + CELLS)
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        serial = terminal.send(0x0200, position())
        assert (await terminal.expect(0x8001)).answered == (0x0200, serial, 0)
    said = [event for event in await centre.events() if isinstance(event, Status)]
    assert [one.attributes["lac"] for one in said] == ["0x199999999999999999999b"]
    await gateway.window.write()  # how the device is, for people


def test_what_cannot_be_encoded_becomes_text() -> None:
    odd: Attributes = {"adc": 10**30, "event": "\ud800", "ok": 2**63, "\udfff": -(2**70)}
    held: Attributes = {"adc": f"{10**30:#x}", "event": "\\ud800", "ok": 2**63, "\\udfff": f"{-(2**70):#x}"}
    good = Position("d", 1.0, 2.0, 39.9, 116.4, attributes={"satellites": 7})
    bad = Position("d", 1.0, 2.0, 39.9, 116.4, attributes=odd)
    assert decode_positions(encoded([good, bad])) == [good, storable(bad)]
    [status] = decode_events(encoded([Status("d", 1.0, 2.0, "x", odd)]))
    assert status == Status("d", 1.0, 2.0, "x", held)


def test_a_device_that_names_other_attributes_every_time_fills_nothing() -> None:
    seen = Seen(0.0)
    for n in range(FACTS * 3):
        seen.kept([SaidStatus(device="d", attributes={f"name_{n}": n})])
    assert list(seen.status or {}) == [f"name_{n}" for n in range(FACTS * 2, FACTS * 3)]


def test_a_datagram_of_teltonika_that_is_shorter_than_its_head() -> None:
    for size in range(7):
        codec = Teltonika()
        packet = size.to_bytes(2, "big") + b"\xca\xfe\x01\x05\x00\x0f359710049075097"
        assert [getattr(e, "reason", "") for e in [*codec.receive(packet[: 2 + size]), *codec.end()]]
        assert isinstance([*codec.receive(packet), *codec.end()], list)
