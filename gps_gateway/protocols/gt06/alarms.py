"""Alarms by their codes (GT06, 5.3.1.4 and 5.3.1.7; the higher codes are those of later terminals of Concox)."""

from __future__ import annotations

STATE_ALARMS = {
    1: "vibration",
    2: "power_cut",
    3: "low_battery",
    4: "sos",
    6: "geofence",
    7: "removing",
}
"""Bits 3 to 5 of the terminal information."""

ALARMS = {
    0x01: "sos",
    0x02: "power_cut",
    0x03: "vibration",
    0x04: "geofence_enter",
    0x05: "geofence_exit",
    0x06: "overspeed",
    0x09: "vibration",
    0x0C: "tampering",
    0x0E: "low_battery",
    0x0F: "low_battery",
    0x11: "power_off",
    0x13: "tampering",
    0x14: "door",
    0x19: "low_battery",
    0x23: "fall_down",
    0x25: "tampering",
    0x29: "acceleration",
    0x2A: "cornering",
    0x2B: "cornering",
    0x2C: "accident",
    0x30: "braking",
}

VEHICLE_ALARMS = ALARMS | {0x19: "acceleration"}
"""Of 0x16, whose terminals are wired to a vehicle: an inner battery that runs low is in its terminal information."""

CAMERA_ALARMS = {
    0x80: "vibration",
    0x87: "overspeed",
    0x90: "acceleration",
    0x91: "braking",
    0x92: "cornering",
    0x93: "accident",
}
"""Of 0x95 ("JC100", "JC400")."""

MODULE_ALARMS = {0x11: "low_battery", 0x12: "low_power", 0x13: "power_cut", 0x14: "removing"}
"""Of module 0x2B of 0x70."""

LOCK_ALARMS = {0xA2: "low_battery", 0xA3: "low_battery", 0xA4: "general", 0xA5: "door"}
"""Of 0x33 with a WORD of length ("AZ735")."""
