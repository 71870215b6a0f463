"""One Queclink device's connection: messages to values, and the server's acknowledgements (+SACK)."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain

import msgspec

from gps_gateway.codec import (
    Attributes,
    Checksum,
    Event,
    Fix,
    Frame,
    Heartbeat,
    Login,
    Refusal,
    Rejected,
    Report,
    Status,
)
from gps_gateway.protocols.gl200.alarms import meaning
from gps_gateway.protocols.gl200.expanded import expanded
from gps_gateway.protocols.gl200.fields import time
from gps_gateway.protocols.gl200.information import INFORMATION
from gps_gateway.protocols.gl200.message import Message, read_message
from gps_gateway.protocols.gl200.position import Group, read_groups
from gps_gateway.protocols.gl200.vehicle import before, behind, state
from gps_gateway.protocols.gl200.vehicle_bus import can, obd
from gps_gateway.protocols.lines import KEPT, Lines

LONGEST = 4096
"""A GTFRI may carry 15 positions, a GTERI 19 sensors and 10 accessories."""

_BEGINNING = re.compile(rb"(?=\+(?:RESP|BUFF|ACK):GT)")

_FORMS = (b"+RESP:", b"+BUFF:", b"+ACK:GT")

_HEARTBEAT, _OTHER = 1, 2
"""Message ids of our own in `ref`: what is answered differs between these two."""


def begins(first: bytes) -> bool:
    return any(first.startswith(form[: len(first)]) for form in _FORMS) and first[:1] == b"+"


class Gl200:
    """There is no checksum in this protocol: the setting changes nothing."""

    name = "gl200"

    def __init__(self, checksum: Checksum = "accept") -> None:
        self.counts: Counter[str] = Counter()
        self._lines = Lines(rb"[$\0]", LONGEST)
        self._device = ""
        self._version = ""
        self._out: list[bytes] = []

    def receive(self, data: bytes) -> list[Event]:
        return self._packets(self._lines.feed(data))

    def end(self) -> list[Event]:
        """Old firmwares end a datagram without `$`."""
        return self._packets(self._lines.end())

    def accept(self, event: Frame, code: str = "") -> None:
        """+SACK names the message by its count (devices expect it where <SACK enable> is set, and ignore it elsewhere)."""
        kind, count = event.ref
        if kind == _HEARTBEAT:
            self._out.append(f"+SACK:GTHBD,{self._version},{count:04X}$".encode())
        elif kind == _OTHER:
            self._out.append(f"+SACK:{count:04X}$".encode())

    def refuse(self, event: Frame, why: Refusal) -> None:
        """Silence: the device keeps the message and sends it again."""

    def to_send(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    def _packets(self, packets: list[bytes]) -> list[Event]:
        """Where a `$` was lost, two messages come as one packet."""
        split = chain.from_iterable(_BEGINNING.split(packet) for packet in packets)
        return [event for raw in split if raw.strip() for event in self._message(raw.strip())]

    def _message(self, raw: bytes) -> list[Event]:
        if len(raw) > LONGEST:
            return [Rejected("too long", raw[:KEPT], self._device)]
        message = read_message(raw.decode("latin-1"))
        if message is None:
            return [Rejected("no message", raw[:KEPT], self._device)]
        events = self._events(message, raw)
        self._version = message.version or self._version
        if message.device != self._device:
            self._device = message.device
            events.insert(0, Login(device=message.device, mark=hash(raw), code=None))
        return events

    def _events(self, message: Message, raw: bytes) -> list[Event]:
        mark = hash(raw)
        count = int(message.serial, 16) if message.serial else None
        if message.form == "ACK":
            if message.kind == "HBD":
                ref = (0, 0) if count is None else (_HEARTBEAT, count)
                return [Heartbeat(device=message.device, ref=ref, mark=mark)]
            result = ",".join([message.kind, *filter(None, message.fields[1:])])
            return [
                Status(
                    device=message.device,
                    mark=mark,
                    attributes={"result": result},
                    time=time(message.send_time),
                )
            ]
        ref = (0, 0) if count is None else (_OTHER, count)
        groups, impossible = read_groups(message)
        if impossible and not groups:
            return [Rejected("position", raw[:KEPT], message.device)]
        attributes = _attributes(message, groups)
        if not groups:
            return [
                Status(
                    device=message.device,
                    ref=ref,
                    mark=mark,
                    attributes=attributes,
                    time=time(message.send_time),
                )
            ]
        return [Report(device=message.device, ref=ref, mark=mark, fixes=_fixes(groups, attributes))]


def _fixes(groups: list[Group], attributes: Attributes) -> tuple[Fix, ...]:
    """What a message says once belongs to its last position."""
    *earlier, last = (group.fix for group in groups)
    complete = msgspec.structs.replace(last, attributes=last.attributes | attributes)
    return (*earlier, complete)


def _attributes(message: Message, groups: list[Group]) -> Attributes:
    attributes: Attributes = {"message": message.kind}
    attributes |= meaning(message, groups[0].begin if groups else None)
    if message.form == "BUFF":
        attributes["buffered"] = True
    if groups:
        attributes |= before(message, groups[0].begin)
        tail = behind(message, groups[-1].end)
        attributes |= tail.attributes
        if message.kind == "ERI":
            attributes |= expanded(message, tail.end)
    if message.kind == "STT":
        attributes |= state(str(attributes.get("status", "")))
    elif message.kind == "OBD":
        attributes |= obd(message)
    elif message.kind == "CAN":
        attributes |= can(message.fields[message.name_at + 3 :])
    elif message.kind in INFORMATION:
        attributes |= INFORMATION[message.kind](message)
    return attributes
