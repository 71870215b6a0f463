"""Where packets of H02 begin and end: `*…#` in text, `$` in binary without an end, `X` of 32 bytes."""

from __future__ import annotations

from gps_gateway.protocols.lines import Junk

LONGEST = 1024
"""Bytes of a text packet."""

LENGTHS = (32, 42, 45, 46, 48)
"""Of binary packets, by firmware. Nothing in a packet says which."""

STARTS = b"*$X"


class Framing:
    """Text, binary and neither, in a bounded buffer.

    The first binary packet of a connection is known to have ended when another one begins after it (or the
    stream ends); a device keeps to its length, so from then on packets end where they have that length.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._junk = Junk()
        self._length = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Complete packets; what stands between them as one packet a run, cut to what is kept."""
        self._buffer += data
        packets: list[bytes] = []
        while self._buffer:
            if self._buffer[0] not in STARTS:
                self._skip()
                continue
            size = self._size()
            if size == 0:
                break
            packets += self._junk.ends()
            packets.append(self._buffer[:size])
            self._buffer = self._buffer[size:]
        return packets

    def end(self) -> list[bytes]:
        rest = [self._buffer] if self._buffer else []
        packets = self._junk.ends() + rest
        self._buffer, self._length = b"", 0
        return packets

    def _skip(self) -> None:
        """To the next beginning."""
        at = min((at for start in STARTS if (at := self._buffer.find(start)) >= 0), default=len(self._buffer))
        self._junk.add(self._buffer[:at])
        self._buffer = self._buffer[at:]

    def _size(self) -> int:
        """Bytes of the packet at the front; 0: it is not complete."""
        if self._buffer[0] == STARTS[2]:
            return LENGTHS[0] if len(self._buffer) >= LENGTHS[0] else 0
        if self._buffer[0] == STARTS[1]:
            return self._binary_size()
        end = self._buffer.find(b"#", 0, LONGEST)
        if end >= 0:
            return end + 1
        return LONGEST if len(self._buffer) >= LONGEST else 0

    def _binary_size(self) -> int:
        if self._length and len(self._buffer) >= self._length:
            return self._length
        for length in LENGTHS:
            if len(self._buffer) <= length:
                return 0
            if not self._length and self._buffer[length] in STARTS[:2]:
                self._length = length
                return length
        return LENGTHS[-1]
