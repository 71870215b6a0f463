"""Frames of GT06 ("GPS Tracker Communication Protocol (GT06)", chapter 4) and of those of its relatives that differ.

`78 78`, length BYTE, type, content, serial WORD, CRC WORD, `0D 0A`; with `79 79` the length is a WORD. The length
counts from the type to the CRC. Three kinds of devices do it otherwise, and are told apart by where `0D 0A` stands:
- bare: the length counts the content only, and there is neither serial nor CRC;
- networks (types 0x17 and 0x69): the length byte is the number of Wi-Fi networks, and there is neither, too;
- broken: it stands somewhere else, and the first one ends the frame.
"""

from __future__ import annotations

from binascii import crc_hqx
from typing import NamedTuple

STARTS = (b"\x78\x78", b"\x79\x79")
END = b"\r\n"
LOGIN, NETWORKS = 0x01, (0x17, 0x69)
MAX_FRAME = 4096
"""Bytes of the longest frame: a part of a picture has 1024 bytes and less than 100 around it."""
KEPT = 256
"""Bytes of a rejected frame that are kept for inspection."""

_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Packet(NamedTuple):
    """One frame, taken apart. `checked`: its CRC is right; None: it has none. `defect`: why it is no frame."""

    raw: bytes
    extended: bool = False
    type: int = 0
    content: bytes = b""
    serial: int = 0
    checked: bool | None = None
    defect: str = ""


class Deframer:
    """Splits a stream at its frames. What does not fit into a frame is cut, never buffered."""

    def __init__(self) -> None:
        self._rest = b""
        self._noise = b""

    def feed(self, data: bytes) -> list[Packet]:
        """Complete frames, and what stands between them as one defect each."""
        self._rest += data
        found: list[Packet] = []
        while (size := self._size(found)) is not None:
            raw, self._rest = self._rest[:size], self._rest[size:]
            found.append(_packet(raw))
        return found

    def end(self) -> list[Packet]:
        """The stream or datagram has ended: an earlier `0D 0A` counts, and a last frame may lack its own."""
        found: list[Packet] = []
        while self._rest:
            at = self._rest.find(END, 4)
            raw = self._rest[: at + 2] if at >= 0 else self._rest
            self._rest = self._rest[len(raw) :]
            if at >= 0 or len(raw) >= _declared(raw) - 2 > 6:
                found.append(_packet(raw if at >= 0 else raw.removesuffix(b"\r") + END))
            else:
                found.append(Packet(raw, defect="incomplete"))
            found += self.feed(b"")
        if self._noise:
            found.append(self._take_noise())
        return found

    def _size(self, found: list[Packet]) -> int | None:
        """Bytes of the frame that the buffer begins with; None: it is not complete yet."""
        if not self._begin(found):
            return None
        rest = self._rest
        size: int | None = _declared(rest)
        if rest[:2] == STARTS[0] and rest[3] in NETWORKS and (rest[2] < 5 or rest[3] == NETWORKS[1]):
            size = _networks(rest)
        if size is None:
            return None
        if size <= MAX_FRAME:
            for whole in (size, size + 1):
                if len(rest) < whole:
                    return None
                if rest[whole - 2 : whole] == END:
                    return whole
        at = rest.find(END, 4)
        if at >= 0:
            return min(at + 2, MAX_FRAME)
        return MAX_FRAME if len(rest) >= MAX_FRAME else None

    def _begin(self, found: list[Packet]) -> bool:
        """Drop what stands before a start; whether the buffer begins with a header now."""
        places = [at for start in STARTS if (at := self._rest.find(start)) >= 0]
        halved = self._rest[-1:] in (b"\x78", b"\x79")
        at = min(places, default=len(self._rest) - halved)
        self._noise = (self._noise + self._rest[:at])[:KEPT]
        self._rest = self._rest[at:]
        if places and self._noise:
            found.append(self._take_noise())
        return len(self._rest) >= 5

    def _take_noise(self) -> Packet:
        noise, self._noise = self._noise, b""
        return Packet(noise, defect="no frame")


def checksum(content: bytes) -> int:
    """CRC-ITU (appendix A): the CRC of CCITT over mirrored bytes, mirrored and inverted."""
    crc = crc_hqx(content.translate(_MIRRORED), 0xFFFF)
    return (_MIRRORED[crc & 0xFF] << 8 | _MIRRORED[crc >> 8]) ^ 0xFFFF


def frame(message: int, content: bytes, serial: int, *, extended: bool = False) -> bytes:
    """A message of ours."""
    size = len(content) + 5
    body = size.to_bytes(2 if extended else 1) + bytes((message,)) + content + serial.to_bytes(2)
    return STARTS[extended] + body + checksum(body).to_bytes(2) + END


def _declared(rest: bytes) -> int:
    """Bytes of a frame by its length field."""
    if rest[:2] == STARTS[1]:
        return int.from_bytes(rest[2:4]) + 6
    return int.from_bytes(rest[2:3]) + 5


def _networks(rest: bytes) -> int | None:
    """Bytes of a frame of networks: time (6), networks of 7, a count, mcc (2), mnc (1), as many cells of 5, end."""
    at = 4 + 6 + 7 * rest[2]
    return at + 1 + 3 + 5 * rest[at] + 2 if len(rest) > at else None


def _packet(raw: bytes) -> Packet:
    """Its parts; a frame whose length is wrong keeps everything up to the end as content."""
    extended = raw[:2] == STARTS[1]
    head = 4 if extended else 3
    kind, content = raw[head], raw[head + 1 : -2]
    if raw[-2:] != END:
        return Packet(raw, defect="too long")
    if len(raw) != _declared(raw) or len(content) < 4:
        bare = len(raw) in (_declared(raw), _declared(raw) + 1) or (kind in NETWORKS and not extended)
        return Packet(raw, extended, kind, content, defect="" if bare or kind == LOGIN else "length")
    checked = checksum(raw[2:-4]) == int.from_bytes(raw[-4:-2])
    return Packet(raw, extended, kind, content[:-4], int.from_bytes(content[-4:-2]), checked)
