"""Telephones that answer over SIP: what each number does is a habit; what it heard is kept.

The other side of tests and simulations, for the own caller and for the sidecar alike.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulators.phone_port import Address, Port
from simulators.phone_sip import (
    FRAME,
    PCMA,
    Message,
    branch,
    fits,
    key_event,
    linear,
    rtp,
    sdp,
    sound_of,
    unpacked,
)  # fmt: skip

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Habit:
    """What a number does. Seconds from ringing to the answer, and from the answer to each key and to its hang-up (0: never)."""

    answer_after: float = 0.05
    keys: tuple[tuple[float, str], ...] = ()
    by: Literal["rfc2833", "info"] = "rfc2833"
    refuse: str = ""
    """`486 Busy Here`, `603 Decline` ...: instead of an answer."""
    rings_on: bool = False
    """Never answers."""
    silent: bool = False
    """Not even a ringing tone."""
    hangs_up_after: float = 0.0


@dataclass
class Heard:
    """One call as the callee saw it."""

    number: str
    invites: int = 1
    answered: bool = False
    ended: str = ""
    sound: list[bytes] = field(default_factory=list)

    def samples(self) -> NDArray[np.int16]:
        """What was heard, as 16 bit samples at 8 kHz."""
        return linear(b"".join(self.sound))


class Telephones:
    """Any number of telephones behind one address. `account`: user and password that every call has to show."""

    def __init__(
        self, habits: dict[str, Habit] | None = None, account: tuple[str, str] | None = None
    ) -> None:
        self.habits, self._account = habits or {}, account
        self.calls: list[Heard] = []
        self.registered, self.registers = 0, "200 OK"
        """Registrations that were asked for, and what they are answered."""
        self._legs: dict[str, _Leg] = {}
        self._signals: Port | None = None
        self._nonce = secrets.token_hex(8)

    @property
    def port(self) -> int:
        """Where they listen."""
        assert self._signals is not None
        return int(self._signals.port)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Telephones]:
        """While the block lasts."""
        self._signals = Port(HOST, self._arrived)
        try:
            yield self
        finally:
            for leg in list(self._legs.values()):
                leg.close()
            self._signals.close()

    def of(self, number: str) -> list[Heard]:
        """The calls to a number."""
        return [heard for heard in self.calls if heard.number == number]

    def send(self, message: Message, to: Address) -> None:
        """To the caller."""
        if self._signals is not None:
            self._signals.send(message.encode(), to)

    def _arrived(self, data: bytes, sender: Address) -> None:
        if (message := Message.parse(data)) is not None:
            self.take(message, sender)

    def take(self, message: Message, sender: Address) -> None:
        """A request of the caller; what it answers to ours needs nothing."""
        if message.status:
            return
        leg = self._legs.get(message.get("Call-ID"))
        if message.method == "INVITE":
            self._invited(message, sender, leg)
        elif message.method == "REGISTER":
            self.registered += 1
            given = {"Contact": f"{message.get('Contact')};expires=600"}
            self.send(message.answer(self.registers, secrets.token_hex(4), **given), sender)
        elif leg is None:
            if message.method != "ACK":
                self.send(message.answer("481 No Such Call"), sender)
        else:
            leg.take(message)

    def _invited(self, message: Message, sender: Address, leg: _Leg | None) -> None:
        if leg is not None:
            leg.heard.invites += 1
            return
        given = message.get("Authorization")
        if self._account and not (given and fits(given, *self._account, "INVITE")):
            challenge = f'Digest realm="exchange", nonce="{self._nonce}", algorithm=MD5, qop="auth"'
            self.send(
                message.answer("401 Unauthorized", secrets.token_hex(4), WWW_Authenticate=challenge), sender
            )
            return
        found = re.match(r"INVITE sips?:([^@;>\s]+)", message.start)
        number = found[1] if found else ""
        heard = Heard(number)
        self.calls.append(heard)
        leg = self._legs[message.get("Call-ID")] = _Leg(
            self, message, sender, heard, self.habits.get(number, Habit())
        )
        leg.start()


class _Leg:
    """One call, lived by a task."""

    def __init__(
        self, all_: Telephones, invite: Message, sender: Address, heard: Heard, habit: Habit
    ) -> None:
        self._all, self._invite, self._sender, self.heard, self._habit = all_, invite, sender, heard, habit
        self._tag, self._cseq = secrets.token_hex(6), 100
        self._task: asyncio.Task[None] | None = None
        self._sound: Port | None = None
        self._seq = secrets.randbits(15)
        self._now = 0

    def start(self) -> None:
        self._task = asyncio.create_task(self._live())

    def _hears(self, packet: bytes, _: Address) -> None:
        payload, _stamp, body = unpacked(packet)
        if payload == PCMA:
            self.heard.sound.append(body)

    def _answer(self, status: str, body: str = "", **more: str) -> None:
        self._all.send(self._invite.answer(status, self._tag, body, **more), self._sender)

    async def _live(self) -> None:
        habit = self._habit
        if habit.silent:
            return
        if habit.refuse:
            self._answer(habit.refuse)
            self.heard.ended = habit.refuse
            return
        self._answer("180 Ringing")
        if habit.rings_on:
            return
        await asyncio.sleep(habit.answer_after)
        self._sound = Port(HOST, self._hears)
        port = self._sound.port
        self._answer("200 OK", sdp(HOST, port), Contact=f"<sip:{self.heard.number}@{HOST}:{self._all.port}>")
        self.heard.answered = True
        passed = 0.0
        for at, key in habit.keys:
            await asyncio.sleep(at - passed)
            passed = at
            await self._press(key)
        if habit.hangs_up_after:
            await asyncio.sleep(habit.hangs_up_after - passed)
            self._request("BYE")
            self._over("hung up")

    async def _press(self, key: str) -> None:
        if self._habit.by == "info":
            self._request("INFO", f"Signal={key}\r\nDuration=160\r\n", "application/dtmf-relay")
            return
        host, port, payload = sound_of(self._invite.body)
        stamp, ssrc = secrets.randbits(31), 7
        for n in range(1, 9):
            body = key_event(key, min(n, 6) * FRAME, end=n > 5)
            if self._sound is not None:
                self._sound.send(rtp(payload, self._seq, stamp, ssrc, body, mark=n == 1), (host, port))
            self._seq += 1
            await asyncio.sleep(0.02)

    def _request(self, method: str, body: str = "", kind: str = "") -> None:
        self._cseq += 1
        contact = re.search(r"<([^>]+)>", self._invite.get("Contact"))
        target = contact[1] if contact else "sip:caller"
        self._all.send(Message(f"{method} {target} SIP/2.0", [
            ("Via", f"SIP/2.0/UDP {HOST}:{self._all.port};branch={branch()}"), ("Max-Forwards", "70"),
            ("From", f"{self._invite.get('To')};tag={self._tag}"), ("To", self._invite.get("From")),
            ("Call-ID", self._invite.get("Call-ID")), ("CSeq", f"{self._cseq} {method}"),
            *([("Content-Type", kind)] if kind else []),
        ], body), self._sender)  # fmt: skip

    def take(self, message: Message) -> None:
        """CANCEL, BYE and what needs no answer."""
        if message.method == "ACK":
            return
        self._all.send(message.answer("200 OK", self._tag), self._sender)
        if message.method == "CANCEL" and not self.heard.answered:
            self._answer("487 Request Terminated")
            self._over("cancelled")
        elif message.method == "BYE":
            self._over("caller hung up")

    def _over(self, how: str) -> None:
        self.heard.ended = self.heard.ended or how
        self.close()

    def close(self) -> None:
        """Stop whatever it was going to do."""
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        if self._sound is not None:
            self._sound.close()
