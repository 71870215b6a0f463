"""A swarm of terminals in a process of its own: `python -m loadtests.swarm LOAD` with LOAD as JSON.

It prints a line of JSON when every terminal has logged in (`{"ready": n}`), begins at a line on its input, sends
until the load's seconds are over (or at the next line), waits for what is not acknowledged yet, and prints
its `Outcome`. What was acknowledged goes into the file `acknowledged`, terminal by terminal.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import deque
from itertools import cycle, islice
from pathlib import Path

import click
import msgspec

from dispatch.clock import SystemClock
from loadtests import wire

TICK = 0.002
RECONNECT = 0.2
LOGINS = 200
"""Terminals that log in at once."""

now = SystemClock.monotonic


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What a swarm does. `ports`: a terminal takes one after the other where it reconnects."""

    ports: list[int]
    terminals: int = 1000
    first: int = 0
    """Number of the first terminal: several swarms can share an installation."""
    seconds: float = 5.0
    rate: float = 0.0
    """Positions a second of all together; 0: each sends when its last are acknowledged."""
    burst: int = 1
    """Positions in one packet."""
    held: int = 1000
    """Positions that a terminal keeps unacknowledged before it makes no new ones."""
    resend_after: float = 0.0
    """Seconds after which what is not acknowledged is sent again; 0: only on a new connection."""
    settle: float = 5.0
    """Seconds at the end for what is not acknowledged yet."""
    acknowledged: str = ""


class Outcome(msgspec.Struct, kw_only=True):
    """What became of it; times are seconds from the (first) sending to the acknowledgement."""

    sent: int = 0
    acknowledged: int = 0
    resent: int = 0
    refused: int = 0
    postponed: int = 0
    """Packets that could not be made because the terminal's line or memory was full."""
    connections: int = 0
    lost_connections: int = 0
    seconds: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    worst: float = 0.0


def phone_of(number: int) -> str:
    """BCD[6] of a terminal of a swarm."""
    return f"0139{number:08d}"


class Terminal(asyncio.Protocol):
    """One terminal over all its connections."""

    def __init__(self, swarm: Swarm, number: int) -> None:
        self.phone = bytes.fromhex(phone_of(number))
        self.acknowledged = bytearray()
        """One byte a position: 1 = acknowledged."""
        self.waiting: dict[int, tuple[int, float, float]] = {}
        """Serial → (number, first sent, last sent)."""
        self.ready = False
        self._swarm = swarm
        self._positions = wire.Positions(self.phone, 110_000_000 + number)
        self._ports = islice(cycle(swarm.load.ports), number % len(swarm.load.ports), None)
        self._code = b""
        self._rest = b""
        self._full = False
        self._transport: asyncio.Transport | None = None

    async def connect(self) -> None:
        """Until there is a connection; the login goes on by itself."""
        while self._transport is None and not self._swarm.closing:
            try:
                loop = asyncio.get_running_loop()
                await loop.create_connection(lambda: self, "127.0.0.1", next(self._ports))
            except OSError:
                await asyncio.sleep(RECONNECT)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._rest, self._full = transport, b"", False
        self._swarm.outcome.connections += 1
        self._log_in()

    def _log_in(self) -> None:
        message, body = (wire.AUTHENTICATE, self._code) if self._code else (wire.REGISTER, wire.REGISTRATION)
        self._write(wire.frame(message, self.phone, 0xFFFF, body))
        asyncio.get_running_loop().call_later(3.0, self._log_in_again, self._transport)

    def _log_in_again(self, transport: asyncio.Transport | None) -> None:
        if transport is self._transport and transport is not None and not self.ready:
            self._log_in()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport, self.ready = None, False
        if not self._swarm.closing:
            self._swarm.outcome.lost_connections += 1
            self._swarm.start(self.connect())

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False

    def data_received(self, data: bytes) -> None:
        whole, self._rest = wire.contents(self._rest + data)
        for content in whole:
            if content[:2] == b"\x80\x01":
                self._answered(content)
            elif content[:2] == b"\x81\x00" and content[14:15] == b"\0":
                self._code = content[15:-1]
                self._log_in()
        if not self.waiting and self.ready and not self._swarm.load.rate:
            self.send()

    def _answered(self, content: bytes) -> None:
        message, result = content[14:16], content[16]
        if message == b"\x02\x00":
            found = self.waiting.pop(int.from_bytes(content[12:14]), None) if result == 0 else None
            if found is not None:
                self.acknowledged[found[0]] = 1
                self._swarm.times.append(now() - found[1])
            elif result:
                self._swarm.outcome.refused += 1
        elif message in {b"\x01\x00", b"\x01\x02"} and result == 0 and not self.ready:
            self.ready = True
            self._swarm.came()
            self.resend(now())

    def send(self) -> None:
        """One packet of new positions, where there is room for them."""
        swarm = self._swarm
        if not self.ready or self._full or len(self.waiting) >= swarm.load.held:
            swarm.outcome.postponed += 1
            return
        if not swarm.sending:
            return
        at, number, frames = now(), len(self.acknowledged), []
        for n in range(number, number + swarm.load.burst):
            serial = n % 0xFFF0
            self.waiting[serial] = n, at, at
            frames.append(self._positions.frame(n, serial))
        self.acknowledged += bytes(swarm.load.burst)
        swarm.outcome.sent += swarm.load.burst
        self._write(b"".join(frames))

    def resend(self, before: float) -> None:
        """What was last sent before that moment and is not acknowledged; in the order of its numbers."""
        if not self.ready or self._full:
            return
        at, frames = now(), []
        for serial, (number, first, last) in self.waiting.items():
            if last <= before:
                self.waiting[serial] = number, first, at
                frames.append(self._positions.frame(number, serial))
        self._swarm.outcome.resent += len(frames)
        if frames:
            self._write(b"".join(frames))

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()


class Swarm:
    """All terminals of a load."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.outcome = Outcome()
        self.times: deque[float] = deque(maxlen=2_000_000)
        self.sending = False
        self.closing = False
        self._here = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._terminals = [Terminal(self, load.first + n) for n in range(load.terminals)]

    def start(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def came(self) -> None:
        """A terminal has logged in."""
        self._here.set()

    async def run(self) -> None:
        """Log in, tell it, wait for the word, send, settle, tell the outcome."""
        for start in range(0, len(self._terminals), LOGINS):
            group = self._terminals[start : start + LOGINS]
            await asyncio.gather(*(terminal.connect() for terminal in group))
            while not all(terminal.ready for terminal in group):
                self._here.clear()
                await self._here.wait()
        click.echo(msgspec.json.encode({"ready": len(self._terminals)}))
        await asyncio.to_thread(sys.stdin.readline)
        stop = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
        began = now()
        self.sending = True
        await self._send(began, stop)
        self.outcome.seconds = now() - began
        self.sending = False
        await self._settle()
        self._tell()
        self.closing = True
        for terminal in self._terminals:
            terminal.close()

    async def _send(self, began: float, stop: asyncio.Task[str]) -> None:
        if not self.load.rate:
            for terminal in self._terminals:
                terminal.send()
        turn, packets, next_resend = cycle(self._terminals), 0, began + self.load.resend_after
        while not stop.done() and (at := now()) < began + self.load.seconds:
            due = int((at - began) * self.load.rate / self.load.burst)
            for terminal in islice(turn, min(due - packets, len(self._terminals))):
                terminal.send()
            packets = max(packets, due)
            if self.load.resend_after and at >= next_resend:
                next_resend = at + self.load.resend_after / 4
                self._resend(at - self.load.resend_after)
            await asyncio.sleep(TICK if self.load.rate else 0.05)

    def _resend(self, before: float) -> None:
        for terminal in self._terminals:
            terminal.resend(before)

    async def _settle(self) -> None:
        end = now() + self.load.settle
        next_resend = now() + self.load.resend_after
        while now() < end and any(terminal.waiting for terminal in self._terminals):
            await asyncio.sleep(0.02)
            if self.load.resend_after and now() >= next_resend:
                next_resend = now() + self.load.resend_after
                self._resend(now() - self.load.resend_after)

    def _tell(self) -> None:
        outcome, times = self.outcome, sorted(self.times)
        outcome.acknowledged = sum(terminal.acknowledged.count(1) for terminal in self._terminals)
        if times:
            outcome.p50, outcome.worst = times[len(times) // 2], times[-1]
            outcome.p99 = times[len(times) * 99 // 100]
        if self.load.acknowledged:
            known = {terminal.phone.hex(): bytes(terminal.acknowledged) for terminal in self._terminals}
            Path(self.load.acknowledged).write_bytes(msgspec.msgpack.encode(known))
        click.echo(msgspec.json.encode(outcome))


@click.command()
@click.argument("load")
def main(load: str) -> None:
    """Run one load."""
    from loadtests.processes import allow_many_files

    allow_many_files()
    gc.disable()  # a pause of the swarm would be taken for one of the gateway
    asyncio.run(Swarm(msgspec.json.decode(load, type=Load)).run())


if __name__ == "__main__":
    main()
