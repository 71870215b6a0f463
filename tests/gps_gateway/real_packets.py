"""Packets of real devices from a folder outside the project, with what another decoder asserts of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import prod
from pathlib import Path
from typing import Any

import pytest

from gps_gateway.codec import Codec, Event, Fix, Frame, Login, Rejected, Report, Status

FOLDER = os.environ.get("DISPATCH45_TEST_DATA", "")
needs_packets = pytest.mark.skipif(
    not FOLDER, reason="DISPATCH45_TEST_DATA names no folder with real packets"
)

KEYS = {
    "KEY_BATTERY_LEVEL": "battery_pct",
    "KEY_BATTERY": "battery_v",
    "KEY_POWER": "power_v",
    "KEY_SATELLITES": "satellites",
    "KEY_IGNITION": "ignition",
    "KEY_MOTION": "moving",
    "KEY_CHARGE": "charging",
    "KEY_DRIVER_UNIQUE_ID": "driver_id",
    "KEY_RESULT": "result",
    "KEY_ICCID": "iccid",
    "KEY_DTCS": "dtcs",
    "KEY_DOOR": "door",
    "KEY_STATUS": "status",
    "KEY_EVENT": "event",
    "KEY_VIN": "vin",
    "KEY_LOCK": "lock",
    "KEY_IMAGE": "image",
    "KEY_STEPS": "steps",
    "KEY_ALARM": "alarm",
}
"""The other decoder's names of attributes that mean the same, in the same unit, as ours.

A protocol's test adds those that it needs, with a factor where the unit is another: (name, factor).
"""


@dataclass
class Read:
    """What one codec made of one packet."""

    packet: dict[str, Any]
    events: list[Event]
    fixes: list[Fix] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    """Of all its values together."""

    def __post_init__(self) -> None:
        for event in self.events:
            if isinstance(event, Report):
                self.fixes.extend(event.fixes)
                for fix in event.fixes:
                    self.attributes |= fix.attributes
                    self.attributes |= {"altitude": fix.altitude_m, "course": fix.course_deg}
            elif isinstance(event, Status):
                self.attributes |= event.attributes

    @property
    def asserts_a_position(self) -> bool:
        return str(self.packet["check"]).startswith("verifyPosition")

    @property
    def reasons(self) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, Rejected)]


def packets(protocol: str) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Every packet of one protocol by the name in the file (`Gt06`, `H02`, ...), with its bytes."""
    for row in (Path(FOLDER) / "dev/device_frames_dev.jsonl").read_text().splitlines():
        packet = json.loads(row)
        if packet["protocol"] == protocol and ("hex" in packet or "text" in packet):
            yield packet, bytes.fromhex(packet["hex"]) if "hex" in packet else packet["text"].encode()


def read(codec: Codec, packet: dict[str, Any], data: bytes, device: str = "") -> Read:
    """One packet through a codec of its own, as a datagram. `device`: who has logged in before on it."""
    events = [*codec.receive(data), *codec.end()]
    return Read(packet, [event for event in events if not isinstance(event, Login)])


def share_with_a_position(found: list[Read]) -> float:
    """Of the packets that assert a position, those that yield one."""
    asserting = [one for one in found if one.asserts_a_position]
    return sum(bool(one.fixes) for one in asserting) / len(asserting)


def check_positions(found: list[Read]) -> int:
    """Every stated position is met: 1e-5 degrees, exact time. Gives how many were compared."""
    stated = [one for one in found if "expect_position" in one.packet]
    for one in stated:
        expected = one.packet["expect_position"]
        fix = one.fixes[0]
        assert fix.time is not None, one.packet
        at = datetime.fromtimestamp(fix.time, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        assert (at, fix.valid) == (expected["time"], expected["valid"]), one.packet
        assert fix.lat == pytest.approx(expected["lat"], abs=1e-5), one.packet
        assert fix.lon == pytest.approx(expected["lon"], abs=1e-5), one.packet
    return len(stated)


def check_attributes(found: list[Read], more: dict[str, str | tuple[str, float]] | None = None) -> int:
    """Every stated attribute is met, by our own name for it. Gives how many were compared."""
    names: dict[str, str | tuple[str, float]] = {**KEYS, **(more or {})}
    stated = [one for one in found if "expect_attribute" in one.packet]
    wrong = []
    for one in stated:
        key, raw = one.packet["expect_attribute"]
        ours = names.get(key, key)
        name, factor = ours if isinstance(ours, tuple) else (ours, 1.0)
        if not _same(one.attributes.get(name), raw, factor):
            wrong.append(
                (key, raw, name, one.attributes, one.reasons, one.packet.get("text", one.packet.get("hex")))
            )
    assert wrong == []
    return len(stated)


def _same(ours: Any, raw: str, factor: float) -> bool:
    """`raw` is an expression of the other decoder's tests: alarms, a text, a truth value, or numbers multiplied."""
    if raw.startswith("Position.ALARM_"):
        alarms = {part.removeprefix("Position.ALARM_").lower() for part in raw.split(' + "," + ')}
        return alarms <= set(str(ours).split(","))
    if raw in {"true", "false", "null"}:
        return ours is json.loads(raw)
    if raw.startswith('"'):
        return str(ours) == json.loads(raw)
    stated = prod(
        float(int(n, 16)) if n.startswith("0x") else float(n) for n in raw.replace("L", "").split(" * ")
    )
    try:
        return float(ours) == pytest.approx(stated * factor, abs=1e-6)
    except (TypeError, ValueError):
        return False


def frames(events: list[Event]) -> list[Frame]:
    """Those that are values of a device."""
    return [event for event in events if isinstance(event, Frame)]
