"""Vehicles' terminals with a crew in front of each, in a process of its own: `python -m loadtests.fleet FLEET`.

Written against JT/T 808-2013 (8.23 text, 8.24 to 8.27 events and questions), not against the gateway's codec. A crew reads
what its screen says and presses what is written there; what it meant is logged, so that it can be compared with
what the centre heard. The line takes 200 ms there and back, a tenth of all that a terminal says is lost, and
lines break at random. Runs until a line comes on its input, then prints its `Log`.
"""

from __future__ import annotations

import asyncio
import random
import sys

import click
import msgspec

from loadtests import wire
from loadtests.swarm import phone_of

ROUND_TRIP = 0.2
LOST = 0.1
BREAKS = 0.002
"""Share of what a terminal says after which its line breaks."""
RESEND = 1.5
"""Seconds after which a press is said again that nobody answered."""


class Fleet(msgspec.Struct, frozen=True):
    """How many, where, and from which seed."""

    port: int
    terminals: int
    seed: int = 1


class Log(msgspec.Struct):
    """What the terminals saw and meant."""

    meant: dict[str, tuple[str, str]] = {}
    """`device:message:serial` of a press → the order that the crew meant, and what."""
    confirmed: list[str] = []
    """Presses that were answered with success."""
    serials: dict[str, list[int]] = {}
    """Order → serials of the questions that showed it."""
    after_recall: list[str] = []
    """Orders that were shown again after they were withdrawn."""
    still_shown: list[str] = []
    broken_lines: int = 0
    lost_words: int = 0


class Terminal:
    """One terminal and its crew; it remembers its screen over its connections."""

    def __init__(self, fleet: Fleet, number: int, log: Log) -> None:
        self.device = phone_of(number)
        self.screen: dict[str, str] = {}
        """`#slot` → order, as the questions and withdrawals said."""
        self._phone = bytes.fromhex(self.device)
        self._random = random.Random(fleet.seed * 1_000_003 + number)
        self._port = fleet.port
        self._log = log
        self._serial = 0
        self._code = b""
        self._buttons: dict[str, int] = {}
        """Label → code."""
        self._done: dict[str, int] = {}
        """Order → how many of its presses were answered."""
        self._gone: set[str] = set()
        self._asked: dict[str, int] = {}
        """Order → serial of its question."""
        self._pressing: tuple[int, bytes, int, str] | None = None
        """Message, body, serial, order of the press that waits for its answer."""
        self._writer: asyncio.StreamWriter | None = None
        self._here = False

    async def run(self) -> None:
        """For ever, over all lines."""
        while True:
            try:
                reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
                await self._talk(reader)
            except OSError:
                pass
            self._here = False
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            await asyncio.sleep(self._random.uniform(0.2, 1.0))

    async def _talk(self, reader: asyncio.StreamReader) -> None:
        self._login()
        rest = b""
        while True:
            try:
                async with asyncio.timeout(RESEND):
                    data = await reader.read(65536)
            except TimeoutError:
                if not self._here:
                    self._login()
                self._press_again()
                continue
            if not data:
                return
            messages, rest = wire.heard(rest + data)
            for message in messages:
                self._hear(message)
            self._look()

    def _login(self) -> None:
        known = bool(self._code)
        body = self._code if known else wire.REGISTRATION
        self._say(wire.AUTHENTICATE if known else wire.REGISTER, body, reliable=True)

    def _hear(self, heard: wire.Heard) -> None:
        match heard.message:
            case wire.REGISTERED if heard.body[2] == 0:
                self._code = heard.body[3:]
                self._login()
            case wire.GENERAL:
                self._answered(int.from_bytes(heard.body[:2]), int.from_bytes(heard.body[2:4]), heard.body[4])
            case wire.QUESTION:
                self._question(heard)
                self._receipt(heard)
            case wire.TEXT:
                slot, _, order, *_ = heard.body[1:].decode("gbk").split()
                self._gone.add(order)
                if self.screen.get(slot) == order:
                    del self.screen[slot]
                self._receipt(heard)
            case wire.SET_EVENTS:
                self._buttons = dict(_events(heard.body))
                self._receipt(heard)

    def _question(self, heard: wire.Heard) -> None:
        slot, order, *_ = heard.body[2 : 2 + heard.body[1]].decode("gbk").split()
        serials = self._log.serials.setdefault(order, [])
        if heard.serial not in serials:
            serials.append(heard.serial)
        if order in self._gone:
            self._log.after_recall.append(order)
        self.screen[slot] = order
        self._asked[order] = heard.serial

    def _answered(self, serial: int, message: int, result: int) -> None:
        if message == wire.AUTHENTICATE and result == 0:
            self._here = True
            self._press_again()
        pressing = self._pressing
        if pressing is None or (pressing[0], pressing[2]) != (message, serial):
            return
        self._pressing = None
        if result == 0:
            self._log.confirmed.append(f"{self.device}:{message:04x}:{serial}")
            self._done[pressing[3]] = self._done.get(pressing[3], 0) + 1

    def _look(self) -> None:
        """The crew presses the next thing of the first order that has one."""
        if self._pressing is not None or not self._here:
            return
        for slot, order in self.screen.items():
            step = self._done.get(order, 0)
            if step == 0:
                self._press(wire.ANSWER, self._asked[order].to_bytes(2) + b"\x01", order, "acknowledge")
                return
            label = f"{slot} {('出发', '到达', '修复')[step - 1]}" if step <= 3 else ""
            if label in self._buttons:
                what = ("depart", "arrive", "restore")[step - 1]
                self._press(wire.EVENT_REPORT, bytes((self._buttons[label],)), order, what)
                return

    def _press(self, message: int, body: bytes, order: str, what: str) -> None:
        serial = self._next()
        self._log.meant[f"{self.device}:{message:04x}:{serial}"] = order, what
        self._pressing = message, body, serial, order
        self._later(wire.frame(message, self._phone, serial, body))

    def _press_again(self) -> None:
        if self._pressing is not None and self._here:
            message, body, serial, _ = self._pressing
            self._later(wire.frame(message, self._phone, serial, body))

    def _receipt(self, heard: wire.Heard) -> None:
        self._later(wire.receipt(self._phone, self._next(), heard))

    def _say(self, message: int, body: bytes, *, reliable: bool) -> None:
        self._later(wire.frame(message, self._phone, self._next(), body), reliable=reliable)

    def _next(self) -> int:
        self._serial = self._serial % 0xFFFF + 1
        return self._serial

    def _later(self, frame: bytes, *, reliable: bool = False) -> None:
        """Over the slow line; what is lost there never arrives."""
        if self._random.random() < LOST and not reliable:
            self._log.lost_words += 1
        else:
            asyncio.get_running_loop().call_later(ROUND_TRIP, self._write, self._writer, frame)

    def _write(self, writer: asyncio.StreamWriter | None, frame: bytes) -> None:
        if writer is None or writer is not self._writer or writer.is_closing():
            return
        writer.write(frame)
        if self._random.random() < BREAKS:
            self._log.broken_lines += 1
            writer.transport.abort()


def _events(body: bytes) -> list[tuple[str, int]]:
    """0x8301 (8.24): type, count, then id, length and content of each; type 0 removes all."""
    found, at = [], 2
    while body[0] and at < len(body):
        end = at + 2 + body[at + 1]
        found.append((body[at + 2 : end].decode("gbk"), body[at]))
        at = end
    return found


async def _run(fleet: Fleet) -> None:
    log = Log()
    terminals = [Terminal(fleet, number, log) for number in range(fleet.terminals)]
    running = [asyncio.create_task(terminal.run()) for terminal in terminals]
    await asyncio.to_thread(sys.stdin.readline)
    for task in running:
        task.cancel()
    log.still_shown = [order for terminal in terminals for order in terminal.screen.values()]
    click.echo(msgspec.json.encode(log))


@click.command()
@click.argument("fleet")
def main(fleet: str) -> None:
    """Run one fleet."""
    asyncio.run(_run(msgspec.json.decode(fleet, type=Fleet)))


if __name__ == "__main__":
    main()
