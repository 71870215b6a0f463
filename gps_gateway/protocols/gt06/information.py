"""What terminals say in other forms: results of commands 0x15, 0x21, information 0x94, devices at their serial port
0x9B, what a vehicle's bus says 0x65, 0x66, 0x8C, and sensors 0xF2."""

from __future__ import annotations

import re

from gps_gateway.protocols.fields import Fields
from gps_gateway.protocols.gt06.blocks import (
    Block,
    Reading,
    clock,
    imei,
    place,
    remainder,
    satellites,
    text,
    volts,
)
from gps_gateway.protocols.units import KMH, bearing, instant

_CURRENT = re.compile(
    r"Current position!\s*Lat:([NS])(\d+\.\d+),Lon:([EW])(\d+\.\d+),Course:(\d+\.?\d*),Speed:(\d+\.?\d*),"
    r"DateTime:\s*(?:20(\d\d)-(\d\d)-(\d\d))\s+(\d\d):(\d\d):(\d\d)"
)
"""The answer to the command WHERE."""


def result(fields: Fields, reading: Reading) -> None:
    """0x15: length, server flag, characters, language (5.10); some leave the length at 0."""
    length = fields.u8() or max(fields.left - 2, 0)
    fields.take(4)
    _note_result(reading, text(fields.take(min(max(length - 4, 0), fields.left))))


def long_result(fields: Fields, reading: Reading) -> None:
    """0x21: server flag, coding (1: ASCII, 2: UTF-16BE), characters."""
    fields.take(4)
    coding, raw = fields.u8(), fields.rest()
    _note_result(reading, text(raw) if coding == 1 else raw.decode("utf-16-be", "replace").strip("\0 \r\n"))


def _note_result(reading: Reading, said: str) -> None:
    if said.startswith("<ICCID:"):
        reading.attributes["iccid"] = said[7:].strip("<>")
        return
    reading.attributes["result"] = said
    if found := _CURRENT.search(said):
        north, lat, east, lon, course, speed, year, *rest = found.groups()
        place_lat, place_lon = float(lat), float(lon)
        if place_lat <= 90 and place_lon <= 180:
            reading.lat = place_lat if north == "N" else -place_lat
            reading.lon = place_lon if east == "E" else -place_lon
            reading.located = reading.valid = True
            reading.course_deg, reading.speed_mps = bearing(float(course)), float(speed) * KMH
            reading.time = instant(year + "".join(rest[:2]), "".join(rest[2:]), "ymd")


# -- 0x94


def information(fields: Fields, reading: Reading) -> None:
    """0x94: its kind and what it has to say; in the short frame a voltage alone."""
    kind = fields.u8()
    reading.attributes["information"] = kind
    _INFORMATION.get(kind, remainder("information_data"))(fields, reading)


def _parameters(fields: Fields, reading: Reading) -> None:
    """Kind 4: names and values (`ALM1=C5;ICCID=...;`)."""
    said = text(fields.rest())
    reading.attributes["parameters"] = said
    if found := re.search(r"ICCID[=:](\d+)", said):
        reading.attributes["iccid"] = found[1]


def _door(fields: Fields, reading: Reading) -> None:
    """Kind 5: bits of the door, behind a time where there is one."""
    if fields.left >= 7:
        clock(fields, reading)
    bits = fields.u8()
    reading.attributes |= {"door": bool(bits & 0x01), "input_1": bool(bits & 0x04)}


def _card_numbers(fields: Fields, reading: Reading) -> None:
    """Kind 10: IMEI, IMSI, ICCID."""
    imei(fields, reading)
    reading.attributes["imsi"] = fields.take(8).hex().lstrip("0")
    reading.attributes["iccid"] = fields.take(10).hex().replace("f", "")


def _voltage_or_network(fields: Fields, reading: Reading) -> None:
    """Kind 11: a voltage in 0.01 V, or in one byte the network's generation."""
    if fields.left >= 2:
        volts("power_v")(fields, reading)
    else:
        reading.attributes["network"] = "4G" if fields.u8() else "2G"


def _fuel(fields: Fields, reading: Reading) -> None:
    """Kind 13: `!AIOIL,address,output,temperature,version,echo and states,level,...`, behind a time where there is one."""
    if fields.peek() != ord("!"):
        clock(fields, reading)
    said = text(fields.rest())
    reading.attributes["fuel_sensor"] = said
    parts = said.split(",")
    if len(parts) > 6 and _decimal(parts[3]) and _decimal(parts[6]):
        reading.attributes |= {"temperature_1_c": float(parts[3]), "fuel_level": float(parts[6])}


def _tag(fields: Fields, reading: Reading) -> None:
    """Kind 27: a card that was read, as text (`RFID:...`) or as four bytes between head and check."""
    if chr(max(fields.peek(), 0)).isalpha():
        _note_card(reading, text(fields.rest()))
        return
    fields.take(2)
    reading.attributes["driver_id"] = fields.take(4).hex()


_INFORMATION: dict[int, Block] = {
    0x00: volts("power_v"),
    0x04: _parameters,
    0x05: _door,
    0x0A: _card_numbers,
    0x0B: _voltage_or_network,
    0x0D: _fuel,
    0x1B: _tag,
}


# -- 0x9B


def serial_port(fields: Fields, reading: Reading) -> None:
    """0x9B: kind of the device (left out where text begins at once) and what it sent, in hexadecimal digits if no text."""
    if chr(max(fields.peek(), 0)).isalpha():
        _note_card(reading, text(fields.rest()))
        return
    fields.u8()
    raw = fields.rest()
    said = raw.decode("ascii", "replace").rstrip("\r\n")
    readable = said.isascii() and said.isprintable()
    reading.attributes["result"] = said if readable else raw.hex()
    if warmth := re.fullmatch(rb"(-?\d+\.\d+)(?:\xa1\xe6)?\s*", raw):  # the degree sign in GBK
        reading.attributes["temperature_1_c"] = float(warmth[1])
    elif card := re.fullmatch(rb"\x02([0-9A-Za-z]+)\x03\s*", raw):
        reading.attributes["driver_id"] = card[1].decode()


def _note_card(reading: Reading, said: str) -> None:
    reading.attributes["result"] = said
    if said.startswith("RFID:"):
        reading.attributes["driver_id"] = said[5:]


# -- a vehicle's bus


def bus(fields: Fields, reading: Reading) -> None:
    """0x65, 0x66, 0x8C ("FM08ABC"): time, ACC, `id=value` pairs with hexadecimal digits, a position."""
    clock(fields, reading)
    reading.attributes["ignition"] = fields.u8() > 0
    pairs = text(fields.take(max(fields.left - 12, 0)))
    for name, value in re.findall(r"([0-9a-zA-Z]{4})=([^,]*)", pairs):
        _note_value(reading, name[:2], value)
    reading.attributes["obd"] = pairs.strip(",")
    satellites(fields, reading)
    place(fields, reading)


def _note_value(reading: Reading, name: str, value: str) -> None:
    if name.lower() == "4a":
        reading.attributes["vin"] = value
    elif (known := _VALUES.get(name)) and re.fullmatch(r"[0-9a-fA-F]{1,16}", value):
        attribute, unit = known
        reading.attributes[attribute] = round(int(value, 16) * unit, 2)


_VALUES = {
    "28": ("odometer_m", 10.0),
    "2B": ("fuel_pct", 0.01),
    "2D": ("coolant_c", 0.01),
    "35": ("obd_speed_kmh", 0.01),
    "36": ("rpm", 0.01),
    "47": ("fuel_used_l", 0.01),
}
"""First two digits of an id → attribute and unit; the mileage is in 0.01 km."""


def sensor(fields: Fields, reading: Reading) -> None:
    """0xF2: seconds since 1970, kind of the sensor, its data; a button's are text behind their length."""
    reading.time = float(fields.u32())
    fields.take(1)
    reading.attributes["sensor"] = fields.u8()
    remainder("sensor_data")(fields, reading)


def _decimal(raw: str) -> bool:
    return re.fullmatch(r"\d+\.\d+", raw) is not None
