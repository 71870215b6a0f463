"""H02 on one connection: packets of both forms to values, and its confirmations."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from gps_gateway.codec import Checksum, Event, Frame, Report, Status, Unsupported
from gps_gateway.protocols.h02.binary import KIND, read_binary
from gps_gateway.protocols.h02.framing import LENGTHS, Framing
from gps_gateway.protocols.h02.text import ALIVE, read_text
from gps_gateway.protocols.text import Talk, head, kind_of, rejected, told_by

TEXT = re.compile(rb"\*[A-Za-z0-9]{2},")
BINARY = re.compile(rb"\$[\x00-\x99]{5}(?:...)?[\x00-\x23][\x00-\x59]{2}[\x01-\x31][\x01-\x12]", re.DOTALL)
"""`$`, five or eight bytes of a number, hour, minute, second, day, month."""


def begins(first: bytes) -> bool:
    """`*`, two characters of the maker and a comma; or `$` with a BCD time and date where they stand."""
    return TEXT.match(first) is not None or BINARY.match(first) is not None


class H02(Talk):
    """One tracker's connection. The protocol has no checksum."""

    name = "h02"

    def __init__(self, checksum: Checksum = "accept") -> None:
        super().__init__(Framing(), checksum)

    def read(self, packet: bytes) -> Event:
        if packet.startswith(b"*"):
            return read_text(packet, self.device)
        if packet.startswith(b"$"):
            return read_binary(packet)
        if packet.startswith(b"X") and len(packet) == LENGTHS[0]:
            return Unsupported(**head(self.device, "X", packet), what="X")
        return rejected("no beginning", packet)

    def answer(self, event: Frame) -> bytes:
        """HTBT and V0 come back as they are; the other types are confirmed with V4, their name and their time.

        The maker's letters are repeated: a tracker does not listen to another maker's.
        """
        kind = kind_of(event)
        if not kind or kind in {KIND, "X", "V4"}:
            return b""
        if kind in ALIVE:
            return f"*{told_by(event)},{event.device},{kind}#".encode()
        time = event.fixes[0].time if isinstance(event, Report) else None
        if time is None and isinstance(event, Status):
            time = event.time
        said = "" if time is None else f",{datetime.fromtimestamp(time, UTC):%Y%m%d%H%M%S}"
        return f"*{told_by(event)},{event.device},V4,{kind}{said}#".encode()
