"""One TCP connection: what it carries to a conversation and back, and when it is not read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from dispatch.clock import SystemClock
from gps_gateway.conversation import Conversation
from gps_gateway.door import BURST, Bucket
from gps_gateway.house import House, unrecognised

log = logging.getLogger(__name__)

WRITE_LIMIT = 65536
"""Bytes that a device may leave unread before its socket is not read any more."""

WRITE_BOUND = 4 * WRITE_LIMIT
"""And before it is cut off: what is sent to it unasked must not pile up."""

LONGEST_BEGINNING = 64
"""Bytes after which a beginning that no protocol knows is given up."""

SHORTEST_BEGINNING = 4
"""Bytes that the protocols are shown at least, so that it does not count how a network cut them."""

Recognise = Callable[[bytes], str | None]
"""From the first bytes to the protocol that they begin; None: not (yet) known."""


_READ = memoryview(bytearray(65536))
"""What a socket is read into, one for all connections: the event loop reads and hands over in one step. With a plain
Protocol it would allocate 256 kB a packet, which takes longer than reading it."""


class Connection(asyncio.BufferedProtocol):
    """On a protocol's own port it speaks that, on the shared one what its first bytes say."""

    __slots__ = (
        "_beginning", "_bucket", "_choked", "_house", "_paused", "_protocol", "_recognise", "_resting", "_talk", "_transport",
        "address", "last_heard", "open",
    )  # fmt: skip

    def __init__(self, house: House, protocol: str, recognise: Recognise | None = None) -> None:
        self._house = house
        self._protocol = protocol
        self._recognise = recognise
        self._beginning = b""
        self._talk: Conversation | None = None
        self._transport: asyncio.Transport | None = None
        self._choked = False
        self._paused = False
        self._resting: asyncio.TimerHandle | None = None
        self.address = ""
        self.open = False
        """Whether an answer can still be sent."""
        self.last_heard = SystemClock.monotonic()
        rate = house.frames_per_second
        self._bucket = Bucket(rate, rate * BURST, self.last_heard) if rate else None

    # -- the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        if refusal := self._refusal(address):
            self._house.counted(self._protocol).limited[refusal] += 1
            transport.abort()
            return
        self.address = address
        self._transport = transport
        self.open = True
        transport.set_write_buffer_limits(high=WRITE_LIMIT)
        self._house.connections.add(self)
        if self._recognise is None:
            self._talk = Conversation(self._house, self._protocol, self)
        self.steer()

    def _refusal(self, address: str) -> str:
        if len(self._house.connections) >= self._house.max_connections:
            return "too many connections"
        return self._house.door.enter(address, self.last_heard)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is None:
            return
        if self._talk is not None:
            self._talk.hear_end()
        elif self._beginning:
            self._unknown()
        self._transport = None
        self.open = False
        if self._resting is not None:
            self._resting.cancel()
        self._house.connections.discard(self)
        self._house.door.leave(self.address)
        if self._talk is not None:
            self._talk.leave()

    def get_buffer(self, sizehint: int) -> memoryview:
        return _READ

    def buffer_updated(self, nbytes: int) -> None:
        self._house.arrivals.add(self, bytes(_READ[:nbytes]))

    def hear(self, data: bytes, at: float, now: float) -> None:
        """The device sent something, split anywhere. Whatever else decides about reading steers by itself."""
        if self._transport is None:
            return
        self.last_heard = now
        if self._talk is None:
            data = self._begin(data)
        if (talk := self._talk) is None or not data:
            return
        frames = talk.hear(data, at)
        if self._bucket is not None and (debt := self._bucket.take(frames, now)):
            self._rest(debt)
        if talk.crowded:
            self.steer()

    def _begin(self, data: bytes) -> bytes:
        """On the shared port: hold what came until a protocol knows it; gives what it is to hear."""
        data = self._beginning + data
        known = None
        if self._recognise is not None and len(data) >= SHORTEST_BEGINNING:
            known = self._recognise(data)
        if known is not None:
            self._beginning = b""
            self._talk = Conversation(self._house, known, self)
            return data
        self._beginning = data[:LONGEST_BEGINNING]
        if len(data) >= LONGEST_BEGINNING:
            self._unknown()
            self.close(abort=True)
        return b""

    def _unknown(self) -> None:
        unrecognised(self._house, self._protocol, self.address, self._beginning)
        self._beginning = b""

    def _rest(self, seconds: float) -> None:
        """Who talks too fast is not read for a while."""
        if self._resting is None:
            self._house.counted(self._protocol).limited["too fast"] += 1
            self._resting = asyncio.get_running_loop().call_later(seconds, self._rested)
            self.steer()

    def _rested(self) -> None:
        self._resting = None
        self.steer()

    def pause_writing(self) -> None:
        self._choked = True
        self.steer()

    def resume_writing(self) -> None:
        self._choked = False
        self.steer()

    # -- for the house and the conversation

    def steer(self) -> None:
        """Read from the device only while there is room for what it says."""
        full = self._choked or self._resting is not None or self._house.publisher.pressed
        full = full or (self._talk is not None and self._talk.crowded)
        if full == self._paused or self._transport is None:
            return
        self._paused = full
        if full:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def close(self, *, abort: bool = False) -> None:
        if self._transport is not None and abort:
            self._transport.abort()
        elif self._transport is not None:
            self._transport.close()

    def write(self, frames: list[bytes]) -> None:
        """Send; a device that does not read what it is sent is cut off at the bound."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(frames[0] if len(frames) == 1 else b"".join(frames))
        if self._choked and transport.get_write_buffer_size() > WRITE_BOUND:
            log.warning("%s does not read: cut off", self._talk.who if self._talk else self.address)
            transport.abort()
