"""One TCP connection of a terminal, from the first byte to the last."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dispatch.clock import SystemClock
from simulators.terminals.wire import (
    AUTHENTICATE,
    DONE,
    HEARTBEAT,
    PLATFORM_REPLY,
    REGISTER,
    REGISTER_REPLY,
    TERMINAL_REPLY,
    BadFrame,
    Line,
    Message,
    Parts,
    frame,
    read_reply,
    register_body,
    reply_body,
)

if TYPE_CHECKING:
    from simulators.terminals.terminal import Terminal


class LinkLost(Exception):
    """The connection is of no more use; the terminal connects again."""


@dataclass(frozen=True, slots=True)
class Timers:
    """Real seconds."""

    resend_after: float = 5.0
    heartbeat: float = 30.0
    login: float = 10.0
    back_off: float = 0.5
    longest_back_off: float = 30.0


@dataclass(slots=True)
class Faults:
    """What a test can break in one terminal."""

    drop_replies: int = 0
    """The next N general responses (0x0001) are not sent."""
    lose_acknowledgements: int = 0
    """The next N general responses of the platform (0x8001) are not heard."""
    duplicate: bool = False
    """Every frame is sent twice."""
    delay: float = 0.0
    """Real seconds before each frame."""
    split: int = 0
    """Frames leave in pieces of so many bytes; 0 = whole."""


class Link:
    """Reader and sender of one connection; `run` ends with LinkLost or OSError, never otherwise."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._line, self._parts = Line(), Parts()
        self._replies: list[Message] = []
        self._login_serial = 0
        self.online = False
        self.wake = asyncio.Event()
        self._cut = asyncio.Event()

    def cut(self) -> None:
        """End this connection."""
        self._cut.set()

    async def run(self) -> None:
        """Connect, log in, and talk until the connection is lost."""
        reader, writer = await asyncio.open_connection(self._terminal.host, self._terminal.port)
        self._terminal.counts.connections += 1
        parts = (self._read(reader), self._send(writer), self._cut.wait(), self._log_in_in_time())
        tasks = [asyncio.ensure_future(part) for part in parts]
        try:
            self._log_in()
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _log_in(self) -> None:
        terminal = self._terminal
        self._login_serial = terminal.outbox.next_serial()
        if terminal.code:
            login = Message(AUTHENTICATE, self._login_serial, terminal.code.encode("gbk"))
        else:
            login = Message(REGISTER, self._login_serial, register_body(terminal.device, terminal.plate))
        self._say(login)

    async def _log_in_in_time(self) -> None:
        await SystemClock().sleep(self._terminal.timers.login)
        if not self.online:
            raise LinkLost("the platform does not let this terminal in")
        await self._cut.wait()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65_536):
            for piece in self._line.receive(data):
                if piece.device == self._terminal.device:
                    self._hear(piece)
        raise LinkLost("closed by the platform")

    def _hear(self, piece: Message) -> None:
        message = self._parts.add(piece)
        if message is None:
            return
        match message.id:
            case n if n == REGISTER_REPLY:
                self._registered(message.body)
            case n if n == PLATFORM_REPLY:
                with suppress(BadFrame):
                    self._acknowledged(*read_reply(message.body))
            case _:
                self._receipt(message, self._terminal.show(message))

    def _registered(self, body: bytes) -> None:
        serial, result = int.from_bytes(body[:2], "big"), body[2:3]
        if serial != self._login_serial or self._terminal.code:
            return
        if result != b"\0":
            raise LinkLost(f"registration refused: {body[2:3].hex()}")
        self._terminal.code = body[3:].decode("gbk", "replace")
        self._terminal.save()
        self._log_in()

    def _acknowledged(self, serial: int, message_id: int, result: int) -> None:
        if message_id == AUTHENTICATE and serial == self._login_serial and not self.online:
            self._authenticated(result)
        elif self._terminal.faults.lose_acknowledgements > 0 and message_id != HEARTBEAT:
            self._terminal.faults.lose_acknowledgements -= 1
        else:
            self._terminal.acknowledged(serial, message_id, result)
            self.wake.set()

    def _authenticated(self, result: int) -> None:
        if result != DONE:
            self._terminal.code = ""  # register anew on the next connection
            self._terminal.save()
            raise LinkLost(f"authentication refused: {result}")
        self.online = True
        self._terminal.counts.logins += 1
        self.wake.set()

    def _receipt(self, message: Message, result: int) -> None:
        faults = self._terminal.faults
        if faults.drop_replies > 0:
            faults.drop_replies -= 1
            return
        serial = self._terminal.outbox.next_serial()
        self._say(Message(TERMINAL_REPLY, serial, reply_body(message.serial, message.id, result)))

    def _say(self, message: Message) -> None:
        self._replies.append(message)
        self.wake.set()

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        outbox, timers = self._terminal.outbox, self._terminal.timers
        beat = SystemClock.monotonic() + timers.heartbeat
        while True:
            self.wake.clear()
            now = SystemClock.monotonic()
            if outbox.exhausted(now):
                raise LinkLost("the platform does not acknowledge")
            due = outbox.due(now) if self.online else []
            said, self._replies = self._replies, []
            if self.online and now >= beat:
                said.append(Message(HEARTBEAT, outbox.next_serial()))
                beat = now + timers.heartbeat
            await self._write(writer, [*due, *said])
            await self._rest(min(outbox.next_due() or beat, beat))

    async def _rest(self, until: float) -> None:
        """Until there is something to say, or `until`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, until - SystemClock.monotonic())):
                await self.wake.wait()

    async def _write(self, writer: asyncio.StreamWriter, messages: list[Message]) -> None:
        faults = self._terminal.faults
        for message in messages:
            raw = frame(replace(message, device=self._terminal.device))
            if faults.delay:
                await SystemClock().sleep(faults.delay)
            for _ in range(2 if faults.duplicate else 1):
                await _in_pieces(writer, raw, faults.split)
        await writer.drain()


async def _in_pieces(writer: asyncio.StreamWriter, raw: bytes, size: int) -> None:
    for start in range(0, len(raw), size or len(raw)):
        writer.write(raw[start : start + (size or len(raw))])
        if size:
            await SystemClock().sleep(0)
