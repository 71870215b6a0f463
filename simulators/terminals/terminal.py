"""One vehicle terminal: a TCP client that registers, reports, and shows what the platform sends.

Transport timers (resends, heartbeat, back-off) are real seconds; what it stamps is on `clock`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from random import Random

from dispatch.clock import Clock, SystemClock
from dispatch.core.errors import BadInput, NotFound
from simulators.terminals.link import Faults, Link, LinkLost, Timers
from simulators.terminals.outbox import Counts, Outbox
from simulators.terminals.screen import Notice, Screen
from simulators.terminals.store import MemoryStore, State, Store
from simulators.terminals.wire import (
    ANSWER,
    DONE,
    EVENT_REPORT,
    EVENTS,
    QUESTION,
    TEXT,
    UNSUPPORTED,
    WRONG,
    BadFrame,
    Message,
    position_body,
)

__all__ = ["Faults", "Terminal", "Timers"]


class Terminal:
    """A terminal with `device` as its 12-digit id. `store` is what it remembers without power.

    `screen` is what the crew sees; every change of it is also put into `notices`.
    """

    def __init__(
        self,
        device: str,
        host: str,
        port: int,
        clock: Clock,
        *,
        store: Store | None = None,
        plate: str = "",
        timers: Timers | None = None,
    ) -> None:
        if len(device) != 12 or not device.isdecimal():
            raise BadInput(f"device {device!r}: expected 12 digits")
        self.device, self.host, self.port = device, host, port
        self.plate = plate or f"京D{device[-5:]}"
        self.timers = timers or Timers()
        self.faults = Faults()
        self.counts = Counts()
        self.screen = Screen()
        self.notices: asyncio.Queue[Notice] = asyncio.Queue()
        self._clock = clock
        self._store = store or MemoryStore()
        self._random = Random(device)
        self._switched_on = asyncio.Event()
        self._switched_on.set()
        self._drained = asyncio.Event()
        self._link: Link | None = None
        self._restore()

    @property
    def online(self) -> bool:
        """Authenticated, and the platform may be heard."""
        return self._link is not None and self._link.online

    @property
    def waiting(self) -> int:
        """Positions and presses that the platform has not acknowledged."""
        return len(self.outbox)

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        failures = 0
        while True:
            await self._switched_on.wait()
            link = self._link = Link(self)
            with suppress(LinkLost, OSError):
                await link.run()
            self._link = None
            self.outbox.link_lost()
            failures = 0 if link.online else failures + 1
            await SystemClock().sleep(self._back_off(failures))

    def move(self, lat: float, lon: float, speed_mps: float, course_deg: float, fix_time: datetime) -> None:
        """Report a position; it is kept until the platform has acknowledged it."""
        body = position_body(lat, lon, speed_mps, course_deg, fix_time)
        kept, crowded = self.outbox.position(body, online=self.online)
        self._store.keep(self.device, kept)
        self._store.forget(self.device, crowded)
        self._speak()

    async def answer(self, question_serial: int, choice: int) -> None:
        """Answer a question on the screen (0x0302): it leaves the screen, the answer stays until acknowledged.

        Raises NotFound where no such question stands there, or it has no such answer.
        """
        question = self.screen.questions.get(question_serial)
        if question is None or choice not in dict(question.answers):
            raise NotFound(f"terminal {self.device}: no question {question_serial} with answer {choice}")
        body = question_serial.to_bytes(2, "big") + bytes([choice])
        self.notices.put_nowait(self.screen.clear(question_serial, self._clock.now()))
        self._press(ANSWER, body)

    async def dismiss(self, question_serial: int) -> None:
        """Clear a question without an answer, as a driver does who read that it was taken back.

        The standard has no message that removes a question. Raises NotFound where it does not stand there.
        """
        if question_serial not in self.screen.questions:
            raise NotFound(f"terminal {self.device}: no question {question_serial}")
        self.notices.put_nowait(self.screen.clear(question_serial, self._clock.now()))
        self.save()

    async def press(self, event_code: int) -> None:
        """Press a button on the screen (0x0301). Raises NotFound where it has none of that code."""
        if event_code not in self.screen.events:
            raise NotFound(f"terminal {self.device}: no button {event_code}")
        self._press(EVENT_REPORT, bytes([event_code]))

    async def go_offline(self) -> None:
        """Cut the link and stay away; positions and presses are kept."""
        self._switched_on.clear()
        if self._link is not None:
            self._link.cut()

    async def go_online(self) -> None:
        """Let the terminal connect again."""
        self._switched_on.set()

    async def drained(self) -> None:
        """Wait until the platform has acknowledged everything."""
        while self.waiting:
            self._drained.clear()
            await self._drained.wait()

    def show(self, message: Message) -> int:
        """Take a platform message onto the screen; the result for its general response."""
        if message.id not in {TEXT, EVENTS, QUESTION}:
            return UNSUPPORTED
        try:
            notices = self.screen.apply(message, self._clock.now())
        except BadFrame:
            return WRONG
        self.save()  # first kept, then receipted
        for notice in notices:
            self.notices.put_nowait(notice)
        return DONE

    def acknowledged(self, serial: int, message_id: int, result: int) -> None:
        """The platform's general response to something from the outbox."""
        kept = self.outbox.acknowledged(serial, message_id, result)
        self._store.forget(self.device, [k.key for k in kept])
        if not self.waiting:
            self._drained.set()

    def save(self) -> None:
        """Keep code, serial and screen."""
        screen = self.screen
        state = State(
            self.code, self.outbox.serial, screen.questions, screen.events, screen.texts, screen.seen
        )
        self._store.keep_state(self.device, state)

    def _restore(self) -> None:
        state = self._store.state(self.device)
        self.code = state.code
        self.screen.questions, self.screen.events = state.questions, state.events
        self.screen.texts, self.screen.seen = state.texts, state.seen
        self.outbox = Outbox(
            self._store.kept(self.device),
            self.counts,
            serial=state.serial,
            resend_after=self.timers.resend_after,
        )

    def _press(self, message_id: int, body: bytes) -> None:
        self._store.keep(self.device, self.outbox.press(message_id, body))
        self.save()
        self._speak()

    def _speak(self) -> None:
        if self._link is not None:
            self._link.wake.set()

    def _back_off(self, failures: int) -> float:
        longest: float = min(self.timers.back_off * 2 ** min(failures, 10), self.timers.longest_back_off)
        return longest * self._random.uniform(0.5, 1.0)
