"""One HTTP request of OsmAnd or Traccar Client as one report. Pure.

Three forms exist: parameters in the query (OsmAnd, Traccar Client before 9), the same as a form body, and
Traccar Client's JSON body `{"location": {...}, "device_id": ...}`. In the first two `speed` is in knots,
as OsmAnd-protocol servers read it; in the JSON it is metres a second, and -1 means unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from gps_gateway.codec import Attributes, Event, Fix, Rejected, Report, Status
from gps_gateway.redaction import secret

KNOT = 1852 / 3600
"""Metres a second."""

MAX_FIELDS = 64
MAX_TEXT = 200
MILLISECONDS = 1e11
"""Epoch seconds reach this in the year 5138: a larger number counts milliseconds."""

_PLACED = {
    "id",
    "deviceid",
    "device_id",
    "lat",
    "lon",
    "location",
    "timestamp",
    "speed",
    "bearing",
    "heading",
}
_PLACED |= {"altitude", "accuracy", "hacc", "batt", "charge", "valid", "cell", "wifi"}


class _Bad(Exception):
    """Says what is wrong with a request."""


class _Coords(msgspec.Struct):
    latitude: float
    longitude: float
    speed: float | None = None
    heading: float | None = None
    altitude: float | None = None
    accuracy: float | None = None


class _Battery(msgspec.Struct):
    level: float | None = None
    is_charging: bool | None = None


class _Activity(msgspec.Struct):
    type: str | None = None


class _Location(msgspec.Struct):
    coords: _Coords
    timestamp: str | float | None = None
    battery: _Battery | None = None
    activity: _Activity | None = None
    is_moving: bool | None = None
    odometer: float | None = None
    event: str | None = None


class _Body(msgspec.Struct):
    location: _Location
    device_id: str | int


class _Sender(msgspec.Struct):
    device_id: str | int


_sender = msgspec.json.Decoder(_Sender).decode
_json = msgspec.json.Decoder(_Body).decode


def parse(query: str, headers: Mapping[str, str], body: bytes) -> Event:
    """A Report of one fix, or a Status where a phone names only cells of its network.

    Or a Rejected, whose reason can be shown to the person who set up the phone.
    """
    fields: dict[str, str] = {}
    try:
        if body.lstrip().startswith(b"{"):
            return _from_json(body)
        form = body.decode("utf-8", "replace") if "form" in headers.get("content-type", "") else ""
        fields |= _pairs(query) + _pairs(form)
        return _from_fields(fields)
    except _Bad as bad:
        return Rejected(str(bad), (query.encode() + b" " + body)[:256], _whose(fields, body))


def _whose(fields: Mapping[str, str], body: bytes) -> str:
    """Who sent what cannot be used, where that can be read; else empty."""
    try:
        return _device(_named(fields) if fields else str(_sender(body).device_id))
    except (_Bad, msgspec.MsgspecError, UnicodeDecodeError):
        return ""


def _named(fields: Mapping[str, str]) -> str:
    return fields.get("id") or fields.get("deviceid") or fields.get("device_id") or ""


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, max_num_fields=MAX_FIELDS, keep_blank_values=False)
    except ValueError:
        raise _Bad(f"more than {MAX_FIELDS} parameters") from None


def _from_fields(fields: Mapping[str, str]) -> Report | Status:
    device = _device(_named(fields))
    time = _time(fields["timestamp"]) if "timestamp" in fields else None
    attributes = _attributes(fields)
    if "cell" in fields and not fields.keys() & {"lat", "lon", "location"}:
        return Status(device=device, attributes=attributes | _cell(fields["cell"]), time=time)
    lat, lon = _place(fields)
    speed, course = _number(fields, "speed"), _number(fields, "bearing", "heading")
    fix = Fix(
        time,
        lat,
        lon,
        fields.get("valid", "true").lower() in {"true", "1"},
        None if speed is None or speed < 0 else speed * KNOT,
        None if course is None or course < 0 else course % 360,
        _number(fields, "altitude"),
        attributes,
    )
    return Report(device=device, fixes=(fix,))


def _attributes(fields: Mapping[str, str]) -> Attributes:
    """Under our names where we have one; what else a phone was set up to send keeps its own."""
    said: Attributes = {
        _NAMES.get(name, name): _value(text)
        for name, text in fields.items()
        if name not in _PLACED and not secret(name)
    }
    _note(said, accuracy_m=_number(fields, "accuracy", "hacc"), battery_pct=_number(fields, "batt"))
    if "charge" in fields:
        said["charging"] = fields["charge"].lower() in {"true", "1"}
    return said


_NAMES = {"driverUniqueId": "driver_id", "sat": "satellites"}


def _value(text: str) -> str | float | bool:
    """A truth, a number as the sender wrote it (but none that has lost a leading zero), or text."""
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    return (
        float(text) if re.fullmatch(r"-?(0|[1-9]\d{0,14})(\.\d{1,12})?", text, re.ASCII) else text[:MAX_TEXT]
    )


def _cell(text: str) -> Attributes:
    """`country,network,area,cell[,signal]`; the last one where a phone names several."""
    numbers = [int(part) for part in text.split(",")[:4] if re.fullmatch(r"\d{1,9}", part, re.ASCII)]
    return dict(zip(("mcc", "mnc", "lac", "cell_id"), numbers, strict=False)) if len(numbers) == 4 else {}


def _from_json(body: bytes) -> Report:
    try:
        read = _json(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _Bad(f"JSON: {error}") from None
    location, coords = read.location, read.location.coords
    attributes: Attributes = {}
    battery = location.battery or _Battery()
    level = None if battery.level is None or battery.level < 0 else round(battery.level * 100, 1)
    activity = location.activity.type if location.activity else None
    _note(attributes, accuracy_m=coords.accuracy, battery_pct=level, charging=battery.is_charging)
    _note(attributes, moving=location.is_moving, odometer_m=location.odometer)
    _note(
        attributes,
        activity=activity and activity[:MAX_TEXT],
        event=location.event and location.event[:MAX_TEXT],
    )
    lat, lon = _in_range(coords.latitude, coords.longitude)
    fix = Fix(
        None if location.timestamp is None else _time(str(location.timestamp)),
        lat,
        lon,
        True,
        None if coords.speed is None or coords.speed < 0 else coords.speed,
        None if coords.heading is None or coords.heading < 0 else coords.heading % 360,
        coords.altitude,
        attributes,
    )
    return Report(device=_device(str(read.device_id)), fixes=(fix,))


def _note(attributes: Attributes, **facts: Any) -> None:
    attributes |= {name: value for name, value in facts.items() if value is not None}


def _device(text: str) -> str:
    if not text or len(text) > 64 or not text.isprintable():
        raise _Bad("id is missing" if not text else "id is longer than 64 characters or not printable")
    return text


def _place(fields: Mapping[str, str]) -> tuple[float, float]:
    if "location" in fields:
        lat, _, lon = fields["location"].partition(",")
        fields = {"lat": lat, "lon": lon}
    lat_number, lon_number = _number(fields, "lat"), _number(fields, "lon")
    if lat_number is None or lon_number is None:
        raise _Bad("lat and lon (or location) are missing")
    return _in_range(lat_number, lon_number)


def _in_range(lat: float, lon: float) -> tuple[float, float]:
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise _Bad(f"lat and lon are no place in WGS-84 degrees: {lat:g}, {lon:g}")
    return lat, lon


def _number(fields: Mapping[str, str], *names: str) -> float | None:
    name = next((name for name in names if name in fields), None)
    if name is None:
        return None
    try:
        number = float(fields[name])
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise _Bad(f"{name} {fields[name][:40]!r} is no number")
    return number


def _time(text: str) -> float:
    """Epoch seconds, epoch milliseconds, or ISO 8601 (UTC where it names no zone)."""
    try:
        number = float(text)
    except ValueError:
        return _iso(text)
    if not 0 < number < 1e14:
        raise _Bad(f"timestamp {text[:40]!r} is out of range")
    return number / 1000 if number > MILLISECONDS else number


def _iso(text: str) -> float:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise _Bad(f"timestamp {text[:40]!r} is neither epoch seconds nor ISO 8601") from None
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
