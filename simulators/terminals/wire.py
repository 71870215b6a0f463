"""JT/T 808-2013 as a terminal writes and reads it: frames, parts, and the bodies that it needs.

Written from the standard's tables alone and sharing nothing with the gateway, so that it can judge it.
Pure: bytes in, values out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from functools import reduce
from operator import xor
from struct import pack, unpack, unpack_from

FLAG = 0x7E
TERMINAL_REPLY, HEARTBEAT, REGISTER, AUTHENTICATE = 0x0001, 0x0002, 0x0100, 0x0102
POSITION, EVENT_REPORT, ANSWER, BATCH = 0x0200, 0x0301, 0x0302, 0x0704
PLATFORM_REPLY, REGISTER_REPLY, TEXT, EVENTS, QUESTION = 0x8001, 0x8100, 0x8300, 0x8301, 0x8302

DONE, FAILED, WRONG, UNSUPPORTED = 0, 1, 2, 3
"""Results of a general response (table 9)."""

BODY_LIMIT = 1023
BATCH_LIMIT = 30
"""Positions in one 0x0704: (2 + 28 bytes) each, so the body stays under its limit in one frame."""

GMT8 = timezone(timedelta(hours=8))
"""Every time in the protocol is Beijing's (section 8.12)."""


class BadFrame(ValueError):
    """Bytes that are no message of this protocol; says which rule they break."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message, or one part of it; `part` = (total, index from 1)."""

    id: int
    serial: int
    body: bytes = b""
    device: str = ""
    part: tuple[int, int] | None = None


def frame(message: Message) -> bytes:
    """The message's bytes on the line, escaped and between flags (section 4.4)."""
    if len(message.body) > BODY_LIMIT:
        raise BadFrame(f"body of {len(message.body)} bytes, at most {BODY_LIMIT}")
    attributes = len(message.body) | (0x2000 if message.part else 0)
    head = pack(">HH6sH", message.id, attributes, bytes.fromhex(message.device), message.serial)
    content = head + (pack(">HH", *message.part) if message.part else b"") + message.body
    content += bytes([reduce(xor, content)])
    return b"\x7e" + content.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02") + b"\x7e"


def parse(escaped: bytes) -> Message:
    """The message between two flags. Raises BadFrame."""
    content = _unescape(escaped)
    if len(content) < 13:
        raise BadFrame(f"{len(content)} bytes are too few for a header")
    if reduce(xor, content) != 0:
        raise BadFrame("checksum")
    number, attributes, phone, serial = unpack_from(">HH6sH", content)
    part = None
    start = 12
    if attributes & 0x2000:
        if len(content) < 17:
            raise BadFrame("no room for the part numbers")
        total, index = unpack_from(">HH", content, 12)
        part, start = (total, index), 16
    body = content[start:-1]
    if len(body) != attributes & 0x3FF:
        raise BadFrame(f"body of {len(body)} bytes, header says {attributes & 0x3FF}")
    return Message(number, serial, body, phone.hex(), part)


def _unescape(escaped: bytes) -> bytes:
    out = bytearray()
    pieces = escaped.split(b"\x7d")
    out += pieces[0]
    for piece in pieces[1:]:
        if piece[:1] not in {b"\x01", b"\x02"}:
            raise BadFrame("escape without its second byte")
        out.append(0x7D if piece[0] == 1 else 0x7E)
        out += piece[1:]
    return bytes(out)


class Line:
    """Cuts what arrives into messages; any split of the stream gives the same ones."""

    def __init__(self, limit: int = 64 * 1024) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self.bad = 0
        """Frames that could not be read."""

    def receive(self, data: bytes) -> list[Message]:
        """The messages that `data` completes."""
        self._buffer += data
        *whole, rest = bytes(self._buffer).split(b"\x7e")
        self._buffer = bytearray(rest)
        if len(self._buffer) > self._limit:
            self._buffer.clear()
            self.bad += 1
        return [message for piece in whole if piece and (message := self._read(piece))]

    def _read(self, piece: bytes) -> Message | None:
        try:
            return parse(piece)
        except BadFrame:
            self.bad += 1
            return None


class Parts:
    """Puts subpackaged messages together; the whole carries the *last* part's serial."""

    def __init__(self, limit: int = 8) -> None:
        self._open: dict[tuple[int, int, int], dict[int, bytes]] = {}
        self._limit = limit

    def add(self, message: Message) -> Message | None:
        """The whole message once every part is here. A part that cannot be right is left out."""
        if message.part is None:
            return message
        total, index = message.part
        if not 1 <= index <= total:
            return None
        first = (message.serial - index + 1) & 0xFFFF
        key = (message.id, first, total)
        parts = self._open.setdefault(key, {})
        parts[index] = message.body
        if len(parts) < total:
            while len(self._open) > self._limit:
                del self._open[next(iter(self._open))]
            return None
        del self._open[key]
        body = b"".join(parts[n] for n in range(1, total + 1))
        return replace(message, serial=(first + total - 1) & 0xFFFF, body=body, part=None)


def bcd_time(instant: datetime) -> bytes:
    """YY-MM-DD-hh-mm-ss in Beijing time."""
    return bytes.fromhex(f"{instant.astimezone(GMT8):%y%m%d%H%M%S}")


def read_bcd_time(raw: bytes) -> datetime:
    """The instant, UTC, of six BCD bytes. Raises ValueError."""
    return datetime.strptime(raw.hex(), "%y%m%d%H%M%S").replace(tzinfo=GMT8).astimezone(UTC)


def position_body(lat: float, lon: float, speed_mps: float, course_deg: float, fix_time: datetime) -> bytes:
    """Body of 0x0200 (table 23): ignition on, fixed; 1e-6 degrees, 0.1 km/h, whole degrees."""
    status = 0b11 | (4 if lat < 0 else 0) | (8 if lon < 0 else 0)
    speed = min(0xFFFF, round(speed_mps * 36))
    place = pack(">IIIIHHH", 0, status, *_micro(lat, lon), 0, speed, round(course_deg) % 360)
    return place + bcd_time(fix_time)


def _micro(lat: float, lon: float) -> tuple[int, int]:
    return round(abs(lat) * 1e6), round(abs(lon) * 1e6)


def batch_body(positions: Sequence[bytes], *, offline: bool) -> bytes:
    """Body of 0x0704 (table 76): type 1 = kept where there was no network."""
    items = b"".join(pack(">H", len(body)) + body for body in positions)
    return pack(">HB", len(positions), int(offline)) + items


def register_body(device: str, plate: str) -> bytes:
    """Body of 0x0100 (table 7)."""
    model, terminal = b"D45-SIM".ljust(20, b"\0"), device[-7:].encode()
    return pack(">HH5s20s7sB", 11, 100, b"D45XX", model, terminal, 1) + plate.encode("gbk")


def reply_body(serial: int, number: int, result: int) -> bytes:
    """Body of a general response, 0x0001 or 0x8001 (tables 4 and 5)."""
    return pack(">HHB", serial, number, result)


def read_reply(body: bytes) -> tuple[int, int, int]:
    """(serial, message id, result) of a general response. Raises BadFrame."""
    if len(body) != 5:
        raise BadFrame("general response of another length than 5")
    serial, number, result = unpack(">HHB", body)
    return serial, number, result
