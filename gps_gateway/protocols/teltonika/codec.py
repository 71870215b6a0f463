"""Teltonika on one connection or of one datagram: packets to values, and our answers."""

from __future__ import annotations

from collections import Counter
from typing import TypedDict

from gps_gateway.codec import (
    Checksum,
    Event,
    Frame,
    Heartbeat,
    Login,
    Ref,
    Refusal,
    Rejected,
    Report,
    Status,
)
from gps_gateway.protocols.fields import Fields, Truncated
from gps_gateway.protocols.teltonika.answers import ANSWERS
from gps_gateway.protocols.teltonika.framing import KEPT, Deframer, Packet
from gps_gateway.protocols.teltonika.records import RECORDS, Record

CODECS = RECORDS | ANSWERS

LOGIN, DATA, DATAGRAM, SILENT = 1, 2, 3, 4
"""Message ids of a Ref: how its value is answered. The serial of data is its count; that of a datagram has its number
before that; what is silent is answered by another value of its packet, or by none."""


class Head(TypedDict):
    """What every event has."""

    device: str
    ref: Ref
    mark: int


class Teltonika:
    """One tracker's connection. `checksum`: whether data with a wrong one is counted, or rejected."""

    name = "teltonika"

    def __init__(self, checksum: Checksum = "accept") -> None:
        self.counts: Counter[str] = Counter()
        self._strict = checksum == "strict"
        self._deframer = Deframer(measure)
        self._device = ""
        self._out: list[bytes] = []

    def receive(self, data: bytes) -> list[Event]:
        return [event for packet in self._deframer.feed(data) for event in self._events(packet)]

    def end(self) -> list[Event]:
        return [event for packet in self._deframer.end() for event in self._events(packet)]

    def accept(self, event: Frame, code: str = "") -> None:
        self._answer(event.ref, accepted=True)

    def refuse(self, event: Frame, why: Refusal) -> None:
        self._answer(event.ref, accepted=False)

    def to_send(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    def _answer(self, ref: Ref, *, accepted: bool) -> None:
        """A login is answered by 01 or 00, data by the number of its records, of which none are taken if refused."""
        message, serial = ref
        count = serial & 0xFF if accepted else 0
        if message == LOGIN:
            self._out.append(bytes((accepted,)))
        elif message == DATA:
            self._out.append(count.to_bytes(4))
        elif message == DATAGRAM:
            packet, number = serial >> 16, serial >> 8 & 0xFF
            self._out.append(b"\x00\x05" + packet.to_bytes(2) + bytes((1, number, count)))

    def _events(self, packet: Packet) -> list[Event]:
        if packet.defect:
            return [Rejected(packet.defect, packet.raw[:KEPT], self._device)]
        if packet.kind == "ping":
            return [Heartbeat(**self._head(packet, SILENT))]
        if packet.kind == "login":
            return [self._login(packet)]
        if packet.checked is False:
            self.counts["checksum"] += 1
            if self._strict:
                return [Rejected("checksum", packet.raw[:KEPT], self._device)]
        first: list[Event] = []
        if packet.device and packet.device != self._device:
            self._device = packet.device
            first = [Login(**self._head(packet, SILENT), code=None)]
        return first + self._values(packet)

    def _login(self, packet: Packet) -> Event:
        if not packet.data.isdigit():
            return Rejected("imei", packet.raw[:KEPT])
        self._device = packet.data.decode()
        return Login(**self._head(packet, LOGIN), code=None)

    def _head(self, packet: Packet, message: int, serial: int = 0) -> Head:
        return {"device": self._device, "ref": (message, serial), "mark": hash(packet.raw)}

    def _values(self, packet: Packet) -> list[Event]:
        """Records with coordinates as one Report, others as a Status each; one of them is answered for all."""
        try:
            records, _ = read(packet.data)
        except Truncated:
            return [Rejected("body", packet.raw[:KEPT], self._device)]
        if not packet.data or packet.data[0] not in CODECS:
            return [Rejected("codec", packet.raw[:KEPT], self._device)]
        if len(records) != packet.data[-1] and packet.checked is not False:
            return [Rejected("count", packet.raw[:KEPT], self._device)]
        silent = self._head(packet, SILENT)
        answered = self._head(packet, *_answered(packet, len(records)))
        fixes = tuple(record.fix for record in records if record.fix is not None)
        others = [record for record in records if record.fix is None]
        if not (fixes or others):
            return [Heartbeat(**answered)]
        last = Report(**answered, fixes=fixes) if fixes else _status(others.pop(), answered)
        return [*(_status(other, _nth(silent, n)) for n, other in enumerate(others)), last]


def read(data: bytes) -> tuple[list[Record], int]:
    """Its records, and how many bytes they take with codec and both counts; Truncated where they are not all there."""
    fields = Fields(data)
    reader, count = CODECS.get(fields.u8()), fields.u8()
    records = [] if reader is None else [reader(fields) for _ in range(count)]
    fields.u8()
    return records, fields.at


def measure(data: bytes) -> int | None:
    """Bytes of data by its own counts; None: it is not all there, or of no codec."""
    if not data or data[0] not in CODECS:
        return None
    try:
        return read(data)[1]
    except Truncated:
        return None


def _answered(packet: Packet, count: int) -> Ref:
    if packet.data[0] in ANSWERS:
        return SILENT, 0
    return (DATA, count) if packet.kind == "data" else (DATAGRAM, packet.number << 8 | count)


def _nth(head: Head, n: int) -> Head:
    """Each record's own: with the same mark the second would pass for the first sent again."""
    return {**head, "mark": hash((head["mark"], n))}


def _status(record: Record, head: Head) -> Status:
    return Status(**head, attributes=record.attributes, time=record.time)
