"""0x0200 and 0x0704: positions with their additional items (JT/T 808-2013, 8.18 and 8.49)."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from struct import Struct

from gps_gateway.codec import Attributes, Fix

_BASIC = Struct(">IIIIHHH6s")
"""Alarm, status, latitude, longitude, altitude, speed, course, time (position basic information)."""

_GMT8 = 8 * 3600

_ACC, _FIXED, _SOUTH, _WEST = 1, 2, 4, 8
"""Bits 0 to 3 of the status."""

_ITEMS: dict[tuple[int, int], tuple[str, float]] = {
    (0x01, 4): ("mileage_km", 0.1),
    (0x02, 2): ("fuel_l", 0.1),
    (0x03, 2): ("recorder_speed_kmh", 0.1),
    (0x04, 2): ("alarm_event", 1),
    (0x25, 4): ("vehicle_signals", 1),
    (0x2A, 2): ("io_status", 1),
    (0x2B, 4): ("analog", 1),
    (0x30, 1): ("signal", 1),
    (0x31, 1): ("satellites", 1),
}
"""(id, length) of an additional item → attribute and unit (additional information table)."""


def read_position(body: bytes) -> Fix | None:
    """One fix; None where the body is shorter than the basic information."""
    if len(body) < _BASIC.size:
        return None
    alarm, status, lat, lon, altitude, speed, course, bcd = _BASIC.unpack_from(body)
    attributes: Attributes = {"status": status, "acc": bool(status & _ACC)}
    if alarm:
        attributes["alarm"] = alarm
    read_items(body[_BASIC.size :], attributes)
    instant = read_time(bcd)
    valid = bool(status & _FIXED) and instant is not None
    if instant is None:
        attributes["time_unreadable"] = bcd.hex()
    if lat > 90_000_000 or lon > 180_000_000:
        attributes["out_of_range"] = f"{lat / 1e6},{lon / 1e6}"
        lat = lon = 0
        valid = False
    return Fix(
        instant,
        lat / (-1e6 if status & _SOUTH else 1e6) + 0.0,  # no negative zero
        lon / (-1e6 if status & _WEST else 1e6) + 0.0,
        valid,
        speed / 36,
        float(course),
        float(altitude),
        attributes,
    )


def read_items(rest: bytes, attributes: Attributes) -> None:
    """Additional items into `attributes`: id, length, value; a broken tail is kept as it is."""
    at, end = 0, len(rest)
    while at < end:
        item = rest[at]
        stop = at + 2 + rest[at + 1] if at + 1 < end else end + 1
        if stop > end:
            attributes["broken_items"] = rest[at:].hex()
            return
        value = rest[at + 2 : stop]
        known = _ITEMS.get((item, len(value)))
        if known is None:
            attributes[f"item_{item:02x}"] = value.hex()
        else:
            name, unit = known
            number = int.from_bytes(value)
            attributes[name] = number if unit == 1 else round(number * unit, 1)
        at = stop


def read_batch(body: bytes) -> list[Fix]:
    """0x0704: count WORD, type BYTE, then length WORD and a 0x0200 body each.

    A broken item ends the reading; what comes after it is kept with the last fix before it.
    """
    count, at = int.from_bytes(body[:2]), 3
    fixes: list[Fix] = []
    while at + 2 <= len(body) and len(fixes) < count:
        stop = at + 2 + int.from_bytes(body[at : at + 2])
        fix = read_position(body[at + 2 : stop]) if stop <= len(body) else None
        if fix is None:
            break
        fixes.append(fix)
        at = stop
    if fixes and len(fixes) < count:
        fixes[-1].attributes["broken_batch"] = body[at:].hex()
    return fixes


@lru_cache(maxsize=1024)
def read_time(bcd: bytes) -> float | None:
    """BCD[6] YY-MM-DD-hh-mm-ss in GMT+8 as seconds since 1970 UTC; None where it is no such time.

    A thousand vehicles speak of the same few seconds: kept, it costs nothing.
    """
    midnight = _midnight(bcd[:3])
    digits = bcd[3:].hex()
    if midnight is None or not digits.isdecimal():
        return None
    hour, minute, second = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    if hour > 23 or minute > 59 or second > 59:
        return None
    return midnight + hour * 3600 + minute * 60 + second


@lru_cache(maxsize=64)
def _midnight(bcd: bytes) -> float | None:
    digits = bcd.hex()
    if not digits.isdecimal():
        return None
    try:
        day = datetime(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:]), tzinfo=UTC)
    except ValueError:
        return None
    return day.timestamp() - _GMT8
