"""Messages with a position whose content differs from terminal to terminal, told apart by their size."""

from __future__ import annotations

from gps_gateway.protocols.fields import Fields
from gps_gateway.protocols.gt06.alarms import CAMERA_ALARMS, LOCK_ALARMS, VEHICLE_ALARMS
from gps_gateway.protocols.gt06.blocks import (
    Block,
    Reading,
    alarm,
    altitude,
    battery,
    cell,
    cell_4g,
    cell_wide,
    circumstances,
    clock,
    flags,
    gps,
    imei,
    measured_cell,
    note_alarm,
    odometer,
    place,
    place_without_speed,
    remainder,
    satellites,
    signal,
    skip,
    skip_language,
    state,
    text,
    volts,
)
from gps_gateway.protocols.gt06.modules import short_modules


def through(*blocks: Block) -> Block:
    """Blocks one after the other as one."""

    def read(fields: Fields, reading: Reading) -> None:
        for block in blocks:
            block(fields, reading)

    return read


def named(fields: Fields, reading: Reading) -> None:
    """An IMEI before the time, known by its second byte, which is no month in any IMEI (03 5., 08 6.)."""
    if fields.peek(1) > 12:
        imei(fields, reading)


# -- 0x12: GPS and LBS


def located(fields: Fields, reading: Reading) -> None:
    """0x12: GPS and cell, and what the size of the rest says (4: the mileage)."""
    named(fields, reading)
    gps(fields, reading)
    cell(fields, reading)
    _TAILS.get(fields.left, _card if fields.left > 80 else remainder("rest"))(fields, reading)


def _card(fields: Fields, reading: Reading) -> None:
    """A driving licence that was read ("GT06E"): mileage, length, characters, alarm, whether swiped."""
    odometer(fields, reading)
    if licence := text(fields.take(fields.u8())):
        reading.attributes["driver_id"] = licence


def _analog(fields: Fields, reading: Reading) -> None:
    """Inputs and either a temperature, a voltage or a frequency in one WORD ("Benway")."""
    mask = fields.u16()
    reading.attributes |= {"ignition": bool(mask & 0x8000), "input_2": bool(mask & 0x4000)}
    if mask & 0x1000:
        value = mask & 0x1FF
        reading.attributes["temperature_1_c"] = -value if mask & 0x0200 else value
    else:
        reading.attributes["adc_1"] = mask & 0x3FF if mask & 0x2000 else round((mask & 0x3FF) * 0.1, 1)


def _oil(fields: Fields, reading: Reading) -> None:
    """State with a voltage, oil, temperature with its sign in the highest bit, mileage in 10 m ("S5")."""
    wired_state(fields, reading)
    note_alarm(reading, fields.u8())
    reading.attributes["oil"] = fields.u16()
    degrees = fields.u8()
    reading.attributes["temperature_1_c"] = -(degrees & 0x7F) if degrees & 0x80 else degrees
    reading.attributes["odometer_m"] = fields.u32() * 10


def _driving(fields: Fields, reading: Reading) -> None:
    """Mileage, three bytes of no meaning here, driving time in seconds."""
    odometer(fields, reading)
    fields.take(3)
    reading.attributes["driving_time_s"] = fields.number(3)


wired_state = through(flags, volts("power_v"), signal)
"""State of terminals that measure the voltage of the vehicle instead of a level ("VXT01", "S5")."""

_TAILS: dict[int, Block] = {
    0: through(),
    2: _analog,
    4: odometer,
    5: through(wired_state, skip(1)),
    8: through(odometer, circumstances, remainder("rest")),
    10: _driving,
    12: _oil,
}
"""Bytes behind the cell → their reader."""


# -- 0x22


def located_with_circumstances(fields: Fields, reading: Reading) -> None:
    """0x22: GPS, cell, ACC, reason, from memory, mileage; or the form that begins with 01 and the IMEI."""
    if fields.peek() == 1 and fields.peek(2) > 31:
        _own_clock(fields, reading)
        return
    named(fields, reading)
    for block in (gps, cell, circumstances, odometer):
        block(fields, reading)


def _own_clock(fields: Fields, reading: Reading) -> None:
    """01, IMEI, the terminal's time, the time of the fix, GPS, cell, state in volts, mileage, hours of the engine."""
    fields.take(1)
    imei(fields, reading)
    fields.take(6)
    clock(fields, reading)
    satellites(fields, reading)
    place(fields, reading)
    measured_cell(fields, reading)
    flags(fields, reading)
    volts("power_v")(fields, reading)
    volts("battery_v", 0.1, 1)(fields, reading)
    signal(fields, reading)
    alarm(fields, reading)
    odometer(fields, reading)
    reading.attributes["engine_hours_s"] = fields.u16() * 60


# -- alarms


def vehicle_alarm(fields: Fields, reading: Reading) -> None:
    """0x16: GPS, cell, state, and a driver's key where it follows; without the cell's length, in volts."""
    gps(fields, reading)
    in_volts = fields.left == 13 and fields.peek() in range(1, 8)
    measured_cell(fields, reading)
    if in_volts:
        wired_state(fields, reading)
        note_alarm(reading, fields.u8(), VEHICLE_ALARMS)
        return
    flags(fields, reading)
    battery(fields, reading)
    signal(fields, reading)
    if fields.left == 3:
        fields.take(1)  # a sixth byte before the alarm
    note_alarm(reading, fields.u8(), VEHICLE_ALARMS)
    skip_language(fields, reading)
    driver(fields, reading)


def driver(fields: Fields, reading: Reading) -> None:
    """A driver's key of 8 bytes, where it follows; zeros are none."""
    if fields.left >= 8 and any(key := fields.take(8)):
        reading.attributes["driver_id"] = key.hex()


def camera_alarm(fields: Fields, reading: Reading) -> None:
    """0x95: an alarm of a camera, with a position where there is room for one, and the names of its recordings."""
    if fields.peek() == 0xFF and fields.peek(1) == 0xFF:
        for block in (skip(3), clock, satellites, place_without_speed, skip(4)):
            block(fields, reading)
    else:
        clock(fields, reading)
        if fields.left > 10:
            place_without_speed(fields, reading)
    code = fields.u8()
    if code == 0x01 and reading.located:
        reading.attributes["alarm"] = "sos"
    else:
        reading.attributes["alarm"] = CAMERA_ALARMS.get(code, "general")
    if fields.left > 2:
        fields.take(2)
        reading.attributes["event_files"] = text(fields.rest())


def lock(*, alarms: bool) -> Block:
    """0x32 and 0x33 with a WORD of length ("AZ735"): parts that each begin with their length, then a status."""

    def read(fields: Fields, reading: Reading) -> None:
        clock(fields, reading)
        part = Fields(fields.take(fields.u8()))
        if part.left:
            satellites(part, reading)
            place(part, reading)
        if fields.peek():
            measured_cell(fields, reading)
            signal(fields, reading)
        else:
            fields.take(1)
        fields.take(fields.u8())  # further cells
        fields.take(fields.u8())  # Wi-Fi networks
        status = fields.u8()
        reading.attributes["status"] = status
        if alarms and status in (0xA0, 0xA1):
            reading.attributes["armed"] = status == 0xA0
        elif alarms and status in LOCK_ALARMS:
            reading.attributes["alarm"] = LOCK_ALARMS[status]

    return read


# -- others


def vehicle_box(fields: Fields, reading: Reading) -> None:
    """0x34 ("X1"): data and alarms, GPS, terminal, mileage, cell, driver, voltages, ports."""
    fields.take(4)
    gps(fields, reading)
    fields.take(2)
    odometer(fields, reading)
    cell_wide(fields, reading)
    if number := fields.u32():
        reading.attributes["driver_id"] = str(number)
    volts("battery_v")(fields, reading)
    volts("power_v")(fields, reading)
    ports = fields.u32()
    reading.attributes |= {"input": fields.u8(), "output": fields.u8()}
    for number in range(1, (ports >> 20 & 0x0F) + 1):
        reading.attributes[f"adc_{number}"] = round(fields.u16() * 0.01, 2)


def modular_position(fields: Fields, reading: Reading) -> None:
    """0x37 and 0x38: GPS, cell, circumstances and modules; the cell of 0x38 is one of 4G behind three bytes."""
    gps(fields, reading)
    if fields.left > 30 and fields.peek(1) == 0:
        fields.take(3)
        cell_4g(fields, reading)
        fields.take(2)
    else:
        cell(fields, reading)
        circumstances(fields, reading)
    short_modules(fields, reading)


def wide_state(fields: Fields, reading: Reading) -> None:
    """0x32 ("SL4X"): GPS, cell, a byte of no meaning here, state, altitude."""
    for block in (gps, measured_cell, skip(1), flags, battery, signal, alarm, altitude):
        block(fields, reading)


def wide_position(fields: Fields, reading: Reading) -> None:
    """0x31 ("SL4X"): GPS, cell, eight bytes of no meaning here, altitude at the end."""
    for block in (gps, cell_wide, skip(8), altitude):
        block(fields, reading)


def worker(fields: Fields, reading: Reading) -> None:
    """0xA2 with a position ("GK310" of 4G): GPS, cell, state in volts, mileage, IMEI."""
    for block in (gps, cell_4g, skip(1), flags, volts("power_v"), battery, signal, alarm, odometer, skip(4)):
        block(fields, reading)
    imei(fields, reading)


def swiped(fields: Fields, reading: Reading) -> None:
    """0x61: IMEI, GPS, cell, a driver's card."""
    for block in (imei, gps, cell_wide, skip(2)):
        block(fields, reading)
    if number := fields.u32():
        reading.attributes["driver_id"] = str(number)


def asked_by(fields: Fields, reading: Reading) -> None:
    """0x1A and 0x2A: GPS and the telephone that wishes to know the address."""
    gps(fields, reading)
    if phone := text(fields.take(min(fields.left, 21))):
        reading.attributes["phone"] = phone


def battery_and_place(fields: Fields, reading: Reading) -> None:
    """0x36 with a position: GPS, cell, six bytes, battery in percent, signal, a byte, battery in 0.1 V."""
    for block in (gps, cell_wide, skip(6), battery, signal, skip(1), volts("battery_v", 0.1, 1)):
        block(fields, reading)


def narrow_state(fields: Fields, reading: Reading) -> None:
    """0x19 (LBS and status): a cell without its length, and state; longer ones are a time and several cells."""
    if fields.left >= 18:
        clock(fields, reading)
    (cell if fields.left != 14 else measured_cell)(fields, reading)
    if fields.left == 5:
        state(fields, reading)
