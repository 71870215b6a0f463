"""JT/T 808-2013 as a terminal speaks it, written from the standard's tables: nothing of the gateway's codec is in it.

Header (4.4.3): message id WORD, body attributes WORD, phone BCD[6], serial WORD; then body and checksum,
the exclusive or of all before it (4.4.4); 0x7e and 0x7d are escaped as 0x7d 0x02 and 0x7d 0x01 (4.4.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import xor
from struct import pack, pack_into

RECEIPT, HEARTBEAT, REGISTER, AUTHENTICATE = 0x0001, 0x0002, 0x0100, 0x0102
POSITION, EVENT_REPORT, ANSWER = 0x0200, 0x0301, 0x0302
GENERAL, REGISTERED, TEXT, SET_EVENTS, QUESTION = 0x8001, 0x8100, 0x8300, 0x8301, 0x8302
PARTS = 0x2000
"""Bit 13 of the attributes: the message comes in parts."""

FIRST_LATITUDE = 20_000_000
"""Millionths of a degree at which a device's position number 0 lies; number n lies n millionths north of it."""

REGISTRATION = bytes(4) + b"LOADS" + b"SWARM".ljust(20, b"\0") + b"0000001" + b"\x01" + b"LOAD"
"""Province, city, maker, type, terminal id, plate colour, plate (8.5)."""


def frame(message: int, phone: bytes, serial: int, body: bytes = b"") -> bytes:
    """One message on the line."""
    return wrapped(pack(">HH6sH", message, len(body), phone, serial) + body)


def wrapped(content: bytes) -> bytes:
    """With its checksum, escaped, between flags."""
    content += bytes((reduce(xor, content),))
    return b"\x7e" + content.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02") + b"\x7e"


class Positions:
    """All position reports of one terminal, by number: the same number gives the same bytes.

    Latitude tells the number, so that what is stored can be told from what was sent.
    """

    def __init__(self, phone: bytes, longitude: int) -> None:
        body = pack(">IIIIHHH6s", 0, 3, 0, longitude, 50, 360, 90, bytes.fromhex("250102080000"))
        body += (
            b"\x01\x04" + pack(">I", 12_345) + b"\x30\x01\x1f" + b"\x31\x01\x0c"
        )  # mileage, signal, satellites
        self._frame = bytearray(pack(">HH6sH", POSITION, len(body), phone, 0) + body + b"\0")
        self._fixed = reduce(xor, self._frame)

    def frame(self, number: int, serial: int) -> bytes:
        """Ready for the line."""
        raw = self._frame
        minutes = _BCD[number // 60 % 60] << 8 | _BCD[number % 60]
        latitude = FIRST_LATITUDE + number
        pack_into(">H", raw, 10, serial)
        pack_into(">I", raw, 20, latitude)
        pack_into(">H", raw, 38, minutes)
        folded = latitude ^ latitude >> 16 ^ serial ^ minutes
        raw[-1] = self._fixed ^ (folded ^ folded >> 8) & 0xFF
        content = bytes(raw)
        if b"\x7d" in content or b"\x7e" in content:
            content = content.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")
        return b"\x7e" + content + b"\x7e"


_BCD = [n // 10 << 4 | n % 10 for n in range(100)]


def number_of(latitude: float) -> int:
    """The number of the position that lies at this latitude (degrees)."""
    return round(latitude * 1e6) - FIRST_LATITUDE


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of the platform; `part` = (total, index from 1) where it is one of several."""

    message: int
    serial: int
    body: bytes
    part: tuple[int, int] | None = None


def contents(data: bytes) -> tuple[list[bytes], bytes]:
    """Complete messages, unescaped, and what is left over of an incomplete one."""
    parts = data.split(b"\x7e")
    rest = parts.pop()
    whole = [
        p.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d") if b"\x7d" in p else p for p in parts
    ]
    return [part for part in whole if part], rest


def receipt(phone: bytes, serial: int, answered: Heard, result: int = 0) -> bytes:
    """0x0001 for a message of the platform (8.1)."""
    return frame(RECEIPT, phone, serial, pack(">HHB", answered.serial, answered.message, result))


def heard(data: bytes) -> tuple[list[Heard], bytes]:
    """The messages in these bytes, and the rest. Raises ValueError where one is not as the standard has it."""
    whole, rest = contents(data)
    return list(_read(whole)), rest


def _read(whole: list[bytes]) -> Iterator[Heard]:
    for content in whole:
        attributes = int.from_bytes(content[2:4])
        start = 16 if attributes & PARTS else 12
        body = content[start:-1]
        if reduce(xor, content) or len(body) != attributes & 0x3FF:
            raise ValueError(f"no message of the standard: {content.hex()}")
        part = (
            (int.from_bytes(content[12:14]), int.from_bytes(content[14:16])) if attributes & PARTS else None
        )
        yield Heard(int.from_bytes(content[:2]), int.from_bytes(content[10:12]), body, part)
