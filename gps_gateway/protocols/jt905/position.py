"""Positions of JT/T 905.3-2014: the basic information of 0x0200 in 25 bytes, and its additional items."""

from __future__ import annotations

from struct import Struct

from gps_gateway.codec import Attributes, Fix
from gps_gateway.protocols.jt808.items import add_alarm
from gps_gateway.protocols.jt808.position import read_items, read_time
from gps_gateway.protocols.units import bearing

BASIC = Struct(">IIIIHB6s")
"""Alarm, status, latitude, longitude (ten thousandths of a minute), speed (0.1 km/h), course (2 degrees), time."""

_PER_DEGREE = 600_000

_NOT_FIXED, _SOUTH, _WEST = 1, 2, 4
"""Bits 0 to 2 of the status: other than in JT/T 808, bit 0 says that there is no fix."""
_ACC, _LOADED = 1 << 8, 1 << 9
_CUT = 0b11 << 10
"""Bits 10 and 11: fuel line, or circuit, is cut."""

_ALARMS: dict[int, str] = {
    0: "sos", 1: "danger", 2: "fault", 3: "gps_antenna_cut", 4: "gps_antenna_short", 5: "low_battery",
    6: "power_cut", **dict.fromkeys(range(7, 16), "fault"), 16: "overspeed", 17: "fatigue_driving",
    18: "driving_overtime", 19: "parking_overtime", 20: "geofence", 21: "route_time", 22: "forbidden_road",
    23: "fault", 24: "illegal_ignition", 25: "movement", 26: "fault", 27: "fault", 28: "fault",
}  # fmt: skip
"""Alarm bits; those named fault are of the terminal's own parts."""


def read_position(body: bytes) -> Fix | None:
    """One fix; None where the body is shorter than the basic information."""
    if len(body) < BASIC.size:
        return None
    alarm, status, lat, lon, speed, course, bcd = BASIC.unpack_from(body)
    attributes: Attributes = {
        "status": status,
        "ignition": bool(status & _ACC),
        "loaded": bool(status & _LOADED),
    }
    if status & _CUT:
        attributes["blocked"] = True
    altitude = _items(body[BASIC.size :], attributes)
    if alarm:
        attributes["alarm_bits"] = alarm
        for bit, name in _ALARMS.items():
            if alarm >> bit & 1:
                add_alarm(attributes, name)
    time = read_time(bcd)
    valid = not status & _NOT_FIXED and time is not None
    if time is None:
        attributes["time_unreadable"] = bcd.hex()
    if lat > 90 * _PER_DEGREE or lon > 180 * _PER_DEGREE:
        attributes["out_of_range"] = f"{lat / _PER_DEGREE},{lon / _PER_DEGREE}"
        lat, lon, valid = 0, 0, False
    return Fix(
        time,
        lat / (-_PER_DEGREE if status & _SOUTH else _PER_DEGREE) + 0.0,  # no negative zero
        lon / (-_PER_DEGREE if status & _WEST else _PER_DEGREE) + 0.0,
        valid,
        speed / 36,
        bearing(course * 2.0),
        altitude,
        attributes,
    )


def _items(rest: bytes, attributes: Attributes) -> float | None:
    """As in JT/T 808, but 0x03 is the altitude in metres."""
    at = 0
    while at + 4 <= len(rest):
        if rest[at : at + 2] == b"\x03\x02":
            read_items(rest[:at] + rest[at + 4 :], attributes)
            return float(int.from_bytes(rest[at + 2 : at + 4], signed=True))
        at += 2 + rest[at + 1]
    read_items(rest, attributes)
    return None
