"""GTERI: behind the device status stands what the ERI mask asks for (<ERI mask> of the GV documents).

Bit 0 digital fuel sensor, 1 one-wire sensors, 2 CAN, 3 fuel in percent and 4 in litres, 7 the 433 MHz and 8 the Bluetooth
accessories. First stands the kind of device on the serial port.
"""

from __future__ import annotations

import re

from gps_gateway.codec import Attributes
from gps_gateway.protocols.gl200.fields import hexadecimal, number, whole
from gps_gateway.protocols.gl200.message import Message
from gps_gateway.protocols.gl200.vehicle_bus import can

_FUEL, _ONE_WIRE, _CAN, _PERCENT, _LITRES, _ACCESSORY = 0, 1, 2, 3, 4, 8

_SIXTEENTH = 1 / 16
"""Unit of a one-wire temperature (DS18B20), a signed word."""


def expanded(message: Message, at: int) -> Attributes:
    """`at`: the first field behind the device status."""
    mask = hexadecimal(message.at(message.name_at + 1)) or 0
    attributes: Attributes = {}
    at += 1
    if mask >> _FUEL & 1:
        if (raw := hexadecimal(message.at(at))) is not None:
            attributes["fuel"] = raw
        at += 1
    if mask >> _ONE_WIRE & 1:
        at = _one_wire(message, at, attributes)
    if mask >> _CAN & 1:
        return attributes | can(message.fields[at + 1 :])
    if mask & (1 << _PERCENT | 1 << _LITRES):
        at = _fuel_sensors(message, at, mask, attributes)
    if mask >> _ACCESSORY & 1:
        attributes |= _accessories(message, at)
    return attributes


def _one_wire(message: Message, at: int, attributes: Attributes) -> int:
    """Count, then for each: its id, its kind (1: temperature), its value."""
    count = whole(message.at(at)) or 0
    at += 1
    for n in range(1, min(count, 19) + 1):
        kind, value = message.at(at + 1), hexadecimal(message.at(at + 2))
        if kind == "1" and value is not None and value <= 0xFFFF:
            signed = value - 0x10000 if value & 0x8000 else value
            attributes[f"temperature_{n}_c"] = signed * _SIXTEENTH
        at += 3
    return at


def _fuel_sensors(message: Message, at: int, mask: int, attributes: Attributes) -> int:
    """Count, then for each: its kind, percent (bit 3), litres (bit 4)."""
    count = whole(message.at(at)) or 0
    at += 1
    for n in range(1, min(count, 4) + 1):
        at += 1
        for bit, name in ((_PERCENT, "fuel_pct"), (_LITRES, "fuel_l")):
            if mask >> bit & 1:
                if (value := number(message.at(at))) is not None:
                    attributes[name if n == 1 else f"fuel_{n}_{name[5:]}"] = value
                at += 1
    return at


def _accessories(message: Message, at: int) -> Attributes:
    """Count, then for each: index, kind, model, (raw data), append mask, then what the mask asks for: bit 0 name, 1 address,
    2 status, 3 battery in millivolts, 4 temperature, 5 humidity."""
    attributes: Attributes = {}
    count = whole(message.at(at)) or 0
    at += 1
    for n in range(1, min(count, 10) + 1):
        mask = message.at(at + 4)
        if not re.fullmatch(r"[0-9A-F]{4}", mask):
            break
        at += 5
        for bit, name in enumerate(("name", "id", "status", "battery_v", "temperature_c", "humidity_pct")):
            if int(mask, 16) >> bit & 1:
                attributes |= _accessory(f"tag_{n}_{name}", message.at(at))
                at += 1
        at += (int(mask, 16) >> 6).bit_count()
    return attributes


def _accessory(name: str, raw: str) -> Attributes:
    if name.endswith(("name", "id", "status")):
        return {name: raw} if raw else {}
    value = number(raw)
    if value is None:
        return {}
    return {name: value / 1000 if name.endswith("_v") else value}
