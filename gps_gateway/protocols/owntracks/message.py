"""One OwnTracks message as one value. Pure.

Source: the JSON page of the OwnTracks booklet. `vel` is in km/h, `tst` in seconds since 1970. A device is
`user/device`: by HTTP the headers X-Limit-U and X-Limit-D, by MQTT the topic `owntracks/user/device`; a
message that has neither is known by `tid`, the two characters that its map shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import msgspec

from gps_gateway.codec import Attributes, Event, Fix, Rejected, Report, Status, Unsupported
from gps_gateway.protocols.lines import KEPT
from gps_gateway.protocols.units import KMH

LAST_INSTANT = 1e11
"""A larger `tst` is no number of seconds."""

CROSSINGS = {"enter": "geofence_enter", "leave": "geofence_exit"}
CHARGING: dict[float | None, bool] = {1: False, 2: True, 3: True}
"""`bs`: 1 unplugged, 2 charging, 3 full; 0 is unknown."""


def parse(query: str, headers: Mapping[str, str], body: bytes) -> Event:
    """An HTTP request; `headers` by their names in small letters."""
    names = headers.get("x-limit-u", ""), headers.get("x-limit-d", "")
    return read("/".join(names) if all(names) else "", body)


def read(device: str, body: bytes) -> Event:
    """A message; `device` is who sent it, where the transport says so."""
    message = _object(body)
    if isinstance(message, str):
        return Rejected(message, body[:KEPT])
    device = device or _device(message)
    if not device or len(device) > 100 or not device.isprintable():
        return Rejected("no device: neither X-Limit-U and X-Limit-D, nor topic, nor tid", body[:KEPT])
    kind = _text(message, "_type")
    if kind == "encrypted":
        return Rejected(
            "encrypted: the phone has a secret that the centre does not know", body[:KEPT], device
        )
    if kind not in {"location", "transition", "lwt"}:
        return Unsupported(device=device, mark=hash(body), what=kind or "no _type")
    return _said(device, kind, message, body)


def _object(body: bytes) -> dict[str, Any] | str:
    """The message, or why it is none."""
    try:
        message = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "not JSON"
    return message if isinstance(message, dict) else "not an object"


def _said(device: str, kind: str, message: dict[str, Any], body: bytes) -> Event:
    attributes = _attributes(message) | _crossing(message)
    fix = _fix(message, attributes)
    if fix is not None:
        return Report(device=device, mark=hash(body), fixes=(fix,))
    if kind == "location":
        return Rejected("lat and lon are no place in WGS-84 degrees", body[:KEPT], device)
    said = attributes | ({"event": "lwt"} if kind == "lwt" else {})
    return Status(device=device, mark=hash(body), attributes=said, time=_time(message))


def device_of(topic: str) -> str:
    """`owntracks/user/device[/…]` → `user/device`; empty: it is none."""
    parts = topic.strip("/").split("/")
    return "/".join(parts[1:3]) if len(parts) >= 3 and parts[0] == "owntracks" else ""


def _device(message: dict[str, Any]) -> str:
    return device_of(_text(message, "topic")) or _text(message, "tid")


def _fix(message: dict[str, Any], attributes: Attributes) -> Fix | None:
    lat, lon = _number(message, "lat"), _number(message, "lon")
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180:
        return None
    speed, course = _number(message, "vel"), _number(message, "cog")
    return Fix(
        _time(message),
        lat,
        lon,
        True,
        speed * KMH if speed is not None and speed >= 0 else None,
        course if course is not None and 0 <= course <= 360 else None,
        _number(message, "alt"),
        attributes,
        _time(message, "created_at"),
    )


def _time(message: dict[str, Any], name: str = "tst") -> float | None:
    """Seconds since 1970. `tst` is the fix's, `created_at` the message's: a phone without a network keeps its fixes."""
    seconds = _number(message, name)
    return seconds if seconds is not None and 0 < seconds < LAST_INSTANT else None


def _attributes(message: dict[str, Any]) -> Attributes:
    said: Attributes = {}
    numbers = {"acc": "accuracy_m", "batt": "battery_pct", "mcc": "mcc", "mnc": "mnc"}
    for name, ours in numbers.items():
        if (value := _number(message, name)) is not None:
            said[ours] = value
    for name, ours in (("lac", "lac"), ("cid", "cell_id")):
        if (cell := _hexadecimal(message.get(name))) is not None:
            said[ours] = cell
    state = _number(message, "bs")
    if state in CHARGING:
        said["charging"] = CHARGING[state]
    for name, ours in (("t", "trigger"), ("conn", "connection"), ("SSID", "wifi"), ("poi", "poi")):
        if text := _text(message, name):
            said[ours] = text
    return said


def _crossing(message: dict[str, Any]) -> Attributes:
    """Of a transition: which way, and the name of the region."""
    event = _text(message, "event")
    if event not in CROSSINGS:
        return {}
    return {"alarm": CROSSINGS[event], "event": f"{event} {_text(message, 'desc')}".strip()}


def _number(message: dict[str, Any], name: str) -> float | None:
    value = message.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e15 and isfinite(value) else None


def _text(message: dict[str, Any], name: str) -> str:
    value = message.get(name)
    return value[:200] if isinstance(value, str) else ""


def _hexadecimal(value: object) -> int | None:
    """A number, or a text of hexadecimal digits, as gateways of trackers write it."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**32:
        return value
    try:
        return int(value, 16) if isinstance(value, str) and len(value) <= 8 else None
    except ValueError:
        return None
