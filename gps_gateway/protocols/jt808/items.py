"""Additional items of a position: id BYTE, length BYTE, value.

Standard ones by JT/T 808-2013 table 27 and 2019 table 27, video ones by JT/T 1078-2016 table 13, driver
assistance by T/JSATL 12-2017. What trackers' makers add (ids from 0x33 on) is no standard: one id means
several things, told apart by its length. What is not known keeps its hexadecimal digits as `item_xx`.
"""

from __future__ import annotations

from collections.abc import Callable

from gps_gateway.codec import Attributes

Reader = Callable[[bytes, Attributes], bool]
"""Value into attributes; False: the value is not what this reader knows."""

_SCALARS: dict[tuple[int, int], tuple[str, float, int]] = {
    (0x01, 4): ("odometer_m", 100, 0),
    (0x02, 2): ("fuel_l", 0.1, 1),
    (0x03, 2): ("recorder_speed_mps", 1 / 36, 3),
    (0x04, 2): ("alarm_event", 1, 0),
    (0x06, 1): ("battery_pct", 1, 0),
    (0x14, 4): ("video_alarm", 1, 0),
    (0x15, 4): ("video_lost", 1, 0),
    (0x16, 4): ("video_blocked", 1, 0),
    (0x17, 2): ("storage_fault", 1, 0),
    (0x18, 2): ("abnormal_driving", 1, 0),
    (0x25, 4): ("vehicle_signals", 1, 0),
    (0x2A, 2): ("io_status", 1, 0),
    (0x30, 1): ("gsm_signal", 1, 0),
    (0x31, 1): ("satellites", 1, 0),
    (0x61, 2): ("power_v", 0.01, 2),
    (0x68, 2): ("battery_pct", 0.01, 2),
    (0x69, 2): ("battery_v", 0.01, 2),
    (0x6A, 1): ("gsm_signal", 1, 0),
    (0x6B, 1): ("satellites", 1, 0),
    (0x80, 1): ("obd_speed_mps", 1 / 3.6, 3),
    (0x81, 2): ("rpm", 1, 0),
    (0x82, 2): ("power_v", 0.1, 1),
    (0x83, 1): ("engine_load_pct", 1, 0),
    (0x89, 1): ("throttle_pct", 1, 0),
    (0x8C, 4): ("obd_odometer_m", 100, 0),
    (0xD3, 2): ("power_v", 0.1, 1),
    (0xD4, 1): ("battery_pct", 1, 0),
    (0xD5, 2): ("battery_v", 0.01, 2),
    (0xE1, 1): ("battery_pct", 1, 0),
    (0xE1, 2): ("power_v", 0.1, 1),
    (0xF1, 4): ("power_v", 0.001, 3),
    (0xF8, 2): ("steps", 1, 0),
    (0xFE, 1): ("battery_pct", 1, 0),
    (0xFE, 2): ("power_v", 0.1, 1),
}
"""(id, length) → attribute, its unit in the number sent, digits after the point that it has."""

SCALARS = {bytes(head): scalar for head, scalar in _SCALARS.items()}
"""The same by the two bytes that begin the item."""

TEXTS = {
    0x6C: "imei", 0x71: "iccid", 0x8B: "vin", 0xBC: "driver", 0xBD: "driver_id", 0xCC: "iccid", 0xD6: "iccid",
    0xF2: "firmware",
}  # fmt: skip
"""Texts in GBK, of any length from 10 on."""


def add_alarm(attributes: Attributes, name: str) -> None:
    """One more word in `alarm`."""
    known = str(attributes.get("alarm", ""))
    if name not in known.split(","):
        attributes["alarm"] = f"{known},{name}" if known else name


def text(raw: bytes) -> str:
    """GBK (4.2, table 1) without the zeros and spaces that fill it up."""
    return raw.decode("gbk", "replace").strip("\0 \r\n")


def number(raw: bytes) -> int:
    """An unsigned number."""
    return int.from_bytes(raw)


def signed(raw: bytes) -> int:
    """A signed WORD: two's complement or, where that makes no sense as tenths of a degree, sign and amount."""
    value = int.from_bytes(raw, signed=True)
    return value if value > -2732 else -(value & 0x7FFF)


def _area_speed(value: bytes, attributes: Attributes) -> bool:
    """0x11: where a speed limit is broken: kind of area and, unless it is none, its id."""
    if len(value) not in {1, 5}:
        return False
    attributes["overspeed_area_kind"] = value[0]
    if len(value) == 5:
        attributes["overspeed_area"] = number(value[1:])
    return True


def _area(value: bytes, attributes: Attributes) -> bool:
    """0x12: kind, id, and direction of an area or route that was entered (0) or left (1)."""
    if len(value) != 6:
        return False
    attributes |= {"area_kind": value[0], "area": number(value[1:5]), "area_direction": value[5]}
    return True


def _route_time(value: bytes, attributes: Attributes) -> bool:
    """0x13: a route's segment was driven in too short (0) or too long (1) a time."""
    if len(value) != 7:
        return False
    attributes["route_segment"] = number(value[:4])
    attributes["route_time_s"] = number(value[4:6])
    attributes["route_result"] = value[6]
    return True


def _temperature(value: bytes, attributes: Attributes) -> bool:
    """0x06 of 2019: whole degrees of the carriage, the highest bit is the sign."""
    if len(value) != 2:
        return False
    amount = number(value)
    attributes["temperature_c"] = -(amount & 0x7FFF) if amount & 0x8000 else amount
    return True


def _analog(value: bytes, attributes: Attributes) -> bool:
    """0x2B: AD0 in the lower WORD, AD1 in the upper one, as the device scales them."""
    if len(value) != 4:
        return False
    attributes |= {"adc_1": number(value[2:]), "adc_2": number(value[:2])}
    return True


def _thermometers(value: bytes, attributes: Attributes) -> bool:
    """0x51: tenths of a degree, a WORD each; FFFF: none there."""
    if not value or len(value) % 2:
        return False
    found = {
        n // 2 + 1: signed(value[n : n + 2]) / 10
        for n in range(0, len(value), 2)
        if value[n : n + 2] != b"\xff\xff"
    }
    for n, degrees in found.items():
        attributes["temperature_c" if len(value) == 2 else f"temperature_{n}_c"] = degrees
    return True


def _cells(value: bytes, attributes: Attributes) -> bool:
    """0x53 and 0x5D: count, then MCC WORD, MNC BYTE, LAC WORD, cell WORD or DWORD, signal; the first one serves."""
    if not value or value[0] == 0 or (len(value) - 1) % value[0]:
        return False
    size = (len(value) - 1) // value[0]
    if size not in {8, 10}:
        return False
    one = value[1 : 1 + size]
    attributes |= {
        "mcc": number(one[:2]),
        "mnc": one[2],
        "lac": number(one[3:5]),
        "cell_id": number(one[5:-1]),
    }
    return True


def _battery_tenths(value: bytes, attributes: Attributes) -> bool:
    """0x56: tenths of a full battery, then what kind."""
    if len(value) != 2 or value[0] > 10:
        return False
    attributes["battery_pct"] = value[0] * 10
    return True


def _driving(value: bytes, attributes: Attributes) -> bool:
    """0x57: alarms WORD, switches WORD, further alarms DWORD."""
    if len(value) != 8:
        return False
    for bit, name in ((8, "acceleration"), (9, "braking"), (10, "cornering")):
        if number(value[:2]) >> bit & 1:
            add_alarm(attributes, name)
    if number(value[4:]) >> 16 & 1:
        add_alarm(attributes, "door")
    attributes["input"] = number(value[2:4])
    return True


def _assistance(value: bytes, attributes: Attributes) -> bool:
    """0x64 and 0x65 (T/JSATL 12: tables 4-15, 4-17): event, and last the label by which its pictures are found."""
    if len(value) < 47:
        return False
    attributes |= {
        "assistance_id": number(value[:4]),
        "assistance_type": value[5],
        "assistance_level": value[6],
        "alarm_label": value[-16:].hex(),
    }
    return True


def _tyres(value: bytes, attributes: Attributes) -> bool:
    """0x77: place, sensor BYTE[3], pressure in fortieths of a bar, degrees + 50, status."""
    if not value or len(value) % 8:
        return False
    for at in range(0, len(value), 8):
        one = value[at : at + 8]
        attributes[f"tyre_{one[0]}_bar"] = round((number(one[4:6]) & 0x3FF) / 40, 3)
        attributes[f"tyre_{one[0]}_c"] = one[6] - 50
    return True


def _coolant(value: bytes, attributes: Attributes) -> bool:
    if len(value) != 1:
        return False
    attributes["coolant_c"] = value[0] - 40
    return True


def _faults(value: bytes, attributes: Attributes) -> bool:
    """0xA0: trouble codes, between commas."""
    attributes["dtcs"] = " ".join(text(value).split(","))
    return True


def _supply(value: bytes, attributes: Attributes) -> bool:
    """0xE3: charge in per cent, voltage in hundredths; a vehicle's supply has no charge."""
    if len(value) != 6:
        return False
    charge, volts = number(value[:2]), number(value[2:4]) / 100
    attributes |= {"battery_pct": charge, "battery_v": volts} if charge else {"power_v": volts}
    return True


def _battery(value: bytes, attributes: Attributes) -> bool:
    """0xE4: a flag, then per cent."""
    if len(value) != 2 or value[1] > 100:
        return False
    attributes["battery_pct"] = value[1]
    return True


def _charging(value: bytes, attributes: Attributes) -> bool:
    """0xF7: millivolts DWORD, charging state, per cent."""
    if len(value) < 5:
        return False
    attributes |= {"battery_v": number(value[:4]) / 1000, "charging": value[4] in {2, 3}}
    if len(value) > 5:
        attributes["battery_pct"] = value[5]
    return True


def _imei(value: bytes, attributes: Attributes) -> bool:
    """0xF6: fifteen digits after a zero."""
    digits = value.hex()
    if len(value) != 8 or not digits.isdecimal() or digits[0] != "0":
        return False
    attributes["imei"] = digits[1:]
    return True


def _modem(value: bytes, attributes: Attributes) -> bool:
    """0xF8: kind, IMEI, ICCID, model."""
    if len(value) < 19 or not _imei(value[1:9], attributes):
        return False
    attributes |= {"iccid": value[9:19].hex(), "model": text(value[19:])}
    return True


def _events(value: bytes, attributes: Attributes) -> bool:
    """0xFE beginning with 0x7C: items of its own, 0x01 of which are driving alarms."""
    if value[:3] != b"\x7c\x01\x04" or len(value) < 7:
        return False
    bits = number(value[3:7])
    for bit, name in enumerate(("acceleration", "braking", "cornering", "accident", "tampering")):
        if bits >> bit & 1:
            add_alarm(attributes, name)
    return True


def _cell_and_area(value: bytes, attributes: Attributes) -> bool:
    """0xFD: MCC WORD, MNC WORD, cell DWORD, LAC WORD."""
    if len(value) != 10:
        return False
    attributes |= {
        "mcc": number(value[:2]), "mnc": number(value[2:4]), "cell_id": number(value[4:8]), "lac": number(value[8:]),
    }  # fmt: skip
    return True


def _one_cell(value: bytes, attributes: Attributes) -> bool:
    """0xFF: MCC WORD, MNC WORD, LAC DWORD, cell DWORD."""
    if len(value) != 12:
        return False
    attributes |= {
        "mcc": number(value[:2]), "mnc": number(value[2:4]), "lac": number(value[4:8]), "cell_id": number(value[8:]),
    }  # fmt: skip
    return True


READERS: dict[int, Reader] = {
    0x06: _temperature, 0x11: _area_speed, 0x12: _area, 0x13: _route_time, 0x2B: _analog, 0x51: _thermometers,
    0x53: _cells, 0x56: _battery_tenths, 0x57: _driving, 0x5D: _cells, 0x64: _assistance, 0x65: _assistance,
    0x77: _tyres, 0x84: _coolant, 0xA0: _faults, 0xE3: _supply, 0xE4: _battery, 0xF6: _imei, 0xF7: _charging,
    0xF8: _modem, 0xFD: _cell_and_area, 0xFE: _events, 0xFF: _one_cell,
}  # fmt: skip
"""Those whose value has parts. Of two makers' meanings of one id, the length decides."""
