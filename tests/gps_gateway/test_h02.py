"""H02: both forms, real packets, and where binary packets end although nothing says so."""

from __future__ import annotations

import pytest

from gps_gateway.codec import Login, Rejected, Report
from gps_gateway.protocols.h02 import H02, begins

TEXT = b"*HQ,4300256455,V1,111817,A,1935.5128,N,04656.3243,E,0.00,100,170913,FFE7FBFF#"
SHORT = bytes.fromhex("2410307310010503162209022212874500113466574C014028fffffbffff0000")
LONG = bytes.fromhex(
    "2441091144271222470112142233983006114026520E000000FFFFFBFFFF0014060000000001CC00262B0F170A"
)


@pytest.mark.parametrize("packet", [SHORT, LONG])
def test_a_binary_packet_ends_where_the_next_begins_and_from_then_on_at_its_length(packet: bytes) -> None:
    codec = H02()
    assert codec.receive(packet) == []
    login, first = codec.receive(packet[:1])
    assert isinstance(login, Login)
    assert isinstance(first, Report)
    (second,) = codec.receive(packet[1:])
    assert isinstance(second, Report)


def test_both_forms_on_one_connection() -> None:
    events = H02().receive(TEXT + b"\r\n" + LONG + TEXT)
    assert [type(event) for event in events] == [Login, Report, Login, Report, Login, Report]


def test_who_names_no_device_is_who_spoke_before() -> None:
    *_, event = H02().receive(TEXT + TEXT.replace(b"4300256455", b""))
    assert isinstance(event, Report)
    assert event.device == "4300256455"


def test_what_is_too_long_is_rejected_and_the_next_packet_is_read() -> None:
    events = H02().receive(b"*HQ,1,V1," + b"x" * 5000 + b"\n" + TEXT)
    assert [event.reason for event in events if isinstance(event, Rejected)] == ["too long", "no beginning"]
    assert isinstance(events[-1], Report)


@pytest.mark.parametrize(
    "first", [b"$GPRMC,000000,A", b"$$A28,353358017784062,AAA", b"\x7e\x02\x00", b"##,imei:"]
)
def test_other_protocols_begin_otherwise(first: bytes) -> None:
    assert not begins(first)
