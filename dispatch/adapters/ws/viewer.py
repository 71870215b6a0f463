"""One screen: what waits to be sent to it, and what is dropped when it reads too slowly."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec

from dispatch.adapters.ws.positions import Known, View, changes, whole
from dispatch.services.people import Person, Scope, scope_of

FRAMES = 64
"""So many frames may wait;"""
BYTES = 1_000_000
"""or so many bytes. Beyond, all of them are dropped and the next frame is a board."""
DEGREES = 10_000.0
"""A page that is scrolled around the world counts on; beyond this it is no view."""
BOARDS_APART = 1.0
"""Real seconds between two boards that one screen may ask for."""

Send = Callable[[bytes, bool], Awaitable[None]]
"""A message, and whether it is text."""


class Asked(msgspec.Struct, frozen=True):
    """What a page may say."""

    type: str
    south: float = 0.0
    west: float = 0.0
    north: float = 0.0
    east: float = 0.0


class Viewer:
    """A conflating backlog: frames in their order, one tick, and the newest positions only."""

    def __init__(self, person: Person, send: Send) -> None:
        self.person = person
        self.scope: Scope = scope_of(person)
        self.view: View | None = None
        self.wants_board = True
        self.sending = False
        self.board_at = float("-inf")
        self._send = send
        self._frames: deque[bytes] = deque()
        self._size = 0
        self._tick: bytes | None = None
        self._positions: tuple[Known, float] | None = None
        self._known: Known | None = None
        self._wake = asyncio.Event()

    def offer(self, frame: bytes) -> None:
        """Changes. A screen that waits for a board gets them with it."""
        if self.wants_board:
            return
        if len(self._frames) >= FRAMES or self._size + len(frame) > BYTES:
            self._drop()
            self.wants_board = True
            return
        self._put(frame)

    def seat(self, board: bytes, at: float) -> None:
        """A board: whatever waited is in it."""
        self._drop()
        self.wants_board = False
        self.board_at = at
        self._put(board)

    def tick(self, frame: bytes) -> None:
        """A sign of life, where nothing else waits."""
        if not self._frames and not self.wants_board:
            self._tick = frame
            self._wake.set()

    def positions(self, newest: Known, now: float) -> None:
        """The newest positions at `now`, in place of older ones that were not sent."""
        self._positions = newest, now
        self._wake.set()

    def may_have_board(self, now: float) -> bool:
        """Whether a board would be read now: nothing is stuck, and the last one is not just past."""
        return self.wants_board and not self.sending and now >= self.board_at + BOARDS_APART

    def hear(self, message: str | bytes) -> bool:
        """What the page says; whether it looks elsewhere now. Raises msgspec.DecodeError where it is no message."""
        asked = msgspec.json.decode(message, type=Asked)
        if asked.type == "resync":
            self.wants_board = True
        elif asked.type == "view":
            corners = (asked.south, asked.west, asked.north, asked.east)
            if all(abs(degrees) <= DEGREES for degrees in corners):
                self.view = View(*corners)
                return True
        return False

    async def write(self, freed: Callable[[], None]) -> None:
        """Send what waits, for ever. `freed` is told when a screen that lost frames can take a board."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            self.sending = True
            while (item := self._next()) is not None:
                await self._send(*item)
            self.sending = False
            if self.wants_board:
                freed()

    def _next(self) -> tuple[bytes, bool] | None:
        if self._frames:
            frame = self._frames.popleft()
            self._size -= len(frame)
            return frame, True
        if self._tick is not None:
            frame, self._tick = self._tick, None
            return frame, True
        frame = self._positions_to_tell()
        return (frame, False) if frame else None

    def _positions_to_tell(self) -> bytes:
        """What differs from what was sent last: found when there is room to send, so that nothing in between piles up."""
        if self._positions is None:
            return b""
        (newest, now), self._positions = self._positions, None
        if self._known is None:
            self._known = newest
            return whole(newest, now)
        frame, self._known = changes(self._known, newest, now)
        return frame

    def _put(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._size += len(frame)
        self._wake.set()

    def _drop(self) -> None:
        self._frames.clear()
        self._size = 0
        self._tick = None
