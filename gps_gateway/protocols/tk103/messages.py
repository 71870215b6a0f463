"""What TK103 packets say without a position: cells, batteries, the vehicle's number, answers to commands."""

from __future__ import annotations

import re
from collections.abc import Callable

from gps_gateway.codec import Attributes
from gps_gateway.protocols.text import known, whole
from gps_gateway.protocols.units import instant

ALARMS = {
    "0": "power_cut",
    "1": "accident",
    "2": "sos",
    "3": "vibration",
    "4": "low_speed",
    "5": "overspeed",
    "6": "geofence_exit",
}
"""The first character of BO01."""

SPEAKING = {"1": "overspeed"}
"""The number after ALARM of BQ81, as far as it is known."""

MEANINGS: dict[str, Attributes] = {
    "ZC11": {"alarm": "movement"},
    "ZC12": {"alarm": "low_battery"},
    "ZC13": {"alarm": "power_cut"},
    "ZC15": {"ignition": True},
    "ZC16": {"ignition": False},
    "ZC17": {"alarm": "removed"},
    "ZC25": {"alarm": "sos"},
    "ZC26": {"alarm": "tampering"},
    "ZC27": {"alarm": "low_power"},
}
"""What a command word of the kind with commas says by itself."""

STEPS = {6: 100, 5: 80, 4: 50, 3: 20, 2: 10}
"""Battery, in per cent."""

BRACES = re.compile(r"\{(\d+),(\d+),(\d+),(\d+)\}")


def alarm(command: str, body: str) -> Attributes:
    """Of BO01, BQ81 and the command words that are one."""
    if command == "BO01":
        return known(alarm=ALARMS.get(body[:1]))
    if command == "BQ81" and (said := re.match(r",?ALARM,(\d+)", body)):
        return {"event": f"alarm {said[1]}"} | known(alarm=SPEAKING.get(said[1]))
    return dict(MEANINGS.get(command, {}))


def cells(body: str) -> Attributes:
    """`{country,network,area,cell}…` in decimal, or `,country,network,area,cell,…` with hexadecimal cells."""
    if braces := BRACES.search(body):
        mcc, mnc, lac, cell = (whole(digits) for digits in braces.groups())
    else:
        fields = body.strip(",").split(",")
        mcc, mnc, lac, cell = whole(fields[0]), whole(fields[1]), whole(fields[2], 16), whole(fields[3], 16)
    return {"mcc": mcc, "mnc": mnc, "lac": lac, "cell_id": cell}


def _wireless(body: str) -> Attributes:
    """DW50, DW51: `,country,network,area,cell,count,address*signal*…,date,time`."""
    mcc, mnc, lac, cell = (whole(field) for field in body.split(",")[1:5])
    return {"mcc": mcc, "mnc": mnc, "lac": lac, "cell_id": cell} if lac else {"mcc": mcc, "mnc": mnc}


def _battery(body: str) -> Attributes:
    """ZC20: `,date,time,step,hundredths of a volt,tenths of a volt outside,installed`; 65535 is none."""
    step, volts, outside = (whole(field) for field in body.split(",")[3:6])
    return known(
        battery_pct=STEPS.get(step),
        battery_v=volts / 100 if volts != 0xFFFF else None,
        power_v=outside / 10 if outside != 0xFFFF else None,
    )


def _management(body: str) -> Attributes:
    """BS51: `90:` and eight bytes of a battery's controller, and so on: 90 its totals, 92 its temperatures + 40."""
    parts = dict(part.split(":", 1) for part in body.split(",") if ":" in part)
    totals, warm = bytes.fromhex(parts["90"]), bytes.fromhex(parts.get("92", ""))
    return {
        "battery_v": int.from_bytes(totals[:2]) / 10,
        "battery_pct": int.from_bytes(totals[6:8]) / 10,
    } | known(temperature_c=warm[0] - 40 if warm else None)


def _cells_of_a_battery(body: str) -> Attributes:
    """BS50: a battery's controller in hexadecimal; byte 1 its charge, bytes 75 and 76 its sensors + 40."""
    raw = bytes.fromhex(body)
    return {"battery_pct": raw[1], "temperature_1_c": raw[75] - 40, "temperature_2_c": raw[76] - 40}


def _text(body: str) -> Attributes:
    """ZC03: `,date,time,$an answer to a command$`."""
    return {"result": body.split(",", 3)[3].strip("$")[:400]}


WITHOUT_A_PLACE: dict[str, Callable[[str], Attributes]] = {
    "BZ00": cells,
    "BV00": lambda body: {"vin": body[:17]},
    "BS50": _cells_of_a_battery,
    "BS51": _management,
    "DW50": _wireless,
    "DW51": _wireless,
    "ZC03": _text,
    "ZC20": _battery,
}
"""Command word → reader of its body, which raises ValueError, IndexError or KeyError where it is otherwise."""


def time_of(command: str, body: str) -> float | None:
    """DDMMYY and hhmmss: before the text or the step, or at the end."""
    fields = body.split(",")
    where = {"ZC03": slice(1, 3), "ZC20": slice(1, 3), "DW50": slice(-2, None), "DW51": slice(-2, None)}
    date, time = [*fields[where.get(command, slice(0, 0))], "", ""][:2]
    return instant(date, time, "dmy")
