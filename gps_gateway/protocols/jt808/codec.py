"""JT/T 808-2011/2013/2019 on one connection: frames to values, and our answers and orders."""

from __future__ import annotations

from collections import Counter
from struct import pack
from typing import ClassVar

from gps_gateway.codec import (
    Action,
    Checksum,
    Event,
    Frame,
    Part,
    PartsAsked,
    Receipt,
    Ref,
    Refusal,
    Register,
    Rejected,
    Report,
    Unsupported,
    Withdraw,
)
from gps_gateway.protocols.jt808.framing import (
    KEPT,
    MAX_BODY,
    MAX_FRAME,
    SEALS,
    SHORTEST,
    Deframer,
    Header,
    checksum,
    frame,
    packages,
    read_header,
    response,
    short_header,
    unescape,
)
from gps_gateway.protocols.jt808.orders import messages
from gps_gateway.protocols.jt808.parts import Assembly, Sent, Unfinished, request
from gps_gateway.protocols.jt808.terminal import READERS, Head, Reader, is_exact

REGISTERED, LACKING = 0x8100, 0x8003
DONE, FAILED, WRONG, UNSUPPORTED = 0, 1, 2, 3
"""Results of a general response (8.1, 8.2)."""

NO_SUCH_TERMINAL = 4
"""Result of a register response (8.6): no such terminal in the database."""

_RESULTS: dict[Refusal, int] = {
    "unknown device": FAILED,
    "wrong protocol": FAILED,
    "bad code": FAILED,
    "not authenticated": FAILED,
    "no such order": WRONG,
    "unsupported": UNSUPPORTED,
}


class Jt808:
    """One terminal's connection.

    `checksum`: whether a frame with a wrong checksum or length is counted and read all the same, or rejected. What
    means a person, an order or an identity is never read from a damaged frame.
    """

    __slots__ = ("_assembly", "_defects", "_deframer", "_out", "_sent", "_serial", "_strict")

    name = "jt808"
    readers: ClassVar[dict[int, Reader]] = READERS
    results: ClassVar[dict[Refusal, int]] = _RESULTS
    is_exact = staticmethod(is_exact)
    """Whether a message, by its id and body, is never read from a damaged frame."""

    def __init__(self, checksum: Checksum = "accept") -> None:
        self._strict = checksum == "strict"
        self._deframer = Deframer()
        self._serial = 0
        self._out: list[bytes] | None = None
        self._defects: Counter[str] | None = None
        self._assembly: Assembly | None = None
        self._sent: Sent | None = None
        """These four are made when they are needed: most terminals never send parts or defects."""

    @property
    def counts(self) -> Counter[str]:
        return self._defects or Counter()

    def receive(self, data: bytes) -> list[Event]:
        parts = self._deframer.feed(data)
        if len(parts) == 1:
            return self._events(parts[0])
        events: list[Event] = []
        for part in parts:
            events += self._events(part)
        return events

    def end(self) -> list[Event]:
        rest = self._deframer.end()
        return [Rejected("incomplete", rest[:KEPT])] if rest else []

    def accept(self, event: Frame, code: str = "") -> None:
        match event:
            case Report():  # first, because it is nearly all that is ever answered
                self._respond(event, DONE)
            case Register():
                self._answer(event, REGISTERED, pack(">HB", event.ref[1], DONE) + code.encode())
            case Part() if event.missing:
                wide = len(event.device) == 20
                self._answer(event, LACKING, request(event.first, event.missing, wide=wide))
            case PartsAsked():
                if self._sent is not None:
                    self._queue(self._sent.again(event.first, event.numbers))
            case Receipt() | Part():
                pass
            case _:
                self._respond(event, DONE)

    def refuse(self, event: Frame, why: Refusal) -> None:
        if isinstance(event, Register):
            self._answer(event, REGISTERED, pack(">HB", event.ref[1], NO_SUCH_TERMINAL))
        elif not isinstance(event, Receipt | Part):
            self._respond(event, self.results[why])

    def order(self, device: str, action: Action) -> tuple[Ref, list[bytes]]:
        """By the header in which the terminal named itself: ten bytes of phone are 2019's."""
        phone = bytes.fromhex(device)
        (message, body), copy = messages(action, v2019=len(phone) == 10)
        last, frames = packages(message, phone, action.serial, body)
        if self._sent is not None and isinstance(action, Withdraw):
            self._sent.forget(action.question)
        if len(frames) > 1:
            self._sent = self._sent or Sent()
            self._sent.keep(action.serial, frames)
        if copy is not None:
            frames = [*frames, frame(copy[0], phone, self._next_serial(), copy[1])]
        return (message, last), frames

    def to_send(self) -> list[bytes]:
        if (out := self._out) is None:
            return []
        self._out = None
        return out

    def _count(self, defects: list[str]) -> None:
        if self._defects is None:
            self._defects = Counter()
        self._defects.update(defects)

    def _queue(self, frames: list[bytes]) -> None:
        if self._out is None:
            self._out = frames
        else:
            self._out += frames

    def _next_serial(self) -> int:
        """Answers and copies have serials of their own: no receipt of theirs is waited for."""
        self._serial = (self._serial + 1) & 0xFFFF
        return self._serial

    def _respond(self, event: Frame, result: int) -> None:
        phone = bytes.fromhex(event.device)
        self._queue([response(phone, self._next_serial(), event.ref, result)])

    def _answer(self, event: Frame, message: int, body: bytes) -> None:
        self._queue([frame(message, bytes.fromhex(event.device), self._next_serial(), body)])

    def _events(self, part: bytes) -> list[Event]:
        """What one frame means; and which parts are missing of a message that came before it."""
        if (usual := self._usual(part)) is not None:
            return [usual]
        content = unescape(part) if len(part) <= MAX_FRAME else None
        if content is None:
            return [Rejected("too long" if len(part) > MAX_FRAME else "escape", part[:KEPT])]
        header, content, defect = self._read(content)
        if header is None or defect:
            return [Rejected(defect, content[:KEPT], header.phone.hex() if header else "")]
        head: Head = {
            "device": header.phone.hex(),
            "ref": (header.message, header.serial),
            "mark": hash(content),
        }
        body = content[header.size : -1]
        if header.part:
            return [self._part(header, head, body)]
        event = self._event(header, head, body)
        if self._assembly is not None and (lacking := self._assembly.lacking(header)):
            return [event, _missing(*lacking, head)]
        return [event]

    def _usual(self, part: bytes) -> Event | None:
        """Nearly all that ever comes, in few steps: the short header, nothing escaped, nothing wrong. None: read it
        with all care, which gives the same wherever this gives something."""
        if self._assembly is not None or b"\x7d" in part or len(part) < SHORTEST:
            return None
        message, length, phone, serial = short_header(part)
        if length != len(part) - SHORTEST or length > MAX_BODY or message in SEALS or checksum(part):
            return None
        reader = self.readers.get(message)
        if reader is None:
            return None
        head: Head = {"device": phone.hex(), "ref": (message, serial), "mark": hash(part)}
        return reader(head, part[12:-1], False)

    def _read(self, content: bytes) -> tuple[Header | None, bytes, str]:
        """(header, content, defect). A content that was escaped twice is read once more."""
        header = read_header(content)
        if header is None:
            return None, content, "too short"
        damaged = header.length != len(content) - header.size - 1
        if not (damaged or header.encrypted or checksum(content)):
            return header, content, ""
        if damaged and (again := unescape(content)) not in {None, content} and again:
            second = read_header(again)
            if second and second.length == len(again) - second.size - 1 and not checksum(again):
                self._count(["escaped twice"])
                return second, again, ""
        return header, content, self._defect(header, content)

    def _defect(self, header: Header, content: bytes) -> str:
        wrong = ["length"] if header.length != len(content) - header.size - 1 else []
        wrong += ["checksum"] if checksum(content) else []
        if header.encrypted:
            wrong.insert(1 if "length" in wrong else 0, "encrypted")
        self._count(wrong)
        unreadable = "encrypted" in wrong or (header.part is not None and "length" in wrong)
        exact = self.is_exact(header.message, content[header.size : -1])
        return wrong[0] if self._strict or unreadable or exact else ""

    def _event(self, header: Header, head: Head, body: bytes) -> Event:
        reader = self.readers.get(header.message)
        if reader is None:
            return Unsupported(**head, what=f"{header.message:#06x}")
        event = reader(head, body, header.v2019)
        if event is None:
            return Rejected(f"body of {header.message:#06x}", body[:KEPT], header.phone.hex())
        return event

    def _part(self, header: Header, head: Head, piece: bytes) -> Event:
        """The whole message with its last part's serial and a mark of all bytes, or that it is not whole yet."""
        self._assembly = self._assembly or Assembly()
        found = self._assembly.add(header, piece)
        if not self._assembly.unfinished:
            self._assembly = None
        if isinstance(found, str):
            return Rejected(found, piece[:KEPT], header.phone.hex())
        if isinstance(found, Unfinished):
            ended = header.serial == found.last
            return _missing(header.message, found, head) if ended else Part(**head, first=found.first)
        assert header.part is not None
        last = (header.serial - header.part[1] + header.part[0]) & 0xFFFF
        whole: Head = {"device": head["device"], "ref": (header.message, last), "mark": hash(found)}
        return self._event(header, whole, found)


def _missing(message: int, known: Unfinished, head: Head) -> Part:
    """The request for its missing parts; as often as it is asked, it is counted."""
    known.asked += 1
    ref = (message, head["ref"][1])
    return Part(device=head["device"], ref=ref, mark=head["mark"], first=known.first, missing=known.missing)
