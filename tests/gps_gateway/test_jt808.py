"""JT/T 808: golden frames of real terminals, and the laws that every codec keeps."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gps_gateway.codec import (
    Ask,
    Button,
    Event,
    Frame,
    Heartbeat,
    Login,
    Receipt,
    Rejected,
    Report,
    Unsupported,
)
from gps_gateway.protocols.jt808 import Jt808
from gps_gateway.protocols.jt808.framing import MAX_FRAME, checksum, packages
from gps_gateway.protocols.jt808.orders import gbk
from gps_gateway.protocols.jt808.position import read_position, read_time
from gps_gateway.protocols.jt808.terminal import READERS
from tests.gps_gateway.raw_terminal import DEVICE, between_flags, exclusive_or, line, position
from tests.gps_gateway.real_packets import (
    check_attributes,
    check_positions,
    needs_packets,
    packets,
    read,
    share_with_a_position,
)

GOLDEN = [
    json.loads(row)
    for row in (Path(__file__).parent.parent / "golden/jt808/frames.jsonl").read_text().splitlines()
]


def escaped(golden: str) -> bytes:
    """The packets are kept unescaped, between two flags."""
    return between_flags(bytes.fromhex(golden)[1:-1])


@pytest.mark.parametrize("frame", GOLDEN, ids=lambda frame: frame["source"])
def test_golden_frames(frame: dict[str, Any]) -> None:
    (event,) = Jt808("strict" if "rejected" in frame else "accept").receive(escaped(frame["hex"]))
    if "rejected" in frame:
        assert isinstance(event, Rejected)
        assert event.reason == frame["rejected"]
        return
    assert isinstance(event, Report)
    assert event.device == frame["device"]
    for fix, expected in zip(event.fixes, frame["fixes"], strict=True):
        assert fix.time is not None
        assert datetime.fromtimestamp(fix.time, UTC).isoformat() == expected["fix_time"]
        assert fix.attributes.items() >= expected.get("attributes", {}).items()
        for name in expected.keys() - {"fix_time", "attributes"}:
            assert getattr(fix, name) == pytest.approx(expected[name], abs=1e-4), name


NAMES: dict[str, str | tuple[str, float]] = {
    "cardCode": "driver_id",
    "videoAlarm": "video_alarm",
    "tire1Pressure": "tyre_1_bar",
    "KEY_FUEL_USED": "fuel_used_l",
    "unlockResult": "unlock_result",
    "lock2Battery": "lock_2_battery_v",
    "fuel1": "fuel_1",
    "alarmLabel": "alarm_label",
    "tag1Mac": "tag_1_mac",
    "KEY_DEVICE_TEMP": "temperature_c",
}
"""The other decoder's names → ours."""


@needs_packets
def test_real_packets() -> None:
    found = [
        read(Jt808(), packet, between_flags(data[1:-1]))
        for packet, data in packets("Jt808")
        if "hex" in packet
    ]
    assert share_with_a_position(found) == 1
    assert [one.reasons for one in found if one.reasons] == []
    check_positions(found)
    for one in found:
        one.attributes |= (
            one.fixes[0].attributes if one.fixes else {}
        )  # of a batch, the first is what is stated
    assert check_attributes(found, NAMES) >= 45


# -- laws

message_ids = st.sampled_from(
    [*READERS, 0x0FFF],
)
kinds = st.sampled_from([b"\xf0", b"\xf1\x01", b"\x40", b"\x41$OBD-RT,", b"\x53", b"\x54"])
items = st.lists(
    st.tuples(st.integers(0, 255), st.binary(max_size=40)).map(lambda i: bytes((i[0], len(i[1]))) + i[1]),
    max_size=5,
).map(lambda found: position() + b"".join(found))
bodies = st.one_of(
    st.binary(max_size=80),
    items,
    st.tuples(kinds, st.binary(max_size=80)).map(b"".join),
    st.just(position()),
    st.just(position() + b"\x01\x04\0\0\0\x7e"),
)
frames = st.builds(line, message_ids, st.integers(0, 0xFFFF), bodies)
garbage = st.one_of(st.binary(max_size=40), st.just(b"\x7e\x7e"), st.just(bytes(MAX_FRAME + 50) + b"\x7e"))
streams = st.lists(st.one_of(frames, garbage), max_size=8).map(b"".join)


@given(streams, st.data())
@settings(max_examples=150, deadline=None)
def test_any_split_of_a_stream_gives_the_same_events(stream: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=10)) if stream else []
    whole, pieces = Jt808(), Jt808()
    found: list[Event] = []
    for start, end in pairwise([0, *sorted(cuts), len(stream)]):
        found += pieces.receive(stream[start:end])
    assert found == whole.receive(stream)


@given(st.one_of(st.binary(max_size=300), streams, st.binary(max_size=60).map(between_flags)))
@settings(max_examples=300, deadline=None)
def test_no_bytes_raise_and_every_event_can_be_answered(stream: bytes) -> None:
    codec = Jt808()
    for event in codec.receive(stream):
        if isinstance(event, Frame):
            codec.accept(event, "code")
            codec.refuse(event, "not authenticated")
    assert all(raw[0] == raw[-1] == 0x7E and 0x7E not in raw[1:-1] for raw in codec.to_send())


@given(st.sampled_from(GOLDEN), st.integers(0, 400), st.integers(0, 255))
@settings(max_examples=200, deadline=None)
def test_a_mutated_real_frame_raises_nothing(frame: dict[str, Any], at: int, byte: int) -> None:
    raw = bytearray(escaped(frame["hex"]))
    raw[at % len(raw)] = byte
    assert all(isinstance(event, Frame | Rejected) for event in Jt808().receive(bytes(raw) + b"\x7e"))


def test_buffers_stay_bounded() -> None:
    codec = Jt808()
    for _ in range(1000):
        assert codec.receive(bytes(1000)) == []
    assert len(codec._deframer._rest) <= MAX_FRAME + 1
    (event,) = codec.receive(b"\x7e")
    assert isinstance(event, Rejected)
    assert len(event.raw) <= 256


@given(st.binary(max_size=200))
def test_the_checksum_is_the_exclusive_or(content: bytes) -> None:
    assert checksum(content) == exclusive_or(content)


# -- additional items, by the tables of the standards

ITEMS = [
    ("01040000000a", {"odometer_m": 1000}),
    ("0202000f", {"fuel_l": 1.5}),
    ("03020168", {"recorder_speed_mps": 10.0}),
    ("04020007", {"alarm_event": 7}),
    ("06028005", {"temperature_c": -5}),
    ("110100", {"overspeed_area_kind": 0}),
    ("11050100000009", {"overspeed_area_kind": 1, "overspeed_area": 9}),
    ("120601000000090 1".replace(" ", ""), {"area_kind": 1, "area": 9, "area_direction": 1}),
    ("1307000000050078 01".replace(" ", ""), {"route_segment": 5, "route_time_s": 120, "route_result": 1}),
    ("140400000004", {"video_alarm": 4}),
    ("250400000001", {"vehicle_signals": 1}),
    ("2a020001", {"io_status": 1}),
    ("2b0400020001", {"adc_1": 1, "adc_2": 2}),
    ("30011f31010a", {"gsm_signal": 31, "satellites": 10}),
    ("5102ffe7", {"temperature_c": -2.5}),
    ("51048017ffff", {"temperature_1_c": -2.3}),
    (
        "f311 0003 02 02f2 0004 02 375f 0009 02 0072 ffff".replace(" ", ""),
        {"rpm": 754, "power_v": 14.175, "coolant_c": 74},
    ),
    ("f3ff 0003 fc".replace(" ", "") + "ff" * 252, {"rpm": None}),
    ("aa0201", {"broken_items": "aa0201"}),
    ("aa0101", {"item_aa": "01"}),
]


@pytest.mark.parametrize(("item", "expected"), ITEMS)
def test_additional_items(item: str, expected: dict[str, Any]) -> None:
    fix = read_position(position() + bytes.fromhex(item))
    assert fix is not None
    assert {name: fix.attributes.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("alarm", "v2019", "item", "words"),
    [
        (1, False, "", "sos"),
        (0b11, False, "", "sos,overspeed"),
        (1 << 8, False, "", "power_cut"),
        (1 << 20, False, "120601000000090 0".replace(" ", ""), "geofence_enter"),
        (1 << 20, False, "120601000000090 1".replace(" ", ""), "geofence_exit"),
        (1 << 16, True, "", "tyre_pressure"),
        (1 << 31, False, "", "door"),
    ],
)
def test_alarm_bits_are_words_too(alarm: int, v2019: bool, item: str, words: str) -> None:
    body = alarm.to_bytes(4, "big") + position()[4:] + bytes.fromhex(item)
    fix = read_position(body, v2019)
    assert fix is not None
    assert (fix.attributes["alarm_bits"], fix.attributes["alarm"]) == (alarm, words)


def test_what_the_status_says() -> None:
    fix = read_position(position(status=1 | 2 | 1 << 10 | 1 << 12 | 1 << 14))
    assert fix is not None
    assert fix.valid
    names = ("ignition", "blocked", "locked", "door")
    assert [fix.attributes[name] for name in names] == [True] * 4
    hidden = read_position(position(status=2 | 1 << 5))
    assert hidden is not None
    assert (hidden.valid, hidden.lat, hidden.lon) == (False, 0, 0), "encrypted coordinates are none"


# -- messages


def one(message: int, body: bytes) -> Event:
    (event,) = Jt808().receive(line(message, 7, body))
    return event


def test_what_terminals_say() -> None:
    head = {"device": DEVICE}
    receipt, press, login = one(0x0001, b"\x00\x09\x83\x02\x00"), one(0x0301, b"\x21"), one(0x0102, b"abc\0")
    assert isinstance(receipt, Receipt)
    assert (receipt.answers, receipt.ok) == ((0x8302, 9), True)
    assert isinstance(press, Button)
    assert (press.code, press.ref) == (0x21, (0x0301, 7))
    assert isinstance(login, Login)
    assert (login.device, login.code) == (head["device"], "abc")
    assert isinstance(one(0x0002, b""), Heartbeat)
    assert isinstance(one(0x0900, b"x"), Unsupported)
    assert isinstance(one(0x0200, bytes(27)), Rejected)


@pytest.mark.parametrize(("strictness", "kind"), [("accept", Heartbeat), ("strict", Rejected)])
def test_a_wrong_checksum_is_counted_or_rejected(strictness: Any, kind: type) -> None:
    codec = Jt808(checksum=strictness)
    raw = bytearray(line(0x0002, 7))
    raw[-2] ^= 0x55
    (event,) = codec.receive(bytes(raw))
    assert isinstance(event, kind)
    assert codec.counts["checksum"] == 1


def test_an_encrypted_body_is_rejected_by_name() -> None:
    content = b"\x02\x00\x04\x1c" + bytes.fromhex(DEVICE) + b"\x00\x07" + position()
    (event,) = Jt808().receive(between_flags(content + bytes([exclusive_or(content)])))
    assert isinstance(event, Rejected)
    assert event.reason == "encrypted"


@pytest.mark.parametrize(
    ("bcd", "instant"),
    [
        ("240229235959", "2024-02-29T15:59:59+00:00"),
        ("250101000000", "2024-12-31T16:00:00+00:00"),
        ("250229000000", None),
        ("000000000000", None),
        ("2501022403ff", None),
        ("250102240000", None),
    ],
)
def test_times_are_beijings(bcd: str, instant: str | None) -> None:
    time = read_time(bytes.fromhex(bcd))
    assert (None if time is None else datetime.fromtimestamp(time, UTC).isoformat()) == instant


def test_a_fix_without_a_readable_time_is_kept_and_not_valid() -> None:
    report = one(0x0200, position(time="000000000000"))
    assert isinstance(report, Report)
    (fix,) = report.fixes
    assert (fix.time, fix.valid, fix.attributes["time_unreadable"]) == (None, False, "000000000000")


def test_a_broken_batch_keeps_what_can_be_read() -> None:
    item = len(position()).to_bytes(2, "big") + position()
    report = one(0x0704, b"\x00\x03\x00" + item + item + b"\x00\x1c\x01\x02")
    assert isinstance(report, Report)
    assert len(report.fixes) == 2
    assert report.fixes[-1].attributes["broken_batch"] == "001c0102"


def test_long_messages_go_in_parts_and_are_named_by_the_last_serial() -> None:
    body = bytes(range(256)) * 9
    last, frames = packages(0x8300, bytes.fromhex(DEVICE), 65535, body)
    assert last == 1
    whole = b""
    for index, raw in enumerate(frames, start=1):
        content = raw[1:-1].replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")
        assert exclusive_or(content) == 0
        attributes = int.from_bytes(content[2:4], "big")
        assert attributes & 0x2000
        assert content[12:16] == len(frames).to_bytes(2, "big") + index.to_bytes(2, "big")
        assert attributes & 0x3FF == len(content) - 17 <= 1023
        whole += content[16:-1]
    assert whole == body


def test_a_long_text_is_cut_between_characters_and_says_so() -> None:
    raw = gbk("a" + "停" * 200, 255)
    assert len(raw) <= 255
    assert raw.decode("gbk").endswith("停…")
    _, (frame,) = Jt808().order(DEVICE, Ask(1, 2, "W1", 1, "停" * 500))
    assert len(frame) < 400
