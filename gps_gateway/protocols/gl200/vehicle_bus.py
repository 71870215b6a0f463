"""What the engine says: GTCAN and the CAN part of GTERI (CAN100), GTOBD (GV500). A mask tells which fields there are."""

from __future__ import annotations

import re

from gps_gateway.codec import Attributes
from gps_gateway.protocols.gl200.fields import number
from gps_gateway.protocols.gl200.message import Message

_CAN: dict[int, tuple[str, float]] = {
    2: ("odometer_m", 1),
    3: ("fuel_used_l", 1),
    4: ("rpm", 1),
    5: ("obd_speed_kmh", 1),
    6: ("coolant_c", 1),
    9: ("range_m", 100),
    10: ("throttle_pct", 1),
    11: ("engine_hours_s", 3600),
    12: ("driving_time_s", 3600),
    13: ("idle_time_s", 3600),
    14: ("idle_fuel_l", 1),
    15: ("axle_weight_kg", 1),
}
"""Bit of the CAN report mask → attribute and unit (GV300W @Track: GTCAN). 0 VIN, 1 ignition key, 7 consumption and 8 fuel level apart."""

_CONSUMPTION, _FUEL_LEVEL, _DOORS = 7, 8, 19
_BASIC_BITS = range(22)
"""Bits 0 to 21 have a field each in every version; of the bits above, only some versions send fields."""
_EXPANSION = 29

_EXPANDED: dict[int, tuple[str, float]] = {
    1: ("axle_weight_1_kg", 1),
    2: ("axle_weight_3_kg", 1),
    3: ("axle_weight_4_kg", 1),
}
"""Bit of the expansion mask → attribute. 0 is AdBlue with a `P` before it, 15 and 16 are the drivers' cards, 19 the registration number."""

_OBD: dict[int, tuple[str, float]] = {
    2: ("power_v", 0.001),
    4: ("rpm", 1),
    5: ("obd_speed_kmh", 1),
    6: ("coolant_c", 1),
    7: ("fuel_consumption", 1),
    8: ("dtcs_cleared_distance_m", 1000),
    9: ("mil_distance_m", 1000),
    13: ("throttle_pct", 1),
    14: ("engine_load_pct", 1),
    15: ("fuel_pct", 1),
}
"""Bit of the OBD report mask → attribute and unit (GV500 @Track: GTOBD). 0 VIN, 1 connected, 3 supported PIDs,
10 and 11 malfunction lamp and number of codes, 12 the codes."""


def can(fields: list[str]) -> Attributes:
    """`fields` begin with the mask. Fuel level: `P` percent, or `L` litres; mileage `H` in hectometres, or `I` impulses."""
    if not fields or not re.fullmatch(r"[0-9A-F]{2,8}", fields[0]):
        return {}
    mask = int(fields[0], 16)
    values = _by_mask(mask, _BASIC_BITS, fields[1:])
    attributes = _scaled(values, _CAN)
    if values.get(0):
        attributes["vin"] = values[0]
    if values.get(1) in {"0", "1", "2"}:
        attributes["ignition"] = values[1] != "0"  # 1: key turned, 2: engine running
    attributes |= _mileage(values.get(2, "")) | _fuel_level(values.get(_FUEL_LEVEL, ""))
    attributes |= _consumption(values.get(_CONSUMPTION, ""))
    if re.fullmatch(r"[0-9A-F]{1,2}", values.get(_DOORS, "")):
        attributes["door"] = int(values[_DOORS], 16)
    if mask >> _EXPANSION & 1:
        attributes |= _expansion(fields[1 + len(values) :])
    return attributes


def _by_mask(mask: int, bits: range, fields: list[str]) -> dict[int, str]:
    """Bit → its field; the fields of the bits that are set follow one another."""
    present = [bit for bit in bits if mask >> bit & 1]
    return dict(zip(present, fields, strict=False))


def _scaled(values: dict[int, str], names: dict[int, tuple[str, float]]) -> Attributes:
    attributes: Attributes = {}
    for bit, (name, unit) in names.items():
        if (value := number(values.get(bit, ""))) is not None:
            attributes[name] = round(value * unit, 3)
    return attributes


def _mileage(raw: str) -> Attributes:
    hectometres = number(raw[1:]) if raw.startswith("H") else None
    return {} if hectometres is None else {"odometer_m": round(hectometres * 100, 1)}


def _consumption(raw: str) -> Attributes:
    """`H` or `L/H`: litres an hour; `L` or `L/100KM`: litres in 100 km; `M`: miles a gallon, which is left out."""
    found = re.fullmatch(r"(L/H|H|L/100KM|L)(\d+\.?\d*)", raw, re.ASCII)
    if found is None:
        return {}
    return {"fuel_l_per_h" if found[1].endswith("H") else "fuel_l_per_100km": float(found[2])}


def _fuel_level(raw: str) -> Attributes:
    value = number(raw[1:])
    if value is None or raw[0] not in "PL":
        return {}
    return {"fuel_pct" if raw[0] == "P" else "fuel_l": value}


def _expansion(fields: list[str]) -> Attributes:
    """Begins at the first field that is a mask of eight digits."""
    for at, raw in enumerate(fields[:8]):
        if re.fullmatch(r"[0-9A-F]{8}", raw):
            values = _by_mask(int(raw, 16), range(23), fields[at + 1 :])
            attributes = _scaled(values, _EXPANDED)
            if (adblue := number(values.get(0, "").lstrip("P"))) is not None:
                attributes["adblue_pct"] = adblue
            for bit, name in ((15, "driver_id"), (16, "driver_2_id"), (19, "registration")):
                if values.get(bit):
                    attributes[name] = values[bit]
            return attributes
    return {}


def obd(message: Message) -> Attributes:
    """Report type, mask, then a field for each of its bits."""
    at = message.name_at + 2
    if not re.fullmatch(r"[0-9A-F]{6,8}", message.at(at)):
        return {}
    values = _by_mask(int(message.at(at), 16), range(17), message.fields[at + 1 :])
    attributes = _scaled(values, _OBD)
    if values.get(0):
        attributes["vin"] = values[0]
    if values.get(12):
        attributes["dtcs"] = values[12]
    return attributes
