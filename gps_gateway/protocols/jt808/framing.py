"""Flags, escapes, checksum and header of JT/T 808 (2013: 4.4; header: 4.4.3, tables 2 and 3).

Also reads the 17-byte header of 2019 (bit 14 of the attributes, phone as BCD[10]).
"""

from __future__ import annotations

from struct import Struct, pack, unpack_from

import msgspec

FLAG = b"\x7e"
MAX_FRAME = 2048
"""Escaped bytes between two flags: 1023 + 21 of header and checksum, nearly all of them escaped."""
MAX_BODY = 1023
KEPT = 256
"""Bytes of a rejected frame that are kept for inspection."""

_LENGTH, _ENCRYPTED, _PARTS, _V2019 = 0x03FF, 0x1C00, 0x2000, 0x4000

_SHORT = Struct(">HH6sH")
"""The header of 2011 and 2013 without parts."""

short_header = _SHORT.unpack_from
"""(message id, attributes, phone, serial) of a content that is long enough. Attributes of a whole message that is
neither encrypted nor of 2019 are the length of its body, up to MAX_BODY."""

SHORTEST = _SHORT.size + 1
"""Bytes of the shortest content: that header and the checksum."""


_GENERAL = 0x8001
_RESPONSE = Struct(">HH6sHHHB")
"""The short header, then serial and message id that are answered, and the result."""


class Header(msgspec.Struct, frozen=True, gc=False):
    """Message id, body length, phone as its BCD digits, serial; `part` = (total, index from 1)."""

    message: int
    length: int
    phone: bytes
    serial: int
    v2019: bool
    encrypted: bool
    part: tuple[int, int] | None
    size: int
    """Bytes of the header itself."""


SEALS = (0x5501, 0x5502)
"""Messages of electronic seals (jointech.py): their serial is a BYTE, and their attributes are a length only."""


class Deframer:
    """Splits a stream at its flags. What does not fit into a frame is cut, never buffered."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Complete frames, still escaped, of any length; what is kept of one that is not complete is bounded."""
        parts = (self._rest + data).split(FLAG)
        self._rest = parts.pop()[: MAX_FRAME + 1]
        return [part for part in parts if part]

    def end(self) -> bytes:
        """The stream has ended: what is left of a frame without its last flag."""
        rest, self._rest = self._rest, b""
        return rest


def unescape(frame: bytes) -> bytes | None:
    """The frame's content; None where an escape is none of the two that exist (4.4.2)."""
    if b"\x7d" not in frame:
        return frame
    if frame.count(b"\x7d") != frame.count(b"\x7d\x01") + frame.count(b"\x7d\x02"):
        return None
    return frame.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")


def escape(content: bytes) -> bytes:
    """Ready for the line, between its flags."""
    if b"\x7d" in content or b"\x7e" in content:
        content = content.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")
    return b"\x7e" + content + b"\x7e"


_HALVES = [tuple(8 << n for n in reversed(range(bits))) for bits in range(33)]
"""Shifts in bits, by the bit length of the number of bytes, that bring every byte to the lowest one."""


def checksum(content: bytes) -> int:
    """Exclusive or of all bytes, by halving: seven steps for 100 bytes instead of 100.

    Only the lowest byte counts in the end, so that nothing needs to be masked on the way.
    """
    number = int.from_bytes(content)
    for shift in _HALVES[len(content).bit_length()]:
        number ^= number >> shift
    return number & 0xFF


def read_header(content: bytes) -> Header | None:
    """The header, or None where the content is too short for it."""
    if len(content) < SHORTEST:
        return None
    message, attributes, phone, serial = _SHORT.unpack_from(content)
    if message in SEALS:
        return Header(message, attributes & _LENGTH, content[4:10], content[10], False, False, None, 11)
    if not attributes & (_V2019 | _PARTS | _ENCRYPTED):  # nearly all that ever comes
        return Header(message, attributes & _LENGTH, phone, serial, False, False, None, _SHORT.size)
    v2019 = bool(attributes & _V2019)
    at = 5 if v2019 else 4
    end = at + (10 if v2019 else 6)
    has_parts = bool(attributes & _PARTS)
    size = end + (6 if has_parts else 2)
    if len(content) < size + 1:
        return None
    part = unpack_from(">HH", content, end + 2) if has_parts else None
    (serial,) = unpack_from(">H", content, end)
    encrypted = bool(attributes & _ENCRYPTED)
    return Header(message, attributes & _LENGTH, content[at:end], serial, v2019, encrypted, part, size)


def frame(message: int, phone: bytes, serial: int, body: bytes, part: tuple[int, int] | None = None) -> bytes:
    """One message or part of ours, escaped. `phone` of 10 bytes makes a 2019 header (version 1)."""
    v2019 = len(phone) == 10
    attributes = len(body) | (_PARTS if part else 0) | (_V2019 if v2019 else 0)
    if v2019:
        content = pack(">HHB10sH", message, attributes, 1, phone, serial)
    else:
        content = _SHORT.pack(message, attributes, phone, serial)
    if part:
        content += pack(">HH", *part)
    content += body
    return escape(content + checksum(content).to_bytes())


def response(phone: bytes, serial: int, answered: tuple[int, int], result: int) -> bytes:
    """Our general response (8.2) to the message with this (id, serial): what nearly every frame is answered by."""
    message, number = answered
    if len(phone) != 6:
        return frame(_GENERAL, phone, serial, pack(">HHB", number, message, result))
    content = _RESPONSE.pack(_GENERAL, 5, phone, serial, number, message, result)
    return escape(content + checksum(content).to_bytes())


def packages(message: int, phone: bytes, serial: int, body: bytes) -> tuple[int, list[bytes]]:
    """A message of any length in parts of at most 1023 bytes under consecutive serials.

    Returns the last part's serial, which is the one that the terminal's receipt names, and the frames.
    """
    if len(body) <= MAX_BODY:
        return serial, [frame(message, phone, serial, body)]
    pieces = [body[i : i + MAX_BODY] for i in range(0, len(body), MAX_BODY)]
    serials = [(serial + n) % 0x10000 for n in range(len(pieces))]
    frames = [
        frame(message, phone, number, piece, (len(pieces), n))
        for n, (number, piece) in enumerate(zip(serials, pieces, strict=True), start=1)
    ]
    return serials[-1], frames
