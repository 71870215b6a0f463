"""Where packets of TK103 begin and end: in parentheses, inside of which texts may have some of their own."""

from __future__ import annotations

import re

from gps_gateway.protocols.lines import Junk

LONGEST = 2048
PARENTHESIS = re.compile(rb"[()]")
ANOTHER = re.compile(rb"\(\d{10,15}[,A-Z]")
"""The beginning of a packet; inside another one it says that that one has lost its end."""


class Parentheses:
    """Packets with their parentheses, in a bounded buffer. One that is too long comes cut to LONGEST + 1 bytes."""

    def __init__(self) -> None:
        self._buffer = b""
        self._junk = Junk()

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        packets: list[bytes] = []
        while True:
            start = self._buffer.find(b"(")
            self._junk.add(self._buffer[: start if start >= 0 else None])
            self._buffer = self._buffer[start:] if start >= 0 else b""
            size = _size(self._buffer[: LONGEST + 1])
            if size == 0:
                return packets
            packets += [*self._junk.ends(), self._buffer[:size]]
            self._buffer = self._buffer[size:]

    def end(self) -> list[bytes]:
        rest = [self._buffer] if self._buffer else []
        self._buffer = b""
        return self._junk.ends() + rest


def _size(window: bytes) -> int:
    """Bytes of the packet at the front; 0: it is not complete."""
    another = ANOTHER.search(window, 1)
    depth = 0
    for match in PARENTHESIS.finditer(window, 0, another.start() if another else len(window)):
        depth += 1 if match[0] == b"(" else -1
        if depth == 0:
            return match.end()
    if another:
        return another.start()
    return len(window) if len(window) > LONGEST else 0
