"""AAA and its kin: one position as text, fields by their place (MEITRACK GPRS Protocol V1.6, device data
format)."""

from __future__ import annotations

import re

from gps_gateway.codec import Attributes, Fix
from gps_gateway.protocols.meitrack.events import DRIVER, event_attributes, voltages
from gps_gateway.protocols.units import KMH, instant


class Fields:
    """Text fields, none missing: those that a model leaves out at the end are empty."""

    def __init__(self, body: str) -> None:
        self._fields = body.split(",")

    def __getitem__(self, at: int) -> str:
        return self._fields[at].strip() if at < len(self._fields) else ""

    def number(self, at: int) -> float | None:
        raw = self[at]
        return float(raw) if re.fullmatch(r"-?\d{1,12}(\.\d{1,12})?", raw, re.ASCII) else None

    def drop_first(self) -> None:
        del self._fields[:1]

    @property
    def begins_with_a_serial(self) -> bool:
        """`serial,event,lat,lon`: buffered packets (AFF) carry their serial before the event."""
        return "." not in self[1] and "." in self[2] and "." in self[3]


def read_text(body: str) -> Fix | tuple[Attributes, float | None] | None:
    """A fix; or, without coordinates, what else it says and its time; None where it is no record."""
    fields = Fields(body)
    if fields.begins_with_a_serial:
        fields.drop_first()
    if not fields[0].isdecimal() or fields[4] not in {"A", "V"}:
        return None
    attributes = _attributes(fields)
    time = instant(fields[3][:6], fields[3][6:], "ymd")
    lat, lon = fields.number(1), fields.number(2)
    if lat is None or lon is None:
        return (attributes, time) if not fields[1] and not fields[2] else None
    if abs(lat) > 90 or abs(lon) > 180:
        return None
    speed = fields.number(7)
    return Fix(
        time,
        lat,
        lon,
        fields[4] == "A",
        None if speed is None else speed * KMH,
        fields.number(8),
        fields.number(10),
        attributes,
    )


def _attributes(fields: Fields) -> Attributes:
    attributes = event_attributes(int(fields[0][:5]))
    for name, at in (
        ("satellites", 5),
        ("gsm_signal", 6),
        ("hdop", 9),
        ("odometer_m", 11),
        ("engine_hours_s", 12),
    ):
        if (value := fields.number(at)) is not None:
            attributes[name] = int(value) if value.is_integer() and name != "hdop" else value
    attributes |= _cell(fields[13]) | _state(fields[14]) | _analog(fields[15])
    if fields[16] and attributes["event"] == DRIVER:
        attributes["driver_id"] = fields[16]
    elif fields[16]:
        attributes["event_data"] = fields[16]
    if re.fullmatch(r"[0-9A-Fa-f]{4}", fields[19]) and (fuel := int(fields[19], 16)):
        attributes["fuel_pct"] = fuel / 100  # 0000: no fuel sensor
    return attributes | _temperatures(fields[20])


def _cell(raw: str) -> Attributes:
    """MCC|MNC|LAC|cell, the last two hexadecimal; zeros while there is no network."""
    found = re.fullmatch(r"(\d{1,5})\|(\d{1,5})\|([0-9A-Fa-f]{1,12})\|([0-9A-Fa-f]{1,12})", raw, re.ASCII)
    if found is None or int(found[1]) == 0:
        return {}
    return {
        "mcc": int(found[1]),
        "mnc": int(found[2]),
        "lac": int(found[3], 16),
        "cell_id": int(found[4], 16),
    }


def _state(raw: str) -> Attributes:
    """Four hexadecimal digits: outputs, then inputs, a bit each."""
    if not re.fullmatch(r"[0-9A-Fa-f]{4}", raw):
        return {}
    return {"output": int(raw[:2], 16), "input": int(raw[2:], 16)}


def _analog(raw: str) -> Attributes:
    """AD1|...|AD5, hexadecimal: 1 to 3 analog inputs (as the model scales them), 4 battery, 5 supply."""
    values = [int(one, 16) if re.fullmatch(r"[0-9A-Fa-f]{1,4}", one) else None for one in raw.split("|")]
    attributes: Attributes = {f"adc_{n}": v for n, v in enumerate(values, start=1) if v is not None}
    if len(values) >= 5 and values[3] is not None:
        scaled = voltages(values[3], values[4] or 0)
        if values[4] is None:
            scaled.pop("power_v", None)
        attributes |= scaled
    return attributes


def _temperatures(raw: str) -> Attributes:
    """A sensor each: two digits of its number, four of hundredths of a degree, all hexadecimal, signed."""
    attributes: Attributes = {}
    for one in raw.split("|"):
        if re.fullmatch(r"[0-9A-Fa-f]{6}", one):
            value = int(one[2:], 16)
            signed = value - 0x10000 if value & 0x8000 else value
            attributes[f"temperature_{int(one[:2], 16)}_c"] = signed / 100
    return attributes
