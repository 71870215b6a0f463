"""The text form of H02: `*maker,device,type,fields…#`, and what each type puts into its fields."""

from __future__ import annotations

import re

from gps_gateway.codec import Attributes, Event, Fix, Heartbeat, Report, Status, Unsupported
from gps_gateway.protocols.h02.more import STATUS, WITHOUT_A_PLACE, after_the_date
from gps_gateway.protocols.text import course, head, rejected, speed
from gps_gateway.protocols.units import KNOT, degrees, instant

PACKET = re.compile(r"\*([A-Za-z0-9]{2}),([0-9A-Za-z]{0,20}),(.*)#", re.DOTALL)
DATE = re.compile(r"\d{6}")
SIGNED = re.compile(r"-?(\d+)-(\d+\.?\d*)")
"""Degrees and minutes that each carry the sign, which the hemisphere says as well."""

ALIVE = {"V0", "HTBT"}
"""Answered with themselves."""


def read_text(packet: bytes, last: str) -> Event:
    """One packet from `*` to `#`; `last` is the device of the connection, for packets that name none."""
    match = PACKET.fullmatch(packet.decode("latin-1").strip())
    if match is None:
        return rejected("too long" if len(packet) > 1000 else "not *maker,device,type#", packet)
    device = match[2] or last
    raw = match[3].split(",")
    fields = [field.strip() for field in raw]
    kind = fields[0]
    common = head(device, kind, packet, match[1])
    if (at := _place(fields)) > 0:
        fix = _fix(fields, raw, at)
        return rejected("position", packet, device) if fix is None else Report(**common, fixes=(fix,))
    if kind in ALIVE and len(fields) == 1:
        return Heartbeat(**common)
    read = WITHOUT_A_PLACE.get(kind)
    if read is None:
        return Unsupported(**common, what=kind or "no type")
    try:
        attributes = read(fields)
    except (ValueError, IndexError):
        return rejected(f"fields of {kind}", packet, device)
    return Status(**common, attributes=attributes, time=_time(fields))


def _place(fields: list[str]) -> int:
    """Where the latitude stands: before N or S, with the longitude before E or W behind it; 0: nowhere."""
    for at in range(1, len(fields) - 3):
        if fields[at + 1] in {"N", "S"} and fields[at + 3] in {"E", "W"}:
            return at
    return 0


def _fix(fields: list[str], raw: list[str], at: int) -> Fix | None:
    """`time,A,latitude,N,longitude,E,speed,course[,-],DDMMYY,status,more`; what stands before is a confirmation."""
    lat, lon = _angle(fields[at], fields[at + 1], 2), _angle(fields[at + 2], fields[at + 3], 3)
    if lat is None or lon is None:
        return None
    rest, more = fields[at + 4 :], raw[at + 4 :]
    knots, angle = [*rest[:2], "", ""][:2]
    date_at = next((i for i in (2, 3) if i < len(rest) and DATE.fullmatch(rest[i])), 2)
    after = after_the_date(fields[0], rest[date_at + 1 :], more[date_at + 1 :])
    time = instant(rest[date_at], fields[at - 2], "dmy") if date_at < len(rest) and at >= 3 else None
    return Fix(
        time,
        lat,
        lon,
        fields[at - 1] == "A",
        speed(knots, KNOT),
        course(angle),
        None,
        _confirmed(fields[: max(1, at - 2)]) | after,
    )


def _angle(text: str, hemisphere: str, width: int) -> float | None:
    """`DDMM.MMMM`, the same without its point, or `-DD-MM.MMMM`; `width`: digits of the degrees."""
    if signed := SIGNED.fullmatch(text):
        text = f"{signed[1]}{float(signed[2]):07.4f}"
    elif text.isdecimal() and len(text) > width + 2:
        text = f"{text[: width + 2]}.{text[width + 2 :]}"
    return degrees(text, hemisphere)


def _confirmed(before: list[str]) -> Attributes:
    """V4: `V4,command,its answer…,time of the command`: what the device did of what it was told."""
    return {"result": ",".join(before[1:-1])} if before[0] == "V4" and len(before) > 2 else {}


def _time(fields: list[str]) -> float | None:
    """Of a packet without a position: the time after its type, and the date before its vehicle status."""
    at = next((i for i in reversed(range(len(fields))) if STATUS.fullmatch(fields[i])), 0)
    return instant(fields[at - 1], fields[1], "dmy") if at > 2 else None
