"""0x0200, 0x0704 and what else carries positions: basic information, alarms, status (2013: 8.18, 8.49; 2019: 8.12)."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from struct import Struct

from gps_gateway.codec import Attributes, Fix
from gps_gateway.protocols.jt808 import items, nested
from gps_gateway.protocols.jt808.items import SCALARS, TEXTS, add_alarm, text

_BASIC = Struct(">IIIIhHH6s")
"""Alarm, status, latitude, longitude, altitude, speed, course, time (position basic information)."""

_GMT8 = 8 * 3600

_ACC, _FIXED, _SOUTH, _WEST, _ENCRYPTED = 1, 2, 4, 8, 1 << 5
"""Bits 0 to 3 and 5 of the status."""
_CUT = 0b11 << 10
"""Bits 10 and 11: fuel line, or circuit, is cut."""
_LOCKED = 1 << 12
_DOORS = 0b11111 << 13
"""Bits 13 to 17: front, middle, rear, driver's and one more door is open."""
_RARE = _CUT | _LOCKED | _DOORS

_ALARMS: dict[int, str] = {
    0: "sos", 1: "overspeed", 2: "fatigue_driving", 3: "danger", 4: "fault", 5: "gps_antenna_cut",
    6: "gps_antenna_short", 7: "low_battery", 8: "power_cut", 9: "fault", 10: "fault", 11: "fault", 12: "fault",
    13: "overspeed_warning", 14: "fatigue_warning", 15: "vibration", 16: "tampering", 17: "tampering",
    18: "driving_overtime", 19: "parking_overtime", 20: "geofence", 21: "geofence", 22: "route_time",
    23: "route_deviation", 24: "fault", 25: "fuel_leak", 26: "theft", 27: "illegal_ignition", 28: "movement",
    29: "accident", 30: "accident", 31: "door",
}  # fmt: skip
"""Alarm bits (2013: table 24). 15 to 17 are reserved there; trackers use them as named here."""

_ALARMS_2019 = _ALARMS | {15: "illegal_driving", 16: "tyre_pressure", 17: "blind_spot"}
"""2019: table 25."""

_ALARMS_AOVX = _ALARMS | {16: "movement"}
"""What the trackers mean whose firmware (item 0xF2) says that AOVX made them."""

_GEOFENCE = {0: "geofence_enter", 1: "geofence_exit"}
"""Direction in item 0x12."""


def read_position(body: bytes, v2019: bool = False) -> Fix | None:
    """One fix; None where the body is shorter than the basic information."""
    if len(body) < _BASIC.size:
        return None
    alarm, status, lat, lon, altitude, speed, course, bcd = _BASIC.unpack_from(body)
    attributes: Attributes = {"status": status, "ignition": bool(status & _ACC)}
    read_items(body[_BASIC.size :], attributes)
    if alarm:
        _alarms(alarm, attributes, v2019)
    if status & _RARE:
        _equipment(status, attributes)
    instant = read_time(bcd)
    valid = bool(status & _FIXED) and instant is not None
    if instant is None:
        attributes["time_unreadable"] = bcd.hex()
    if lat > 90_000_000 or lon > 180_000_000 or status & _ENCRYPTED:
        attributes["encrypted" if status & _ENCRYPTED else "out_of_range"] = f"{lat / 1e6},{lon / 1e6}"
        lat = lon = 0
        valid = False
    return Fix(
        instant,
        lat / (-1e6 if status & _SOUTH else 1e6) + 0.0,  # no negative zero
        lon / (-1e6 if status & _WEST else 1e6) + 0.0,
        valid,
        speed / 36,
        float(course) if course <= 360 else None,
        float(altitude),
        attributes,
    )


_READERS = items.READERS | nested.READERS


def read_items(rest: bytes, attributes: Attributes) -> None:
    """Additional items into `attributes`; a broken tail is kept as it is."""
    at, end = 0, len(rest)
    while at < end:
        start = at + 2
        stop = start + rest[at + 1] if start <= end else end + 1
        if stop > end:
            attributes["broken_items"] = rest[at:].hex()
            return
        scalar = SCALARS.get(rest[at:start])
        if scalar is None:
            _read_parts(rest[at], rest[start:stop], attributes)
        else:
            name, unit, digits = scalar
            number = rest[start] if stop - start == 1 else int.from_bytes(rest[start:stop])
            attributes[name] = (
                number if unit == 1 else round(number * unit, digits) if digits else number * int(unit)
            )
        at = stop


def _read_parts(item: int, value: bytes, attributes: Attributes) -> None:
    """An item that is not one number."""
    reader = _READERS.get(item)
    if reader is not None and reader(value, attributes):
        return
    if item in TEXTS and len(value) >= 10 and text(value):
        attributes[TEXTS[item]] = text(value)
        return
    attributes[f"item_{item:02x}"] = value.hex()


def _alarms(alarm: int, attributes: Attributes, v2019: bool) -> None:
    """The alarm bits as they are, and as words."""
    attributes["alarm_bits"] = alarm
    names = _ALARMS_2019 if v2019 else _ALARMS
    if str(attributes.get("firmware", "")).startswith("AOVX"):
        names = _ALARMS_AOVX
    direction = attributes.get("area_direction")
    for bit, name in names.items():
        if alarm >> bit & 1:
            geofence = _GEOFENCE.get(direction, name) if isinstance(direction, int) else name
            add_alarm(attributes, geofence if name == "geofence" else name)


def _equipment(status: int, attributes: Attributes) -> None:
    """What only few vehicles say: absent means no."""
    for mask, name in ((_CUT, "blocked"), (_LOCKED, "locked"), (_DOORS, "door")):
        if status & mask:
            attributes[name] = True


def read_batch(body: bytes, v2019: bool = False) -> list[Fix]:
    """0x0704: count WORD, type BYTE, then length WORD and a 0x0200 body each.

    A broken item ends the reading; what comes after it is kept with the last fix before it.
    """
    count, at = int.from_bytes(body[:2]), 3
    return _sequence(body, at, 2, v2019, count)


def read_short_batch(body: bytes) -> list[Fix]:
    """0x0210, as several makers send what they have kept: length BYTE and a 0x0200 body each."""
    return _sequence(body, 0, 1, False, len(body))


def _sequence(body: bytes, at: int, length: int, v2019: bool, count: int) -> list[Fix]:
    fixes: list[Fix] = []
    while at + length <= len(body) and len(fixes) < count:
        stop = at + length + int.from_bytes(body[at : at + length])
        fix = read_position(body[at + length : stop], v2019) if stop <= len(body) else None
        if fix is None:
            break
        fixes.append(fix)
        at = stop
    if fixes and at < len(body):
        fixes[-1].attributes["broken_batch"] = body[at:].hex()
    return fixes


@lru_cache(maxsize=1024)
def read_time(bcd: bytes) -> float | None:
    """BCD[6] YY-MM-DD-hh-mm-ss in GMT+8 as seconds since 1970 UTC; None where it is no such time.

    A thousand vehicles speak of the same few seconds: kept, it costs nothing.
    """
    midnight = _midnight(bcd[:3])
    digits = bcd[3:].hex()
    if midnight is None or not digits.isdecimal() or len(digits) != 6:
        return None
    hour, minute, second = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    if hour > 23 or minute > 59 or second > 59:
        return None
    return midnight + hour * 3600 + minute * 60 + second


@lru_cache(maxsize=64)
def _midnight(bcd: bytes) -> float | None:
    digits = bcd.hex()
    if not digits.isdecimal() or len(digits) != 6:
        return None
    try:
        day = datetime(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:]), tzinfo=UTC)
    except ValueError:
        return None
    return day.timestamp() - _GMT8
