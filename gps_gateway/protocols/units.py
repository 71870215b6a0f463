"""What many protocols write in the same way: degrees with minutes, knots, dates of six digits. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

KNOT = 0.514444
"""Metres a second."""
KMH = 1 / 3.6
"""Metres a second."""
MPH = 0.44704
"""Metres a second."""

Order = Literal["dmy", "ymd"]


def degrees(raw: str, hemisphere: str) -> float | None:
    """`DDMM.MMMM` or `DDDMM.MMMM` with N, S, E or W → degrees, south and west negative.

    None where it is no coordinate, or none that exists.
    """
    if hemisphere not in {"N", "S", "E", "W"}:
        return None
    try:
        whole = float(raw)
    except ValueError:
        return None
    value = whole // 100 + whole % 100 / 60
    if not (whole >= 0 and whole % 100 < 60 and value <= (90 if hemisphere in "NS" else 180)):
        return None  # "nan" and "inf" are numbers to Python, and no comparison holds of them
    return -value if hemisphere in "SW" else value


def place(lat: str, north: str, lon: str, east: str) -> tuple[float, float] | None:
    """Latitude with N or S, longitude with E or W → both in degrees; None where either is none."""
    if north not in {"N", "S"} or east not in {"E", "W"}:
        return None
    y, x = degrees(lat, north), degrees(lon, east)
    return None if y is None or x is None else (y, x)


def instant(date: str, time: str, order: Order) -> float | None:
    """Six digits of a date (year in two digits: 2000 to 2099) and `hhmmss[.sss]`, UTC → seconds since 1970.

    None where there is no such day or time. A second of 60 is the first of the next minute.
    """
    if len(date) != 6 or len(time) < 6 or not (date.isdecimal() and date.isascii()):
        return None
    first, month, last = (int(date[i : i + 2]) for i in (0, 2, 4))
    day, year = (first, last) if order == "dmy" else (last, first)
    try:
        second = float(time[4:])
        minute = datetime(2000 + year, month, day, int(time[:2]), int(time[2:4]), tzinfo=UTC)
    except ValueError:
        return None
    return round(minute.timestamp() + second, 3) if 0 <= second < 61 else None


def bearing(value: float) -> float | None:
    """Degrees from north, 0 to 360; None where there is no such direction."""
    return float(value) if 0 <= value <= 360 else None
