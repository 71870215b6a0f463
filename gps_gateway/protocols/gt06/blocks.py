"""What the messages of GT06 are composed of: time, position, cells, networks, state of the terminal.

A block reads its fields into a Reading. A message is a row of blocks (messages.py), so that a new one
mostly needs a new row. Chapters are those of "GPS Tracker Communication Protocol (GT06)", v1.8.1, unless another
document is named; wider fields are those of the terminals for 4G ("GK310", "Jimi").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from struct import Struct

from gps_gateway.codec import Attributes, Fix
from gps_gateway.protocols.fields import Fields
from gps_gateway.protocols.gt06.alarms import ALARMS, STATE_ALARMS
from gps_gateway.protocols.units import KMH, bearing

_DEGREE = 1_800_000
"""Units of a coordinate: 1/30000 of a minute (5.2.1.6)."""

_POSITION = Struct(">IIBH")
"""Latitude, longitude, speed, course and flags."""

_COURSE, _NORTH, _WEST, _FIXED, _WIRED, _IGNITION = 0x03FF, 0x0400, 0x0800, 0x1000, 0x4000, 0x8000
"""Course and flags (5.2.1.9); the two highest bits are those of terminals that report ACC there."""


@dataclass
class Reading:
    """What has been read of one message so far. `offset`: seconds that its clock is ahead of UTC."""

    offset: int = 0
    device: str = ""
    """Where the message itself names its device."""
    time: float | None = None
    lat: float = 0.0
    lon: float = 0.0
    located: bool = False
    valid: bool = False
    speed_mps: float | None = None
    course_deg: float | None = None
    altitude_m: float | None = None
    attributes: Attributes = field(default_factory=dict)

    def fix(self) -> Fix:
        """Only where `located`."""
        valid = self.valid and self.time is not None
        return Fix(
            self.time,
            self.lat,
            self.lon,
            valid,
            self.speed_mps,
            self.course_deg,
            self.altitude_m,
            self.attributes,
        )


Block = Callable[[Fields, Reading], None]


def clock(fields: Fields, reading: Reading) -> None:
    """Year since 2000, month, day, hour, minute, second, a byte each (5.2.1.4)."""
    year, month, day, hour, minute, second = raw = fields.take(6)
    try:
        at = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        reading.attributes["time_unreadable"] = raw.hex()
    else:
        reading.time = at.timestamp() - reading.offset


def decimal_clock(fields: Fields, reading: Reading) -> None:
    """The same as clock, in BCD."""
    digits = fields.take(6).hex()
    raw = bytes(int(digits[i : i + 2]) for i in range(0, 12, 2)) if digits.isdecimal() else bytes(6)
    clock(Fields(raw), reading)


def satellites(fields: Fields, reading: Reading) -> None:
    """Length of the position in the upper four bits, satellites in the lower ones (5.2.1.5)."""
    reading.attributes["satellites"] = fields.u8() & 0x0F


def place(fields: Fields, reading: Reading) -> None:
    """Latitude, longitude, speed in km/h, course and flags."""
    lat, lon, speed, flags = _POSITION.unpack(fields.take(_POSITION.size))
    reading.speed_mps = speed * KMH
    locate(reading, lat, lon, flags)


def place_without_speed(fields: Fields, reading: Reading) -> None:
    """As cameras give it."""
    locate(reading, fields.u32(), fields.u32(), fields.u16())


def gps(fields: Fields, reading: Reading) -> None:
    """GPS information (5.2.1.4 to 5.2.1.9): 18 bytes."""
    clock(fields, reading)
    satellites(fields, reading)
    place(fields, reading)


def locate(reading: Reading, lat: int, lon: int, flags: int) -> None:
    """Coordinates with their hemispheres; 0, 0 without a fix is none, and neither is what does not exist."""
    if flags & _WIRED:
        reading.attributes["ignition"] = bool(flags & _IGNITION)
    fixed = bool(flags & _FIXED)
    if lat > 90 * _DEGREE or lon > 180 * _DEGREE:
        reading.attributes["out_of_range"] = f"{lat / _DEGREE},{lon / _DEGREE}"
    elif fixed or lat or lon:
        reading.located, reading.valid = True, fixed
        reading.lat = lat / (_DEGREE if flags & _NORTH else -_DEGREE) + 0.0  # no negative zero
        reading.lon = lon / (-_DEGREE if flags & _WEST else _DEGREE) + 0.0
        reading.course_deg = bearing(flags & _COURSE)


def cell_of(lac: int, cell: int) -> Block:
    """The serving cell; `lac`, `cell`: bytes of its numbers. The highest bit of the MCC makes the MNC a WORD."""

    def read(fields: Fields, reading: Reading) -> None:
        network(fields, reading)
        reading.attributes["lac"] = fields.number(lac)
        reading.attributes["cell_id"] = fields.number(cell)

    return read


def network(fields: Fields, reading: Reading) -> None:
    """Country and network."""
    mcc = fields.u16()
    reading.attributes["mcc"] = mcc & 0x7FFF
    reading.attributes["mnc"] = fields.number(2 if mcc & 0x8000 else 1)


cell = cell_of(2, 3)
"""LBS information (5.2.1.10 to 5.2.1.13): 8 bytes."""
cell_4g = cell_of(4, 8)
"""The same of terminals for 4G: 15 bytes."""
cell_wide = cell_of(2, 4)
"""The same with the 28 bits of a cell of 3G: 9 bytes."""


def measured_cell(fields: Fields, reading: Reading) -> None:
    """A cell behind its length (5.3.1.3), which some count with itself and some leave out.

    A length of 0 is no cell; terminals that leave the length out begin with the MCC, of which it cannot be any.
    """
    length = fields.peek()
    if length in range(1, 8):
        cell(fields, reading)
    elif fields.u8():
        (cell_wide if length == 10 else cell)(fields, reading)
    elif fields.left >= 45 and not any(fields.data[fields.at + 9 : fields.at + 45]):
        fields.take(45)  # room for cells that are not there


def measured_cell_4g(fields: Fields, reading: Reading) -> None:
    """A cell of 4G behind a length that some fill with anything."""
    fields.u8()
    cell_4g(fields, reading)


def flags(fields: Fields, reading: Reading) -> None:
    """Terminal information (5.3.1.4), whose bits 3 to 5 are an alarm."""
    status = fields.u8()
    reading.attributes |= {
        "status": status,
        "armed": bool(status & 0x01),
        "ignition": bool(status & 0x02),
        "charging": bool(status & 0x04),
        "blocked": bool(status & 0x80),
    }
    if alarm := STATE_ALARMS.get(status >> 3 & 7):
        reading.attributes["alarm"] = alarm


def battery(fields: Fields, reading: Reading) -> None:
    """Voltage level (5.3.1.5), 0 to 6; a higher number is a percentage."""
    level = fields.u8()
    if level <= 100:
        reading.attributes["battery_pct"] = level * 100 // 6 if level <= 6 else level


def signal(fields: Fields, reading: Reading) -> None:
    """GSM signal strength (5.3.1.6), 0 to 4."""
    reading.attributes["gsm_signal"] = fields.u8()


def volts(name: str, unit: float = 0.01, size: int = 2) -> Block:
    """A voltage in `unit`s."""

    def read(fields: Fields, reading: Reading) -> None:
        reading.attributes[name] = round(fields.number(size) * unit, 3)

    return read


def alarm(fields: Fields, reading: Reading) -> None:
    """Alarm and language (5.3.1.7). An alarm of no meaning here is an event."""
    note_alarm(reading, fields.u8())
    skip_language(fields, reading)


def note_alarm(reading: Reading, code: int, names: dict[int, str] = ALARMS) -> None:
    """The alarm of a byte, which counts more than that of the terminal information."""
    if name := names.get(code):
        reading.attributes["alarm"] = name
    elif code:
        reading.attributes["event"] = code


def skip_language(fields: Fields, reading: Reading) -> None:
    """The language in which the terminal would like an address."""
    fields.take(min(fields.left, 1))


def state(fields: Fields, reading: Reading) -> None:
    """Status information (5.3.1.4 to 5.3.1.7): 5 bytes."""
    flags(fields, reading)
    battery(fields, reading)
    signal(fields, reading)
    alarm(fields, reading)


def fence(fields: Fields, reading: Reading) -> None:
    """Number of a geofence, where it follows; 0xFF: none."""
    if fields.left and (number := fields.u8()) != 0xFF:
        reading.attributes["geofence"] = number


def circumstances(fields: Fields, reading: Reading) -> None:
    """ACC, reason of the report, and whether it comes from the memory ("GT06N", 0x22), where they follow."""
    if fields.left >= 3:
        reading.attributes["ignition"] = fields.u8() > 0
        reading.attributes["event"] = fields.u8()
        reading.attributes["archive"] = fields.u8() > 0


def odometer(fields: Fields, reading: Reading) -> None:
    """Mileage in metres, where it follows."""
    if fields.left >= 4:
        reading.attributes["odometer_m"] = fields.u32()


def imei(fields: Fields, reading: Reading) -> None:
    """Sixteen digits of which the first is none of the IMEI (5.1.1.4)."""
    digits = fields.take(8).hex()
    if digits.isdecimal():
        reading.device = digits[1:] if digits[0] == "0" else digits


def altitude(fields: Fields, reading: Reading) -> None:
    """Metres, where they follow."""
    if fields.left >= 2:
        reading.altitude_m = float(fields.signed(2))


def skip(size: int) -> Block:
    """Bytes of no meaning here."""

    def read(fields: Fields, reading: Reading) -> None:
        fields.take(size)

    return read


def remainder(name: str) -> Block:
    """What is left, of no meaning known here, in hexadecimal digits."""

    def read(fields: Fields, reading: Reading) -> None:
        if fields.left:
            reading.attributes[name] = fields.rest().hex()

    return read


def text(raw: bytes) -> str:
    """Characters as terminals send them, without what fills the field."""
    return raw.decode("ascii", "replace").strip("\0 \r\n")
