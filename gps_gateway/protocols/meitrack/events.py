"""Event codes and what the text and the binary records say in the same way."""

from __future__ import annotations

from gps_gateway.codec import Attributes

ALARMS = {
    1: "sos",
    17: "low_battery",
    18: "low_power",
    19: "overspeed",
    20: "geofence_enter",
    21: "geofence_exit",
    22: "power_restored",
    23: "power_cut",
    28: "gps_antenna_cut",
    36: "tow",
    40: "power_off",
    44: "jamming",
    50: "temperature",
    51: "temperature",
    53: "fuel_low",
    54: "fuel_leak",
    78: "accident",
    79: "accident",
    90: "cornering",
    91: "cornering",
    129: "braking",
    130: "acceleration",
    133: "idle",
    135: "fatigue_driving",
}
"""Event code → alarm (MEITRACK GPRS Protocol V1.6, event code; from 78 on by later models' lists). The others are reports,
inputs and states."""

DRIVER = 37
"""An RFID tag was read: the event's data is its number."""


def event_attributes(code: int) -> Attributes:
    attributes: Attributes = {"event": code}
    if code in ALARMS:
        attributes["alarm"] = ALARMS[code]
    return attributes


def voltages(battery: int, power: int) -> Attributes:
    """AD4 and AD5 of the text and of CCC, in volts.

    The scale depends on the model, which no packet names (V1.6: AD × 3.3 × 2 / 4096 for MT90, T1, T3, MVT100, MVT600 and
    MVT800; AD × 3 × 2 / 1024 for MVT340 and MVT380; later models: hundredths of a volt). One lithium cell has 2.9 to
    4.5 V, and the three scales do not overlap there: the battery's value tells the scale of both.
    """
    for per_volt, power_per_volt in (
        (100.0, 100.0),
        (1024 / 6.0, 1024 / 48.0),
        (4096 / 6.6, 4096 / 52.8),
    ):
        if 2.9 <= battery / per_volt <= 4.5:
            return {
                "battery_v": round(battery / per_volt, 2),
                "power_v": round(power / power_per_volt, 2),
            }
    return {}
