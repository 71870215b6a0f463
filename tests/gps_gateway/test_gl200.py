"""Queclink @Track: golden messages, real packets, and the rules that hold for every model."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gps_gateway.codec import Event, Heartbeat, Login, Rejected, Report, Status
from gps_gateway.protocols.gl200 import Gl200, begins
from gps_gateway.protocols.gl200.codec import LONGEST
from tests.gps_gateway.golden import golden, packet

GOLDEN = golden("gl200")


POSITION = "1,4.3,92,70.0,121.354335,31.222073,20090214013254,0460,0000,18d8,6141,00"


def message(kind: str, before: str, behind: str = "", version: str = "060100", place: str = POSITION) -> str:
    """Written by hand from the documents."""
    return f"+RESP:GT{kind},{version},135790246811220,,{before},{place}{behind},20090214093254,11F0$"


def one(text: str) -> Any:
    _, event = Gl200().receive(text.encode())
    assert isinstance(event, Report)
    return event.fixes[-1]


@pytest.mark.parametrize(
    ("kind", "before", "attributes"),
    [
        ("SOS", ",00,1", {"alarm": "sos"}),
        ("TOW", ",00,1", {"alarm": "tow"}),
        ("MPF", "", {"alarm": "power_cut"}),
        ("HBM", ",10,1", {"alarm": "braking"}),
        ("GEO", ",21,1", {"alarm": "geofence_enter", "geofence": "2"}),
        ("GEO", ",20,1", {"alarm": "geofence_exit"}),
        ("IGN", "3519", {"ignition": True}),
        ("IGF", "3519", {"ignition": False}),
        ("IGL", ",01,1", {"ignition": False}),
        ("DIS", ",21,1", {"input_2": True}),
        ("STC", "", {"charging": False}),
        ("STT", "22", {"status": "22", "ignition": True, "moving": True}),
        ("FRI", "12345,10,1", {"power_v": 12.345}),
        ("XYZ", "1,2,3", {"message": "XYZ"}),
    ],
)
def test_what_a_message_means(kind: str, before: str, attributes: dict[str, Any]) -> None:
    fix = one(message(kind, before, ",2000.0"))
    assert fix.attributes.items() >= attributes.items()
    assert (fix.lat, fix.lon, fix.valid, fix.attributes["odometer_m"]) == (
        31.222073,
        121.354335,
        True,
        2000000.0,
    )


@pytest.mark.parametrize(
    ("version", "behind", "battery"),
    [
        ("1A0800", ",,69", 69),
        ("020102", ",", None),
        ("DE0114", "", None),
        ("060100", ",2000.0,12345:12:34,,,80,210100,,,", 80),
        ("8020040305", ",0.0,,,,,77,210100,,,", 77),
    ],
)
def test_where_the_battery_stands_depends_on_the_model(
    version: str, behind: str, battery: int | None
) -> None:
    assert one(message("FRI", ",0,1", behind, version)).attributes.get("battery_pct") == battery


def test_accuracy_zero_is_the_last_known_position() -> None:
    assert one(message("RTL", ",0,1", place="0" + POSITION[1:])).valid is False


def test_without_coordinates_it_is_a_status_with_its_send_time() -> None:
    _, event = Gl200().receive(message("IGN", "0", place="0,,,,,,,0730,0002,A08F,872B36,00").encode())
    assert isinstance(event, Status)
    assert (event.time, event.attributes["ignition"]) == (1234603974.0, True)


@pytest.mark.parametrize("place", ["121.354335,91.222073", "181.354335,31.222073"])
def test_impossible_coordinates_are_rejected(place: str) -> None:
    _, event = Gl200().receive(
        message("FRI", ",0,1", place=POSITION.replace("121.354335,31.222073", place)).encode()
    )
    assert isinstance(event, Rejected)
    assert event.reason == "position"


def test_an_impossible_date_is_no_time() -> None:
    assert one(message("FRI", ",0,1", place=POSITION.replace("20090214", "20090230"))).time is None
    assert one(message("FRI", ",0,1", place=POSITION.replace("20090214", "20240229"))).time is not None


def test_the_position_append_mask_brings_satellites() -> None:
    fix = one(message("FRI", ",10,1", ",11,2000.0", place=POSITION[:-2] + "01"))
    assert (fix.attributes["satellites"], fix.attributes["odometer_m"]) == (11, 2000000.0)


def test_an_unknown_device_hears_nothing() -> None:
    codec = Gl200()
    login, report = codec.receive(message("FRI", ",0,1").encode())
    assert isinstance(login, Login)
    assert isinstance(report, Report)
    codec.refuse(login, "unknown device")
    codec.refuse(report, "not authenticated")
    assert codec.to_send() == []


def test_a_heartbeat_is_answered_by_its_count_and_version() -> None:
    codec = Gl200()
    _, beat = codec.receive(b"+ACK:GTHBD,060100,135790246811220,,20100214093254,0A0F$")
    assert isinstance(beat, Heartbeat)
    codec.accept(beat)
    assert codec.to_send() == [b"+SACK:GTHBD,060100,0A0F$"]


def test_a_lost_end_costs_no_message() -> None:
    text = message("FRI", ",0,1")
    events = Gl200().receive((text[:-1] + text).encode())
    assert [type(event) for event in events] == [Login, Report, Report]


def test_an_answer_to_a_command_is_a_result() -> None:
    _, status = Gl200().receive(b"+ACK:GTGEO,1A0102,135790246811220,,0,0008,20100310172830,11F0$")
    assert isinstance(status, Status)
    assert status.attributes == {"result": "GEO,0,0008"}


pieces = st.one_of(
    st.sampled_from([packet(row) for row in GOLDEN]),
    st.binary(max_size=30),
    st.sampled_from([b"$", b"+RESP:GT", b"\0", b"\r\n", b"+ACK:GTHBD,"]),
)


@given(st.lists(pieces, max_size=6).map(b"".join), st.data())
@settings(max_examples=100, deadline=None)
def test_any_split_gives_the_same_events(stream: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=10)) if stream else []
    whole, split = Gl200(), Gl200()
    found: list[Event] = []
    for start, end in pairwise([0, *sorted(cuts), len(stream)]):
        found += split.receive(stream[start:end])
    assert found + split.end() == whole.receive(stream) + whole.end()


@given(st.sampled_from(GOLDEN), st.integers(0, 600), st.sampled_from([*b",.$-0F9", 0, 255]))
@settings(max_examples=300, deadline=None)
def test_a_mutated_message_raises_nothing(row: dict[str, Any], at: int, byte: int) -> None:
    raw = bytearray(packet(row))
    raw[at % len(raw)] = byte
    codec = Gl200()
    for event in [*codec.receive(bytes(raw)), *codec.end()]:
        if not isinstance(event, Rejected):
            codec.accept(event)


def test_buffers_stay_bounded() -> None:
    codec = Gl200()
    for _ in range(200):
        assert codec.receive(b"+RESP:GTFRI," * 100) == []
    assert len(codec._lines._rest) <= LONGEST + 1


def test_its_first_bytes() -> None:
    assert begins(b"+RESP:GTFRI")
    assert begins(b"+ACK:GT")
    assert not begins(b"+SACK")
    assert not begins(b"$GPRMC")
