"""Binary packets read from their beginning, big-endian, one field after the other."""

from __future__ import annotations


class Truncated(Exception):
    """A field reaches beyond its packet. Caught where the packet is read: no codec lets it out."""


class Fields:
    """A place in a packet; every reading moves it on."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        """The next `size` bytes; Truncated, and nothing read, where there are fewer."""
        if size > self.left:
            raise Truncated
        self.at += size
        return self.data[self.at - size : self.at]

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self.left)

    def peek(self, ahead: int = 0) -> int:
        """The byte `ahead` of the next one, without reading it; -1 beyond the end."""
        place = self.at + ahead
        return self.data[place] if place < len(self.data) else -1

    def number(self, size: int) -> int:
        """An unsigned number of `size` bytes."""
        return int.from_bytes(self.take(size))

    def signed(self, size: int) -> int:
        """A number of `size` bytes in two's complement."""
        return int.from_bytes(self.take(size), signed=True)

    def u8(self) -> int:
        return self.number(1)

    def u16(self) -> int:
        return self.number(2)

    def u32(self) -> int:
        return self.number(4)
