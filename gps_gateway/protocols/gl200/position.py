"""The position group, the same in every message of every model.

GNSS accuracy (0: no fix, the last known position), speed km/h, azimuth, altitude m, longitude, latitude, UTC time, then
MCC, MNC, LAC and cell (hexadecimal) and a reserved field, which newer vehicle devices use as the position append mask
(bit 0: satellites follow). What stands before and behind the group differs from message to message, so the group is
found by its own form: two coordinates and a time of fourteen digits.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gps_gateway.codec import Attributes, Fix
from gps_gateway.protocols.gl200.fields import hexadecimal, number, time, whole
from gps_gateway.protocols.gl200.message import TIME, Message
from gps_gateway.protocols.units import KMH

_DEGREES = re.compile(r"-?\d{1,3}\.\d{1,8}", re.ASCII)
_WIFI = re.compile(r"[0-9a-fA-F]{12}")


class Group(NamedTuple):
    """`begin`: the field of the accuracy; `end`: the first one behind the group."""

    begin: int
    end: int
    fix: Fix


def read_groups(message: Message) -> tuple[list[Group], bool]:
    """Every position, oldest first; and whether there were coordinates that cannot exist."""
    fields = message.fields
    groups: list[Group] = []
    impossible = False
    for at in range(2, len(fields)):
        if not (TIME.fullmatch(fields[at]) and all(map(_DEGREES.fullmatch, fields[at - 2 : at]))):
            continue
        lon, lat = float(fields[at - 2]), float(fields[at - 1])
        if abs(lat) > 90 or abs(lon) > 180:
            impossible = True
            continue
        groups.append(_group(message, at, lat, lon))
    return groups, impossible


def _group(message: Message, at: int, lat: float, lon: float) -> Group:
    accuracy, speed, azimuth, altitude = (number(message.at(at - back)) for back in (6, 5, 4, 3))
    attributes: Attributes = {}
    if accuracy:
        attributes["hdop"] = accuracy
    end = _cell(message, at + 1, attributes)
    fix = Fix(
        time(message.fields[at]),
        lat,
        lon,
        accuracy is None or accuracy > 0,
        None if speed is None else speed * KMH,
        azimuth,
        altitude,
        attributes,
    )
    return Group(at - 6, end, fix)


def _cell(message: Message, at: int, attributes: Attributes) -> int:
    """MCC, MNC, LAC, cell into `attributes`; gives the first field behind them and the appended ones."""
    if message.model == "42" and (count := whole(message.at(at))) is not None:
        at = _access_points(message, at, count, attributes)
    mcc, mnc = whole(message.at(at)), whole(message.at(at + 1))
    lac, cell = hexadecimal(message.at(at + 2)), hexadecimal(message.at(at + 3))
    if mcc and mnc is not None and lac is not None and cell is not None:
        attributes |= {"mcc": mcc, "mnc": mnc, "lac": lac, "cell_id": cell}
    end = at + 4
    mask = message.at(end)
    if message.handheld or not re.fullmatch(r"0[0-9A-F]", mask) or mask == "00":
        return end
    if int(mask, 16) & 1 and (satellites := whole(message.at(end + 1))) is not None:
        attributes["satellites"] = satellites
    return end + int(mask, 16).bit_count()


def _access_points(message: Message, at: int, count: int, attributes: Attributes) -> int:
    """GT500: a count of access points, then address, signal and three reserved fields each."""
    seen: list[str] = []
    end = at + 1
    while len(seen) < count and _WIFI.fullmatch(message.at(end)):
        seen.append(f"{message.at(end)} {message.at(end + 1)}")
        end += 5
    if not seen:
        return at
    attributes["wifi"] = ";".join(seen)
    return end
