"""Framing of text protocols: packets between delimiters, in a bounded buffer."""

from __future__ import annotations

import re

KEPT = 256
"""Bytes of a rejected packet that are kept for inspection."""


class Lines:
    """Splits a stream at its terminators. What does not fit into a packet is cut, never buffered.

    `ends`: a class of bytes of which each ends a packet (and is no part of it), for instance `rb"[\\r\\n]+"`. A
    pattern that needs to look further would see less where a stream is split.
    """

    def __init__(self, ends: bytes, longest: int = 2048) -> None:
        self.longest = longest
        self._ends = re.compile(ends)
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Complete packets, none empty; one that is too long comes cut to `longest` + 1 bytes."""
        *packets, rest = self._ends.split(self._rest + data)
        self._rest = rest[: self.longest + 1]
        return [packet[: self.longest + 1] for packet in packets if packet.strip()]

    def end(self) -> list[bytes]:
        """The stream or datagram has ended: what is left is a packet, too."""
        rest, self._rest = self._rest, b""
        return [rest] if rest.strip() else []


class Junk:
    """What stands between packets: one packet a run, cut to what is kept; white space is none."""

    def __init__(self) -> None:
        self._kept = b""

    def add(self, data: bytes) -> None:
        self._kept = (self._kept + data.lstrip() if not self._kept else self._kept + data)[:KEPT]

    def ends(self) -> list[bytes]:
        """A packet begins, or the stream has ended."""
        kept, self._kept = self._kept.rstrip(), b""
        return [kept] if kept else []
