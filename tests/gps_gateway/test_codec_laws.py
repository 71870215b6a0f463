"""What every codec of a stream keeps: any split gives the same events, no bytes raise, buffers stay bounded."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gps_gateway.codec import Attributes, Codec, Event, Fix, Frame, Rejected, Report, Status, Unsupported
from gps_gateway.protocols import PROTOCOLS, Stream, Web
from gps_gateway.protocols.jt808.framing import escape
from tests.gps_gateway.golden import golden, packet

STREAMS = {name: protocol for name, protocol in PROTOCOLS.items() if isinstance(protocol, Stream)}
WEBS = {name: protocol for name, protocol in PROTOCOLS.items() if isinstance(protocol, Web)}
every_stream = pytest.mark.parametrize("name", STREAMS)

BOUND = 70_000
"""Bytes that a codec may hold of what it was sent: the longest frame of the protocols, and what goes with it."""


def codec(name: str) -> Codec:
    return STREAMS[name].codec("accept")


def frames(name: str) -> list[bytes]:
    """Golden frames; those of JT/T 808 are kept unescaped, between two flags."""
    found = [packet(row) for row in golden(name)]
    return [escape(frame[1:-1]) for frame in found] if name == "jt808" else found


def streams(name: str) -> st.SearchStrategy[bytes]:
    """Frames, mutated frames, the starts and ends of frames, and noise, in any order."""
    real = st.sampled_from(frames(name))
    parts = st.one_of(
        real,
        st.builds(_mutated, real, st.integers(0, 2000), st.integers(0, 255)),
        st.builds(_mutated, real, st.integers(0, 2000), st.sampled_from(b"0159,.-+;#()*$NSEWAVFL")),
        st.builds(lambda frame, at: frame[: at % len(frame)], real, st.integers(0, 2000)),
        st.builds(lambda frame, at: frame[at % len(frame) :], real, st.integers(0, 2000)),
        st.binary(max_size=40),
        st.sampled_from([b"\r\n", b"\0" * 3000, b"9" * 3000]),
    )
    return st.lists(parts, min_size=1, max_size=9).map(b"".join)


def _mutated(frame: bytes, at: int, byte: int) -> bytes:
    at %= len(frame)
    return frame[:at] + bytes([byte]) + frame[at + 1 :]


OWN_PORT_ONLY = {"jt905"}
"""Its frames begin like JT/T 808's, so that it is known by its port."""


def laws(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """`data` draws from the frames of the codec that the test is about."""
    return lambda test: settings(max_examples=examples, deadline=None)(given(st.data())(test))


@every_stream
def test_there_are_golden_frames_and_the_shared_port_knows_them(name: str) -> None:
    assert frames(name)
    for frame, row in zip(frames(name), golden(name), strict=True):
        if name in OWN_PORT_ONLY:
            assert not STREAMS[name].begins(frame)
        elif "rejected" not in row:
            assert [other for other, stream in STREAMS.items() if stream.begins(frame)] == [name], row
    assert not any(STREAMS[name].begins(other) for other in (b"", b"GET / HTTP/1.1", b"\x16\x03\x01"))


@every_stream
@laws(60)
def test_any_split_of_a_stream_gives_the_same_events(name: str, data: st.DataObject) -> None:
    stream = data.draw(streams(name))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))
    whole, pieces = codec(name), codec(name)
    found: list[Event] = []
    for start, end in pairwise([0, *sorted(cuts), len(stream)]):
        found += pieces.receive(stream[start:end])
    assert found == whole.receive(stream)
    assert pieces.end() == whole.end()


@every_stream
def test_byte_by_byte_is_the_same_as_at_once(name: str) -> None:
    stream = b"\r\n".join(frames(name)) * 3
    whole, pieces = codec(name), codec(name)
    assert [event for byte in stream for event in pieces.receive(bytes([byte]))] == whole.receive(stream)
    assert pieces.end() == whole.end()


@every_stream
@laws(100)
def test_no_bytes_raise_and_every_value_can_be_answered(name: str, data: st.DataObject) -> None:
    one = codec(name)
    events = [*one.receive(data.draw(streams(name))), *one.end()]
    for event in events:
        if isinstance(event, Frame):
            one.refuse(event, "not authenticated")
            one.accept(event, "code")
        else:
            assert isinstance(event, Rejected)
            assert event.reason
            assert len(event.raw) <= 1024
    assert all(isinstance(answer, bytes) and answer for answer in one.to_send())
    assert one.to_send() == []


@every_stream
@laws(60)
def test_no_position_is_one_that_cannot_be(name: str, data: st.DataObject) -> None:
    one = codec(name)
    for event in [*one.receive(data.draw(streams(name))), *one.end()]:
        if isinstance(event, Status):
            assert all(_is_carried(number) for number in _numbers(event.attributes)), event
        for fix in event.fixes if isinstance(event, Report) else ():
            assert _can_be(fix), fix


def _numbers(attributes: Attributes) -> list[float]:
    return [value for value in attributes.values() if isinstance(value, int | float)]


def _is_carried(number: float) -> bool:
    """What the streams hold: whole numbers of 64 bits, finite fractions."""
    return abs(number) < (2**64 if isinstance(number, int) else float("inf"))


def _can_be(fix: Fix) -> bool:
    numbers: list[Any] = [fix.time, fix.speed_mps, fix.course_deg, fix.altitude_m, *_numbers(fix.attributes)]
    finite = all(_is_carried(x) for x in numbers if x is not None)
    return (
        finite
        and abs(fix.lat) <= 90
        and abs(fix.lon) <= 180
        and (fix.course_deg is None or 0 <= fix.course_deg <= 360)
        and (fix.speed_mps is None or fix.speed_mps >= 0)
    )


WORDS = [
    "id",
    "lat",
    "lon",
    "timestamp",
    "speed",
    "cell",
    "_type",
    "tid",
    "tst",
    "vel",
    "bs",
    "lac",
    "batt",
    "location",
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["location", "lwt", "transition", "1", "116.4", "2024-02-29T00:00:00Z"]),
    st.text(max_size=20),
)


@pytest.mark.parametrize("name", WEBS)
@given(st.dictionaries(st.sampled_from(WORDS), VALUES), st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_no_request_raises(name: str, fields: dict[str, Any], noise: bytes) -> None:
    requests = [
        ("", json.dumps(fields).encode()),
        ("", json.dumps({"location": {"coords": fields, **fields}, "device_id": "1"}).encode()),
        (urlencode(fields), b""),
        (noise.decode("latin-1"), noise),
    ]
    for query, body in requests:
        event = WEBS[name].parse(query, {}, body)
        assert isinstance(event, Report | Status | Unsupported | Rejected)
        for fix in event.fixes if isinstance(event, Report) else ():
            assert _can_be(fix), fix


@every_stream
def test_buffers_stay_bounded(name: str) -> None:
    for start in {b"", *(frame[:keep] for frame in frames(name) for keep in (1, 2, 12, len(frame) - 1))}:
        one = codec(name)
        one.receive(start)
        for _ in range(60):
            one.receive(b"\x01" * 4000)
        assert _held(one) < BOUND


def _held(one: object, depth: int = 4) -> int:
    """Bytes and text in an object and in what it holds."""
    if isinstance(one, bytes | bytearray | str):
        return len(one)
    if isinstance(one, dict):
        return sum(_held(part, depth - 1) for part in one.values()) if depth else 0
    if isinstance(one, list | tuple | set):
        return sum(_held(part, depth - 1) for part in one) if depth else 0
    return _held(vars(one), depth - 1) if depth and hasattr(one, "__dict__") else 0
