"""GT06: golden frames, real packets, and what its terminals hear. Frames for these tests are built bit by bit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gps_gateway.codec import Event, Heartbeat, Login, Rejected, Report, Status, Unsupported
from gps_gateway.protocols.fields import Fields
from gps_gateway.protocols.gt06 import Gt06
from gps_gateway.protocols.gt06.blocks import Reading
from gps_gateway.protocols.gt06.modules import modules
from tests.gps_gateway.real_packets import (
    needs_packets,
    packets,
    read,
)

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


@needs_packets
def test_an_altitude_is_no_checksum() -> None:
    (misread,) = (read(Gt06(), row, data) for row, data in packets("Gt06") if row["id"] in MISREAD)
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


def test_a_module_with_an_endless_number_is_kept_as_it_came() -> None:
    """Found by mutation: it raised."""
    reading = Reading()
    modules(Fields(bytes.fromhex("003b") + (200).to_bytes(2) + bytes(range(1, 201))), reading)
    assert reading.attributes == {"module_3b": bytes(range(1, 201)).hex()}
