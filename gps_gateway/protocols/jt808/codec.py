"""JT/T 808-2011/2013 on one connection: frames to values, and our answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from struct import pack, unpack_from
from typing import Literal, TypedDict

from gps_gateway.codec import (
    Action,
    Answer,
    Attributes,
    Button,
    Checksum,
    Event,
    Frame,
    Heartbeat,
    Login,
    Logout,
    Receipt,
    Ref,
    Refusal,
    Register,
    Rejected,
    Report,
    Unsupported,
)
from gps_gateway.protocols.jt808.framing import (
    KEPT,
    MAX_FRAME,
    Deframer,
    Header,
    checksum,
    frame,
    read_header,
    unescape,
)
from gps_gateway.protocols.jt808.orders import ACCEPT, REFUSE, encode
from gps_gateway.protocols.jt808.position import read_batch, read_position

GENERAL, REGISTERED = 0x8001, 0x8100
DONE, FAILED, WRONG, UNSUPPORTED = 0, 1, 2, 3
"""Results of a general response (8.1, 8.2)."""

NO_SUCH_TERMINAL = 4
"""Result of a register response (8.6): no such terminal in the database."""

_RESULTS: dict[Refusal, int] = {
    "unknown device": FAILED,
    "bad code": FAILED,
    "not authenticated": FAILED,
    "no such order": WRONG,
    "unsupported": UNSUPPORTED,
}


class Head(TypedDict):
    """What every event takes from its header."""

    device: str
    ref: Ref
    mark: int


class Jt808:
    """One terminal's connection. `checksum`: whether a frame with a wrong one is counted, or rejected."""

    name = "jt808"

    def __init__(self, checksum: Checksum = "accept") -> None:
        self.counts: Counter[str] = Counter()
        self._strict = checksum == "strict"
        self._deframer = Deframer()
        self._out: list[bytes] = []
        self._serial = 0

    def receive(self, data: bytes) -> list[Event]:
        return [self._event(part) for part in self._deframer.feed(data)]

    def end(self) -> list[Event]:
        rest = self._deframer.end()
        return [Rejected("incomplete", rest[:KEPT])] if rest else []

    def accept(self, event: Frame, code: str = "") -> None:
        if isinstance(event, Register):
            self._answer(event, REGISTERED, pack(">HB", event.ref[1], DONE) + code.encode())
        elif not isinstance(event, Receipt):
            self._answer(event, GENERAL, pack(">HHB", event.ref[1], event.ref[0], DONE))

    def refuse(self, event: Frame, why: Refusal) -> None:
        if isinstance(event, Register):
            self._answer(event, REGISTERED, pack(">HB", event.ref[1], NO_SUCH_TERMINAL))
        elif not isinstance(event, Receipt):
            self._answer(event, GENERAL, pack(">HHB", event.ref[1], event.ref[0], _RESULTS[why]))

    def order(self, device: str, action: Action) -> tuple[Ref, list[bytes]]:
        return encode(bytes.fromhex(device), action)

    def to_send(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    def _answer(self, event: Frame, message: int, body: bytes) -> None:
        """Answers have serials of their own: no terminal receipts them."""
        self._serial = (self._serial + 1) & 0xFFFF
        self._out.append(frame(message, bytes.fromhex(event.device), self._serial, body))

    def _event(self, part: bytes) -> Event:
        content = unescape(part)
        if len(part) > MAX_FRAME or content is None:
            return Rejected("too long" if len(part) > MAX_FRAME else "escape", part[:KEPT])
        header = read_header(content)
        if header is None:
            return Rejected("too short", content[:KEPT])
        if defect := self._defect(header, content):
            return Rejected(defect, content[:KEPT], header.phone.hex())
        body = content[header.size : -1]
        head: Head = {
            "device": header.phone.hex(),
            "ref": (header.message, header.serial),
            "mark": hash(content),
        }
        reader = _READERS.get(header.message)
        if reader is None:
            return Unsupported(**head, what=f"{header.message:#06x}")
        if header.v2019 and header.message == 0x0102:
            body = body[1 : 1 + body[0]] if body else body  # a length stands before the code (2019: 8.8)
        event = reader(head, body)
        if event is None:
            return Rejected(f"body of {header.message:#06x}", content[:KEPT], header.phone.hex())
        return event

    def _defect(self, header: Header, content: bytes) -> str:
        if header.length != len(content) - header.size - 1:
            return "length"
        if checksum(content):
            self.counts["checksum"] += 1
            if self._strict:
                return "checksum"
        if header.encrypted:
            return "encrypted"
        return "subpackaged" if header.part else ""


def _position(head: Head, body: bytes) -> Event | None:
    fix = read_position(body)
    return None if fix is None else Report(**head, fixes=(fix,))


def _batch(head: Head, body: bytes) -> Event | None:
    fixes = read_batch(body)
    return Report(**head, fixes=tuple(fixes)) if fixes else None


def _receipt(head: Head, body: bytes) -> Event | None:
    if len(body) < 5:
        return None
    serial, message, result = unpack_from(">HHB", body)
    return Receipt(**head, answers=(message, serial), ok=result == DONE, unsupported=result == UNSUPPORTED)


def _answer(head: Head, body: bytes) -> Event | None:
    if len(body) < 3:
        return None
    return Answer(**head, asked=int.from_bytes(body[:2]), choice=_CHOICES.get(body[2], "unknown"))


_CHOICES: dict[int, Literal["acknowledge", "reject"]] = {ACCEPT: "acknowledge", REFUSE: "reject"}

_READERS: dict[int, Callable[[Head, bytes], Event | None]] = {
    0x0001: _receipt,
    0x0002: lambda head, _: Heartbeat(**head),
    0x0003: lambda head, _: Logout(**head),
    0x0100: lambda head, body: Register(**head, facts=_facts(body)),
    0x0102: lambda head, body: Login(**head, code=_text(body)),
    0x0200: _position,
    0x0301: lambda head, body: Button(**head, code=body[0]) if body else None,
    0x0302: _answer,
    0x0704: _batch,
}
"""Message id → reader of its body, which gives None where the body is not what its table says."""


def _facts(body: bytes) -> Attributes:
    """0x0100 (8.5): province, city, maker, type, terminal id, plate colour, plate. Never refused for them."""
    if len(body) < 37:
        return {}
    province, city = unpack_from(">HH", body)
    return {
        "province": province,
        "city": city,
        "maker": _text(body[4:9]),
        "model": _text(body[9:29]),
        "terminal": _text(body[29:36]),
        "plate": _text(body[37:]),
    }


def _text(raw: bytes) -> str:
    return raw.decode("gbk", "replace").strip("\0 ")
