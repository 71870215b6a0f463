"""Positions of TK103: fields of fixed width in a row, or the same with commas between them."""

from __future__ import annotations

import re

from gps_gateway.codec import Attributes, Fix
from gps_gateway.protocols.text import course, known, number, speed
from gps_gateway.protocols.units import KMH, instant, place

ROW = re.compile(
    r"(?P<date>\d{6})(?P<fix>[AV])"
    r" *(?P<lat>\d+\.\d+)(?P<north>[NS]) *(?P<lon>\d+\.\d+)(?P<east>[EW])"
    r"(?P<speed> *\d{1,3}\.\d|\d{4})(?P<time>\d{6})(?P<course>[\d. ]{0,6})"
    r"(?P<states>[^L]*)(?:L(?P<mileage>[0-9A-F]*))?(?P<more>.*)",
    re.DOTALL,
)
"""YYMMDD, A or V, latitude, longitude, km/h (its point may be left out), hhmmss, course, states, L and mileage."""

PLACE = re.compile(r" *(\d+\.\d+)([NSEW])")
WARM = re.compile(r"[+-]\d{3}\.\d")


def read_row(body: str) -> Fix | None:
    """The position in a row, wherever in the body it begins; None: there is none, or no such place."""
    row = ROW.search(body)
    if row is None:
        return None
    found = place(row["lat"], row["north"], row["lon"], row["east"])
    if found is None:
        return None
    kmh = row["speed"] if "." in row["speed"] else f"{row['speed'][:3]}.{row['speed'][3:]}"
    mileage = row["mileage"]
    warm = WARM.match(row["more"])
    attributes = states(row["states"]) | known(
        odometer_m=int(mileage, 16) if mileage and len(mileage) <= 8 else None,
        temperature_c=number(warm[0]) if warm else None,
    )
    return Fix(
        instant(row["date"], row["time"], "ymd"),
        *found,
        row["fix"] == "A",
        speed(kmh, KMH),
        course(row["course"]) if "." in row["course"] else None,
        None,
        attributes,
    )


def read_fields(fields: list[str]) -> Fix | None:
    """`DDMMYY,A,latitude,longitude,km/h,hhmmss,course[,altitude,satellites | ,states,mileage]`."""
    if len(fields) < 6 or fields[1] not in {"A", "V"}:
        return None
    north, east = PLACE.fullmatch(fields[2]), PLACE.fullmatch(fields[3])
    found = place(north[1], north[2], east[1], east[2]) if north and east else None
    if found is None:
        return None
    angle, more, last = [*fields[6:], "", "", ""][:3]
    row = last.startswith("L")
    return Fix(
        instant(fields[0], fields[5], "dmy"),
        *found,
        fields[1] == "A",
        speed(fields[4], KMH),
        course(angle),
        None if row else number(more),
        states(more) if row else known(satellites=int(last) if last.isdecimal() and len(last) < 4 else None),
    )


def states(digits: str) -> Attributes:
    """Eight digits of states, of which the first is 1 without external power, and the second 1 with ACC on."""
    if not re.match(r"[01]{2}[0-9A-F]{6}", digits):
        return {}
    return {"charging": digits[0] == "0", "ignition": digits[1] == "1"}
