"""The vehicle status of H02: four bytes in which a bit that is 0 says that something is so."""

from __future__ import annotations

from gps_gateway.codec import Attributes

ALARMS = {
    0: "vibration",
    1: "sos",
    2: "overspeed",
    3: "illegal_ignition",
    4: "geofence_enter",
    5: "gps_antenna_cut",
    6: "gps_antenna_short",
    7: "geofence_exit",
    16: "gps_fault",
    19: "power_cut",
    24: "temperature",
    25: "wrong_password",
}
"""Bit (0: the lowest of the last byte) → what is so while it is 0 (vehicle_status of the H02 protocol).

Bit 18 is left out: it is reserved, and there are trackers that always have it at 0."""

DOOR, ARMED, ACC, BLOCKED = 8, 9, 10, 27


def read_status(raw: str) -> Attributes:
    """Eight hexadecimal digits → alarms and states; ACC is the one bit that is 1 while it is on."""
    status = int(raw, 16)
    alarms = dict.fromkeys(name for bit, name in ALARMS.items() if not status >> bit & 1)
    attributes: Attributes = {"status": status, "ignition": bool(status >> ACC & 1)}
    if alarms:
        attributes["alarm"] = ",".join(alarms)
    attributes |= {
        name: True
        for name, bit in (("door", DOOR), ("armed", ARMED), ("blocked", BLOCKED))
        if not status >> bit & 1
    }
    return attributes


def battery(level: int) -> int | None:
    """Steps 1 to 6, or per cent above them → per cent; 0 says nothing."""
    return _STEPS.get(level, level if 7 <= level <= 100 else None)


_STEPS = {1: 0, 2: 10, 3: 20, 4: 60, 5: 80, 6: 100}
