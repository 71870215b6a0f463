"""Mutations of frames that know how frames are built: flips, cuts, splices, numbers, and lengths and checksums put right."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import reduce
from operator import xor

from loadtests import wire

MAX = 4096
"""Bytes of one mutated input."""

_BYTES = (0, 1, 0x0D, 0x0A, 0x20, 0x23, 0x24, 0x2A, 0x2C, 0x30, 0x39, 0x7D, 0x7E, 0x7F, 0x80, 0xFF)
_NUMBERS = (b"", b"0", b"-1", b"999999999999", b"1e309", b"nan", b".", b"00", b"99", b"\xc3\xa9", b"A", b",")


class Mutator:
    """The same seed gives the same mutations of the same inputs."""

    def __init__(self, protocol: str, seed: int) -> None:
        self._random = random.Random(f"{protocol}/{seed}")
        self._repair = _REPAIRS.get(protocol)
        self._steps: tuple[Callable[[bytearray, bytes], None], ...] = (
            self._flip, self._byte, self._cut, self._remove, self._repeat, self._splice, self._big, self._number,
        )  # fmt: skip

    def mutate(self, corpus: list[bytes]) -> bytes:
        """One input made from one of these, with another at hand."""
        luck = self._random
        data, other = bytearray(luck.choice(corpus)), luck.choice(corpus)
        for _ in range(1 + int(luck.random() * 4)):
            luck.choice(self._steps)(data, other)
        made = bytes(data[:MAX])
        return self._repair(made) if self._repair is not None and luck.random() < 0.7 else made

    def split(self, data: bytes) -> list[bytes]:
        """The same bytes in up to three pieces."""
        luck = self._random
        at = sorted(int(luck.random() * (len(data) + 1)) for _ in range(2))
        return [data[: at[0]], data[at[0] : at[1]], data[at[1] :]]

    def _at(self, data: bytearray) -> int:
        return int(self._random.random() * len(data)) if data else 0

    def _flip(self, data: bytearray, _: bytes) -> None:
        if data:
            data[self._at(data)] ^= 1 << int(self._random.random() * 8)

    def _byte(self, data: bytearray, _: bytes) -> None:
        if data:
            data[self._at(data)] = self._random.choice(_BYTES)

    def _cut(self, data: bytearray, _: bytes) -> None:
        del data[self._at(data) :]

    def _remove(self, data: bytearray, _: bytes) -> None:
        at = self._at(data)
        del data[at : at + 1 + int(self._random.random() * 8)]

    def _repeat(self, data: bytearray, _: bytes) -> None:
        at = self._at(data)
        piece = data[at : at + 1 + int(self._random.random() * 40)]
        data[at:at] = piece * (1 + int(self._random.random() * 6))

    def _splice(self, data: bytearray, other: bytes) -> None:
        at = int(self._random.random() * (len(other) + 1))
        data[self._at(data) :] = other[at:]

    def _big(self, data: bytearray, _: bytes) -> None:
        """A count or a length that is not true."""
        at, size = self._at(data), self._random.choice((1, 2, 4))
        value = self._random.choice((0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF))
        data[at : at + size] = (value & (1 << 8 * size) - 1).to_bytes(size)

    def _number(self, data: bytearray, _: bytes) -> None:
        """Between two commas, where there are any."""
        start = data.find(b",", self._at(data))
        end = data.find(b",", start + 1)
        if 0 <= start < end:
            data[start + 1 : end] = self._random.choice(_NUMBERS)


def _jt808(data: bytes) -> bytes:
    """Body length and checksum put right (2013: 4.4.3, 4.4.4), with the flags."""
    content = data.strip(b"\x7e").split(b"\x7e")[0]
    content = content.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")
    if len(content) < 13:
        return data
    attributes = int.from_bytes(content[2:4])
    header = 12 + 5 * bool(attributes & 0x4000) + 4 * bool(attributes & 0x2000)
    body = content[header:-1][:1023]
    attributes = attributes & 0xFC00 | len(body)
    return wire.wrapped(content[:2] + attributes.to_bytes(2) + content[4:header] + body)


def _gt06(data: bytes) -> bytes:
    """0x78 0x78, length BYTE (0x79 0x79, WORD), ..., CRC-ITU, 0x0d 0x0a."""
    wide = data[:2] == b"\x79\x79"
    inner = data[4 if wide else 3 : -4][: 0xFFFA if wide else 0xFA]
    body = (len(inner) + 2).to_bytes(2 if wide else 1) + inner
    return data[:2] + body + _crc(body, 0x8408, 0xFFFF, 0xFFFF).to_bytes(2) + b"\r\n"


def _teltonika(data: bytes) -> bytes:
    """Zeros DWORD, length DWORD, ..., CRC-16/IBM DWORD."""
    inner = data[8:-4]
    return bytes(4) + len(inner).to_bytes(4) + inner + _crc(inner, 0xA001, 0, 0).to_bytes(4)


def _nmea(data: bytes) -> bytes:
    """The exclusive or between $ and *, in hexadecimal."""
    start, end = data.find(b"$"), data.rfind(b"*")
    if not 0 <= start < end:
        return data
    return data[: end + 1] + b"%02X\r\n" % reduce(xor, data[start + 1 : end], 0)


def _meitrack(data: bytes) -> bytes:
    """The sum from $$ to *, in hexadecimal."""
    end = data.rfind(b"*")
    return data if end < 0 else data[: end + 1] + b"%02X\r\n" % (sum(data[: end + 1]) & 0xFF)


def _crc(data: bytes, polynomial: int, start: int, final: int) -> int:
    for byte in data:
        start ^= byte
        for _ in range(8):
            start = start >> 1 ^ polynomial if start & 1 else start >> 1
    return start ^ final


_REPAIRS: dict[str, Callable[[bytes], bytes]] = {
    "jt808": _jt808,
    "gt06": _gt06,
    "teltonika": _teltonika,
    "nmea": _nmea,
    "meitrack": _meitrack,
}
"""Protocol → what puts its length and checksum right, so that a mutation reaches what lies behind them."""
