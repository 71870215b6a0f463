"""What one device says and is answered, over whatever carries it: values to the streams, and only then answers."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Coroutine, Sequence

from msgspec import structs
from redis.exceptions import RedisError

from dispatch.clock import SystemClock
from dispatch.messages import DeviceState, Link, SeenFrame, code_for
from gps_gateway.answering import Answering
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
    Receipt,
    Refusal,
    Register,
    Rejected,
    Report,
    Status,
    Unsupported,
)
from gps_gateway.failing import EVERY, failed, salvage, seldom
from gps_gateway.house import House, Wire
from gps_gateway.seen import LONGEST, meaning
from gps_gateway.session import DEVICES, believable

log = logging.getLogger(__name__)

INBOX = 256
"""Values that may wait behind one that needs Redis; beyond it nothing more is read."""

ASK_AGAIN = 5.0
"""Real seconds after which a device that was not (yet) known is looked up again when it speaks."""


class Conversation(Answering):
    """Frames are handled in their order; one that waits for Redis holds back those behind it, except that
    positions only wait for their own batch."""

    __slots__ = ("_ask_at", "_asked", "_busy", "_inbox")

    def __init__(self, house: House, protocol: str, wire: Wire) -> None:
        super().__init__(house, protocol, wire)
        self._counts.connections += 1
        self._inbox: tuple[Event, ...] = ()
        """What waits while this is busy. Nearly always empty, and the empty tuple is shared by all sessions."""
        self._busy = False
        self._asked: Login | None = None
        """Whose Login was not taken, though it may be when the centre is asked again."""
        self._ask_at = 0.0

    @property
    def who(self) -> str:
        """For the log."""
        return self._session.device or f"a stranger at {self._wire.address}"

    @property
    def defects(self) -> Counter[str]:
        """What this device does wrong and is accepted all the same."""
        return self._codec.counts

    @property
    def crowded(self) -> bool:
        """Whether so much waits that nothing more should be heard."""
        return len(self._inbox) > INBOX

    def hear(self, data: bytes, at: float) -> int:
        """These bytes arrived `at` on the installation's clock; gives the number of frames that they completed."""
        try:
            events = self._codec.receive(data)
        except Exception:
            codec = self._codec if self.seen.frames else self._fresh_codec()  # who spoke first was not heard
            self._codec, events = salvage(codec, self._fresh_codec, data, self._session.device)
        self.seen.heard(at, data, len(events))
        if self._house.window.watched:
            self._show(SeenFrame(at, data[:LONGEST], False, meaning(events)))
        return self._take(events)

    def hear_end(self) -> None:
        """The stream, or the datagram, has ended: its last bytes may mean something, too."""
        try:
            events = self._codec.end()
        except Exception:
            events = [failed(self.protocol, self._session.device, b"")]
        self.seen.frames += len(events)
        self._take(events)

    def _fresh_codec(self) -> Codec:
        return self._house.codec(self.protocol)

    def state(self, device: str, *, online: bool) -> DeviceState:
        """As the operators see it."""
        name = self._house.name
        return self.seen.state(device, self.protocol, self._wire.address, name, self._codec, online)

    def leave(self) -> None:
        """The wire is gone: whoever this was is not here any more."""
        self._dismiss(*self._session.devices)
        self._counts.connections -= 1
        self._counts.defects.update(self._codec.counts)

    def _now(self) -> float:
        return self._house.clock.timestamp()

    def _strange(self, device: str, why: str) -> None:
        """Somebody whom we do not know; an administrator may want to."""
        wire = self._wire
        self._house.window.stranger(device or wire.address, wire.address, self.protocol, why, self.seen.trace)

    # -- values in their order

    def _take(self, events: list[Event]) -> int:
        number = len(events)
        self._counts.frames += number
        if self._busy:
            self._inbox += tuple(events)
        else:
            self._handle(events)
        return number

    def _handle(self, events: Sequence[Event]) -> None:
        """One after the other; when one has to wait, those behind it are kept in the inbox."""
        fresh: list[Report] = []
        for n, event in enumerate(events):
            if self._busy:
                self._inbox += tuple(events[n:])
                break
            try:
                if isinstance(event, Report) and event.device in self._session.devices:
                    if self._is_new(event):
                        fresh.append(event)
                elif isinstance(event, Rejected):
                    self._reject(event)
                elif isinstance(event, (Register, Login)):
                    self._wait_for(self._enter(event))
                elif self._session.speaks_for(event):
                    self._known(event)
                else:
                    self._stranger(event)
            except Exception:  # of the codec, which was asked for an answer
                self._reject(failed(self.protocol, event.device, b""))
        if fresh:
            self._publish(fresh)
        self._flush()

    def _wait_for(self, work: Coroutine[None, None, None]) -> None:
        self._busy = True
        self._house.start(self._then_go_on(work))

    async def _then_go_on(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception:
            log.exception("a frame of %s was not handled", self.who)
        waiting, self._inbox, self._busy = self._inbox, (), False
        self._handle(waiting)
        self._wire.steer()

    def _known(self, event: Frame) -> None:
        match event:
            case Status():
                self._keep(event)
            case Answer() | Button() | OrderStep():
                self._press(event)
            case Receipt():
                self._counts.receipts += 1
                self.seen.receipts += 1
                if (line := self._line(event.device)) is not None:
                    self._wait_for(self._house.delivery.receipt(line, event))
            case Unsupported():
                self._codec.refuse(event, "unsupported")
            case Logout():
                self._codec.accept(event)
                self._dismiss(event.device, left="off")
            case _:
                self._codec.accept(event)

    def _stranger(self, event: Event) -> None:
        """Nothing of a device that has not authenticated here is taken; but it may have become known."""
        if self._asked is not None and SystemClock.monotonic() >= self._ask_at:
            self._inbox = (event,)
            self._wait_for(self._enter(self._asked))
        elif self._session.state in {"undecided", "quarantined"}:
            self._counts.withheld += 1
            if self._session.state == "quarantined":
                self._strange(event.device, "quarantined")
        elif isinstance(event, Frame):
            self._counts.refuse("not authenticated")
            if not self._session.devices and self._asked is None:
                self._strange(event.device, "not authenticated")
            self._codec.refuse(event, "not authenticated")

    def _reject(self, event: Rejected) -> None:
        self._counts.reject(event.reason)
        self.seen.reject(event.reason)
        device = event.device if event.device in self._session.devices else self._session.device
        if not device:
            self._strange(event.device, "rejected")
        elif device not in self._house.window.watched:
            frame = SeenFrame(self._now(), event.raw, False, meaning([event]))
            self._house.window.frame(device, frame)
        log.debug("rejected, %s: %s", event.reason, event.raw.hex())

    # -- who it is

    async def _enter(self, event: Register | Login) -> None:
        self._ask_at = SystemClock.monotonic() + ASK_AGAIN
        try:
            refusal = await self._house.store.refusal(event.device, self.protocol)
        except (RedisError, OSError):
            self._withhold(event, "undecided")
            return
        there = self._house.online.get(event.device)
        if refusal == "unknown device" and self._house.quarantine:
            self._withhold(event, "quarantined")
        elif refusal or (event.device not in self._session.devices and self._full(event)):
            self._asked = event if isinstance(event, Login) else None
            self._refuse(event, refusal or "unknown device")
        elif isinstance(event, Register):
            self._codec.accept(event, code_for(self._house.secret, event.device))
        elif not believable(event, self._house.secret, there._session if there else None):
            self._refuse(event, "bad code")
        elif self._wire.open:
            self._admit(event)
        else:  # it has hung up meanwhile, and is not here; but what it said before was its own
            self._session.admit(event.device, proven=event.code is not None)

    def _full(self, event: Register | Login) -> bool:
        return isinstance(event, Login) and event.code is None and len(self._session.devices) >= DEVICES

    def _withhold(self, event: Register | Login, why: str) -> None:
        self._session.wait("undecided" if why == "undecided" else "quarantined")
        self._asked = event if isinstance(event, Login) else None
        self._counts.withheld += 1
        if why == "quarantined":
            self._strange(event.device, why)

    def _refuse(self, event: Register | Login, why: Refusal) -> None:
        if seldom(f"{self.protocol} {why}"):
            log.warning(
                "%s refused: %s (others are counted, and logged every %g s)", event.device, why, EVERY
            )
        self._counts.refuse(why)
        self._dismiss(event.device)
        if self._session.state != "authenticated":
            self._session.state = "anonymous"
        self._codec.refuse(event, why)
        self._flush()  # so that who looks sees it, too
        if why == "wrong protocol":
            raw = next((raw for _, raw, sent in reversed(self.seen.trace) if not sent), b"")
            self._house.window.misnamed(event.device, self._wire.address, self.protocol, raw)
        else:
            self._strange(event.device, why)

    def _admit(self, event: Login) -> None:
        """The newest conversation that authenticates is the device; an older one is hung up."""
        self._asked = None
        if event.device not in self._session.devices:
            if event.code is not None:  # who shows a code speaks for itself alone
                self._dismiss(*self._session.devices)
            if (older := self._house.online.get(event.device)) is not None:
                older.replaced(event.device, self._wire.address)
            self._session.admit(event.device, proven=event.code is not None)
            self._house.online[event.device] = self
            self._say(event.device, "online")
            self._house.start(self._house.window.came(event.device, self._wire.address))
        self._codec.accept(event)
        self._flush()
        if isinstance(self._codec, OrderCodec) and self._line(event.device) is None:
            self._lines += (self._house.delivery.attach(event.device, self._codec, self._send),)

    def replaced(self, device: str, by: str) -> None:
        """The device has authenticated on a newer connection, from the address `by`."""
        if seldom(f"{self.protocol} twice"):
            log.warning("%s is here twice: %s gives way to %s", device, self._wire.address, by)
        self._counts.replaced += 1
        self._house.window.doubled(device, self._wire.address, by)
        self._house.online.pop(device, None)
        self._dismiss(device)
        if not self._session.devices:
            self._wire.close()

    def _dismiss(self, *devices: str, left: str = "offline") -> None:
        """These are not here any more; `off`: by their own word."""
        for device in devices:
            if (line := self._line(device)) is not None:
                self._house.delivery.detach(line)
                self._lines = tuple(other for other in self._lines if other is not line)
            if self._house.online.get(device) is self:
                del self._house.online[device]
                self._say(device, left)
                gone = self.state(device, online=False)
                self._house.window.went(structs.replace(gone, logged_out=left == "off"))
            self._session.dismiss(device)

    def _say(self, device: str, state: str) -> None:
        self._house.publisher.event(Link(device, state, self._now(), self.protocol), lambda _: None)
