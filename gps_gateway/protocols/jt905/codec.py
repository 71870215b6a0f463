"""JT/T 905.3-2014 on one connection: JT/T 808's frame with messages of its own.

There is no registration: every packet names its terminal, so a Login comes before what a terminal says until it is
accepted. An order is known to the terminal by its business id (DWORD), which is the serial of the message that asked.
"""

from __future__ import annotations

from struct import pack
from typing import ClassVar

from gps_gateway.codec import (
    Action,
    Answer,
    Ask,
    Attributes,
    Checksum,
    Event,
    Frame,
    Heartbeat,
    Login,
    Ref,
    Refusal,
    Rejected,
    Report,
    SetButtons,
    Status,
    Step,
    Withdraw,
    Workable,
)
from gps_gateway.protocols.jt808.codec import WRONG, Jt808
from gps_gateway.protocols.jt808.framing import frame
from gps_gateway.protocols.jt808.items import number, text
from gps_gateway.protocols.jt808.orders import gbk
from gps_gateway.protocols.jt808.terminal import Head, Reader, read_receipt
from gps_gateway.protocols.jt905.position import BASIC, read_position

ORDER, DETAILS, RECALL = 0x8B00, 0x8B01, 0x8B09
TAKEN, COMPLETED, CANCELLED = 0x0B01, 0x0B07, 0x0B08

_ASSIGNED = 2
"""Kind of an order: assigned to this vehicle (0 and 1: whoever takes it first, now or later)."""
_NO_TIME = bytes(6)
"""BCD time for which the vehicle is wanted: now."""
_NO_PLACES = bytes(16)
"""Longitude and latitude of passenger and destination: the description says where."""

MAX_DESCRIPTION = 900
"""Bytes of GBK, so that an order is one message of at most 1023."""

_REASONS = {0: "accident", 1: "traffic"}
"""Why a driver cancels; 2 and all others are no reason in particular."""


def _report(head: Head, body: bytes, _: bool) -> Event | None:
    fix = read_position(body)
    return None if fix is None else Report(**head, fixes=(fix,))


def _answered_report(head: Head, body: bytes, v2019: bool) -> Event | None:
    """0x0201: the serial that it answers, then a position."""
    return _report(head, body[2:], v2019)


def _press(step: Step) -> Reader:
    def read(head: Head, body: bytes, _: bool) -> Event | None:
        if len(body) < 4:
            return None
        serial = number(body[:4])
        reason = _REASONS.get(body[4], "other") if step == "reject" and len(body) > 4 else ""
        return Answer(**head, asked=serial, choice=step, reason=reason)

    return read


def _shift(event: str) -> Reader:
    """0x0B03 and 0x0B04: a position, then the company's licence BYTE[16], the driver's BYTE[19]."""

    def read(head: Head, body: bytes, _: bool) -> Event | None:
        fix = read_position(body[: BASIC.size])
        if fix is None or len(body) < BASIC.size + 35:
            return None
        licence: Attributes = {"event": event, "driver_id": text(body[BASIC.size + 16 : BASIC.size + 35])}
        fix.attributes.update(licence)
        return Report(**head, fixes=(fix,))

    return read


READERS: dict[int, Reader] = {
    0x0001: read_receipt,
    0x0002: lambda head, *_: Heartbeat(**head),
    0x0200: _report,
    0x0201: _answered_report,
    0x0202: _report,
    0x0301: lambda head, body, _: Status(**head, attributes={"event": body[0]}) if body else None,
    0x0500: _answered_report,
    TAKEN: _press("acknowledge"),
    0x0B03: _shift("sign_on"),
    0x0B04: _shift("sign_off"),
    COMPLETED: _press("restore"),
    CANCELLED: _press("reject"),
}

_RESULTS: dict[Refusal, int] = {**Jt808.results, "unsupported": WRONG}
"""Results of a general response: 0 done, 1 failed, 2 wrong; there is none for unsupported."""

_EXACT = frozenset({0x0001, TAKEN, COMPLETED, CANCELLED})


def is_exact(message: int, body: bytes) -> bool:
    """What means an order is not read from a damaged frame."""
    return message in _EXACT


class Jt905(Jt808):
    """One connection, of one terminal or of several; `checksum` as in Jt808."""

    name = "jt905"
    readers: ClassVar[dict[int, Reader]] = READERS
    results: ClassVar[dict[Refusal, int]] = _RESULTS
    is_exact = staticmethod(is_exact)

    def __init__(self, checksum: Checksum = "accept") -> None:
        super().__init__(checksum)
        self._known = ""
        self._detailed: dict[bytes, set[int]] = {}
        """Terminal → questions whose details were sent to it on this connection."""

    def accept(self, event: Frame, code: str = "") -> None:
        if isinstance(event, Login):
            self._known = event.device
        else:
            super().accept(event, code)

    def refuse(self, event: Frame, why: Refusal) -> None:
        if not isinstance(event, Login):
            super().refuse(event, why)

    def order(self, device: str, action: Action) -> tuple[Ref, list[bytes]]:
        isu = bytes.fromhex(device)
        match action:
            case Ask():
                body = pack(">IB", action.serial, _ASSIGNED) + _NO_TIME + _described(action.text)
                return (ORDER, action.serial), [frame(ORDER, isu, action.serial, body)]
            case Withdraw():
                body = pack(">I", action.question)
                return (RECALL, action.serial), [frame(RECALL, isu, action.serial, body)]
            case SetButtons():
                return (DETAILS, action.serial), self._details(isu, action)

    def _details(self, isu: bytes, action: SetButtons) -> list[bytes]:
        """0x8B01 for each order that may be worked since now; the last one goes under the action's serial."""
        before = self._detailed.get(isu, set())
        new = [order for order in action.orders if order.question not in before]
        self._detailed[isu] = {order.question for order in action.orders}
        serials = [self._next_serial() for _ in new[1:]] + [action.serial]
        return [frame(DETAILS, isu, n, _detail(order)) for n, order in zip(serials, new, strict=False)]

    def _events(self, part: bytes) -> list[Event]:
        events = super()._events(part)
        device = next((event.device for event in events if not isinstance(event, Rejected)), "")
        if not device or device == self._known:
            return events
        first = events[0]
        assert isinstance(first, Frame)
        return [Login(device=device, ref=first.ref, mark=first.mark, code=None), *events]


def _detail(order: Workable) -> bytes:
    body = pack(">IB", order.question, _ASSIGNED) + _NO_TIME + _NO_PLACES
    return body + b"\0" + b"\0" + _described(order.text)  # no fee, no telephone


def _described(said: str) -> bytes:
    """STRING: GBK up to a zero."""
    return gbk(said, MAX_DESCRIPTION).replace(b"\0", b" ") + b"\0"
