"""The half of a conversation that makes sure of what a device said, and only then answers."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from functools import partial

from dispatch.messages import SeenFrame
from gps_gateway.codec import Frame, Pressed, Rejected, Report, Status
from gps_gateway.failing import failed
from gps_gateway.house import House, Wire, position_of, status_of
from gps_gateway.line import Line
from gps_gateway.publisher import Send
from gps_gateway.seen import LONGEST, Seen
from gps_gateway.session import Session


class Answering:
    """What is new is kept, what is kept is answered, and what is sent again is answered again."""

    __slots__ = ("_codec", "_counts", "_house", "_lines", "_session", "_wire", "protocol", "seen")

    def __init__(self, house: House, protocol: str, wire: Wire) -> None:
        self.protocol = protocol
        self._house = house
        self._wire = wire
        self._codec = house.codec(protocol)
        self._counts = house.counted(protocol)
        self._session = Session()
        self.seen = Seen(house.clock.timestamp())
        self._lines: tuple[Line, ...] = ()
        """One a device whose terminal can show orders."""

    def _wait_for(self, work: Coroutine[None, None, None]) -> None:
        """Nothing more of this device is handled until that is done."""
        raise NotImplementedError

    def _reject(self, event: Rejected) -> None:
        """Counted, and shown."""
        raise NotImplementedError

    # -- what is kept before it is answered

    def _is_new(self, event: Report) -> bool:
        """Whether it is to be published, and there is room for it. A resend is answered here, if it is durable."""
        if not self._took(event):
            return False
        if self._house.publisher.reserve(len(event.fixes)):
            return True
        self._withhold_answer(event)
        return False

    def _publish(self, reports: Sequence[Report]) -> None:
        """What came in one packet is stored, and answered, in one go."""
        now, protocol = self.seen.last, self.protocol
        positions = [
            position_of(report.device, fix, now, protocol) for report in reports for fix in report.fixes
        ]
        self._house.publisher.positions(positions, partial(self._stored, reports))

    def _keep(self, event: Status) -> None:
        if self._took(event):
            said = status_of(event, self.seen.last, self.protocol)
            if not self._house.publisher.event(said, partial(self._stored, (event,))):
                self._withhold_answer(event)

    def _took(self, event: Frame) -> bool:
        """Whether it is new. What is durable is acknowledged again; what is not yet, is when it is."""
        taken = self._session.take(event)
        if taken == "new":
            return True
        self._counts.resent += 1
        self.seen.resent += 1
        if taken == "stored":
            self._codec.accept(event)
        return False

    def _withhold_answer(self, event: Frame) -> None:
        """There is no room: it stays unanswered, and the device sends it again."""
        self._session.forget(event)
        self._counts.withheld += 1

    def _stored(self, events: Sequence[Report | Status | Pressed], at: float) -> Send | None:
        """They are durable since `at`; gives what sends the answers."""
        self._session.stored(events)
        self.seen.kept(events)
        if not self._wire.open:
            return None
        accept = self._codec.accept
        for event in events:
            try:
                accept(event)
            except Exception:
                self._reject(failed(self.protocol, event.device, b""))
        if not (frames := self._codec.to_send()):
            return None
        self._note(frames, at)
        return partial(self._wire.write, frames)

    def _press(self, event: Pressed) -> None:
        line = self._line(event.device)
        if line is not None and self._took(event):
            self._wait_for(self._press_stored(line, event))

    def _line(self, device: str) -> Line | None:
        return next((line for line in self._lines if line.device == device), None)

    async def _press_stored(self, line: Line, event: Pressed) -> None:
        try:
            outcome = await self._house.delivery.press(line, event)
        except Exception:  # a bug of ours: it is not kept, and must be new when it is sent again
            self._withhold_answer(event)
            raise
        match outcome:
            case "stored":
                if (send := self._stored((event,), self._house.clock.timestamp())) is not None:
                    send()
            case "unknown":
                self._session.forget(event)
                self._codec.refuse(event, "no such order")
            case "withheld":
                self._withhold_answer(event)

    # -- what is sent

    def _flush(self) -> None:
        if frames := self._codec.to_send():
            self._send(frames)

    def _send(self, frames: list[bytes]) -> None:
        self._note(frames, self._house.clock.timestamp())
        self._wire.write(frames)

    def _note(self, frames: list[bytes], at: float) -> None:
        data = frames[0] if len(frames) == 1 else b"".join(frames)
        self.seen.sent(at, data)
        if self._house.window.watched:
            self._show(SeenFrame(at, data[:LONGEST], True))

    def _show(self, frame: SeenFrame) -> None:
        """To those who look at a device of this conversation now."""
        for device in self._session.devices:
            if device in self._house.window.watched:
                self.seen.shown = frame.at
                self._house.window.frame(device, frame)
