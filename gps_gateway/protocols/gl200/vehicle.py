"""What vehicle and asset devices say around a position: mileage, hour meter, analog inputs, battery, device status."""

from __future__ import annotations

import re
from typing import NamedTuple

from gps_gateway.codec import Attributes
from gps_gateway.protocols.gl200.fields import hours, number, percent, whole
from gps_gateway.protocols.gl200.message import Message

_STATUS = re.compile(r"(?:11|12|16|1A|21|22|41|42)(?:[0-9A-F]{4}|[0-9A-F]{6}|[0-9A-F]{8})")
"""The device status: state, inputs, outputs (<Device status> of the GV documents)."""

STATES: dict[str, Attributes] = {
    "11": {"ignition": False, "moving": False},
    "12": {"ignition": False, "moving": True},
    "16": {"ignition": False, "moving": True, "alarm": "tow"},
    "1A": {"ignition": False, "moving": True},
    "21": {"ignition": True, "moving": False},
    "22": {"ignition": True, "moving": True},
    "41": {"moving": False},
    "42": {"moving": True},
}
"""State of motion: engine off (1), on (2) or not wired (4); at rest (1), moving (2), towed (6), perhaps towed (A)."""

_STATE_ALONE = frozenset({"DF", "BD"})
"""CV100 and CV200 say the state without inputs and outputs."""

_GV200 = frozenset({"04", "35"})
"""GV200 reports the mask of inputs and that of outputs behind its analog inputs, and no device status."""

LOCATION_REPORTS = frozenset(
    [
        "FRI",
        "RTL",
        "SOS",
        "GEO",
        "SPD",
        "NMR",
        "PNL",
        "DIS",
        "IGL",
        "DOG",
        "LBC",
        "GCR",
        "TOW",
        "HBM",
        "SWG",
        "TMP",
        "GES",
        "MPN",
        "MPF",
        "BPL",
        "LSW",
        "TSW",
        "ERI",
        "LOC",
    ]
)
"""Messages that end a handheld's position with its battery percentage."""


class Tail(NamedTuple):
    attributes: Attributes
    end: int
    """The first field behind what was read: where expanded information begins."""


def before(message: Message, begin: int) -> Attributes:
    """Power supply in millivolts: two fields before the accuracy stand report type and number, before them the power."""
    power = whole(message.at(begin - 3))
    if power is None or message.handheld or not 3000 <= power <= 100_000:
        return {}
    return {"power_v": power / 1000}


def behind(message: Message, end: int) -> Tail:
    """Everything behind the last position; `end` is its reserved field."""
    at = _status_at(message, end)
    if at is not None:
        status = message.fields[at]
        attributes = _mileage(message, end, at) | state(status)
        if len(status) > 2:
            attributes |= {"input": int(status[2:4], 16), "output": int(status[4:6], 16)}
        if (battery := percent(message.at(at - 1))) is not None:
            attributes["battery_pct"] = battery
        return Tail(attributes, at + 1)
    if message.handheld:
        return Tail(_handheld(message, end), len(message.fields))
    attributes = _mileage(message, end, min(end + 9, len(message.fields) + 1))
    if message.model in _GV200:
        return Tail(attributes | _gv200(message, end), end + 8)
    return Tail(attributes, len(message.fields))


def state(status: str) -> Attributes:
    return dict(STATES.get(status[:2], {}))


def _status_at(message: Message, end: int) -> int | None:
    for at in range(end, min(len(message.fields), end + 10)):
        raw = message.fields[at]
        if _STATUS.fullmatch(raw) or (message.model in _STATE_ALONE and raw in STATES):
            return at
    return None


def _mileage(message: Message, end: int, stop: int) -> Attributes:
    """Mileage in kilometres with a decimal point, hour meter, then analog inputs in millivolts, or percent of them."""
    attributes: Attributes = {}
    for at in range(end, min(stop, len(message.fields))):
        raw = message.fields[at]
        if (running := hours(raw)) is not None:
            attributes["engine_hours_s"] = running
        elif "." in raw and "odometer_m" not in attributes and (km := number(raw)) is not None:
            attributes["odometer_m"] = round(km * 1000, 1)
            for n in range(1, min(3, stop - at - 3) + 1):
                attributes |= _analog(n, message.at(at + 1 + n))
    return attributes


def _analog(n: int, raw: str) -> Attributes:
    if re.fullmatch(r"F\d{1,3}", raw, re.ASCII):
        return {f"adc_{n}_pct": int(raw[1:])}
    millivolts = whole(raw)
    return {} if millivolts is None else {f"adc_{n}": millivolts / 1000}


def _gv200(message: Message, end: int) -> Attributes:
    """Reserved, mileage, hour meter, three analog inputs, inputs, outputs."""
    attributes: Attributes = {}
    for name, at in (("input", end + 6), ("output", end + 7)):
        if re.fullmatch(r"[0-9A-F]{2}", message.at(at)):
            attributes[name] = int(message.at(at), 16)
    return attributes


def _handheld(message: Message, end: int) -> Attributes:
    """Perhaps the mileage, and the battery last; GL320M and GL5xx have more behind their battery."""
    attributes: Attributes = {}
    for at in (end, end + 1):
        raw = message.at(at)
        if "." in raw and (km := number(raw)) is not None:
            attributes["odometer_m"] = round(km * 1000, 1)
    last = len(message.fields) - 1
    last = {"DE": last - 3, "C3": end + 1}.get(message.model, last)
    if last >= end and message.kind in LOCATION_REPORTS:
        battery = percent(message.at(last))
        if battery is not None:
            attributes["battery_pct"] = battery
    return attributes
