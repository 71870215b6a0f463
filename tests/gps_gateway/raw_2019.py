"""A 2019 terminal and a taxi's (JT/T 905), written by hand byte by byte: they share nothing with the gateway."""

from __future__ import annotations

from tests.gps_gateway.raw_terminal import Heard, RawTerminal, between_flags, exclusive_or

DEVICE_2019 = "00000000013900000019"
ISU = "100000000905"


class Terminal2019(RawTerminal):
    """Header of 17 bytes: bit 14 of the attributes, version 1, phone BCD[10]."""

    def __init__(self, port: int, device: str = DEVICE_2019) -> None:
        super().__init__(port, device)

    def line(self, message: int, serial: int, body: bytes, part: tuple[int, int] | None = None) -> bytes:
        attributes = len(body) | 0x4000 | (0x2000 if part else 0)
        content = message.to_bytes(2, "big") + attributes.to_bytes(2, "big") + b"\x01"
        content += bytes.fromhex(self.device) + serial.to_bytes(2, "big")
        if part:
            content += part[0].to_bytes(2, "big") + part[1].to_bytes(2, "big")
        content += body
        return between_flags(content + bytes([exclusive_or(content)]))

    def read(self, raw: bytes) -> Heard:
        assert raw[2] & 0x40, "a header of 2019"
        assert raw[4] == 1
        assert raw[5:15].hex() == self.device
        assert int.from_bytes(raw[2:4], "big") & 0x3FF == len(raw) - 18
        return Heard(int.from_bytes(raw[:2], "big"), int.from_bytes(raw[15:17], "big"), raw[17:-1])

    async def login(self) -> None:
        wide = bytes(4) + bytes(11) + bytes(30) + b"T19".ljust(30, b"\0") + b"\x01" + "京A1".encode("gbk")
        self.send(0x0100, wide)
        answer = await self.expect(0x8100)
        assert answer.body[2] == 0, f"register refused with {answer.body[2]}"
        code = answer.body[3:]
        serial = self.send(0x0102, bytes([len(code)]) + code + b"1" * 15 + b"V1".ljust(20, b"\0"))
        assert (await self.expect(0x8001)).answered == (0x0102, serial, 0)

    def step(
        self, order_id: str, version: int, operation: int, more: bytes = b"", serial: int | None = None
    ) -> int:
        """0x0900 of type F1, format 1: id, version, operation."""
        raw = order_id.encode("gbk")
        body = b"\xf1\x01" + bytes([1, len(raw)]) + raw + b"\x02\x04" + version.to_bytes(4, "big")
        return self.send(0x0900, body + bytes([3, 1, operation]) + more, serial)


class Taxi(RawTerminal):
    """Header of 12 bytes, and no registration."""

    def __init__(self, port: int, device: str = ISU) -> None:
        super().__init__(port, device)


def tags(heard: Heard) -> list[tuple[int, bytes]]:
    """Of a 0x8900: type and format, then tag, length, value."""
    assert heard.message == 0x8900
    assert heard.body[1] == 1
    found, rest = [(0, heard.body[:1])], heard.body[2:]
    while rest:
        found.append((rest[0], rest[2 : 2 + rest[1]]))
        rest = rest[2 + rest[1] :]
    return found
