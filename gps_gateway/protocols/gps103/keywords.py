"""The second field of a GPS103 packet: why it was sent."""

from __future__ import annotations

from gps_gateway.codec import Attributes
from gps_gateway.protocols.text import known, number

ALARMS = {
    "help me": "sos",
    "low battery": "low_battery",
    "stockade": "geofence",
    "move": "movement",
    "speed": "overspeed",
    "acc alarm": "illegal_ignition",
    "ac alarm": "power_cut",
    "door alarm": "door",
    "sensor alarm": "vibration",
    "accident alarm": "accident",
    "bonnet alarm": "bonnet",
    "footbrake alarm": "foot_brake",
    "DTC": "fault",
    "gps antenna alarm": "gps_antenna_cut",
}

STATES: dict[str, Attributes] = {
    "acc on": {"ignition": True},
    "acc off": {"ignition": False},
    "jt": {"blocked": True},
    "kt": {"blocked": False},
    "lt": {"armed": True},
    "mt": {"armed": False},
}
"""jt and kt answer the commands 109 and 110 (fuel cut, and not), lt and mt 111 and 112 (arm, and disarm)."""


def meaning(keyword: str, telephone: str) -> Attributes:
    """What a keyword says; one that is not a plain report is kept as the event, too.

    `telephone` is the field of the owner's number, in which others put a card's number or the battery's charge.
    """
    said: Attributes = dict(STATES.get(keyword, {}))
    if keyword in ALARMS:
        said["alarm"] = ALARMS[keyword]
    elif keyword.startswith("T:"):
        said |= known(temperature_c=number(keyword[2:]))
    elif keyword.startswith("oil "):
        said |= known(fuel_pct=number(keyword[4:]))
    elif keyword == "rfid":
        said |= known(driver_id=telephone)
    if telephone.endswith("%"):
        said |= known(battery_pct=number(telephone[:-1]))
    if keyword and keyword != "tracker":
        said["event"] = keyword[:40]
    return said
