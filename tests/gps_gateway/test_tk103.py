"""TK103: answers, both forms, packets that lose their end, and real packets."""

from __future__ import annotations

import pytest

from gps_gateway.codec import Frame, Login, Rejected, Report
from gps_gateway.protocols.tk103 import Tk103

REPORT = b"(012345678901BR00130520A3439.9629S05826.3504W000.1175622323.8700000000L000450AC)"


def test_a_packet_that_lost_its_end_does_not_swallow_the_next() -> None:
    events = Tk103().receive(REPORT[:40] + REPORT)
    assert [type(event) for event in events] == [Rejected, Login, Report]


def test_noise_is_one_rejection_and_white_space_none() -> None:
    events = Tk103().receive(b"\r\n noise " + REPORT + b"\r\n" + REPORT)
    assert [type(event) for event in events] == [Rejected, Login, Report, Report]


def test_a_login_without_a_position_is_answered_and_who_is_unknown_hears_nothing() -> None:
    codec = Tk103()
    (login,) = codec.receive(b"(013612345678BP05000013612345678HSO)")
    assert isinstance(login, Login)
    codec.refuse(login, "unknown device")
    assert codec.to_send() == []
    codec.accept(login)
    assert codec.to_send() == [b"(013612345678AP05)"]


@pytest.mark.parametrize(
    ("code", "alarm"),
    [("0", "power_cut"), ("1", "accident"), ("2", "sos"), ("5", "overspeed"), ("6", "geofence_exit")],
)
def test_alarms_are_answered_with_their_number(code: str, alarm: str) -> None:
    codec = Tk103()
    _, report = codec.receive(REPORT.replace(b"BR00", b"BO01" + code.encode()))
    assert isinstance(report, Report)
    assert report.fixes[0].attributes["alarm"] == alarm
    codec.accept(report)
    assert codec.to_send() == [f"(012345678901AS01{code})".encode()]


def test_what_answers_need_is_in_the_event() -> None:
    codec = Tk103()
    first, second = (event for event in codec.receive(REPORT + REPORT) if isinstance(event, Report))
    assert isinstance(first, Frame)
    assert (first.ref, first.mark) == (second.ref, second.mark)
