"""Single fields as values. Pure; None where a field is not what its table says."""

from __future__ import annotations

import re

from gps_gateway.protocols.units import instant

_NUMBER = re.compile(r"[-+]?\d{1,12}(\.\d{1,12})?", re.ASCII)
_HEX = re.compile(r"[0-9A-Fa-f]+")
_HOURS = re.compile(r"(\d{1,7}):(\d\d):(\d\d)", re.ASCII)


def number(raw: str) -> float | None:
    return float(raw) if _NUMBER.fullmatch(raw) else None


def whole(raw: str) -> int | None:
    return int(raw) if raw.isdecimal() and raw.isascii() and len(raw) < 10 else None


def hexadecimal(raw: str) -> int | None:
    return int(raw, 16) if len(raw) <= 16 and _HEX.fullmatch(raw) else None


def percent(raw: str) -> int | None:
    """0 to 100; two zeros are not a percentage but the reserved field of a position."""
    value = whole(raw)
    return value if value is not None and value <= 100 and raw != "00" else None


def time(raw: str) -> float | None:
    """YYYYMMDDHHMMSS → seconds since 1970 UTC."""
    return instant(raw[2:8], raw[8:], "ymd") if len(raw) == 14 and raw.startswith("20") else None


def hours(raw: str) -> int | None:
    """An hour meter, HHHHHHH:MM:SS → seconds."""
    found = _HOURS.fullmatch(raw)
    return None if found is None else int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
