"""0x5501 and 0x5502: positions of electronic seals, in JT/T 808's frame under a header of their own.

The serial is one BYTE, the attributes' upper bits mean something else, and coordinates are BCD degrees and
minutes. No standard: layout as seen in packets.
"""

from __future__ import annotations

from datetime import UTC, datetime

from gps_gateway.codec import Attributes, Fix
from gps_gateway.protocols.jt808.items import add_alarm, number

_LIVE = 0x5501
"""0x5502 is one without a fix of now."""

_SEAL = 3
_SIZE = 35
_ALARMS = {0: "overspeed", 1: "low_battery", 2: "vibration", 5: "geofence_enter", 6: "geofence_exit"}


def read_seal(body: bytes, message: int) -> Fix | None:
    """None where it is too short, or its digits are no coordinates."""
    if len(body) < _SIZE:
        return None
    digits = body[:17].hex()
    if not digits[:29].isdecimal():
        return None
    flags = int(digits[29], 16)
    lat = int(digits[12:14]) + int(digits[14:20]) / 600_000
    lon = int(digits[20:23]) + int(digits[23:29]) / 600_000
    if lat > 90 or lon > 180:
        return None
    time = _time(digits[:12])
    attributes = _state(body)
    _items(body[_SIZE:], attributes)
    return Fix(
        time,
        lat if flags & 2 else -lat,
        lon if flags & 4 else -lon,
        bool(flags & 1) and time is not None and message == _LIVE,
        body[15] / 3.6,
        body[16] * 2.0,
        attributes=attributes,
    )


def _state(body: bytes) -> Attributes:
    attributes: Attributes = {
        "gsm_signal": body[17],
        "satellites": body[18],
        "odometer_m": number(body[19:23]) * 1000,
        "cell_id": number(body[24:28]),
        "lac": number(body[28:30]),
        "product": body[30],
        "status": number(body[31:33]),
    }
    if body[23] <= 100:
        attributes["battery_pct"] = body[23]
    elif body[23] in {0xAA, 0xAB}:
        attributes["charging"] = True
    alarm = number(body[33:35])
    names = _ALARMS if body[30] == _SEAL else {0: "low_battery"}
    for bit, name in names.items():
        if alarm >> bit & 1:
            add_alarm(attributes, name)
    return attributes


def _items(rest: bytes, attributes: Attributes) -> None:
    """Id BYTE, length BYTE, value; a broken tail is kept."""
    at = 0
    while at + 2 <= len(rest) and at + 2 + rest[at + 1] <= len(rest):
        item, value = rest[at], rest[at + 2 : at + 2 + rest[at + 1]]
        if item == 0x0B and len(value) == 8:
            attributes |= {"unlock_code": value[1:7].decode("latin-1"), "unlock_result": value[7]}
        else:
            attributes[f"item_{item:02x}"] = value.hex()
        at += 2 + len(value)


def _time(digits: str) -> float | None:
    """DDMMYYhhmmss, UTC."""
    try:
        return datetime.strptime(digits, "%d%m%y%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
