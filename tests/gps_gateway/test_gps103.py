"""GPS103: answers, keywords, local dates beside UTC times, and real packets."""

from __future__ import annotations

from typing import Any

import pytest

from gps_gateway.codec import Frame, Login, Rejected, Report
from gps_gateway.protocols.gps103 import Gps103
from gps_gateway.protocols.gps103.position import read_cell

PLACE = b"0809231929,,F,055403.000,A,2233.1870,N,11354.3067,E,0.00,,;"


@pytest.mark.parametrize(
    ("keyword", "says"),
    [
        ("help me", ("alarm", "sos")),
        ("low battery", ("alarm", "low_battery")),
        ("stockade", ("alarm", "geofence")),
        ("speed", ("alarm", "overspeed")),
        ("ac alarm", ("alarm", "power_cut")),
        ("door alarm", ("alarm", "door")),
        ("acc on", ("ignition", True)),
        ("acc off", ("ignition", False)),
        ("T:+28.0", ("temperature_c", 28.0)),
        ("oil 51.67", ("fuel_pct", 51.67)),
        ("kt", ("blocked", False)),
    ],
)
def test_keywords(keyword: str, says: tuple[str, Any]) -> None:
    *_, event = Gps103().receive(f"imei:353451044508750,{keyword},".encode() + PLACE)
    assert isinstance(event, Report)
    assert event.fixes[0].attributes[says[0]] == says[1]


def test_a_login_is_one_and_its_device_is_not_introduced_again() -> None:
    codec = Gps103()
    login, report = codec.receive(b"##,imei:353451044508750,A;imei:353451044508750,tracker," + PLACE)
    assert isinstance(login, Login)
    assert isinstance(report, Report)


def test_an_unknown_device_hears_nothing() -> None:
    codec = Gps103()
    (login,) = codec.receive(b"##,imei:353451044508750,A;")
    assert isinstance(login, Frame)
    codec.refuse(login, "unknown device")
    assert codec.to_send() == []


def test_a_picture_that_is_too_long_ends_nothing() -> None:
    picture = b"imei:353451044508750,vr," + b"0c00" * 2000 + b";"
    *_, rejected, login, report = Gps103().receive(picture + b"imei:353451044508750,tracker," + PLACE)
    assert isinstance(rejected, Rejected)
    assert (rejected.reason, rejected.device) == ("too long", "353451044508750")
    assert (type(login), type(report)) == (Login, Report)


def test_a_cell_that_no_network_has_is_none() -> None:
    """Found by mutation: a number that does not fit the streams."""
    assert read_cell(["L", "", "", "1a2b", "", "0c3d"]) == {"lac": 0x1A2B, "cell_id": 0x0C3D}
    assert read_cell(["L", "", "", "1a2b", "", "f" * 17]) == {}
