"""Bluetooth beacons and sensors that a tracker hears: IO elements 385, 548 and 10828 to 10831."""

from __future__ import annotations

from gps_gateway.codec import Attributes
from gps_gateway.protocols.fields import Fields, Truncated


def read_beacons(raw: bytes, attributes: Attributes) -> None:
    """385: a part's number, then beacons: flags, iBeacon or Eddystone, signal, battery and temperature where flagged."""
    fields, number = Fields(raw), 0
    try:
        fields.u8()
        while fields.left:
            number += 1
            flags = fields.u8()
            identity = fields.take(20 if flags >> 4 else 16)
            attributes[f"beacon_{number}_id"] = identity.hex()
            attributes[f"beacon_{number}_rssi"] = fields.signed(1)
            if flags & 0x02:
                attributes[f"beacon_{number}_battery_v"] = round(fields.u16() * 0.01, 2)
            if flags & 0x04:
                attributes[f"beacon_{number}_temperature_c"] = fields.u16()
    except Truncated:
        attributes["io_385"] = raw.hex()


def read_sensors(raw: bytes, attributes: Attributes) -> None:
    """548, 10828 to 10831: 01, then for each a length and its parts (id, length, value)."""
    fields, number = Fields(raw), 0
    try:
        fields.u8()
        while fields.left:
            number += 1
            parts = Fields(fields.take(fields.u8()))
            while parts.left:
                part = parts.u8()
                _note(attributes, f"tag_{number}", part, parts.take(parts.u8()))
    except Truncated:
        attributes["tags"] = raw.hex()


def _note(attributes: Attributes, tag: str, part: int, value: bytes) -> None:
    number = int.from_bytes(value)
    match part:
        case 0x00 if len(value) == 1:
            attributes[f"{tag}_rssi"] = int.from_bytes(value, signed=True)
        case 0x01:
            attributes[f"{tag}_id"] = value.hex()
        case 0x02 if len(value) == 2:
            # what an EYE beacon adds: flags, and if the highest is set its voltage from 2 V in 10 mV
            if number & 0x8000:
                attributes[f"{tag}_battery_v"] = round(2 + (number & 0x7F) * 0.01, 2)
        case 0x05:
            attributes[f"{tag}_name"] = value.decode("utf-8", "replace").strip("\0 ")
        case 0x06 if len(value) == 2:
            attributes[f"{tag}_temperature_c"] = round(int.from_bytes(value, signed=True) * 0.01, 2)
        case 0x07 if len(value) == 1:
            attributes[f"{tag}_humidity_pct"] = number
        case 0x0D if len(value) == 1:
            attributes[f"{tag}_battery_low"] = number > 0
        case 0x0E if len(value) <= 4:
            attributes[f"{tag}_battery_v"] = round(number * 0.001, 3)
        case _:
            attributes[f"{tag}_{part:02x}"] = value.hex()
