"""0x0900: what a terminal passes through (2013: 8.63): the first byte says what it is.

0xF1 and 0xF2 are this project's own (orders.py). The others are makers' (engine data 0xF0, text 0x40 and 0x41,
wireless tags 0x53, thermometers 0x54): layouts as seen in packets.
"""

from __future__ import annotations

from struct import unpack_from

from gps_gateway.codec import Attributes, Fix
from gps_gateway.protocols.jt808.items import number, text
from gps_gateway.protocols.jt808.position import read_time

Passed = tuple[Fix | None, float | None, Attributes]
"""A position, or only a time and attributes."""

_NUMBER = 4
"""Bytes of the longest number; what is longer is none."""

_ENGINE: dict[int, tuple[str, float, int]] = {
    0x0102: ("odometer_m", 100, 0), 0x0103: ("fuel_l", 0.01, 0), 0x0105: ("fuel_used_l", 0.01, 0),
    0x0111: ("fuel_c", 1, -40), 0x012E: ("oil_level_pct", 0.1, 0), 0x0528: ("odometer_m", 100, 0),
    0x052A: ("fuel_pct", 0.01, 0), 0x052B: ("fuel_pct", 1, 0), 0x052C: ("fuel_used_l", 0.01, 0),
    0x052D: ("coolant_c", 1, -40), 0x052E: ("intake_c", 1, -40), 0x0530: ("power_v", 0.001, 0),
    0x0535: ("obd_speed_mps", 0.1 / 3.6, 0), 0x0536: ("rpm", 1, 0), 0x053D: ("intake_kpa", 0.1, 0),
    0x0546: ("odometer_m", 100, 0), 0x0547: ("throttle_pct", 1, 0),
}  # fmt: skip
"""Engine value's id → attribute, its unit in the number sent, and what is added."""


def read_passed(body: bytes) -> Passed | None:
    """None: none of the kinds that are known here, or broken."""
    if not body:
        return None
    reader = _KINDS.get(body[0])
    return None if reader is None else reader(body[1:])


def _said(rest: bytes) -> Passed | None:
    """0x40: length WORD and text."""
    return (None, None, _words(text(rest[2:]))) if len(rest) >= 3 else None


def _recorded(rest: bytes) -> Passed | None:
    """0x41: text."""
    return None, None, _obd(text(rest))


def _words(said: str) -> Attributes:
    """`GTSL|6|1|0|card|1|`: who drives."""
    words = said.split("|")
    return {"driver_id": words[4]} if words[0] == "GTSL" and len(words) > 4 else {"result": said}


def _obd(said: str) -> Attributes:
    """`$OBD-RT`: volts at place 1, engine speed at 2, litres used at 12; the rest as it is."""
    attributes: Attributes = {"obd": said}
    values = said.split(",")
    if values[0] != "$OBD-RT":
        return attributes
    for place, name in ((1, "power_v"), (2, "rpm"), (12, "fuel_used_l")):
        try:
            attributes[name] = float(values[place])
        except (IndexError, ValueError):
            continue
    return attributes


def _engine(rest: bytes) -> Passed | None:
    """0xF0: time BCD[6], stored, vehicle kind, what follows (1 values, 2 trouble codes, 3 events), and a place."""
    if len(rest) < 9:
        return None
    time, attributes = read_time(rest[:6]), Attributes()
    if rest[6]:
        attributes["archive"] = True
    kind, at = rest[8], 9
    match kind:
        case 0x01:
            at = _values(rest, at, attributes)
        case 0x02:
            at = _codes(rest, at, attributes)
        case 0x03:
            at = _happened(rest, at, attributes)
        case 0x0B if rest[9:10] not in {b"", b"\0"}:
            return None, time, {**attributes, "vin": text(rest[10:27])}
        case _:
            return None, time, {**attributes, "passed": rest[8:].hex()}
    return _placed(rest[at:], time, attributes) if at else None


def _values(rest: bytes, at: int, attributes: Attributes) -> int:
    """Count BYTE, then id WORD, length BYTE, value each; where they end, 0 where they do not."""
    count, at = number(rest[at : at + 1]), at + 1
    for _ in range(count):
        if at + 3 > len(rest) or at + 3 + rest[at + 2] > len(rest):
            return 0
        item, value = number(rest[at : at + 2]), rest[at + 3 : at + 3 + rest[at + 2]]
        if len(value) <= _NUMBER and (known := _ENGINE.get(item)):
            name, unit, added = known
            attributes[name] = round(number(value) * unit, 3) + added
        else:
            attributes[f"engine_{item:04x}"] = value.hex()
        at += 3 + len(value)
    return at


def _codes(rest: bytes, at: int, attributes: Attributes) -> int:
    """Systems WORD; each: id DWORD, codes WORD; each of them: two DWORDs, length WORD, text."""
    codes: list[str] = []
    systems, at = number(rest[at : at + 2]), at + 2
    for _ in range(systems):
        if at + 6 > len(rest):
            return 0
        count, at = number(rest[at + 4 : at + 6]), at + 6
        for _ in range(count):
            stop = at + 10 + number(rest[at + 8 : at + 10])
            if at + 10 > len(rest) or stop > len(rest):
                return 0
            codes.append(text(rest[at + 10 : stop]))
            at = stop
    attributes["dtcs"] = " ".join(codes)
    return at


def _happened(rest: bytes, at: int, attributes: Attributes) -> int:
    """Count BYTE, then id BYTE, length BYTE, value each."""
    count, at = number(rest[at : at + 1]), at + 1
    for _ in range(count):
        if at + 2 > len(rest) or at + 2 + rest[at + 1] > len(rest):
            return 0
        attributes["event"] = rest[at]
        at += 2 + rest[at + 1]
    return at


def _placed(rest: bytes, time: float | None, attributes: Attributes) -> Passed:
    """Status DWORD, latitude, longitude, and perhaps a time of its own."""
    if len(rest) < 12:
        return None, time, attributes
    status, lat, lon = unpack_from(">III", rest)
    attributes |= {"status": status, "ignition": bool(status & 1)}
    time = read_time(rest[12:18]) or time
    if lat > 90_000_000 or lon > 180_000_000:
        return None, time, attributes
    place = lat / (-1e6 if status & 4 else 1e6) + 0.0, lon / (-1e6 if status & 8 else 1e6) + 0.0
    return Fix(time, *place, bool(status & 2) and time is not None, attributes=attributes), time, attributes


def _tags(rest: bytes) -> Passed | None:
    """0x53: 18 bytes, time BCD[6], count, then number, address BYTE[6], signal, length, items."""
    if len(rest) < 25:
        return None
    attributes: Attributes = {}
    at = 25
    for n in range(1, rest[24] + 1):
        if at + 9 > len(rest):
            break
        attributes[f"tag_{n}_mac"] = rest[at + 1 : at + 7].hex()
        attributes[f"tag_{n}_rssi"] = rest[at + 7] - 256
        attributes[f"tag_{n}_data"] = rest[at + 9 : at + 9 + rest[at + 8]].hex()
        at += 9 + rest[at + 8]
    return None, read_time(rest[18:24]), attributes


def _climate(rest: bytes) -> Passed | None:
    """0x54: what goes before, time BCD[6], then length WORD each: time, millivolts, tenths of a degree, of a per cent."""
    if len(rest) < 38:
        return None
    attributes: Attributes = {
        "battery_v": number(rest[32:34]) / 1000,
        "temperature_c": int.from_bytes(rest[34:36], signed=True) / 10,
        "humidity_pct": number(rest[36:38]) / 10,
    }
    return None, read_time(rest[26:32]), attributes


_KINDS = {0x40: _said, 0x41: _recorded, 0x53: _tags, 0x54: _climate, 0xF0: _engine}
