"""The binary form of H02's position: everything in BCD digits, from `$` on."""

from __future__ import annotations

from gps_gateway.codec import Attributes, Event, Fix, Report
from gps_gateway.protocols.h02.status import battery, read_status
from gps_gateway.protocols.text import course, head, known, rejected, speed
from gps_gateway.protocols.units import KNOT, degrees, instant

KIND = "$"
SHORT_ID, LONG_ID = 5, 8
"""Bytes of the device's number; the long one, of packets of 42 bytes, is an IMEI and one digit more."""

HEAD = 23
"""Bytes from the time to the vehicle status."""

EAST, NORTH, VALID = 8, 4, 2
"""Bits of the digit after the longitude."""


def read_binary(packet: bytes) -> Event:
    """`$`, number, hhmmss, DDMMYY, latitude, battery, longitude with flags, speed and course, status, and more."""
    width = LONG_ID if len(packet) == 42 else SHORT_ID
    number, body, more = packet[1 : 1 + width], packet[1 + width :][:HEAD], packet[1 + width + HEAD :]
    if len(body) < HEAD:
        return rejected("incomplete", packet)
    device = number.hex()[:15]
    digits = body.hex()
    time, date, lat, lon = digits[:6], digits[6:12], digits[12:20], digits[22:31]
    if not (device + time + date + lat + lon + digits[32:38]).isdecimal():
        return rejected("not decimal", packet, device)
    flags = int(digits[31], 16)
    north = degrees(f"{lat[:4]}.{lat[4:]}", "N" if flags & NORTH else "S")
    east = degrees(f"{lon[:5]}.{lon[5:]}", "E" if flags & EAST else "W")
    if north is None or east is None:
        return rejected("position", packet, device)
    fix = Fix(
        instant(date, time, "dmy"),
        north,
        east,
        bool(flags & VALID),
        speed(digits[32:35], KNOT),
        course(digits[35:38]),
        None,
        {**read_status(digits[38:46]), **known(battery_pct=battery(body[10])), **_more(more, len(packet))},
    )
    return Report(**head(device, KIND, packet), fixes=(fix,))


def _more(more: bytes, length: int) -> Attributes:
    """What packets of 45 bytes add: alarm, -, GSM signal, satellites, mileage, country, network, cell, serial."""
    if length == 46:
        return {"odometer_m": int(more[3:8].hex())} if more[3:8].hex().isdecimal() else {}
    if length != 45:
        return {}
    signal, satellites = more[2], more[3]
    mcc, lac, cell = (int.from_bytes(more[at : at + 2]) for at in (8, 11, 13))
    attributes = known(
        gsm_signal=signal if signal <= 31 else None, satellites=satellites if satellites <= 32 else None
    )
    if 200 <= mcc <= 799 and lac:
        attributes |= {"mcc": mcc, "mnc": more[10], "lac": lac, "cell_id": cell}
    return attributes
