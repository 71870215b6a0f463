"""What trackers and modems say beside a receiver's sentences: who they are, inputs, positions of their own."""

from __future__ import annotations

import re
from collections.abc import Callable

from gps_gateway.codec import Attributes, Fix
from gps_gateway.protocols.nmea.sentence import Sentence, moment, number
from gps_gateway.protocols.units import KMH, KNOT, bearing

NAMES: dict[str, int] = {"PGID": 1, "GPFID": 1, "GPID": 1, "DEVID": 1, "PCPTI": 1, "PSIWMDID": 1}
"""Sentences that say who is speaking → the field with the identity."""

_EQUATION = re.compile(r"\$(?:IMEI|ID)[=:]\s*(\w{6,20})")
_PREFIX = re.compile(r"(?:[\w-]+/)?([0-9A-Za-z_-]{8,20})[,/]?", re.ASCII)
"""An identity written before the sentence: `id$GPRMC`, `id,$GPRMC` or `group/id/$GPRMC`. Shorter ones are noise."""
_BARE = re.compile(r"(?:IMEI[ :=]*)?([0-9]{15}|[0-9A-F]{12,16})", re.ASCII)
"""A line that is nothing but an identity."""


def named(said: Sentence, text: str) -> str | None:
    """Who a sentence says that it is from; None where it is no sentence for that."""
    if equation := _EQUATION.match(text):
        return equation[1]
    at = NAMES.get(said.fields[0])
    return None if at is None else said.at(at) or None


def behind(said: Sentence) -> str | None:
    """The IMEI in the second field behind the checksum, where a tracker puts it."""
    return said.tail[1] if len(said.tail) > 1 and re.fullmatch(r"\d{15}", said.tail[1], re.ASCII) else None


def before(prefix: str) -> str | None:
    """The identity that stands before a `$`."""
    found = _PREFIX.fullmatch(prefix.strip())
    return None if found is None else found[1]


def bare(line: str) -> str | None:
    """The identity that is the whole line."""
    found = _BARE.fullmatch(line)
    return None if found is None else found[1]


def iop(said: Sentence) -> Attributes:
    """$GPIOP: inputs and outputs bit by bit, four analog inputs, supply and battery in volts."""
    attributes: Attributes = {}
    for name, at in (("input", 1), ("output", 2)):
        if re.fullmatch(r"[01]{1,16}", said.at(at), re.ASCII):
            attributes[name] = int(said.at(at), 2)
    for name, at in (*((f"adc_{n}", n + 2) for n in range(1, 5)), ("power_v", 7), ("battery_v", 8)):
        if (value := said.number(at)) is not None:
            attributes[name] = value
    return attributes


def trccr(said: Sentence) -> Fix | None:
    """$TRCCR: yyyymmddhhmmss.sss, status, degrees, knots, course, altitude, battery in percent."""
    raw = said.at(1)
    attributes: Attributes = {}
    if (battery := said.number(8)) is not None:
        attributes["battery_pct"] = battery
    time = moment(raw[6:8] + raw[4:6] + raw[2:4], raw[8:]) if raw[:2] == "20" else None
    speed = said.number(5)
    return _decimal(
        time,
        said.at(3),
        said.at(4),
        said.at(2) == "A",
        None if speed is None else speed * KNOT,
        said.number(6),
        said.number(7),
        attributes,
    )


def wmcs(said: Sentence) -> Fix | None:
    """$ID: an IMEI, then names with their values: D date, T time, S satellites, La, Lo, H heading, V speed."""
    words = said.fields
    values = {word: at for at, word in enumerate(words[:-1])}

    def after(word: str, step: int = 1) -> str:
        return said.at(values[word] + step) if word in values else ""

    attributes: Attributes = {}
    if (satellites := after("S").split(":")[0]).isdecimal() and len(satellites) < 4:
        attributes["satellites"] = int(satellites)
    if "ALARM" in values:
        attributes["event"] = after("ALARM")
    speed = number(after("V"))
    return _decimal(
        moment(after("D"), after("T")),
        ("-" if after("La", 2) == "S" else "") + after("La"),
        ("-" if after("Lo", 2) == "W" else "") + after("Lo"),
        "A" in (after("GPSEX"), after("GPSET"), after("GPS")),
        None if speed is None else speed * KMH,
        number(after("H")),
        None,
        attributes,
    )


def qze(fields: list[str]) -> Fix | None:
    """QZE, IMEI, event, ddmmyyyy, hhmmss, degrees, speed in km/h, course, status, (ignition)."""
    if len(fields) < 10:
        return None
    _, _, event, date, clock, lat, lon, speed, course, status, *_ = fields
    kmh = number(speed)
    return _decimal(
        moment(date[:4] + date[6:8], clock) if date[4:6] == "20" else None,
        lat,
        lon,
        status == "A",
        None if kmh is None else kmh * KMH,
        number(course),
        None,
        {"event": event},
    )


def _decimal(
    time: float | None,
    lat: str,
    lon: str,
    valid: bool,
    speed_mps: float | None,
    course_deg: float | None,
    altitude_m: float | None,
    attributes: Attributes,
) -> Fix | None:
    north, east = number(lat), number(lon)
    if north is None or east is None or abs(north) > 90 or abs(east) > 180:
        return None
    course_deg = None if course_deg is None else bearing(course_deg)
    return Fix(time, north, east, valid, speed_mps, course_deg, altitude_m, attributes)


OWN: dict[str, Callable[[Sentence], Fix | None]] = {"TRCCR": trccr, "ID": wmcs}
"""Positions in sentences of a maker's own."""
