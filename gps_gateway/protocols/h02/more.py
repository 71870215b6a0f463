"""What H02's text packets say beside the position: vehicle status, cells of the network, battery, steps."""

from __future__ import annotations

import re
from collections.abc import Callable

from gps_gateway.codec import Attributes
from gps_gateway.protocols.h02.status import battery, read_status
from gps_gateway.protocols.text import known, number, whole

STATUS = re.compile(r"[0-9A-Fa-f]{8}")


def after_the_date(kind: str, rest: list[str], raw: list[str]) -> Attributes:
    """The vehicle status and what follows it; `raw`: the same fields with their spaces."""
    iccid: Attributes = {}
    if kind == "V19":  # -, SIM number, ICCID, status
        rest, iccid = rest[-1:], {"iccid": rest[2]} if len(rest) > 3 else {}
    elif kind == "V6":
        iccid = known(iccid=rest[5]) if len(rest) > 5 else {}
    if not rest or not STATUS.fullmatch(rest[0]):
        return {**iccid, **_more(kind, rest[1:], raw[1:])}
    return {**read_status(rest[0]), **iccid, **_more(kind, rest[1:], raw[1:])}


def _more(kind: str, rest: list[str], raw: list[str]) -> Attributes:
    if len(rest) == 6 and "." in rest[2]:  # odometer, temperature, fuel, altitude, area, cell
        odometer, temperature, fuel = (number(value) for value in rest[:3])
        return known(odometer_m=odometer, temperature_c=temperature, fuel_pct=fuel)
    step = whole(rest[4]) if len(rest) == 5 and rest[4] in set("123456") and kind == "V1" else 0
    return known(battery_pct=battery(step)) | _cell(rest[:4], raw[:4])


def _cell(fields: list[str], raw: list[str]) -> Attributes:
    """Country, network, area and cell: decimal, or hexadecimal.

    Two kinds of hexadecimal exist: six digits each, and as short as can be with the area padded by spaces. In the
    latter the network has a digit more than it should (NL 04 is 28 hexadecimal, 40).
    """
    if len(fields) < 4 or not all(re.fullmatch(r"[0-9A-Fa-f]{1,8}", field) for field in fields):
        return {}
    hexadecimal = re.search("[A-Fa-f ]", "".join(raw)) or not 200 <= whole(fields[0]) <= 799
    mcc, mnc, lac, cell = (whole(field, 16 if hexadecimal else 10) for field in fields)
    if hexadecimal and len(fields[0]) < 6:
        mnc //= 10
    if not 200 <= mcc <= 799 or not lac:
        return {}
    return {"mcc": mcc, "mnc": mnc, "lac": lac, "cell_id": cell}


def _link(fields: list[str]) -> Attributes:
    """LINK, time, GSM signal, satellites, battery, steps, turnovers, date, status."""
    signal, satellites, level, steps = (whole(field) for field in fields[2:6])
    facts = known(gsm_signal=signal, satellites=satellites, battery_pct=battery(level), steps=steps)
    return facts | _status(fields)


def _neighbours(fields: list[str]) -> Attributes:
    """NBR, time, country, network, timing, count, count × (area, cell, signal), date, status, battery step."""
    mcc, mnc, lac, cell = (whole(field) for field in (*fields[2:4], *fields[6:8]))
    after = next((i for i, field in enumerate(fields) if i > 5 and STATUS.fullmatch(field)), len(fields))
    level = battery(whole(fields[after + 1])) if fields[after + 1 :] else None
    return {"mcc": mcc, "mnc": mnc, "lac": lac, "cell_id": cell} | known(battery_pct=level) | _status(fields)


def _v3(fields: list[str]) -> Attributes:
    """V3, time, country and network, count, count × (area, cell, timing, signal), battery (hex), …, date, status."""
    count = whole(fields[3])
    facts: Attributes = {"mcc": whole(fields[2][:3]), "mnc": whole(fields[2][3:])}
    if count:
        facts |= {"lac": whole(fields[4]), "cell_id": whole(fields[5])}
    return facts | {"battery_v": whole(fields[4 + 4 * count], 16) / 100} | _status(fields)


def _vp1(fields: list[str]) -> Attributes:
    """VP1, V, country, network, then cells as area, cell, signal with Y between them."""
    mcc, mnc, lac, cell = (whole(field) for field in fields[2:6])
    return {"mcc": mcc, "mnc": mnc, "lac": lac, "cell_id": cell}


def _base_station(fields: list[str]) -> Attributes:
    """BS, time, country, network, cells as area, cell, signal (all hexadecimal), …, status, battery."""
    mcc, mnc, lac, cell = (whole(field, 16) for field in fields[2:6])
    level = battery(whole(fields[-1])) if fields[-1].isdecimal() else None
    return {"mcc": mcc, "mnc": mnc, "lac": lac, "cell_id": cell} | known(battery_pct=level) | _status(fields)


def _alive(fields: list[str]) -> Attributes:
    return known(battery_pct=battery(whole(fields[1])))


def _no_fix(fields: list[str]) -> Attributes:
    """A position packet that names no place."""
    return _status(fields)


def _status(fields: list[str]) -> Attributes:
    found = [field for field in fields if STATUS.fullmatch(field)]
    return read_status(found[-1]) if found else {}


WITHOUT_A_PLACE: dict[str, Callable[[list[str]], Attributes]] = {
    "LINK": _link,
    "NBR": _neighbours,
    "V3": _v3,
    "VP1": _vp1,
    "BS": _base_station,
    "LBS": _neighbours,
    "HTBT": _alive,
    "V0": _alive,
    **dict.fromkeys(("V1", "V2", "V4", "V5", "V6", "V8", "V19", "VI1"), _no_fix),
}
"""Type → reader of its fields, which raises ValueError or IndexError where they are not what they should be."""
