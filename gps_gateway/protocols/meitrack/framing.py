"""Packets of a stream by the length that they announce, because a binary body may hold any byte.

`$$` flag length `,` IMEI `,` command `,` ... `*` sum `\\r\\n`: the length counts from the first comma to the line's end,
the sum is that of all bytes from `$$` to `*`. Text packets of some firmwares announce a wrong length: their line's end
is believed instead.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST = 16384
"""Bytes of a packet: a device sends its stored records together, and 1,100 bytes have been seen of three."""
LONGEST_TEXT = 2048
KEPT = 256

_HEAD = re.compile(rb"\$\$([!-~])(\d{1,5}),")
_END = re.compile(rb"\*([0-9A-Fa-f]{2})\s*$")
_MIDDLE = re.compile(rb",([0-9A-Za-z]{1,20}),([A-Z][0-9A-Z]{2})(?=[,*])")

BINARY = frozenset({b"CCC", b"CCE", b"D00"})
"""Commands whose bodies hold any byte."""


class Packet(NamedTuple):
    """`body` is what stands between the command's comma and the `*`."""

    raw: bytes
    flag: str
    device: str
    command: str
    body: bytes
    intact: bool
    """The sum is right."""
    announced: bool
    """The length is right."""


class Defect(NamedTuple):
    reason: str
    raw: bytes


def checksum(content: bytes) -> int:
    return sum(content) & 0xFF


class Framer:
    """Splits a stream into packets and defects. Holds at most LONGEST bytes and what one read adds."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._lost = b""
        """The first bytes of what is no packet, kept until one begins."""
        self._reason = "no packet"

    def feed(self, data: bytes) -> list[Packet | Defect]:
        self._rest += data
        return self._take(ended=False)

    def end(self) -> list[Packet | Defect]:
        """The stream or datagram has ended: what is left may be a packet without its line end."""
        found = self._take(ended=True)
        self._lose(len(self._rest))
        return [*found, *self._what_was_lost()]

    def _take(self, *, ended: bool) -> list[Packet | Defect]:
        found: list[Packet | Defect] = []
        while (start := self._rest.find(b"$$")) >= 0:
            self._lose(start)
            size = self._size(ended=ended)
            if size == 0:
                return found
            if size < 0:
                self._lose(1)
                self._reason = "length"
                continue
            found += self._what_was_lost()
            found.append(_split(bytes(self._rest[:size])))
            del self._rest[:size]
        self._lose(len(self._rest) - self._rest.endswith(b"$"))
        return found

    def _lose(self, count: int) -> None:
        """These bytes are no packet. Line ends between packets are no loss."""
        piece = bytes(self._rest[: min(count, KEPT)]) if self._lost else bytes(self._rest[:count]).lstrip()
        self._lost += piece[: KEPT - len(self._lost)]
        del self._rest[:count]

    def _what_was_lost(self) -> list[Packet | Defect]:
        lost, self._lost = self._lost, b""
        reason, self._reason = self._reason, "no packet"
        return [Defect(reason, lost)] if lost else []

    def _size(self, *, ended: bool) -> int:
        """Bytes of the packet at the front; 0: more must come; -1: it is none."""
        rest = self._rest
        head = _HEAD.match(rest)
        if head is None:
            return 0 if len(rest) < 9 and not ended and _may_begin(rest) else -1
        whole = head.end() - 1 + int(head[2])
        if len(rest) >= whole and rest[whole - 5 : whole - 4] == b"*" and rest[whole - 2 : whole] == b"\r\n":
            return whole
        if len(rest) < whole <= LONGEST and not ended:
            return 0
        middle = _MIDDLE.match(rest, head.end() - 1)
        if middle and middle[2] in BINARY:
            short = ended and whole - 2 <= len(rest) <= whole and _END.search(rest)
            return len(rest) if short else -1
        return self._by_line(ended=ended)

    def _by_line(self, *, ended: bool) -> int:
        """The packet by its line end, of a text that announces a wrong length."""
        line_end = self._rest.find(b"\r\n", 0, LONGEST_TEXT)
        if line_end < 0 and not ended and len(self._rest) < LONGEST_TEXT:
            return 0
        line = self._rest[: line_end if line_end >= 0 else LONGEST_TEXT]
        if not _END.search(line) or line.find(b"$$", 2) >= 0:
            return -1
        return line_end + 2 if line_end >= 0 else len(line)


def _may_begin(rest: bytearray) -> bool:
    return re.fullmatch(rb"\$\$([!-~]\d{0,5})?", rest) is not None


def _split(content: bytes) -> Packet | Defect:
    head, tail = _HEAD.match(content), _END.search(content)
    middle = _MIDDLE.match(content, head.end() - 1) if head else None
    if head is None or tail is None or middle is None:
        return Defect("header", content[:KEPT])
    star = tail.start()
    announced = head.end() - 1 + int(head[2]) in {len(content), len(content.rstrip(b"\r\n")) + 2}
    return Packet(
        content,
        head[1].decode(),
        middle[1].decode(),
        middle[2].decode(),
        content[middle.end() + 1 : star],
        checksum(content[: star + 1]) == int(tail[1], 16),
        announced,
    )


def packet(flag: str, device: str, command: str) -> bytes:
    """One of ours: `@@` instead of `$$`, the rest alike."""
    rest = f",{device},{command}*"
    content = f"@@{flag}{len(rest) + 4}{rest}".encode()
    return content + b"%02X\r\n" % checksum(content)
