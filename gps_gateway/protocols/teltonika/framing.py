"""What stands on the line, by Teltonika's "Data Sending Protocols": a login, packets of data, datagrams, pings.

- login: length WORD, IMEI in ASCII
- data: `00 00 00 00`, length DWORD, data (codec, count, ..., count), CRC-16/IBM of the data as a DWORD
- datagram (UDP channel): length WORD, packet WORD, `01`, number of the data BYTE, length WORD, IMEI, data without CRC
- ping: `FF`
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

MAX_DATA = 8191
"""Bytes of the longest data: records are sent in 1280 at most, parts of pictures in little more than 2048."""
KEPT = 256
"""Bytes of rejected data that are kept for inspection."""

_HEAD = 9
"""Bytes by which a start is known."""
_START = re.compile(
    rb"(?P<data>\0{6}[\0-\x1f].[\x07\x08\x0c-\x10\x8e])|(?P<login>\0[\x0a-\x14][0-9]{7})", re.DOTALL
)
_DATAGRAM = re.compile(rb"[\0-\x1f]...\x01.\0[\x0a-\x14][0-9]", re.DOTALL)

_LOGIN = re.compile(rb"\0\x0f[0-9]+\Z|\0\x0f[0-9]{15}")

Kind = Literal["login", "data", "datagram", "ping"]


class Packet(NamedTuple):
    """One of them. `data`: from the codec to the second count, or the IMEI of a login; `defect`: why it is none."""

    raw: bytes
    kind: Kind = "data"
    data: bytes = b""
    checked: bool | None = None
    device: str = ""
    number: int = 0
    """Of a datagram: packet and data, which its answer echoes."""
    defect: str = ""


class Deframer:
    """Splits a stream. `measure`: bytes of data by its own counts, for data whose length is wrong; None: not all there.

    Where nothing begins, bytes are dropped up to where something does. Buffers hold one packet at most.
    """

    def __init__(self, measure: Callable[[bytes], int | None]) -> None:
        self._measure = measure
        self._rest = b""
        self._noise = b""

    def feed(self, data: bytes) -> list[Packet]:
        """What is complete, and what stands between as one defect each."""
        self._rest += data
        found: list[Packet] = []
        while (packet := self._next()) is not None:
            found += [self._take_noise(), packet] if self._noise else [packet]
        return found

    def end(self) -> list[Packet]:
        """The stream or datagram has ended: data counts by what it says itself, whatever its length or check is."""
        rest, self._rest = self._rest, b""
        found = [self._take_noise()] if self._noise else []
        if rest[:4] == bytes(4) and (size := self._measure(rest[8:])) is not None:
            found.append(_data(rest, size))
            rest = rest[8 + size + 4 :]
        if rest:
            found.append(Packet(rest[:KEPT], defect="incomplete"))
        return found

    def _next(self) -> Packet | None:
        """The next one, taken from the buffer; None: it is not complete."""
        rest = self._rest
        if rest[:1] == b"\xff" and not self._noise:
            return self._cut(Packet(rest[:1], "ping"))
        if len(rest) < _HEAD:
            return None
        if not self._noise and _DATAGRAM.match(rest):
            size = 2 + int.from_bytes(rest[:2])
            return self._cut(_datagram(rest[:size])) if len(rest) >= size else None
        start = _START.search(rest)
        at = start.start() if start else len(rest) - _HEAD + 1
        self._noise = (self._noise + rest[:at])[:KEPT]
        self._rest = rest = rest[at:]
        if start is None:
            return None
        if start.lastgroup == "login":
            size = 2 + rest[1]
            imei = rest[2:size]
            return self._cut(Packet(rest[:size], "login", imei)) if len(rest) >= size else None
        return self._next_data(rest)

    def _next_data(self, rest: bytes) -> Packet | None:
        size = int.from_bytes(rest[4:8]) or self._measure(rest[8:])
        if size is None and len(rest) > MAX_DATA:
            return self._cut(Packet(rest[:MAX_DATA], defect="length"))
        if size is None or len(rest) < 8 + size + 4:
            return None
        return self._cut(_data(rest, size))

    def _cut(self, packet: Packet) -> Packet:
        self._rest = self._rest[len(packet.raw) :]
        return packet

    def _take_noise(self) -> Packet:
        noise, self._noise = self._noise, b""
        return Packet(noise, defect="no packet")


def begins(first: bytes) -> bool:
    """Whether a connection or datagram that begins with these bytes is one of a tracker of Teltonika."""
    return first[:4] == bytes(4) or bool(_LOGIN.match(first) or _DATAGRAM.match(first))


def checksum(data: bytes) -> int:
    """CRC-16/IBM, a byte at a time."""
    crc = 0
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def _row(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (0xA001 if value & 1 else 0)
    return value


_TABLE = tuple(map(_row, range(256)))


def _data(rest: bytes, size: int) -> Packet:
    data, check = rest[8 : 8 + size], rest[8 + size : 12 + size]
    return Packet(
        rest[: 12 + size], "data", data, checksum(data) == int.from_bytes(check) and len(check) == 4
    )


def _datagram(raw: bytes) -> Packet:
    end = 8 + int.from_bytes(raw[7:8])
    device = raw[8:end]
    if len(raw) < max(8, end) or not device.isdigit():
        return Packet(raw, defect="imei")
    number = int.from_bytes(raw[2:4]) << 8 | raw[5]
    return Packet(raw, "datagram", raw[end:], device=device.decode(), number=number)
