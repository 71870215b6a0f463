"""One Meitrack device's connection: packets to values, and the only answer that the protocol asks for (CCC)."""

from __future__ import annotations

from collections import Counter

from gps_gateway.codec import (
    Checksum,
    Event,
    Fix,
    Frame,
    Heartbeat,
    Login,
    Ref,
    Refusal,
    Rejected,
    Report,
    Status,
    Unsupported,
)
from gps_gateway.protocols.meitrack.framing import KEPT, Defect, Framer, Packet, packet
from gps_gateway.protocols.meitrack.records import Record, read_ccc, read_cce
from gps_gateway.protocols.meitrack.text import read_text

POSITIONS = frozenset({"AAA", "AFF", "A10"})
"""Commands that carry one position as text: an event, a buffered event, the answer to a request."""

PICTURES = frozenset({"D00", "D01", "D02", "D03"})

_CCC_REF: Ref = (0xCCC, 0)
"""An accepted CCC is answered with its number of records, and the device deletes them."""


def begins(first: bytes) -> bool:
    return first[:2] == b"$$"


class Meitrack:
    """`checksum`: whether a packet with a wrong sum is counted, or rejected."""

    name = "meitrack"

    def __init__(self, checksum: Checksum = "accept") -> None:
        self.counts: Counter[str] = Counter()
        self._strict = checksum == "strict"
        self._framer = Framer()
        self._device = ""
        self._out: list[bytes] = []
        self._flags: dict[int, tuple[str, int]] = {}
        """Of CCC packets that wait for their answer: mark → flag and number of records."""

    def receive(self, data: bytes) -> list[Event]:
        return [event for part in self._framer.feed(data) for event in self._events(part)]

    def end(self) -> list[Event]:
        return [event for part in self._framer.end() for event in self._events(part)]

    def accept(self, event: Frame, code: str = "") -> None:
        if event.ref[0] == _CCC_REF[0] and event.mark in self._flags:
            flag, count = self._flags.pop(event.mark)
            self._out.append(packet(flag, event.device, f"CCC,{count}"))

    def refuse(self, event: Frame, why: Refusal) -> None:
        """There is no negative answer: the device keeps what it has."""
        self._flags.pop(event.mark, None)

    def to_send(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    def _events(self, part: Packet | Defect) -> list[Event]:
        if isinstance(part, Defect):
            return [Rejected(part.reason, part.raw[:KEPT], self._device)]
        if not part.intact:
            self.counts["checksum"] += 1
            if self._strict:
                return [Rejected("checksum", part.raw[:KEPT], part.device)]
        if not part.announced:
            self.counts["length"] += 1
        values = self._read(part)
        if part.device == self._device or not any(isinstance(value, Frame) for value in values):
            return values
        self._device = part.device
        return [Login(device=part.device, mark=hash(part.raw), code=None), *values]

    def _read(self, part: Packet) -> list[Event]:
        match part.command:
            case "CCE":
                return self._records(part, read_cce(part.body), (0, 0))
            case "CCC":
                return self._records(part, read_ccc(part.body), _CCC_REF)
            case "AAC":
                return [Heartbeat(device=part.device, mark=hash(part.raw))]
            case command if command in POSITIONS:
                record = read_text(part.body.decode("latin-1"))
                return self._records(part, None if record is None else ([record], 1), (0, 0))
        answered = part.command not in PICTURES
        if answered and part.body:
            result = f"{part.command},{part.body[:120].decode('latin-1')}"
            return [Status(device=part.device, mark=hash(part.raw), attributes={"result": result})]
        return [Unsupported(device=part.device, mark=hash(part.raw), what=part.command)]

    def _records(self, part: Packet, read: tuple[list[Record], int] | None, ref: Ref) -> list[Event]:
        """A report of all positions, and a status for each record without one."""
        if read is None or not read[0]:
            return [Rejected(f"body of {part.command}", part.raw[:KEPT], part.device)]
        records, announced = read
        mark = hash(part.raw)
        fixes = tuple(record for record in records if isinstance(record, Fix))
        events: list[Event] = [
            Status(device=part.device, mark=hash((mark, n)), attributes=record[0], time=record[1])
            for n, record in enumerate(records)
            if not isinstance(record, Fix)
        ]
        if fixes:
            events.append(Report(device=part.device, ref=ref, mark=mark, fixes=fixes))
        if len(records) < announced:
            events.append(Rejected(f"body of {part.command}", part.raw[:KEPT], part.device))
        elif ref == _CCC_REF and fixes:
            self._remember(mark, part.flag, announced)
        return events

    def _remember(self, mark: int, flag: str, count: int) -> None:
        self._flags[mark] = (flag, count)
        if len(self._flags) > 64:  # never answered: the device will send them again
            del self._flags[next(iter(self._flags))]
