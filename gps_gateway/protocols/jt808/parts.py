"""Messages in several parts (bit 13 of the attributes), in both directions.

A terminal's parts are put together within a bound and asked for with 0x8003 (2013: 8.3; 2019: 8.4, where the count
is a WORD) where they are missing. Ours are kept for a while, so that 0x0005 (2019: 8.5) brings just those again.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack

from gps_gateway.protocols.jt808.framing import Header

MESSAGES = 4
"""Unfinished messages that are kept of one connection; the oldest gives way."""

MAX_PARTS = 64
"""Of one message: 64 kB, more than any that this gateway reads."""

ASKED = 3
"""Times that the missing parts of one message are asked for."""

KEPT = 8
"""Messages of ours whose parts are kept."""


class Unfinished:
    """One message of a terminal of which parts are missing."""

    def __init__(self, total: int, first: int, last: int) -> None:
        self.total = total
        self.first = first
        """Serial of the first part: by it 0x8003 names the message."""
        self.last = last
        """Serial of the last part."""
        self.pieces: dict[int, bytes] = {}
        self.asked = 0

    @property
    def missing(self) -> tuple[int, ...]:
        return tuple(n for n in range(1, self.total + 1) if n not in self.pieces)


Key = tuple[bytes, int, int]
"""(phone, message id, serial of the first part)."""


class Assembly:
    """The unfinished messages of one connection."""

    __slots__ = ("unfinished",)

    def __init__(self) -> None:
        self.unfinished: dict[Key, Unfinished] = {}

    def add(self, header: Header, piece: bytes) -> bytes | Unfinished | str:
        """The whole body, or what there is of it so far, or a defect."""
        assert header.part is not None
        total, index = header.part
        if not 0 < index <= total:
            return "part number"
        if total > MAX_PARTS:
            return "too many parts"
        first = (header.serial - index + 1) & 0xFFFF
        key = (header.phone, header.message, first)
        known = self.unfinished.get(key)
        if known is None or known.total != total:
            known = self.unfinished[key] = Unfinished(total, first, (first + total - 1) & 0xFFFF)
        known.pieces[index] = piece
        if len(self.unfinished) > MESSAGES:
            del self.unfinished[next(iter(self.unfinished))]
        if len(known.pieces) < total:
            return known
        del self.unfinished[key]
        return b"".join(known.pieces[n] for n in range(1, total + 1))

    def lacking(self, header: Header) -> tuple[int, Unfinished] | None:
        """(message id, its parts so far) of a message that the terminal has sent all parts of, because this
        one is numbered after it."""
        for (phone, message, _), known in self.unfinished.items():
            after = 0 < (header.serial - known.last) & 0xFFFF < 0x8000
            if phone == header.phone and after and known.asked < ASKED:
                return message, known
        return None


class Sent:
    """The latest messages of ours that went in parts."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[int, Sequence[bytes]] = {}

    def keep(self, first: int, frames: Sequence[bytes]) -> None:
        """A message's frames, by the serial of its first part."""
        if len(frames) > 1:
            self._kept[first] = frames
            if len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]

    def forget(self, first: int) -> None:
        """What was taken back is not sent again, whoever asks for it."""
        self._kept.pop(first, None)

    def again(self, first: int, numbers: Sequence[int]) -> list[bytes]:
        """Those parts; none where the message is not kept any more."""
        frames = self._kept.get(first, ())
        return [frames[n - 1] for n in numbers if 0 < n <= len(frames)]


def request(first: int, numbers: Sequence[int], *, wide: bool) -> bytes:
    """Body of 0x8003 or 0x0005: serial of the first part, count (`wide`: WORD), numbers of parts."""
    count = pack(">H" if wide else ">B", len(numbers))
    return pack(">H", first) + count + b"".join(pack(">H", n) for n in numbers)


def read_request(body: bytes) -> tuple[int, tuple[int, ...]] | None:
    """(serial of the first part, numbers). Both widths of the count are read: the length tells them apart."""
    for width in (1, 2):
        count = int.from_bytes(body[2 : 2 + width])
        rest = body[2 + width :]
        if len(body) >= 3 and len(rest) == 2 * count:
            return int.from_bytes(body[:2]), tuple(
                int.from_bytes(rest[n : n + 2]) for n in range(0, len(rest), 2)
            )
    return None
