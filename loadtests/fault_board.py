"""A few numbers that the processes of a fault run share, in a file mapped into each: no message needs to be read."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

PLACES = 16
STEP = 0
"""Seconds that the machine's clock is put ahead, as the workers read it."""
GATE = 1
"""Orders that may be begun: they do not run ahead of the kills."""
READY = 2
"""The process id of the worker that is at work, one place for each of two."""
FIRST_DRIVER = 4
"""Orders that each driver has finished, one place a driver."""


class Board:
    """The numbers; each place has one writer."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(bytes(8 * PLACES))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), 8 * PLACES)

    def get(self, place: int) -> int:
        """The number there."""
        found: int = struct.unpack_from("q", self._map, 8 * place)[0]
        return found

    def put(self, place: int, number: int) -> None:
        """Put a number there."""
        struct.pack_into("q", self._map, 8 * place, number)
