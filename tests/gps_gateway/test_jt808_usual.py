"""JT/T 808's short way through an ordinary frame says what the long way says, whatever comes."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gps_gateway.codec import Event, Frame, Report
from gps_gateway.protocols.jt808 import Jt808
from gps_gateway.protocols.jt808.framing import MAX_BODY, escape, frame, response
from gps_gateway.protocols.jt808.terminal import READERS
from gps_gateway.protocols.jt905 import Jt905
from tests.gps_gateway.raw_terminal import exclusive_or
from tests.gps_gateway.test_codec_laws import frames, streams

PHONE = bytes.fromhex("013912345678")
POSITION = pack(">IIIIhHH6s", 0, 3, 30_000_000, 110_000_000, 5, 360, 90, bytes.fromhex("250102080000"))


class Careful(Jt808):
    """Never takes the short way."""

    def _usual(self, part: bytes) -> Event | None:
        return None


class Careful905(Jt905):
    """The same of JT/T 905."""

    def _usual(self, part: bytes) -> Event | None:
        return None


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """Frames of every message with every kind of attributes: right or wrong length and checksum, parts, 2019."""
    message = draw(st.one_of(st.sampled_from([*READERS, 0x0704, 0x0B01]), st.integers(0, 0xFFFF)))
    body = draw(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(POSITION.__add__)))
    if draw(st.integers(0, 9)) == 0:
        body += bytes(draw(st.integers(900, 1100)))
    flags = draw(st.sampled_from([0, 0, 0, 0x400, 0x1000, 0x2000, 0x4000, 0x8000]))
    length = len(body) + draw(st.sampled_from([0, 0, 0, 1, -1, 0x400]))
    content = pack(">HH6sH", message, (length | flags) & 0xFFFF, PHONE, draw(st.integers(0, 9))) + body
    wrong = draw(st.sampled_from([0, 0, 0, 1]))
    return escape(content + bytes([exclusive_or(content) ^ wrong]))


def said(codec: Jt808, data: bytes) -> tuple[list[Event], object, list[bytes]]:
    """Values, defects that were counted, and the answers to all of them."""
    events = codec.receive(data)
    for event in events:
        if isinstance(event, Frame):
            codec.accept(event, "code")
    return events, codec.counts, codec.to_send()


@pytest.mark.parametrize(("short", "long"), [(Jt808, Careful), (Jt905, Careful905)])
@pytest.mark.parametrize("strictness", ["accept", "strict"])
@settings(max_examples=150, deadline=None)
@given(data=st.lists(st.one_of(packets(), streams("jt808")), min_size=1, max_size=6))
def test_both_ways_through_a_frame_agree(
    short: type[Jt808], long: type[Jt808], strictness: str, data: list[bytes]
) -> None:
    one, other = short(strictness), long(strictness)  # type: ignore[arg-type]
    for packet in data:
        assert said(one, packet) == said(other, packet)


def test_a_length_that_only_looks_right_is_not_taken_for_one() -> None:
    """1024 bytes and more: the length's tenth bit is the first one of the encryption."""
    body = POSITION + bytes(MAX_BODY + 1 - len(POSITION))
    content = pack(">HH6sH", 0x0200, len(body), PHONE, 1) + body
    data = escape(content + bytes([exclusive_or(content)]))
    assert said(Jt808(), data) == said(Careful(), data)
    assert not isinstance(said(Jt808(), data)[0][0], Report)


def test_a_seal_has_a_header_of_its_own() -> None:
    """Its serial is one byte: with a length that is wrong by one it looks like an ordinary frame."""
    content = pack(">HH6sB", 0x5501, 39, PHONE, 1) + b"\1" * 40
    data = escape(content + bytes([exclusive_or(content)]))
    events, defects, _ = said(Jt808(), data)
    assert (events, defects) == said(Careful(), data)[:2]
    assert isinstance(events[0], Report)
    assert defects == {"length": 1}


def test_an_ordinary_position_takes_the_short_way() -> None:
    plain = frame(0x0200, PHONE, 7, POSITION + b"\x30\x01\x1f")
    assert isinstance(Jt808()._usual(plain[1:-1]), Report)
    usual = [part for part in frames("jt808") if Jt808()._usual(part[1:-1]) is not None]
    assert len(usual) > len(frames("jt808")) // 3, "else the comparison above proves little"


@given(st.sampled_from([6, 10]).flatmap(lambda n: st.binary(min_size=n, max_size=n)), st.data())
def test_a_response_is_the_general_frame_with_its_body(phone: bytes, data: st.DataObject) -> None:
    word = st.integers(0, 0xFFFF)
    serial, message, number = data.draw(word), data.draw(word), data.draw(word)
    result = data.draw(st.integers(0, 4))
    wanted = frame(0x8001, phone, serial, pack(">HHB", number, message, result))
    assert response(phone, serial, (message, number), result) == wanted
