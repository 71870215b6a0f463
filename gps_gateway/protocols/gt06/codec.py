"""GT06 on one connection: frames to values, and our answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import TypedDict

from dispatch.clock import SystemClock
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
    Unsupported,
)
from gps_gateway.protocols.fields import Fields, Truncated
from gps_gateway.protocols.gt06.blocks import Reading, imei
from gps_gateway.protocols.gt06.framing import KEPT, LOGIN, NETWORKS, STARTS, Deframer, Packet, frame
from gps_gateway.protocols.gt06.messages import row
from gps_gateway.protocols.gt06.wireless import bare_networks

TIME_REQUEST, ADDRESS_REQUEST, ADDRESS, MODULAR = 0x8A, 0x2A, 0x97, 0x70

HEARTBEAT = 0x08

UNANSWERED = frozenset({0x15, 0x21, 0x35, 0x65, 0x66, 0x80, 0x81, 0x82, 0x8C, 0x94, 0x9B})
"""Results of our own commands, and what terminals send without waiting for an answer."""

NO_ADDRESS = b"NA&&NA&&0##"
"""Place and telephone that a request for an address is answered with: none."""

_NOW = SystemClock().now

_LONG, _BARE, _KIND = 0x10000, 0x20000, 0xFF
"""In the message id of a Ref, beside its type: which of the three frames it came in."""


class Head(TypedDict):
    """What every event has."""

    device: str
    ref: Ref
    mark: int


class Gt06:
    """One terminal's connection. `checksum`: whether a frame with a wrong one is counted, or rejected.

    `now`: asked only to answer a terminal that asks for the time (0x8A).
    """

    name = "gt06"

    def __init__(self, checksum: Checksum = "accept", now: Callable[[], datetime] = _NOW) -> None:
        self.counts: Counter[str] = Counter()
        self._strict = checksum == "strict"
        self._now = now
        self._deframer = Deframer()
        self._device = ""
        self._offset = 0
        self._out: list[bytes] = []

    def receive(self, data: bytes) -> list[Event]:
        return [event for packet in self._deframer.feed(data) for event in self._events(packet)]

    def end(self) -> list[Event]:
        return [event for packet in self._deframer.end() for event in self._events(packet)]

    def accept(self, event: Frame, code: str = "") -> None:
        message, serial = event.ref
        kind = message & _KIND
        if isinstance(event, Unsupported) or kind in UNANSWERED:
            return
        if message & _BARE:
            stamp = serial.to_bytes(6) if kind in NETWORKS else b""
            self._out.append(STARTS[0] + bytes((0 if stamp else 1, kind)) + stamp + b"\r\n")
        elif kind == TIME_REQUEST:
            at = self._now()
            clock = bytes((at.year - 2000, at.month, at.day, at.hour, at.minute, at.second))
            self._out.append(frame(kind, clock, serial))
        elif kind == ADDRESS_REQUEST:
            content = bytes((len(NO_ADDRESS),)) + bytes(4) + NO_ADDRESS
            self._out.append(frame(ADDRESS, content, serial, extended=True))
        else:
            extended = bool(message & _LONG) and kind != MODULAR
            self._out.append(frame(kind, b"", serial, extended=extended))

    def refuse(self, event: Frame, why: Refusal) -> None:
        """There is no negative answer: whoever is refused hears nothing."""

    def to_send(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    def _events(self, packet: Packet) -> list[Event]:
        if packet.defect:
            return [Rejected(packet.defect, packet.raw[:KEPT], self._device)]
        if packet.checked is False:
            self.counts["checksum"] += 1
            if self._strict:
                return [Rejected("checksum", packet.raw[:KEPT], self._device)]
        if packet.type == LOGIN:
            return [self._login(packet)]
        reading = Reading(offset=self._offset)
        whole = self._read(packet, reading)
        login = reading.device not in {"", self._device}
        self._device = reading.device or self._device
        head = self._head(packet)
        event = _event(packet, reading, head, whole)
        return [Login(**head, code=None), event] if login else [event]

    def _login(self, packet: Packet) -> Event:
        """0x01: IMEI, and from later terminals their type and time zone (hours and minutes as a number, east or west)."""
        fields, reading = Fields(packet.content), Reading()
        self.counts["length"] += packet.checked is None
        try:
            imei(fields, reading)
        except Truncated:
            return Rejected("body of 0x01", packet.raw[:KEPT])
        if not reading.device:
            return Rejected("body of 0x01", packet.raw[:KEPT])
        self._device, self._offset = reading.device, 0
        if fields.left >= 4:
            fields.take(2)
            zone = fields.u16()
            hours, minutes = divmod(zone >> 4, 100)
            seconds = (hours * 60 + minutes) * 60
            self._offset = (-seconds if zone & 0x08 else seconds) if hours <= 14 and minutes < 60 else 0
        return Login(**self._head(packet), code=None)

    def _read(self, packet: Packet, reading: Reading) -> bool:
        """Read what its row says; whether it is all there."""
        fields = Fields(packet.content)
        blocks = row(packet.type, len(packet.content), extended=packet.extended) or ()
        try:
            if packet.type in NETWORKS and packet.checked is None:
                bare_networks(packet.raw[2], fields, reading)
            else:
                for block in blocks:
                    block(fields, reading)
        except Truncated:
            if fields.left:
                reading.attributes["broken"] = fields.rest().hex()
            return False
        return bool(blocks) or packet.type in NETWORKS

    def _head(self, packet: Packet) -> Head:
        bare = packet.checked is None and packet.type != LOGIN
        form = _BARE if bare else _LONG * packet.extended
        serial = int.from_bytes(packet.content[:6]) if bare else packet.serial
        return {"device": self._device, "ref": (packet.type | form, serial), "mark": hash(packet.raw)}


def _event(packet: Packet, reading: Reading, head: Head, whole: bool) -> Event:
    """What has been read as a value; a message that is only its own name says that the terminal is there."""
    if packet.type in {HEARTBEAT, TIME_REQUEST} or not packet.content:
        return Heartbeat(**head)
    if reading.located:
        return Report(**head, fixes=(reading.fix(),))
    if whole or reading.time is not None:
        return Status(**head, attributes=reading.attributes, time=reading.time)
    if row(packet.type, len(packet.content), extended=packet.extended) is None:
        return Unsupported(**head, what=f"{packet.type:#04x}")
    return Rejected(f"body of {packet.type:#04x}", packet.raw[:KEPT], head["device"])
