"""GT06: golden frames, real packets, and what its terminals hear. Frames for these tests are built bit by bit."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gps_gateway.codec import Event, Heartbeat, Login, Rejected, Report, Status, Unsupported
from gps_gateway.protocols.fields import Fields
from gps_gateway.protocols.gt06 import Gt06
from gps_gateway.protocols.gt06.blocks import Reading
from gps_gateway.protocols.gt06.framing import MAX_FRAME, checksum
from gps_gateway.protocols.gt06.modules import modules
from tests.gps_gateway.real_packets import (
    check_attributes,
    needs_packets,
    packets,
    read,
    share_with_a_position,
)

GOLDEN = [
    json.loads(row)
    for row in (Path(__file__).parent.parent / "golden/gt06/frames.jsonl").read_text().splitlines()
]

NAMES: dict[str, str | tuple[str, float]] = {
    "tag1Temp": "temperature_1_c",
    "eventFiles": "event_files",
    "networkTechnology": "network",
    "KEY_HOURS": ("engine_hours_s", 0.001),
    "KEY_DRIVING_TIME": "driving_time_s",
    "serial": "result",
}

MISREAD = {"38b776c73172"}
"""Its stated altitude, -31703 m, is its own check 0x8429 taken for a number; 687 m stand before its serial."""


def crc_itu(content: bytes) -> int:
    """Appendix A of the protocol, bit by bit."""
    register = 0xFFFF
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x8408 if register & 1 else 0)
    return register ^ 0xFFFF


def built(kind: int, content: bytes, serial: int = 7) -> bytes:
    body = bytes((len(content) + 5, kind)) + content + serial.to_bytes(2, "big")
    return b"\x78\x78" + body + crc_itu(body).to_bytes(2, "big") + b"\r\n"


def gps(time: str = "18021d173b3a", flags: int = 0x1400, lat: int = 41_601_003) -> bytes:
    return (
        bytes.fromhex(time)
        + b"\xc9"
        + lat.to_bytes(4, "big")
        + bytes.fromhex("0c465849 24")
        + flags.to_bytes(2)
    )


LOGIN = built(0x01, bytes.fromhex("0123456789012345"))


def one(data: bytes) -> Event:
    (event,) = Gt06().receive(data)
    return event


@pytest.mark.parametrize("frame", GOLDEN, ids=lambda frame: frame["source"])
def test_golden_frames(frame: dict[str, Any]) -> None:
    codec = Gt06(now=lambda: datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC))
    *before, event = codec.receive(bytes.fromhex(frame["hex"]))
    assert [login.device for login in before if isinstance(login, Login)] == (
        [frame["login"]] if "login" in frame else []
    )
    assert type(event).__name__ == frame["event"]
    assert codec.counts["checksum"] == ("checksum" in frame)
    found: dict[str, Any] = {}
    match event:
        case Login():
            assert event.device == frame["device"]
        case Status():
            found = event.attributes
            if "time" in frame:
                assert event.time is not None
                assert datetime.fromtimestamp(event.time, UTC).isoformat() == frame["time"]
        case Report(fixes=(fix,)):
            found = fix.attributes
            (expected,) = frame["fixes"]
            assert fix.time is not None
            assert datetime.fromtimestamp(fix.time, UTC).isoformat() == expected["fix_time"]
            for name in expected.keys() - {"fix_time"}:
                assert getattr(fix, name) == pytest.approx(expected[name], abs=1e-6), name
    assert found.items() >= frame.get("attributes", {}).items()
    if "reply" in frame:
        assert not isinstance(event, Rejected)
        codec.accept(event)
        assert b"".join(codec.to_send()).hex() == frame["reply"].lower()


@needs_packets
def test_real_packets() -> None:
    found = [read(Gt06(), packet, data) for packet, data in packets("Gt06")]
    assert len(found) > 100
    assert share_with_a_position(found) >= 0.97
    assert check_attributes([one for one in found if one.packet["id"] not in MISREAD], NAMES) > 40
    assert {reason for one in found for reason in one.reasons} == set()
    (misread,) = (one for one in found if one.packet["id"] in MISREAD)
    assert misread.attributes["altitude"] == 687


def test_a_terminal_is_who_has_logged_in() -> None:
    codec = Gt06()
    alone, login, report = codec.receive(built(0x10, gps()) + LOGIN + built(0x10, gps()))
    assert isinstance(alone, Report)
    assert isinstance(login, Login)
    assert isinstance(report, Report)
    assert (alone.device, login.device, login.code) == ("", "123456789012345", None)
    assert report.device == login.device


@pytest.mark.parametrize(
    ("zone", "fix_time"),
    [
        ("3201", "2024-02-29T15:59:58+00:00"),  # GMT+8
        ("1f48", "2024-03-01T04:59:58+00:00"),  # GMT-5
        ("2120", "2024-02-29T18:29:58+00:00"),  # GMT+5:30
        ("0000", "2024-02-29T23:59:58+00:00"),
    ],
)
def test_a_login_tells_what_clock_the_terminal_keeps(zone: str, fix_time: str) -> None:
    codec = Gt06()
    login = built(0x01, bytes.fromhex("01234567890123450044" + zone))
    _, report = codec.receive(login + built(0x10, gps("18021d173b3a")))
    assert isinstance(report, Report)
    assert report.fixes[0].time is not None
    assert datetime.fromtimestamp(report.fixes[0].time, UTC).isoformat() == fix_time


@pytest.mark.parametrize(
    "time", ["19021d000000", "180d01000000", "180000000000", "180101180000", "ff0101000000"]
)
def test_a_day_that_does_not_exist_is_no_time(time: str) -> None:
    report = one(built(0x10, gps(time)))
    assert isinstance(report, Report)
    (fix,) = report.fixes
    expected = datetime(2255, 1, 1, tzinfo=UTC).timestamp() if time[:2] == "ff" else None
    assert (fix.time, fix.valid) == (expected, expected is not None)


def test_what_is_no_position_is_none() -> None:
    nowhere = one(built(0x10, gps()[:7] + bytes(9) + b"\x04\x00"))
    outside = one(built(0x10, gps(lat=90 * 1_800_000 + 1)))
    guessed = one(built(0x10, gps(flags=0x0400)))
    assert isinstance(nowhere, Status)
    assert isinstance(outside, Status)
    assert isinstance(guessed, Report)
    assert (guessed.fixes[0].valid, guessed.fixes[0].lat) == (False, pytest.approx(23.111668))


@pytest.mark.parametrize(
    ("flags", "north", "east"), [(0x1400, 1, 1), (0x1000, -1, 1), (0x1C00, 1, -1), (0x1800, -1, -1)]
)
def test_hemispheres(flags: int, north: int, east: int) -> None:
    report = one(built(0x10, gps(flags=flags)))
    assert isinstance(report, Report)
    (fix,) = report.fixes
    assert (fix.lat, fix.lon) == (pytest.approx(north * 23.111668), pytest.approx(east * 114.409285))
    assert fix.speed_mps == pytest.approx(10)


def test_a_wrong_checksum_is_counted_or_rejected() -> None:
    frame = bytearray(built(0x13, bytes.fromhex("4406040002")))
    frame[4] ^= 1
    for checks, kind in (("accept", Status), ("strict", Rejected)):
        codec = Gt06(checks)  # type: ignore[arg-type]
        (event,) = codec.receive(bytes(frame))
        assert isinstance(event, kind)
        assert codec.counts["checksum"] == 1


def test_answers_bear_the_serial_of_what_they_answer() -> None:
    codec = Gt06(now=lambda: datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC))
    asked = [(0x13, bytes.fromhex("4406040002")), (0x8A, b""), (0x15, b"\x06\0\0\0\1OK\0\2"), (0x5F, b"?")]
    for kind, content in asked:
        (event,) = codec.receive(built(kind, content, 0x1234))
        assert not isinstance(event, Rejected)
        codec.accept(event)
    status, time = codec.to_send()
    assert status == built(0x13, b"", 0x1234)
    assert time == built(0x8A, bytes((24, 2, 29, 23, 59, 58)), 0x1234)


def test_whoever_is_refused_hears_nothing() -> None:
    codec = Gt06()
    (login,) = codec.receive(LOGIN)
    assert isinstance(login, Login)
    codec.refuse(login, "unknown device")
    assert codec.to_send() == []


def test_what_is_no_frame_is_rejected_and_the_next_one_is_read() -> None:
    beat = built(0x13, bytes.fromhex("4406040002"))
    short = b"\x78\x78\x0a\x13\x44\x06\r\n"  # announces more than it has
    events = Gt06().receive(b"noise" + beat + short + beat + beat)
    assert [getattr(event, "reason", "") for event in events] == ["no frame", "", "length", "", ""]
    assert isinstance(one(built(0x12, gps()[:9])), Status)  # a time, and no position
    assert getattr(one(built(0x12, b"\x18\x02")), "reason", "") == "body of 0x12"
    assert isinstance(one(built(0x5F, b"?")), Unsupported)
    assert isinstance(one(built(0x12, b"")), Heartbeat)
    codec = Gt06()
    assert [getattr(event, "reason", "") for event in codec.receive(beat[:9]) + codec.end()] == ["incomplete"]


def test_buffers_stay_bounded() -> None:
    for head in (b"", b"\x79\x79\xff\xff\x13", b"\x79\x79\x0f\xf0\x13", b"\x78\x78\xff\x69"):
        codec = Gt06()
        for piece in (head, *[bytes(1000)] * 300):
            for event in codec.receive(piece):
                assert isinstance(event, Rejected)
                assert len(event.raw) <= 256
            assert len(codec._deframer._rest) <= MAX_FRAME + 1000


@given(
    st.lists(st.sampled_from([LOGIN, built(0x12, gps()), b"\x78", b"\r\n", b"\x78\x78\x05"]), max_size=6),
    st.data(),
)
@settings(max_examples=100, deadline=None)
def test_any_split_gives_the_same_events(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    at = data.draw(st.integers(0, len(stream)))
    whole, pieces = Gt06(), Gt06()
    expected = [*whole.receive(stream), *whole.end()]
    assert [*pieces.receive(stream[:at]), *pieces.receive(stream[at:]), *pieces.end()] == expected


@given(st.binary(max_size=200))
def test_the_checksum_is_that_of_the_document(content: bytes) -> None:
    assert checksum(content) == crc_itu(content)


def test_a_module_with_an_endless_number_is_kept_as_it_came() -> None:
    """Found by mutation: it raised."""
    reading = Reading()
    modules(Fields(bytes.fromhex("003b") + (200).to_bytes(2) + bytes(range(1, 201))), reading)
    assert reading.attributes == {"module_3b": bytes(range(1, 201)).hex()}
