"""What terminals say: message id → reader of its body. A reader gives None where a body is not what its table says."""

from __future__ import annotations

from collections.abc import Callable
from struct import unpack_from
from typing import Literal, TypedDict

from gps_gateway.codec import (
    Answer,
    Attributes,
    Button,
    Event,
    Fix,
    Heartbeat,
    Login,
    Logout,
    OrderStep,
    PartsAsked,
    Receipt,
    Ref,
    Register,
    Report,
    Status,
    Unsupported,
)
from gps_gateway.protocols.jt808 import tlv
from gps_gateway.protocols.jt808.items import number, text
from gps_gateway.protocols.jt808.jointech import read_seal
from gps_gateway.protocols.jt808.orders import ACCEPT, REFUSE
from gps_gateway.protocols.jt808.parts import read_request
from gps_gateway.protocols.jt808.position import read_batch, read_position, read_short_batch, read_time
from gps_gateway.protocols.jt808.transparent import read_passed

DONE, UNSUPPORTED = 0, 3
"""Results of a general response (8.1, 8.2)."""


class Head(TypedDict):
    """What every event takes from its header."""

    device: str
    ref: Ref
    mark: int


Reader = Callable[[Head, bytes, bool], Event | None]
"""(head, body, whether the header is of 2019)."""


def _report(head: Head, fixes: list[Fix]) -> Event | None:
    return Report(**head, fixes=tuple(fixes)) if fixes else None


def _position(head: Head, body: bytes, v2019: bool) -> Event | None:
    fix = read_position(body, v2019)
    if fix is None:
        return None
    # not **head: nearly every frame comes through here, and a copy of the dictionary takes longer than the Report
    return Report(device=head["device"], ref=head["ref"], mark=head["mark"], fixes=(fix,))


def _asked_position(head: Head, body: bytes, v2019: bool) -> Event | None:
    """0x0201 and 0x0500: the serial that it answers, then a position (8.20, 8.40)."""
    return _position(head, body[2:], v2019)


def _seal(head: Head, body: bytes, v2019: bool) -> Event | None:
    fix = read_seal(body, head["ref"][0])
    return None if fix is None else Report(**head, fixes=(fix,))


def read_receipt(head: Head, body: bytes, v2019: bool) -> Event | None:
    """0x0001: serial, message id and result of a message of ours."""
    if len(body) < 5:
        return None
    serial, message, result = unpack_from(">HHB", body)
    return Receipt(**head, answers=(message, serial), ok=result == DONE, unsupported=result == UNSUPPORTED)


_CHOICES: dict[int, Literal["acknowledge", "reject"]] = {ACCEPT: "acknowledge", REFUSE: "reject"}


def _answer(head: Head, body: bytes, v2019: bool) -> Event | None:
    if len(body) < 3:
        return None
    return Answer(**head, asked=number(body[:2]), choice=_CHOICES.get(body[2], "unknown"))


def _passed(head: Head, body: bytes, v2019: bool) -> Event | None:
    """0x0900: an order's step of ours, or what a maker's terminal passes through."""
    if body[:1] == bytes((tlv.ORDER,)):
        return _step(head, tlv.read(body[1:]))
    passed = read_passed(body)
    if passed is None:
        return Unsupported(**head, what=f"0x0900 of type {body[0]:#04x}") if body else None
    fix, time, attributes = passed
    return Report(**head, fixes=(fix,)) if fix else Status(**head, attributes=attributes, time=time)


def _step(head: Head, said: tlv.Said | None) -> Event | None:
    if said is None or said.operation not in tlv.PRESSES:
        return None
    lat, lon = unpack_from(">ii", said.place) if len(said.place) == 8 else (None, None)
    return OrderStep(
        **head,
        order_id=said.order_id,
        version=said.version,
        step=tlv.PRESSES[said.operation],
        time=read_time(said.time),
        lat=None if lat is None else lat / 1e6,
        lon=None if lon is None else lon / 1e6,
    )


def _parts_asked(head: Head, body: bytes, v2019: bool) -> Event | None:
    asked = read_request(body)
    return None if asked is None else PartsAsked(**head, first=asked[0], numbers=asked[1])


def _login(head: Head, body: bytes, v2019: bool) -> Event | None:
    """0x0102: the code; in 2019 after its length, and followed by IMEI and firmware (8.8)."""
    if v2019 and body:
        body = body[1 : 1 + body[0]]
    return Login(**head, code=text(body))


def _register(head: Head, body: bytes, v2019: bool) -> Event | None:
    """0x0100 (8.5): province, city, maker, model, terminal, plate colour, plate. Never refused for them.

    Of fixed width: (maker, model, terminal) 5, 8, 7 in 2011, 5, 20, 7 in 2013, 11, 30, 30 in 2019.
    """
    widths = (11, 30, 30) if v2019 else (5, 20, 7) if len(body) >= 37 else (5, 8, 7)
    if len(body) < 5 + sum(widths):
        return Register(**head)
    facts: Attributes = {"province": number(body[:2]), "city": number(body[2:4])}
    at = 4
    for name, width in zip(("maker", "model", "terminal"), widths, strict=True):
        facts[name] = text(body[at : at + width])
        at += width
    return Register(**head, facts=facts | {"plate": text(body[at + 1 :])})


def _attributes(head: Head, body: bytes, v2019: bool) -> Event | None:
    """0x0107: type, maker, model, terminal, ICCID BCD[10], hardware and firmware with their lengths (8.12)."""
    at = 2 + (11 + 30 + 30 if v2019 else 5 + 20 + 7)
    if len(body) < at + 11:
        return None
    hardware = body[at + 10]
    firmware = body[at + 11 + hardware :]
    said: Attributes = {"iccid": body[at : at + 10].hex()}
    if firmware:
        said["firmware"] = text(firmware[1 : 1 + firmware[0]])
    return Status(**head, attributes=said)


def _driver(head: Head, body: bytes, v2019: bool) -> Event | None:
    """0x0702 (8.47): in or out, time, result of reading the card, name, qualification BYTE[20]."""
    if len(body) < 7:
        return None
    said: Attributes = {"driver_present": body[0] == 1}
    name = 9 + body[8] if len(body) > 8 else 0
    if body[7:8] == b"\0" and name and len(body) >= name + 20:
        said |= {"driver": text(body[9:name]), "driver_id": text(body[name : name + 20])}
    return Status(**head, attributes=said, time=read_time(body[1:7]))


def _waybill(head: Head, body: bytes, v2019: bool) -> Event | None:
    """0x0701 (8.46): length DWORD and text; trackers answer commands by it."""
    return Status(**head, attributes={"result": text(body[4:])})


def _reply(head: Head, body: bytes, v2019: bool) -> Event | None:
    """0x6006 and 0x1300 of trackers: the answer to a command, in GBK after one byte or in UTF-16."""
    wide = len(body) > 3 and not any(body[::2])
    said = body.decode("utf-16-be", "replace").strip("\0 \r\n") if wide else text(body[1:])
    return Status(**head, attributes={"result": said})


READERS: dict[int, Reader] = {
    0x0001: read_receipt,
    0x0002: lambda head, *_: Heartbeat(**head),
    0x0003: lambda head, *_: Logout(**head),
    0x0005: _parts_asked,
    0x0100: _register,
    0x0102: _login,
    0x0107: _attributes,
    0x0200: _position,
    0x0201: _asked_position,
    0x0210: lambda head, body, _: _report(head, read_short_batch(body)),
    0x0301: lambda head, body, _: Button(**head, code=body[0]) if body else None,
    0x0302: _answer,
    0x0500: _asked_position,
    0x0701: _waybill,
    0x0702: _driver,
    0x0704: lambda head, body, v2019: _report(head, read_batch(body, v2019)),
    0x0900: _passed,
    0x1300: _reply,
    0x5501: _seal,
    0x5502: _seal,
    0x6006: _reply,
    0x8003: _parts_asked,
}
"""0x8003 is the platform's by the standard; terminals of 2013, which have no 0x0005, send it as well."""

EXACT = frozenset({0x0001, 0x0005, 0x0100, 0x0102, 0x0003, 0x0301, 0x0302, 0x8003})
"""Those that mean a person, an order or an identity: a wrong length or checksum is not overlooked there."""


def is_exact(message: int, body: bytes) -> bool:
    """Whether a defect could turn this message into another one that would be believed."""
    return message in EXACT or (message == 0x0900 and body[:1] == bytes((tlv.ORDER,)))
