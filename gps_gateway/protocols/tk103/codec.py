"""TK103 on one connection: packets to values, and its answers to logins, handshakes and alarms."""

from __future__ import annotations

import re

from msgspec import structs

from gps_gateway.codec import Checksum, Event, Frame, Heartbeat, Login, Report, Status, Unsupported
from gps_gateway.protocols.text import Head, Talk, head, kind_of, rejected, told_by
from gps_gateway.protocols.tk103.framing import LONGEST, Parentheses
from gps_gateway.protocols.tk103.messages import WITHOUT_A_PLACE, alarm, cells, time_of
from gps_gateway.protocols.tk103.position import read_fields, read_row

PACKET = re.compile(
    r"\((?P<device>\d{10,15})(?P<comma>,?)(?P<command>[A-Z]{2}[0-9A-Z]{2})(?P<body>.*)\)", re.DOTALL
)
BEGINNING = re.compile(rb"\(\d{10,15}[,A-Z]")

PLACED = re.compile(r"\d\.\d+[NS]")

LOGIN, HANDSHAKE, ALARM = "BP05", "BP00", "BO01"


def begins(first: bytes) -> bool:
    """A parenthesis and a number."""
    return BEGINNING.match(first) is not None


class Tk103(Talk):
    """One tracker's connection. The protocol has no checksum."""

    name = "tk103"

    def __init__(self, checksum: Checksum = "accept") -> None:
        super().__init__(Parentheses(), checksum)

    def read(self, packet: bytes) -> Event:
        match = PACKET.fullmatch(packet.decode("latin-1"))
        if len(packet) > LONGEST:
            return rejected("too long", packet)
        if match is None:
            whole = packet.startswith(b"(") and packet.endswith(b")")
            return rejected("not (device command)" if whole else "not in parentheses", packet)
        return _read(match["device"], match["command"], match["body"], packet)

    def answer(self, event: Frame) -> bytes:
        """AP05 to a login, AP01HSO to a handshake, AS01 with the alarm's number to an alarm."""
        words = {LOGIN: "AP05", HANDSHAKE: "AP01HSO", ALARM: f"AS01{told_by(event)}"}
        word = words.get(kind_of(event), "")
        return f"({event.device}{word})".encode() if word else b""


def _read(device: str, command: str, body: str, packet: bytes) -> Event:
    common = head(device, command, packet, body[:1] if command == ALARM else "")
    fix = read_fields(body[1:].split(",")) if body.startswith(",") else None
    if (fix := fix or read_row(body)) is not None:
        said = {**fix.attributes, **alarm(command, body)}
        return Report(**common, fixes=(structs.replace(fix, attributes=said),))
    if PLACED.search(body):
        return rejected("position", packet, device)
    return _without_a_place(common, command, body, packet)


def _without_a_place(common: Head, command: str, body: str, packet: bytes) -> Event:
    if command == HANDSHAKE:
        return Heartbeat(**common)
    if command == LOGIN and "{" not in body:
        return Login(**common, code=None)
    read = cells if command == LOGIN else WITHOUT_A_PLACE.get(command)
    if read is None:
        said = alarm(command, body)
        return Status(**common, attributes=said) if said else Unsupported(**common, what=command)
    try:
        return Status(**common, attributes=read(body), time=time_of(command, body))
    except (ValueError, IndexError, KeyError):
        return rejected(f"body of {command}", packet, common["device"])
