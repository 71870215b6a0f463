"""Degrees and times that text protocols write."""

from __future__ import annotations

import pytest

from gps_gateway.protocols.units import degrees, instant, place


@pytest.mark.parametrize(
    ("raw", "hemisphere", "expected"),
    [
        ("3959.9999", "N", 39.999998),
        ("11623.8800", "W", -116.398),
        ("9000.0000", "S", -90.0),
        ("38.6508", "W", -0.64418),
        ("9000.0001", "N", None),
        ("18000.1", "E", None),
        ("3960.0000", "N", None),
        ("-3900.0000", "N", None),
        ("nan", "N", None),
        ("inf", "E", None),
        ("", "N", None),
        ("3900.0", "0", None),
    ],
)
def test_degrees(raw: str, hemisphere: str, expected: float | None) -> None:
    found = degrees(raw, hemisphere)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-6))


@pytest.mark.parametrize(
    ("date", "time", "expected"),
    [
        ("290224", "235960", 1709251200.0),  # a leap day, a leap second
        ("290223", "000000", None),
        ("000000", "000000", None),
        ("010170", "000000.500", 3155760000.5),  # two digits of a year are of this century
        ("010124", "240000", None),
        ("010124", "0000nan", None),
    ],
)
def test_instants(date: str, time: str, expected: float | None) -> None:
    assert instant(date, time, "dmy") == expected


def test_a_latitude_is_north_or_south() -> None:
    assert place("3954.0000", "N", "11624.0000", "E") == pytest.approx((39.9, 116.4))
    assert place("3954.0000", "S", "11624.0000", "W") == pytest.approx((-39.9, -116.4))
    assert place("11624.0000", "E", "3954.0000", "N") is None
    assert place("3954.0000", "N", "11624.0000", "") is None
    assert place("3960.0000", "N", "11624.0000", "E") is None
