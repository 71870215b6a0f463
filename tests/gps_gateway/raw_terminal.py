"""A terminal written by hand from the standard's tables, byte by byte: it shares nothing with the gateway."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

DEVICE = "013800000001"


def line(message: int, serial: int, body: bytes = b"", device: str = DEVICE) -> bytes:
    content = message.to_bytes(2, "big") + len(body).to_bytes(2, "big")
    content += bytes.fromhex(device) + serial.to_bytes(2, "big") + body
    return between_flags(content + bytes([exclusive_or(content)]))


def exclusive_or(content: bytes) -> int:
    total = 0
    for byte in content:
        total ^= byte
    return total


def between_flags(content: bytes) -> bytes:
    escaped = bytearray()
    for byte in content:
        escaped += {0x7E: b"\x7d\x02", 0x7D: b"\x7d\x01"}.get(byte, bytes([byte]))
    return b"\x7e" + bytes(escaped) + b"\x7e"


def position(lat: float = 39.9, lon: float = 116.4, time: str = "250102080304", status: int = 3) -> bytes:
    """Alarm, status, latitude, longitude, altitude, speed 36 km/h, course 90, time in GMT+8."""
    place = round(lat * 1e6).to_bytes(4, "big") + round(lon * 1e6).to_bytes(4, "big")
    rest = (50).to_bytes(2, "big") + (360).to_bytes(2, "big") + (90).to_bytes(2, "big")
    return bytes(4) + status.to_bytes(4, "big") + place + rest + bytes.fromhex(time)


@dataclass(frozen=True)
class Heard:
    """One message of the platform."""

    message: int
    serial: int
    body: bytes

    @property
    def answered(self) -> tuple[int, int, int]:
        """Of a 0x8001: (message id, serial, result)."""
        assert self.message == 0x8001
        return int.from_bytes(self.body[2:4], "big"), int.from_bytes(self.body[:2], "big"), self.body[4]


class RawTerminal:
    """One connection; `expect` waits for the next message of a kind and fails after `patience` seconds."""

    def __init__(self, port: int, device: str = DEVICE) -> None:
        self.port = port
        self.device = device
        self.serial = 0
        self.heard: list[Heard] = []

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()

    def send(self, message: int, body: bytes = b"", serial: int | None = None) -> int:
        if serial is None:
            self.serial += 1
            serial = self.serial
        self.writer.write(self.line(message, serial, body))
        return serial

    def line(self, message: int, serial: int, body: bytes, part: tuple[int, int] | None = None) -> bytes:
        return line(message, serial, body, self.device)

    async def next(self, patience: float = 3.0) -> Heard:
        async with asyncio.timeout(patience):
            raw = b""
            while not raw:
                raw = (await self.reader.readuntil(b"\x7e"))[:-1]
        raw = raw.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")
        assert exclusive_or(raw) == 0
        return self.read(raw)

    def read(self, raw: bytes) -> Heard:
        """A message of the platform, of which escapes and checksum are right."""
        assert int.from_bytes(raw[2:4], "big") & 0x3FF == len(raw) - 13
        return Heard(int.from_bytes(raw[:2], "big"), int.from_bytes(raw[10:12], "big"), raw[12:-1])

    async def expect(self, message: int, patience: float = 3.0) -> Heard:
        """The next one of this kind; others that come before it are kept in `heard`."""
        while (heard := await self.next(patience)).message != message:
            self.heard.append(heard)
        return heard

    async def silence(self, seconds: float = 0.3) -> None:
        """Nothing comes, and the line stays open."""
        try:
            heard = await self.next(seconds)
        except TimeoutError:
            return
        raise AssertionError(f"unexpected {heard}")

    async def register(self) -> Heard:
        self.send(
            0x0100, bytes(4) + b"MAKER" + b"M".ljust(20, b"\0") + b"T000001" + b"\x01" + "京A1".encode("gbk")
        )
        return await self.expect(0x8100)

    async def login(self) -> None:
        """Register, then authenticate with the code that was given."""
        answer = await self.register()
        assert answer.body[2] == 0, f"register refused with {answer.body[2]}"
        serial = self.send(0x0102, answer.body[3:])
        assert (await self.expect(0x8001)).answered == (0x0102, serial, 0)

    def receipt(self, heard: Heard, result: int = 0) -> None:
        """0x0001 for a message of the platform."""
        self.send(
            0x0001, heard.serial.to_bytes(2, "big") + heard.message.to_bytes(2, "big") + bytes([result])
        )

    def answer(self, asked: int, choice: int, serial: int | None = None) -> int:
        return self.send(0x0302, asked.to_bytes(2, "big") + bytes([choice]), serial)

    def press(self, code: int, serial: int | None = None) -> int:
        return self.send(0x0301, bytes([code]), serial)
