"""Messages of a terminal's own state: heartbeats 0x13, 0x23, 0x36, 0xA3, and the battery of 0x40."""

from __future__ import annotations

from gps_gateway.protocols.fields import Fields
from gps_gateway.protocols.gt06.blocks import (
    Reading,
    alarm,
    battery,
    flags,
    note_alarm,
    remainder,
    signal,
    skip_language,
    text,
    volts,
)
from gps_gateway.protocols.gt06.modules import short_modules


def heartbeat(fields: Fields, reading: Reading) -> None:
    """0x13: terminal information, battery, signal, alarm and language; or the longer form of a portable one.

    Terminals that are wired to a vehicle put its voltage in one of three places. A battery of more than six
    levels is one in 0.01 V, an alarm from 0xF0 on is one of 12 bits in 0.1 V, and one behind a signal stronger than
    there is (31) is one in volts.
    """
    flags(fields, reading)
    if fields.left >= 13:
        _portable(fields, reading)
    elif fields.peek() > 6:
        volts("power_v")(fields, reading)
        signal(fields, reading)
        note_alarm(reading, fields.u8())
    else:
        battery(fields, reading)
        signal(fields, reading)
        _voltage_or_alarm(fields, reading)


def _voltage_or_alarm(fields: Fields, reading: Reading) -> None:
    strength = reading.attributes["gsm_signal"]
    if fields.left >= 2 and fields.peek() >= 0xF0:
        reading.attributes["power_v"] = round((fields.u16() & 0x0FFF) * 0.1, 1)
    elif isinstance(strength, int) and strength > 31 and fields.peek(1) > 0:
        reading.attributes["power_v"] = float(fields.u8())
    else:
        note_alarm(reading, fields.u8())
    skip_language(fields, reading)


def _portable(fields: Fields, reading: Reading) -> None:
    """Signal and satellites in one WORD, alarm, language, battery in percent, mode, its voltage."""
    word = fields.u16()
    reading.attributes |= {"gsm_signal": word & 0x1F, "satellites": (word >> 5 & 0x1F) + (word >> 10 & 0x1F)}
    note_alarm(reading, fields.u8())
    fields.take(1)
    reading.attributes |= {"battery_pct": fields.u8(), "mode": fields.u8()}
    volts("power_v")(fields, reading)
    if fields.left == 7:  # a reserved byte, how often and how long it worked, and how warm it is
        fields.take(5)
        tenths = fields.u16()
        reading.attributes["temperature_1_c"] = round(
            (tenths & 0x7FFF) * (0.1 if tenths & 0x8000 else -0.1), 1
        )


def voltage_heartbeat(fields: Fields, reading: Reading) -> None:
    """0x23 ("GK310"): terminal information, battery in 0.01 V, signal, language."""
    flags(fields, reading)
    if fields.left >= 2:
        volts("battery_v")(fields, reading)
    if fields.left >= 1:
        signal(fields, reading)
    fields.rest()


def modular_heartbeat(fields: Fields, reading: Reading) -> None:
    """0x36 (Jimi, 4G): state and modules."""
    flags(fields, reading)
    battery(fields, reading)
    signal(fields, reading)
    alarm(fields, reading)
    short_modules(fields, reading)


def worn_heartbeat(fields: Fields, reading: Reading) -> None:
    """0xA3 without a position: terminal information, three bytes, battery in percent, two bytes, steps."""
    flags(fields, reading)
    fields.take(3)
    reading.attributes["battery_pct"] = fields.u8()
    if fields.left >= 8:
        fields.take(4)
        reading.attributes["steps"] = fields.u32()
    remainder("rest")(fields, reading)


def battery_pack(fields: Fields, reading: Reading) -> None:
    """0x40 ("WD-209"): serial number, time, capacities, health, temperature, current and cells of a battery."""
    fields.take(8)
    reading.time = float(fields.u32())
    reading.attributes["battery_pct"] = fields.u8()
    reading.attributes["capacity_left_mah"] = fields.u16()
    fields.take(1)
    reading.attributes["capacity_mah"] = fields.u16()
    reading.attributes["battery_health_pct"] = fields.u8()
    reading.attributes["temperature_1_c"] = round(fields.u16() * 0.1 - 273.1, 1)
    reading.attributes["current"] = fields.u16()
    volts("battery_v", 0.001)(fields, reading)
    reading.attributes["cycles"] = fields.u16()
    for number in range(1, 15):
        volts(f"battery_cell_{number}_v", 0.001)(fields, reading)
    fields.take(4)
    if barcode := text(fields.take(16)):
        reading.attributes["barcode"] = barcode
