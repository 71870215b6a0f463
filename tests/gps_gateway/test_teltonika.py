"""Teltonika: golden packets, real packets, and what its trackers hear. Packets for these tests are built by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gps_gateway.codec import Frame, Heartbeat, Login, Rejected, Report, Status
from gps_gateway.protocols.teltonika import Teltonika
from gps_gateway.protocols.teltonika.framing import MAX_DATA, begins, checksum
from tests.gps_gateway.real_packets import (
    check_attributes,
    needs_packets,
    packets,
    read,
    share_with_a_position,
)

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


@pytest.mark.parametrize("frame", GOLDEN, ids=lambda frame: frame["source"])
def test_golden_packets(frame: dict[str, Any]) -> None:
    codec = Teltonika()
    events = codec.receive(bytes.fromhex(frame["hex"]))
    assert codec.counts["checksum"] == 0
    assert len(events) == frame.get("values", 1)
    event = events[-1]
    assert type(event).__name__ == frame["event"]
    assert not isinstance(event, Rejected)
    assert event.device == frame.get("device", "")
    found: dict[str, Any] = {}
    match event:
        case Status():
            found = event.attributes
            if "time" in frame:
                assert event.time is not None
                assert datetime.fromtimestamp(event.time, UTC).isoformat(timespec="seconds") == frame["time"]
        case Report(fixes=(fix,)):
            found = fix.attributes
            (expected,) = frame["fixes"]
            assert fix.time is not None
            assert datetime.fromtimestamp(fix.time, UTC).isoformat(timespec="seconds") == expected["fix_time"]
            for name in expected.keys() - {"fix_time"}:
                assert getattr(fix, name) == pytest.approx(expected[name], abs=1e-4), name
    assert found.items() >= frame.get("attributes", {}).items()
    for answer, name in ((codec.accept, "reply"), (lambda e: codec.refuse(e, "unknown device"), "refusal")):
        for one in events:
            assert isinstance(one, Frame)
            answer(one)
        assert b"".join(codec.to_send()).hex() == frame[name].lower()


@needs_packets
def test_real_packets() -> None:
    found = [read(Teltonika(), one, data) for one, data in packets("Teltonika")]
    assert len(found) > 30
    assert share_with_a_position(found) >= 0.97
    assert check_attributes(found, NAMES) >= 4
    assert {reason for one in found for reason in one.reasons} == set()


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


def test_a_wrong_checksum_is_counted_or_rejected() -> None:
    broken = bytearray(packet(record()))
    broken[-1] ^= 1
    for checks, kind in (("accept", Report), ("strict", Rejected)):
        codec = Teltonika(checks)  # type: ignore[arg-type]
        (event,) = codec.receive(bytes(broken))
        assert isinstance(event, kind)
        assert codec.counts["checksum"] == 1


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


def test_buffers_stay_bounded() -> None:
    for head in (b"", bytes(6) + b"\x1f\xff\x08\xff", bytes(8) + b"\x8e\xff", b"\1\2\3\4\1\1\0\x0f1"):
        codec = Teltonika()
        for piece in (head, *[bytes(500) + b"\x07" * 500] * 100):
            for event in codec.receive(piece):
                if isinstance(event, Rejected):
                    assert len(event.raw) <= 256
            assert len(codec._deframer._rest) <= MAX_DATA + 1012


@given(
    st.lists(st.sampled_from([LOGIN, packet(record()), b"\xff", b"noise", bytes(8) + b"\x08"]), max_size=6),
    st.data(),
)
@settings(max_examples=150, deadline=None)
def test_any_split_gives_the_same_events(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    at = data.draw(st.integers(0, len(stream)))
    whole, pieces = Teltonika(), Teltonika()
    expected = [*whole.receive(stream), *whole.end()]
    assert [*pieces.receive(stream[:at]), *pieces.receive(stream[at:]), *pieces.end()] == expected


@given(st.binary(max_size=200))
def test_the_checksum_is_that_of_the_document(content: bytes) -> None:
    assert checksum(content) == crc_16(content)


@pytest.mark.parametrize("size", range(8))
def test_a_datagram_that_announces_less_than_its_head_is_rejected(size: int) -> None:
    """Found by mutation: it raised."""
    raw = size.to_bytes(2) + bytes.fromhex("cafe0105000f") + b"352093086403655"
    events = [*(codec := Teltonika()).receive(raw), *codec.end()]
    assert isinstance(events[0], Rejected)
