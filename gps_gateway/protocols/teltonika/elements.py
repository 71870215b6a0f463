"""IO elements by their ids (Teltonika's "Full AVL ID list" of the FMB family, and those of the GH3000).

A row gives name, unit and whether the number has a sign. What is in no table is kept as `io_<id>`.
"""

from __future__ import annotations

from typing import NamedTuple

from gps_gateway.codec import Attributes
from gps_gateway.protocols.teltonika.beacons import read_beacons, read_sensors


class Row(NamedTuple):
    """`name` of the attribute in `unit`s of the number; a number in `absent` is none."""

    name: str
    unit: float = 1
    signed: bool = False
    absent: frozenset[int] = frozenset()


_NO_DALLAS = frozenset({850, 2000, 3000, 4000, 5000})
"""Not ready, read error, not connected, wrong id, same id."""
_NO_BLUETOOTH = frozenset({2000, 3000, 4000, 32765, 32766, 32767, 65535})
"""Not read, not found, not connected; of later firmware: abnormal state, not parsed, not found."""

NUMBERS: dict[int, Row] = {
    6: Row("adc_2", 0.001),
    9: Row("adc_1", 0.001),
    12: Row("fuel_used_l", 0.001),
    13: Row("fuel_rate_l_100km", 0.01),
    15: Row("eco_score", 0.01),
    16: Row("odometer_m"),
    17: Row("acceleration_x_mg", signed=True),
    18: Row("acceleration_y_mg", signed=True),
    19: Row("acceleration_z_mg", signed=True),
    20: Row("ble_battery_2_pct"),
    21: Row("gsm_signal"),
    22: Row("ble_battery_3_pct"),
    23: Row("ble_battery_4_pct"),
    24: Row("io_speed_kmh"),
    **{25 + n: Row(f"ble_temperature_{n + 1}_c", 0.01, True, _NO_BLUETOOTH) for n in range(4)},
    29: Row("ble_battery_1_pct"),
    30: Row("dtc_count"),
    31: Row("engine_load_pct"),
    32: Row("coolant_c", signed=True),
    36: Row("rpm"),
    37: Row("obd_speed_kmh"),
    39: Row("intake_air_c", signed=True),
    41: Row("throttle_pct"),
    48: Row("fuel_pct"),
    66: Row("power_v", 0.001),
    67: Row("battery_v", 0.001),
    68: Row("battery_a", 0.001),
    69: Row("gnss_status"),
    **{72 + n: Row(f"temperature_{n + 1}_c", 0.1, True, _NO_DALLAS) for n in range(4)},
    80: Row("data_mode"),
    81: Row("can_speed_kmh"),
    82: Row("accelerator_pct"),
    83: Row("can_fuel_used_l", 0.1),
    84: Row("fuel_l", 0.1),
    85: Row("rpm"),
    86: Row("ble_humidity_1_pct", 0.1, absent=_NO_BLUETOOTH),
    87: Row("can_odometer_m"),
    89: Row("fuel_pct"),
    90: Row("door"),
    102: Row("engine_hours_s", 60),
    104: Row("ble_humidity_2_pct", 0.1, absent=_NO_BLUETOOTH),
    106: Row("ble_humidity_3_pct", 0.1, absent=_NO_BLUETOOTH),
    108: Row("ble_humidity_4_pct", 0.1, absent=_NO_BLUETOOTH),
    113: Row("battery_pct"),
    115: Row("coolant_c", 0.1, True),
    181: Row("pdop", 0.1),
    182: Row("hdop", 0.1),
    199: Row("trip_m"),
    200: Row("sleep_mode"),
    205: Row("cell_id"),
    206: Row("lac"),
    389: Row("obd_odometer_m", 1000),
    390: Row("fuel_l", 0.1),
    449: Row("ignition_s"),
    636: Row("cell_id"),
    **{10800 + n: Row(f"eye_{n + 1}_temperature_c", 0.01, True, _NO_BLUETOOTH) for n in range(4)},
    **{10804 + n: Row(f"eye_{n + 1}_humidity_pct", 1, absent=frozenset({255})) for n in range(4)},
    **{10824 + n: Row(f"eye_{n + 1}_battery_v", 0.001, absent=_NO_BLUETOOTH) for n in range(4)},
}

SWITCHES: dict[int, str] = {
    **{n: f"input_{n}" for n in range(1, 5)},
    179: "output_1",
    180: "output_2",
    239: "ignition",
    240: "moving",
    303: "moving_now",
    **{10808 + n: f"eye_{n + 1}_magnet" for n in range(4)},
    **{10812 + n: f"eye_{n + 1}_moving" for n in range(4)},
    **{10820 + n: f"eye_{n + 1}_battery_low" for n in range(4)},
}

DRIVERS = frozenset({78, 207})
"""iButton and RFID, eight bytes each."""

TEXTS: dict[int, str] = {256: "vin", 281: "dtcs", 325: "vin"}

ALARMS: dict[int, dict[int, str]] = {
    236: {1: "general"},
    246: {1: "tow"},
    247: dict.fromkeys(range(1, 7), "accident"),
    249: {1: "jamming"},
    251: {1: "idle"},
    252: {1: "power_cut"},
    253: {1: "acceleration", 2: "braking", 3: "cornering"},
    318: {1: "jamming", 2: "jamming"},
}
"""Element → its value → alarm."""

ZONES = frozenset({155, 156, 157, 158, 159, 175, *range(61, 66), *range(70, 72), *range(91, 100)})
"""Geofences, which say whether they were entered (1) or left (0) where they are the event of their record."""

OVERSPEED, OPERATOR, BEACONS, SENSORS = 255, 241, 385, frozenset({548, *range(10828, 10832)})

GH3000: dict[int, Row] = {
    1: Row("battery_pct"),
    5: Row("uptime_s"),
    20: Row("hdop", 0.1),
    21: Row("vdop", 0.1),
    22: Row("pdop", 0.1),
    67: Row("battery_v", 0.001),
    221: Row("button"),
}
GH3000_SWITCHES = {2: "usb", 240: "moving", 244: "roaming"}
GH3000_SOS = 222


def note(attributes: Attributes, element: int, raw: bytes, event: int) -> None:
    """One element of a record whose event is `event` (0: it was sent by the clock)."""
    number = int.from_bytes(raw)
    row = NUMBERS.get(element)
    if element == 10 and len(raw) == 2:
        row = Row("adc_2", 0.001)  # of the FM36; of others a BYTE of their memory card
    if row is not None and len(raw) <= 8:
        note_number(attributes, row, raw)
    elif element in SWITCHES:
        attributes[SWITCHES[element]] = number > 0
    elif element in DRIVERS and len(raw) == 8:
        if number:
            attributes["driver_id"] = raw.hex().upper()
    elif element in TEXTS:
        attributes[TEXTS[element]] = raw.decode("ascii", "replace").strip("\0 ")
    elif element == OPERATOR and len(raw) <= 8 and number >= 10_000:
        attributes |= {"mcc": int(str(number)[:3]), "mnc": int(str(number)[3:])}
    elif element == BEACONS:
        read_beacons(raw, attributes)
    elif element in SENSORS:
        read_sensors(raw, attributes)
    else:
        _note_other(attributes, element, raw, event)


def _note_other(attributes: Attributes, element: int, raw: bytes, event: int) -> None:
    """An alarm, or an element that has no name here."""
    number = int.from_bytes(raw)
    if alarm := ALARMS.get(element, {}).get(number):
        attributes["alarm"] = alarm
    elif element == OVERSPEED and number:
        attributes["alarm"] = "overspeed"
    elif element in ZONES and element == event:
        attributes["alarm"] = "geofence_enter" if number == 1 else "geofence_exit"
    attributes[f"io_{element}"] = number if len(raw) <= 8 else raw.hex()


def note_gh3000(attributes: Attributes, element: int, raw: bytes, _event: int) -> None:
    """The same of a GH3000, whose ids mean something else."""
    number = int.from_bytes(raw)
    if element in GH3000:
        note_number(attributes, GH3000[element], raw)
    elif element in GH3000_SWITCHES:
        attributes[GH3000_SWITCHES[element]] = number > 0
    elif element == GH3000_SOS and number == 1:
        attributes["alarm"] = "sos"
    else:
        attributes[f"io_{element}"] = number


def note_number(attributes: Attributes, row: Row, raw: bytes) -> None:
    number = int.from_bytes(raw, signed=row.signed)
    if number not in row.absent:
        attributes[row.name] = number if row.unit == 1 else round(number * row.unit, 3)
