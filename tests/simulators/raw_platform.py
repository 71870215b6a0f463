"""A hand-written platform for one or a few terminals: raw bytes, every answer under the test's control."""

from __future__ import annotations

import asyncio
from collections import Counter
from struct import pack, unpack

GOOD_CODE = b"CODE-1"


def framed(number: int, device: str, serial: int, body: bytes, part: tuple[int, int] | None = None) -> bytes:
    head = (
        pack(">HH", number, len(body) | (0x2000 if part else 0)) + bytes.fromhex(device) + pack(">H", serial)
    )
    content = head + (pack(">HH", *part) if part else b"") + body
    check = 0
    for byte in content:
        check ^= byte
    out = b""
    for byte in content + bytes([check]):
        out += {0x7E: b"\x7d\x02", 0x7D: b"\x7d\x01"}.get(byte, bytes([byte]))
    return b"\x7e" + out + b"\x7e"


class Platform:
    """Accepts terminals; answers what it hears, unless `silent`."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int, bytes]] = []
        """(message id, serial, body) in order of arrival."""
        self.news = asyncio.Condition()
        self.silent = False
        self.result = 0
        self.refuse_codes = 0
        self.writers: list[asyncio.StreamWriter] = []
        self.device = ""
        self.port = 0

    async def __aenter__(self) -> Platform:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self.writers:
            writer.close()
        await self._server.wait_closed()

    def ids(self) -> Counter[int]:
        return Counter(number for number, _, _ in self.heard)

    def of(self, number: int) -> list[tuple[int, bytes]]:
        return [(serial, body) for n, serial, body in self.heard if n == number]

    async def wait(self, number: int, count: int = 1) -> list[tuple[int, bytes]]:
        async with asyncio.timeout(5), self.news:
            await self.news.wait_for(lambda: len(self.of(number)) >= count)
        return self.of(number)

    def send(self, number: int, serial: int, body: bytes, part: tuple[int, int] | None = None) -> None:
        self.writers[-1].write(framed(number, self.device, serial, body, part))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while True:
                await reader.readuntil(b"\x7e")
                raw = await reader.readuntil(b"\x7e")
                await self._hear(raw[:-1], writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _hear(self, raw: bytes, writer: asyncio.StreamWriter) -> None:
        content = raw.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")
        number, _, device, serial = unpack(">HH6sH", content[:12])
        self.device, body = device.hex(), content[12:-1]
        async with self.news:
            self.heard.append((number, serial, body))
            self.news.notify_all()
        if number == 0x0100:
            writer.write(framed(0x8100, self.device, 1, pack(">HB", serial, 0) + GOOD_CODE))
        elif number == 0x0102:
            good = body == GOOD_CODE and self.refuse_codes == 0
            self.refuse_codes = max(0, self.refuse_codes - 1)
            self._reply(writer, serial, number, 0 if good else 1)
        elif number != 0x0001 and not self.silent:
            self._reply(writer, serial, number, self.result)

    def _reply(self, writer: asyncio.StreamWriter, serial: int, number: int, result: int) -> None:
        writer.write(framed(0x8001, self.device, 2, pack(">HHB", serial, number, result)))


def question(text: str, *answers: str) -> bytes:
    raw = text.encode("gbk")
    items = b"".join(pack(">BH", n, len(a.encode("gbk"))) + a.encode("gbk") for n, a in enumerate(answers, 1))
    return bytes([0x01, len(raw)]) + raw + items


def buttons(kind: int, **labels: str) -> bytes:
    items = b"".join(bytes([int(c[1:]), len(t.encode("gbk"))]) + t.encode("gbk") for c, t in labels.items())
    return bytes([kind, len(labels)]) + items


def batch(body: bytes) -> tuple[int, list[bytes]]:
    """Type and the positions of one 0x0704."""
    count, kind = unpack(">HB", body[:3])
    items, rest = [], body[3:]
    while rest:
        size = int.from_bytes(rest[:2], "big")
        items.append(rest[2 : 2 + size])
        rest = rest[2 + size :]
    assert len(items) == count
    return kind, items
