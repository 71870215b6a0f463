"""Positions of GPS103: UTC time of day beside a local date, degrees with minutes, speed in knots."""

from __future__ import annotations

import re

from gps_gateway.codec import Attributes, Fix
from gps_gateway.protocols.text import course, known, number, speed, whole
from gps_gateway.protocols.units import KMH, KNOT, instant, place

SIGNALS = ("F", "L")
"""A GPS position, or none."""

HALF_A_DAY, DAY = 43_200, 86_400
"""Seconds."""

CLOCK = re.compile(r"\d{6}(?:\.\d*)?")
DECIMAL = re.compile(r"-?\d{1,3}\.\d+")


def read_fix(date: str, fields: list[str], said: Attributes) -> Fix | None:
    """`F,hhmmss.sss,A,latitude,N,longitude,E,speed,course,altitude,ACC,door,fuel 1,fuel 2,temperature`.

    One kind of tracker writes the letters before the degrees. A hemisphere that is left out is taken for the
    eastern one, and the fix is then none that counts.
    """
    lat, north, lon, east = [*fields[3:7], *[""] * 4][:4]
    if lat in {"N", "S"}:
        lat, north, lon, east = north, lat, east, lon
    found = place(lat, north, lon, east or "E")
    if found is None:
        return None
    knots, angle, altitude, *more = [*fields[7:], *[""] * 3]
    return Fix(
        _instant(date, fields[1]),
        *found,
        fields[2] == "A" and east != "",
        speed(knots, KNOT),
        course(angle),
        number(altitude),
        {**said, **_more(more)},
    )


def _more(fields: list[str]) -> Attributes:
    """ACC, door, fuel of both tanks in per cent, temperature."""
    acc, door, fuel, fuel_2, temperature = (fields + [""] * 5)[:5]
    codes = " ".join(field for field in fields if re.fullmatch(r"[PCBU]\d{4}", field))
    return known(
        ignition={"0": False, "1": True}.get(acc),
        door={"0": False, "1": True}.get(door),
        fuel_pct=_per_cent(fuel),
        fuel_2_pct=_per_cent(fuel_2),
        temperature_c=number(temperature),
        dtcs=codes,
    )


def _per_cent(text: str) -> float | None:
    value = number(text.removesuffix("%"))
    return value if value is not None and 0 <= value <= 100 else None


def _instant(date: str, time: str) -> float | None:
    """The UTC time of day, on the day that brings it within half a day of the local time.

    A tracker east of UTC+12 is a day ahead then: nothing in the packet says which. Without a time of day the
    local one counts; trackers are set to UTC unless they were told a zone.
    """
    local = local_time([date])
    if local is None or not CLOCK.fullmatch(time):
        return local
    digits = re.sub(r"\D", "", date)
    utc = instant(digits[:6], time, "ymd")
    if utc is None:
        return None
    days = -1 if utc - local > HALF_A_DAY else int(local - utc > HALF_A_DAY)
    return utc + days * DAY


def local_time(dates: list[str]) -> float | None:
    """`YYMMDDhhmm[ss]`, or `YY/MM/DD hh:mm`; None where it is not there, or all zeros."""
    digits = re.sub(r"\D", "", dates[0]) if dates else ""
    return instant(digits[:6], (digits[6:12] + "00")[:6], "ymd") if len(digits) in {10, 12} else None


def read_cell(fields: list[str]) -> Attributes:
    """`L,,,area,,cell`: hexadecimal."""
    area, cell = (fields + [""] * 6)[3:6:2]
    try:
        return {"lac": whole(area, 16), "cell_id": whole(cell, 16)}
    except ValueError:
        return {}


def read_decimal(fields: list[str]) -> Fix | None:
    """`name,-,-,-,hhmmss,DDMMYY,GSM,fix,latitude,longitude,km/h,course,altitude,HDOP,satellites,ACC,charging`."""
    if len(fields) < 17 or not (DECIMAL.fullmatch(fields[8]) and DECIMAL.fullmatch(fields[9])):
        return None
    lat, lon = float(fields[8]), float(fields[9])
    if not (abs(lat) <= 90 and abs(lon) <= 180):
        return None
    flags = {"0": False, "1": True}
    return Fix(
        instant(fields[5], fields[4], "dmy"),
        lat,
        lon,
        fields[7] == "1",
        speed(fields[10], KMH),
        course(fields[11]),
        number(fields[12]),
        known(
            gsm_signal=number(fields[6]),
            hdop=number(fields[13]),
            satellites=number(fields[14]),
            ignition=flags.get(fields[15]),
            charging=flags.get(fields[16]),
        ),
    )
