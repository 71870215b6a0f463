"""One device's TCP connection: bytes to values, values to the streams, and only then answers."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine

from redis.exceptions import RedisError

from dispatch.clock import SystemClock
from dispatch.messages import Link
from gps_gateway.codec import (
    Answer,
    Button,
    Codec,
    Event,
    Frame,
    Login,
    Logout,
    OrderCodec,
    OrderStep,
    Pressed,
    Receipt,
    Refusal,
    Register,
    Rejected,
    Report,
    Unsupported,
)
from gps_gateway.house import House, position_of
from gps_gateway.line import Line
from gps_gateway.session import Session, code_for, code_matches

log = logging.getLogger(__name__)

INBOX = 256
"""Values that may wait behind one that needs Redis; beyond it the socket is not read."""

WRITE_LIMIT = 65536
"""Bytes that a device may leave unread before its socket is not read any more."""

WRITE_BOUND = 4 * WRITE_LIMIT
"""And before it is cut off: what is sent to it unasked must not pile up."""


class Connection(asyncio.Protocol):
    """Frames are handled in their order; one that waits for Redis holds back those behind it, except that
    positions only wait for their own batch."""

    def __init__(self, house: House, codec: Codec) -> None:
        self._house = house
        self._codec = codec
        self._session = Session()
        self._inbox: deque[Event] = deque()
        self._busy = False
        self._line: Line | None = None
        self._transport: asyncio.Transport | None = None
        self._choked = False
        self._flushing = False
        self.last_heard = SystemClock.monotonic()

    # -- the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if len(self._house.connections) >= self._house.max_connections:
            transport.abort()
            return
        transport.set_write_buffer_limits(high=WRITE_LIMIT)
        self._house.connections.add(self)
        self.steer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._house.connections.discard(self)
        self._leave()

    def data_received(self, data: bytes) -> None:
        self.last_heard = SystemClock.monotonic()
        self._inbox.extend(self._codec.receive(data))
        if not self._busy:
            self._drain()
        self.steer()

    def pause_writing(self) -> None:
        self._choked = True
        self.steer()

    def resume_writing(self) -> None:
        self._choked = False
        self.steer()

    def steer(self) -> None:
        """Read from the device only while there is room for what it says."""
        if self._transport is None or self._transport.is_closing():
            return
        full = self._choked or self._house.publisher.pressed or len(self._inbox) > INBOX
        if full and self._transport.is_reading():
            self._transport.pause_reading()
        elif not full and not self._transport.is_reading():
            self._transport.resume_reading()

    def close(self, *, abort: bool = False) -> None:
        """Send what is queued, then hang up; `abort`: at once."""
        if self._transport is not None and abort:
            self._transport.abort()
        elif self._transport is not None:
            self._transport.close()

    # -- values in their order

    def _drain(self) -> None:
        while self._inbox and not self._busy:
            event = self._inbox.popleft()
            self._house.counts.frames += 1
            if isinstance(event, Rejected):
                self._reject(event)
            elif isinstance(event, Register | Login):
                self._wait_for(self._enter(event))
            elif self._session.speaks_for(event):
                self._known(event)
            else:
                self._stranger(event)
        self._flush()

    def _wait_for(self, work: Coroutine[None, None, None]) -> None:
        self._busy = True
        self._house.start(self._then_go_on(work))

    async def _then_go_on(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception:
            log.exception("a frame of %s was not handled", self._session.device or "a stranger")
        self._busy = False
        self._drain()
        self.steer()

    def _known(self, event: Event) -> None:
        match event:
            case Report():
                self._report(event)
            case Answer() | Button() | OrderStep():
                self._press(event)
            case Receipt():
                if self._line is not None:
                    self._wait_for(self._house.delivery.receipt(self._line, event))
            case Unsupported():
                self._codec.refuse(event, "unsupported")
            case Logout():
                self._codec.accept(event)
                self._leave()
            case Frame():
                self._codec.accept(event)

    def _stranger(self, event: Frame) -> None:
        """Nothing of a device that has not authenticated here is taken."""
        if self._session.state == "undecided":
            self._house.counts.withheld += 1
            return
        self._house.counts.refused += 1
        self._codec.refuse(event, "not authenticated")

    def _reject(self, event: Rejected) -> None:
        counts = self._house.counts
        counts.rejected += 1
        counts.reasons[event.reason] = counts.reasons.get(event.reason, 0) + 1
        log.debug("rejected, %s: %s", event.reason, event.raw.hex())

    # -- who it is

    async def _enter(self, event: Register | Login) -> None:
        try:
            known = await self._house.store.known(event.device)
        except (RedisError, OSError):
            self._session.undecided()
            self._house.counts.withheld += 1
            return
        if self._transport is None:
            return
        if not known:
            self._refuse(event, "unknown device")
        elif isinstance(event, Register):
            self._codec.accept(event, code_for(self._house.secret, event.device))
        elif event.code is not None and not code_matches(self._house.secret, event.device, event.code):
            self._refuse(event, "bad code")
        else:
            self._admit(event)

    def _refuse(self, event: Register | Login, why: Refusal) -> None:
        log.warning("%s refused: %s", event.device, why)
        self._house.counts.refused += 1
        self._leave()
        self._codec.refuse(event, why)

    def _admit(self, event: Login) -> None:
        """The newest connection that authenticates is the device; an older one is hung up."""
        if self._session.device != event.device:
            self._leave()
            if (older := self._house.online.get(event.device)) is not None:
                log.warning("%s is here on two connections: the older one is closed", event.device)
                self._house.counts.replaced += 1
                older.replaced()
            self._session.admit(event.device)
            self._house.online[event.device] = self
            self._say("online")
        self._codec.accept(event)
        self._flush()
        if self._line is None and isinstance(self._codec, OrderCodec):
            self._line = self._house.delivery.attach(event.device, self._codec, self.write)

    def replaced(self) -> None:
        """A newer connection of the same device has authenticated."""
        self._house.online.pop(self._session.device, None)
        self._leave()
        self.close()

    def _leave(self) -> None:
        """Whoever this was is not here any more."""
        if self._line is not None:
            self._house.delivery.detach(self._line)
            self._line = None
        device = self._session.device
        if device and self._house.online.get(device) is self:
            del self._house.online[device]
            self._say("offline")
        self._session.dismiss()

    def _say(self, state: str) -> None:
        at = self._house.clock.now().timestamp()
        self._house.publisher.event(Link(self._session.device, state, at, self._codec.name), lambda: None)

    # -- what is kept before it is answered

    def _report(self, event: Report) -> None:
        taken = self._session.take(event)
        if taken == "stored":
            self._codec.accept(event)
        elif taken == "new":
            now = self._house.clock.now().timestamp()
            positions = [position_of(event.device, fix, now, self._codec.name) for fix in event.fixes]
            if not self._house.publisher.positions(event.device, positions, lambda: self._stored(event)):
                self._session.forget(event)
                self._house.counts.withheld += 1

    def _stored(self, event: Frame) -> None:
        self._session.stored(event)
        if self._transport is not None:
            self._codec.accept(event)
            if not self._flushing:  # one write for all answers of a batch
                self._flushing = True
                asyncio.get_running_loop().call_soon(self._flush)

    def _press(self, event: Pressed) -> None:
        taken = self._session.take(event)
        if taken == "stored":
            self._codec.accept(event)
        elif taken == "new" and self._line is not None:
            self._wait_for(self._press_stored(self._line, event))

    async def _press_stored(self, line: Line, event: Pressed) -> None:
        match await self._house.delivery.press(line, event):
            case "stored":
                self._stored(event)
            case "unknown":
                self._session.forget(event)
                self._codec.refuse(event, "no such order")
            case "withheld":
                self._session.forget(event)
                self._house.counts.withheld += 1

    def _flush(self) -> None:
        self._flushing = False
        if frames := self._codec.to_send():
            self.write(frames)

    def write(self, frames: list[bytes]) -> None:
        """Send; a device that does not read what it is sent is cut off at the bound."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.writelines(frames)
        if transport.get_write_buffer_size() > WRITE_BOUND:
            log.warning("%s does not read: cut off", self._session.device or "a stranger")
            transport.abort()
