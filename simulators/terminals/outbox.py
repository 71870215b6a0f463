"""What a terminal still has to say: everything stays here until the platform acknowledges it. Pure.

Resent after T, T x 2, T x 3 ... (section 6.2); after the last try the link counts as lost. On a new link
positions go out again as batches, and presses under the serial that they had.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from simulators.terminals.store import Kept
from simulators.terminals.wire import BATCH, BATCH_LIMIT, DONE, FAILED, POSITION, Message, batch_body

TRIES = 3
IN_FLIGHT = 16


@dataclass(frozen=True, slots=True)
class Flight:
    """One message on its way: what it carries, how often it was sent, when it is due again."""

    message: Message
    kept: tuple[Kept, ...]
    tries: int
    due: float


@dataclass(slots=True)
class Counts:
    """What a terminal did, for tests and for the replay's closing table."""

    positions: int = 0
    acknowledged: int = 0
    """Positions that the platform has acknowledged."""
    presses: int = 0
    presses_acknowledged: int = 0
    resent: int = 0
    refused: int = 0
    """Messages that the platform called wrong; not sent again."""
    dropped: int = 0
    """Oldest positions that no longer found room."""
    connections: int = 0
    logins: int = 0


class Outbox:
    """Positions and presses of one terminal. `now` is monotonic seconds."""

    def __init__(
        self,
        kept: Iterable[Kept],
        counts: Counts,
        *,
        serial: int = 0,
        resend_after: float = 5.0,
        room: int = 50_000,
    ) -> None:
        known = list(kept)
        self._positions = deque(k for k in known if k.serial is None)
        self._presses = deque(k for k in known if k.serial is not None)
        self._offline = len(self._positions)
        self._flights: dict[int, Flight] = {}
        self._key = max((k.key for k in known), default=0)
        self._counts = counts
        self._resend_after = resend_after
        self._room = room
        self.serial = serial

    def __len__(self) -> int:
        """Positions and presses that are not acknowledged."""
        flying = sum(len(f.kept) for f in self._flights.values())
        return len(self._positions) + len(self._presses) + flying

    def next_serial(self) -> int:
        """The next serial that nothing in flight has."""
        reserved = {k.serial for k in self._presses}
        while True:
            self.serial = (self.serial + 1) & 0xFFFF
            if self.serial not in self._flights and self.serial not in reserved:
                return self.serial

    def position(self, body: bytes, *, online: bool) -> tuple[Kept, list[int]]:
        """Keep a position; also the keys of the oldest ones that had to make room."""
        self._key += 1
        kept = Kept(self._key, POSITION, body)
        self._positions.append(kept)
        self._counts.positions += 1
        if not online:
            self._offline = len(self._positions)
        crowded: list[int] = []
        while len(self._positions) > self._room:
            crowded.append(self._positions.popleft().key)
            self._offline = max(0, self._offline - 1)
        self._counts.dropped += len(crowded)
        return kept, crowded

    def press(self, message_id: int, body: bytes) -> Kept:
        """Keep a press or an answer under its own serial."""
        self._key += 1
        kept = Kept(self._key, message_id, body, self.next_serial())
        self._presses.append(kept)
        self._counts.presses += 1
        return kept

    def due(self, now: float) -> list[Message]:
        """What to send now: what was not answered in time, then presses, then positions."""
        again = [self._again(f, now) for f in list(self._flights.values()) if f.due <= now]
        fresh: list[Message] = []
        while self._presses:
            kept = self._presses.popleft()
            assert kept.serial is not None
            fresh.append(self._fly(Message(kept.message_id, kept.serial, kept.body), (kept,), now))
        while self._positions and len(self._flights) < IN_FLIGHT:
            fresh.append(self._next_positions(now))
        return [*again, *fresh]

    def next_due(self) -> float | None:
        """When the next resend falls due."""
        return min((f.due for f in self._flights.values()), default=None)

    def exhausted(self, now: float) -> bool:
        """Something was sent as often as it may be and is due again: the link is dead."""
        return any(f.tries > TRIES and f.due <= now for f in self._flights.values())

    def acknowledged(self, serial: int, message_id: int, result: int) -> tuple[Kept, ...]:
        """What may be forgotten. A double, foreign or failed answer forgets nothing."""
        flight = self._flights.get(serial)
        if flight is None or flight.message.id != message_id or result == FAILED:
            return ()
        del self._flights[serial]
        positions = sum(k.serial is None for k in flight.kept)
        if result == DONE:
            self._counts.acknowledged += positions
            self._counts.presses_acknowledged += len(flight.kept) - positions
        else:
            self._counts.refused += 1
        return flight.kept

    def link_lost(self) -> None:
        """What was in flight waits again, in front of what came after it."""
        waiting = [k for f in self._flights.values() for k in f.kept]
        self._flights.clear()
        positions = sorted((k for k in waiting if k.serial is None), key=lambda k: k.key)
        presses = sorted((k for k in waiting if k.serial is not None), key=lambda k: k.key)
        self._positions.extendleft(reversed(positions))
        self._presses.extendleft(reversed(presses))
        self._offline = len(self._positions)

    def _next_positions(self, now: float) -> Message:
        size = min(len(self._positions), BATCH_LIMIT)
        if self._offline:
            size = min(size, self._offline)
        kept = tuple(self._positions.popleft() for _ in range(size))
        offline, self._offline = self._offline > 0, max(0, self._offline - size)
        serial = self.next_serial()
        if size == 1 and not offline:
            return self._fly(Message(POSITION, serial, kept[0].body), kept, now)
        return self._fly(
            Message(BATCH, serial, batch_body([k.body for k in kept], offline=offline)), kept, now
        )

    def _fly(self, message: Message, kept: tuple[Kept, ...], now: float) -> Message:
        self._flights[message.serial] = Flight(message, kept, 1, now + self._resend_after)
        return message

    def _again(self, flight: Flight, now: float) -> Message:
        tries = flight.tries + 1
        due = now + self._resend_after * tries
        self._flights[flight.message.serial] = replace(flight, tries=tries, due=due)
        self._counts.resent += 1
        return flight.message
