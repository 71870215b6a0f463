"""Teltonika: golden packets, real packets, and what its trackers hear. Packets for these tests are built by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gps_gateway.codec import Attributes, Frame, Heartbeat, Login, Rejected, Report, Status
from gps_gateway.protocols.teltonika import Teltonika
from gps_gateway.protocols.teltonika.beacons import read_sensors
from gps_gateway.protocols.teltonika.elements import OPERATOR, note
from gps_gateway.protocols.teltonika.framing import begins

GOLDEN = [
    json.loads(row)
    for row in (Path(__file__).parent.parent / "golden/teltonika/frames.jsonl").read_text().splitlines()
]

NAMES: dict[str, str | tuple[str, float]] = {
    "tag1Voltage": ("tag_1_battery_v", 0.001),
    "tag1Battery": ("tag_1_battery_v", 0.001),
    "eyeTemp1": "eye_1_temperature_c",
}

LOGIN = bytes.fromhex("000F333536333037303432343431303133")


def crc_16(content: bytes) -> int:
    """CRC-16/IBM, bit by bit."""
    register = 0
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0xA001 if register & 1 else 0)
    return register


def packet(*records: bytes, count: int | None = None) -> bytes:
    number = bytes((len(records),))
    data = b"\x08" + number + b"".join(records) + (number if count is None else bytes((count,)))
    return bytes(4) + len(data).to_bytes(4, "big") + data + crc_16(data).to_bytes(4, "big")


def record(
    lat: int = 500_000_000, lon: int = 190_000_000, satellites: int = 9, milliseconds: int = 1_709_251_199_000
) -> bytes:
    place = lon.to_bytes(4, "big", signed=True) + lat.to_bytes(4, "big", signed=True)
    head = milliseconds.to_bytes(8, "big") + b"\0" + place + b"\0\x64\0\x5a"
    return head + bytes((satellites,)) + b"\0\x24" + bytes(6)


def test_all_records_of_a_packet_are_answered_by_one_number() -> None:
    codec = Teltonika()
    login, *events = codec.receive(LOGIN + packet(record(), record(0, 0, 0), record(-1, -1)))
    assert isinstance(login, Login)
    assert [type(event) for event in events] == [Status, Report]
    report = events[-1]
    assert isinstance(report, Report)
    assert [(fix.lat, fix.lon) for fix in report.fixes] == [(50, 19), (-1e-7, -1e-7)]
    assert report.fixes[0].speed_mps == 10
    for event in events:
        assert isinstance(event, Frame)
        assert event.device == "356307042441013"
        codec.accept(event)
    assert codec.to_send() == [b"\0\0\0\3"]
    for event in events:
        assert isinstance(event, Frame)
        codec.refuse(event, "not authenticated")
    assert codec.to_send() == [bytes(4)]


def test_what_is_no_position_is_none() -> None:
    (nowhere,) = Teltonika().receive(packet(record(0, 0, 0)))
    (outside,) = Teltonika().receive(packet(record(900_000_001)))
    assert isinstance(nowhere, Status)
    assert isinstance(outside, Status)
    assert "out_of_range" in outside.attributes
    (timeless,) = Teltonika().receive(packet(record(milliseconds=2**64 - 1)))
    assert isinstance(timeless, Report)
    assert (timeless.fixes[0].time, timeless.fixes[0].valid) == (None, False)


def test_defects_have_names_and_the_session_goes_on() -> None:
    short = packet(record())[:-20]
    lacking = short[8:-1] + b"\1"
    truncated = bytes(4) + len(lacking).to_bytes(4, "big") + lacking + crc_16(lacking).to_bytes(4, "big")
    stream = b"\xff" + packet(record()) + b"GET / HTTP/1.1" + LOGIN + packet(record(), count=2) + truncated
    events = Teltonika().receive(stream + b"\xff")
    assert isinstance(events[0], Heartbeat)
    assert [getattr(event, "reason", type(event).__name__) for event in events] == [
        "Heartbeat",
        "Report",
        "no packet",
        "Login",
        "count",
        "body",
        "Heartbeat",
    ]


def test_a_shared_port_knows_it_by_its_first_bytes() -> None:
    assert begins(LOGIN)
    assert begins(LOGIN[:9])
    assert begins(packet(record()))
    assert begins(bytes.fromhex(GOLDEN[4]["hex"]))
    assert not any(
        begins(first) for first in (b"\x7e\x01\x00\x00\x2c", b"\x78\x78\x0d", b"*HQ,1", b"\0\x0fabc")
    )


@pytest.mark.parametrize("size", range(8))
def test_a_datagram_that_announces_less_than_its_head_is_rejected(size: int) -> None:
    """Found by mutation: it raised."""
    raw = size.to_bytes(2) + bytes.fromhex("cafe0105000f") + b"352093086403655"
    events = [*(codec := Teltonika()).receive(raw), *codec.end()]
    assert isinstance(events[0], Rejected)


@pytest.mark.parametrize("size", [9, 200, 4000])
def test_an_element_of_an_odd_size_is_kept_as_it_came(size: int) -> None:
    """Found by mutation: it raised, or was a number that does not fit the streams."""
    raw = b"\xff" * size
    attributes: Attributes = {}
    note(attributes, OPERATOR, raw, 0)
    beacon = raw[:100]
    read_sensors(
        bytes((0, 2 * len(beacon) + 4, 0x00, len(beacon), *beacon, 0x0E, len(beacon), *beacon)), attributes
    )
    assert attributes == {
        f"io_{OPERATOR}": raw.hex(), "tag_1_00": beacon.hex(), "tag_1_0e": beacon.hex()
    }  # fmt: skip
