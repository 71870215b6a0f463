"""Items that hold items of their own: 0xEB and 0xE8 of trackers, and those of electronic locks.

No standard: layouts as seen in packets, and as far as a decoder's tests state them.
"""

from __future__ import annotations

from contextlib import suppress
from struct import unpack_from

from gps_gateway.codec import Attributes
from gps_gateway.protocols.jt808.items import Reader, add_alarm, number, text

_SENSORS_OFF, _PLACES_OFF = 0x0089, 0x00C5
_REMOVED = 1 << 12
"""0x0089: a zero says that the tracker was taken off."""
_STILL = 0b11 << 23
"""0x00C5: both zero while moving."""
_VEHICLE = 6
"""Volts from which 0x002D cannot be the tracker's own battery."""


def _extended(value: bytes, attributes: Attributes) -> bool:
    """0xEB: a time zone; or cells; or items of length WORD (that counts the id), id WORD, value."""
    if value[:3] == b"UTC":
        attributes["timezone"] = text(value)
        return True
    if len(value) < 4:
        return False
    if (mcc := number(value[:2])) > 200:
        if len(value) >= 8:
            attributes |= {
                "mcc": mcc,
                "mnc": value[2],
                "lac": number(value[3:5]),
                "cell_id": number(value[5:7]),
            }
        return len(value) >= 8
    at = 0
    while at + 4 <= len(value):
        length, item = unpack_from(">HH", value, at)
        if length < 2 or at + 2 + length > len(value):
            break
        _extended_item(item, value[at + 4 : at + 2 + length], attributes)
        at += 2 + length
    if at < len(value):
        attributes["item_eb"] = value[at:].hex()
    return True


_SCALARS: dict[tuple[int, int], tuple[str, float]] = {
    (0x0001, 2): ("fuel_1", 10),
    (0x00A8, 1): ("battery_pct", 1),
    (0x00CE, 2): ("power_v", 100),
    (0x00E1, 1): ("battery_pct", 1),
}
"""(id, length) → attribute, and what its number is divided by."""


def _extended_item(item: int, value: bytes, attributes: Attributes) -> None:
    if known := _SCALARS.get((item, len(value))):
        name, parts = known
        attributes[name] = number(value) if parts == 1 else number(value) / parts
        return
    match item, len(value):
        case 0x0001, 3:
            attributes["fuel_1"] = number(value[:2]) / 10
        case 0x0023, 6:
            with suppress(ValueError):
                attributes["fuel_2"] = float(value)
        case 0x002D, 2 | 4:
            volts = number(value) / 1000
            attributes["battery_v" if volts < _VEHICLE else "power_v"] = volts
        case ((0x0089 | 0x00C5), 4):
            _flags(item, number(value), attributes)
        case 0x00B2, _:
            attributes["iccid"] = value.hex().rstrip("f")
        case 0x00C6, 1:
            attributes["battery_alarm"] = value[0]
            if value[0] in {3, 4}:
                add_alarm(attributes, "low_battery")
        case 0x00D8, 9:
            attributes |= dict(
                zip(("mcc", "mnc", "lac", "cell_id"), unpack_from(">HBHI", value), strict=True)
            )
        case 0x00D5, 15:
            attributes["imei"] = text(value)
        case 0x00A3, _:
            attributes["firmware"] = text(value)
        case _:
            attributes[f"item_eb_{item:04x}"] = value.hex()


def _flags(item: int, bits: int, attributes: Attributes) -> None:
    """Zeros speak: a bit of one is the usual state."""
    if item == _SENSORS_OFF and not bits & _REMOVED:
        add_alarm(attributes, "removing")
    if item == _PLACES_OFF and not bits & _STILL:
        attributes["moving"] = True
    attributes[f"item_eb_{item:04x}"] = f"{bits:08x}"


def _tagged(value: bytes, attributes: Attributes) -> bool:
    """0xE8: items of id WORD, length BYTE, value."""
    at = 0
    while at + 3 <= len(value) and at + 3 + value[at + 2] <= len(value):
        item, one = number(value[at : at + 2]), value[at + 3 : at + 3 + value[at + 2]]
        if item == 0x2003 and len(one) >= 4:
            attributes["battery_v"] = number(one[2:4]) / 100
        elif item == 0x0406:
            add_alarm(attributes, "vibration")
        attributes[f"item_e8_{item:04x}"] = one.hex()
        at += 3 + len(one)
    return at == len(value) and at > 0


_NUMBER = 4
"""Bytes of the longest number; what is longer is none."""

_OBD: dict[int, tuple[str, float, int]] = {
    0x0002: ("obd_speed_mps", 0.1 / 3.6, 0),
    0x0003: ("rpm", 1, 0),
    0x0004: ("power_v", 0.001, 0),
    0x0008: ("engine_load_pct", 1, 0),
    0x0009: ("coolant_c", 1, -40),
    0x000B: ("intake_kpa", 1, 0),
    0x000C: ("intake_c", 1, -40),
}
"""Engine value's id → attribute, its unit in the number sent, and what is added."""


def _engine(value: bytes, attributes: Attributes) -> bool:
    """0xF3: items of id WORD, length BYTE, value; of an engine whose interface is read."""
    at = 0
    while at + 3 <= len(value) and at + 3 + value[at + 2] <= len(value):
        item, one = number(value[at : at + 2]), value[at + 3 : at + 3 + value[at + 2]]
        if len(one) <= _NUMBER and (known := _OBD.get(item)):
            name, unit, added = known
            attributes[name] = round(number(one) * unit, 3) + added
        elif item == 0x0050 and any(one):
            attributes["vin"] = text(one)
        at += 3 + len(one)
    attributes["item_f3"] = value.hex()
    return at > 0


def _lock_event(value: bytes, attributes: Attributes) -> bool:
    """0x60: event WORD, then, for those with a card (0x61 to 0x66), the lock's id and the card."""
    if len(value) < 2:
        return False
    event = number(value[:2])
    attributes |= {"event": event, "item_60": value.hex()}
    if 0x61 <= event <= 0x66 and len(value) >= 16:
        attributes["driver_id"] = value[8:16].decode("latin-1")
    return True


def _locks(value: bytes, attributes: Attributes) -> bool:
    """0x63: eleven bytes a lock: id BYTE[6], millivolts, three more."""
    if not value or len(value) % 11:
        return False
    for n, at in enumerate(range(0, len(value), 11), start=1):
        one = value[at : at + 11]
        attributes |= {f"lock_{n}_id": one[:6].hex(), f"lock_{n}_battery_v": number(one[6:8]) / 1000}
        attributes[f"lock_{n}_state"] = one[8:].hex()
    return True


def _lock_text(value: bytes, attributes: Attributes) -> bool:
    """0x33 beginning `*M00`: a state of seven signs, hundredths of volts in the third to fifth."""
    if value[:4] != b"*M00":
        return False
    attributes["lock"] = text(value)
    volts = value[10:13]
    if volts.isdigit():
        attributes["battery_v"] = int(volts) / 100
    return True


READERS: dict[int, Reader] = {
    0x33: _lock_text,
    0x60: _lock_event,
    0x63: _locks,
    0xE8: _tagged,
    0xF3: _engine,
    0xEB: _extended,
}
