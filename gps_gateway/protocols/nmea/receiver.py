"""What GNSS receivers say: RMC, GGA, GLL, GNS, RMA and u-blox's PUBX,00 as fixes. Pure."""

from __future__ import annotations

from collections.abc import Callable

from gps_gateway.codec import Attributes, Fix
from gps_gateway.protocols.nmea.sentence import Sentence, moment
from gps_gateway.protocols.units import KMH, KNOT, bearing, degrees


def rmc(said: Sentence) -> Fix | None:
    """Recommended minimum: time, status, position, knots, course, date. None where it has no position."""
    attributes: Attributes = {}
    if len(said.tail) >= 5 and said.tail[1].isdecimal():
        attributes = _tail(said.tail)
    speed = said.number(7)
    return _fix(
        said,
        3,
        time=moment(said.at(9), said.at(1)),
        valid=said.at(2) == "A",
        speed_mps=None if speed is None else speed * KNOT,
        course_deg=said.number(8),
        attributes=attributes,
    )


def _tail(tail: list[str]) -> Attributes:
    """Some trackers add `,satellites,IMEI,ignition,fuel,battery` behind the checksum."""
    attributes: Attributes = {"ignition": tail[2] == "1"}
    for name, raw in (("satellites", tail[0]), ("fuel_pct", tail[3]), ("battery_pct", tail[4])):
        if raw.isdecimal() and len(raw) < 10:
            attributes[name] = int(raw)
    return attributes


def gga(said: Sentence, date: str = "") -> Fix | None:
    """Fix data: quality (0: no fix), satellites, dilution, altitude above the geoid. It has no date."""
    attributes = quality(said)
    return _fix(
        said,
        2,
        time=moment(date, said.at(1)),
        valid=said.at(6) not in {"", "0"},
        altitude_m=said.number(9),
        attributes=attributes,
    )


def quality(said: Sentence) -> Attributes:
    """What a GGA or GNS knows beyond the position: satellites and dilution stand at the same places."""
    attributes: Attributes = {}
    if (satellites := said.number(7)) is not None and abs(satellites) < 1000:
        attributes["satellites"] = int(satellites)
    if (hdop := said.number(8)) is not None:
        attributes["hdop"] = hdop
    return attributes


def gns(said: Sentence, date: str = "") -> Fix | None:
    """Fix data of several systems: one letter of mode a system, N: no fix."""
    return _fix(
        said,
        2,
        time=moment(date, said.at(1)),
        valid=bool(said.at(6).strip("N")),
        altitude_m=said.number(9),
        attributes=quality(said),
    )


def gll(said: Sentence, date: str = "") -> Fix | None:
    """Position, time of day, status."""
    return _fix(said, 1, time=moment(date, said.at(5)), valid=said.at(6) == "A")


def rma(said: Sentence, date: str = "") -> Fix | None:
    """Recommended minimum of Loran-C: status, position, (time differences), knots, course."""
    speed = said.number(8)
    return _fix(
        said,
        2,
        time=None,
        valid=said.at(1) == "A",
        speed_mps=None if speed is None else speed * KNOT,
        course_deg=said.number(9),
    )


def pubx(said: Sentence, date: str = "") -> Fix | None:
    """PUBX,00 (u-blox protocol specification): NF is no fix; speed in km/h; horizontal accuracy."""
    attributes: Attributes = {}
    for name, at in (("accuracy_m", 9), ("hdop", 15), ("satellites", 18)):
        if (value := said.number(at)) is not None:
            attributes[name] = int(value) if name == "satellites" and abs(value) < 1000 else value
    speed = said.number(11)
    return _fix(
        said,
        3,
        time=moment(date, said.at(2)),
        valid=said.at(8) not in {"", "NF"},
        altitude_m=said.number(7),
        speed_mps=None if speed is None else speed * KMH,
        course_deg=said.number(12),
        attributes=attributes,
    )


def _fix(
    said: Sentence,
    lat_at: int,
    *,
    time: float | None,
    valid: bool,
    speed_mps: float | None = None,
    course_deg: float | None = None,
    altitude_m: float | None = None,
    attributes: Attributes | None = None,
) -> Fix | None:
    """The four fields of a position begin at `lat_at`. None where there is none that exists. No negative zero."""
    lat = degrees(said.at(lat_at), said.at(lat_at + 1))
    lon = degrees(said.at(lat_at + 2), said.at(lat_at + 3))
    if lat is None or lon is None:
        return None
    course_deg = None if course_deg is None else bearing(course_deg)
    return Fix(time, lat + 0.0, lon + 0.0, valid, speed_mps, course_deg, altitude_m, attributes or {})


UNDATED: dict[str, tuple[Callable[[Sentence, str], Fix | None], int]] = {
    "GGA": (gga, 1),
    "GNS": (gns, 1),
    "GLL": (gll, 5),
    "RMA": (rma, 0),
    "PUBX": (pubx, 2),
}
"""Sentence → reader, and the field with its time of day. None of them says the date."""

SILENT = frozenset(
    ["GSV", "GSA", "VTG", "ZDA", "GBS", "GRS", "GST", "RMB", "TXT", "HDT", "DTM", "GMP", "PQGSV", "PGRME"]
)
"""Of the same receivers, and no position: satellites in view, course, errors of the fix."""
