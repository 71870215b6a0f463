"""Values behind their ids: 0x70 ("general information", ids and lengths of a WORD each), and the short form with a
BYTE of length at the end of 0x36, 0x37 and 0x38."""

from __future__ import annotations

from gps_gateway.protocols.fields import Fields, Truncated
from gps_gateway.protocols.gt06.alarms import MODULE_ALARMS
from gps_gateway.protocols.gt06.blocks import Block, Reading, imei, locate, volts
from gps_gateway.protocols.units import KMH

LONGEST_NUMBER = 8
"""Bytes."""


def modules(fields: Fields, reading: Reading) -> None:
    """0x70: modules up to the end."""
    _modules(fields, reading, 2)


def short_modules(fields: Fields, reading: Reading) -> None:
    """The same with short lengths."""
    _modules(fields, reading, 1)


def _modules(fields: Fields, reading: Reading, length: int) -> None:
    while fields.left >= 2 + length:
        module = fields.u16()
        value = Fields(fields.take(fields.number(length)))
        reader = _MODULES.get(module)
        try:
            if reader is not None:
                reader(value, reading)
        except Truncated:
            reader = None
        if reader is None and any(value.data):
            reading.attributes[f"module_{module:02x}"] = value.data.hex()


def _number(name: str, unit: float = 1) -> Block:
    def read(fields: Fields, reading: Reading) -> None:
        if fields.left > LONGEST_NUMBER:
            raise Truncated  # no such number: it is kept as it came
        number = fields.number(fields.left)
        reading.attributes[name] = number if unit == 1 else round(number * unit, 2)

    return read


def _digits(name: str) -> Block:
    def read(fields: Fields, reading: Reading) -> None:
        reading.attributes[name] = fields.rest().hex().strip("f").lstrip("0")

    return read


def _time(fields: Fields, reading: Reading) -> None:
    reading.time = float(fields.u32())


def _position(fields: Fields, reading: Reading) -> None:
    time, satellites, altitude = fields.u32(), fields.u8(), fields.signed(2)
    lat, lon, speed, flags = fields.u32(), fields.u32(), fields.u8(), fields.u16()
    locate(reading, lat, lon, flags)
    reading.attributes["satellites"] = satellites
    if time:
        reading.time = float(time)
    if reading.located:
        reading.speed_mps, reading.altitude_m = speed * KMH, float(altitude)


def _cell(fields: Fields, reading: Reading) -> None:
    """Country, network, area and cell of fixed sizes; zeros are none."""
    if any(fields.data[:9]):
        mcc, mnc = fields.u16(), fields.u16()
        reading.attributes |= {"mcc": mcc, "mnc": mnc, "lac": fields.u16(), "cell_id": fields.number(3)}


def _door(fields: Fields, reading: Reading) -> None:
    value = fields.u8()
    reading.attributes |= {"door": value & 0x0F > 0, "tamper": value >> 4 > 0}


def _event(fields: Fields, reading: Reading) -> None:
    event = fields.u8()
    reading.attributes["event"] = event
    if event in MODULE_ALARMS:
        reading.attributes["alarm"] = MODULE_ALARMS[event]


def _tag(fields: Fields, reading: Reading) -> None:
    """A Bluetooth sensor: address, battery in mV, its percentage, temperature and humidity in tenths."""
    address = fields.take(6)
    number = sum(name.endswith("_address") for name in reading.attributes) + 1
    fields.take(2)
    reading.attributes |= {f"tag_{number}_address": address.hex(), f"tag_{number}_battery_pct": fields.u8()}
    if (temperature := fields.signed(2)) != 0x7FFF:
        reading.attributes[f"temperature_{number}_c"] = round(temperature * 0.1, 1)
    if (humidity := fields.u16()) != 0x7FFF:
        reading.attributes[f"humidity_{number}_pct"] = round(humidity * 0.1, 1)


_MODULES: dict[int, Block] = {
    0x01: imei,
    0x02: _digits("imsi"),
    0x03: _digits("iccid"),
    0x09: _number("satellites"),
    0x0A: _number("satellites_visible"),
    0x11: _cell,
    0x18: volts("battery_v"),
    0x27: volts("power_v"),
    0x28: _number("hdop", 0.1),
    0x29: _number("index"),
    0x2A: _door,
    0x2B: _event,
    0x2C: _time,
    0x2E: _number("odometer_m"),
    0x33: _position,
    0x3B: _number("accuracy_m", 0.01),
    0x6A: _number("battery_pct"),
    0x7F: _tag,
}
"""Module → its reader; all others are kept in hexadecimal digits where they are not zero."""
