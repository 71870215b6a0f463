"""One sentence: `$` address, fields, `*` checksum (NMEA 0183), and what trackers hang onto it."""

from __future__ import annotations

import re
from functools import reduce
from operator import xor
from typing import NamedTuple

from gps_gateway.protocols.units import instant

_CHECKSUM = re.compile(r"\*\s*([0-9A-Fa-f]{1,2})\s*(?:,([^*$]*))?$")
"""At the end of the line, or before what a tracker hangs onto it."""

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)", re.ASCII)

_CENTURY = 36525 * 86400.0
"""Seconds from a day of 1980 to 1999 to the same day of 2080 to 2099 (2000 was a leap year)."""


class Sentence(NamedTuple):
    """`fields[0]` is the address (`GPRMC`); `tail` what stands behind the checksum."""

    fields: list[str]
    intact: bool | None
    """Whether its checksum is right; None: it has none."""
    tail: list[str]

    @property
    def kind(self) -> str:
        """The sentence without its talker: RMC of GPS, GLONASS, Galileo or all of them is an RMC."""
        address = self.fields[0]
        return address[2:] if len(address) == 5 and address[:2] in _TALKERS else address

    def at(self, index: int) -> str:
        """A field, empty where the sentence is shorter."""
        return self.fields[index].strip() if index < len(self.fields) else ""

    def number(self, index: int) -> float | None:
        return number(self.at(index))


_TALKERS = frozenset({"GP", "GN", "GL", "GA", "GB", "BD", "GQ", "GI", "II", "IN"})


def read_sentence(text: str) -> Sentence:
    """`text` begins with its `$` and ends where its line or the next `$` does. The checksum is the exclusive or of all that is between `$` and `*`."""
    found = _CHECKSUM.search(text)
    if found is None:
        return Sentence(text[1:].split(","), None, [])
    body = text[1 : found.start()]
    stated = int(found[1], 16)
    intact = reduce(xor, body.encode("latin-1", "replace"), 0) == stated
    return Sentence(body.split(","), intact, found[2].split(",") if found[2] else [])


def number(raw: str) -> float | None:
    """A finite number, or None. Python's own extras (`nan`, `1_0`) are no numbers here."""
    return float(raw) if len(raw) <= 20 and _NUMBER.fullmatch(raw) else None


def moment(date: str, time: str) -> float | None:
    """`ddmmyy` and `hhmmss[.sss]`, UTC → seconds since 1970. GPS began in 1980: 80 to 99 are years of the 1900s."""
    seconds = instant(date, time, "dmy")
    return seconds - _CENTURY if seconds is not None and date[4:] >= "80" else seconds
