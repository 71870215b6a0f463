"""Our own caller over SIP, in a few hundred lines of asyncio: a telephone for tests and simulations.

It is built like the sidecar's telephone (a `Book`, `Prompts`, an `Account`), and rings any number of numbers at once
from one socket. It is not for production: UDP without TLS, SRTP, NAT, routes or adoption after a restart.
"""

from __future__ import annotations

import asyncio
import math
import re
import secrets
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dispatch.adapters.channels.phone_baresip import Account
from dispatch.adapters.channels.phone_book import Book, Call
from dispatch.adapters.channels.phone_prompt import Prompts
from dispatch.adapters.channels.phone_sip import DECIDES, REPEAT, RING, UNANSWERED, meaning
from dispatch.clock import SystemClock
from dispatch.core.errors import BadInput, Unavailable
from dispatch.ending import end_if_cancelled
from simulators.phone_port import Address, Port
from simulators.phone_sip import (
    FRAME,
    PCMA,
    Message,
    alaw,
    branch,
    digest,
    key_of,
    rtp,
    sdp,
    sound_of,
    unpacked,
)

AGAIN = 0.5
"""Seconds until an INVITE that nobody answers is sent again; doubled each time."""
TRIES = 6
LISTENS = 0.4
"""Seconds between a key that decides and our end of the call."""


class OwnCaller:
    """`Phone` by our own SIP. `run` has to be running."""

    def __init__(
        self, account: Account, prompts: Prompts, book: Book, seconds: Callable[[], float], ring: float = RING
    ) -> None:
        self.account, self.prompts, self.book, self.seconds, self.ring_for = (
            account,
            prompts,
            book,
            seconds,
            ring,
        )
        self.signals: Port | None = None
        self._legs: dict[str, Leg] = {}
        self._ready = asyncio.Event()

    async def ring(self, call_id: str, number: str, language: str, prompt: str) -> None:
        """Start a call, or find that it was started."""
        if call_id in self.book.calls:
            return
        call = Call(call_id, number, self.seconds(), language=language)
        self.book.add(call)
        try:
            uri = self.account.uri(number)
            call.prompt = str(await self.prompts.prompt(language, prompt))
            async with asyncio.timeout(2):
                await self._ready.wait()
        except (BadInput, Unavailable, TimeoutError) as error:
            self.book.reach(call, "failed", why=str(error))
            return
        leg = Leg(self, call, uri)
        self._legs[leg.id] = leg
        await leg.begin()

    async def hang_up(self, call_id: str) -> None:
        """End a call if it is live."""
        for leg in list(self._legs.values()):
            if leg.call.id == call_id and leg.call.live:
                leg.end("cut")

    def state(self) -> tuple[bool, str]:
        """Whether calls can be placed, and in words."""
        return self._ready.is_set(), f"own caller, {len(self._legs)} calls"

    async def run(self) -> None:
        """Signals, sound and limits of all calls, until cancelled."""
        host, port = self.account.server.rsplit(":", 1)
        self.signals = Port(self.account.local, self._arrived, (host, int(port)), self.refused)
        self._ready.set()
        due = SystemClock.monotonic()
        try:
            while True:
                end_if_cancelled()
                for leg in list(self._legs.values()):
                    leg.tick()
                due = max(due + 0.02, SystemClock.monotonic() - 0.2)
                await asyncio.sleep(max(0.0, due - SystemClock.monotonic()))
        finally:
            for leg in list(self._legs.values()):
                leg.close()
            self.signals.close()

    def _arrived(self, data: bytes, _: Address) -> None:
        if (message := Message.parse(data)) is not None:
            self.take(message)

    def take(self, message: Message) -> None:
        """A message for one of the calls; requests that belong to none are told so."""
        leg = self._legs.get(message.get("Call-ID"))
        if leg is not None:
            leg.take(message)
        elif not message.status and message.method != "ACK":
            self.send(message.answer("481 No Such Call"))

    def refused(self) -> None:
        """Nobody listens there: what has heard nothing yet has failed."""
        for leg in list(self._legs.values()):
            if not leg.heard:
                leg.finish("failed", "nobody listens at the exchange's address")

    def send(self, message: Message) -> None:
        """To the exchange."""
        if self.signals is not None:
            self.signals.send(message.encode())

    def forget(self, leg: Leg) -> None:
        """A call that has ended."""
        self._legs.pop(leg.id, None)


class Leg:
    """One call: its dialogue, its sound, its limits."""

    def __init__(self, caller: OwnCaller, call: Call, uri: str) -> None:
        self._caller, self.call, self._uri = caller, call, uri
        self.id, self._tag, self._branch = secrets.token_hex(12), secrets.token_hex(6), branch()
        self._cseq, self._to, self._challenged = 1, f"<{uri}>", False
        self.heard = False
        self._tries, self._again = 0, math.inf  # `begin` invites first: what is said has to be read before
        self._pressed: set[int] = set()
        self._sound: Port | None = None
        self._theirs = ("127.0.0.1", 0)
        self._frames: list[bytes] = []
        self._next, self._ssrc = 0, secrets.randbits(32)
        self._credentials: tuple[tuple[str, str], ...] = ()
        self._ends_at = 0.0

    async def begin(self) -> None:
        """Open the sound, read the prompt, invite."""
        account = self._caller.account
        self._sound = Port(account.local, self.heard_sound)
        self._frames = await asyncio.to_thread(frames, Path(self.call.prompt))
        self._invite()

    def _request(self, method: str, *more: tuple[str, str], body: str = "", cseq: int = 0) -> Message:
        account, sock = self._caller.account, self._caller.signals
        here = f"{sock.host}:{sock.port}" if sock else ""
        me = f"<sip:{account.user or 'caller'}@{account.server}>;tag={self._tag}"
        same = method in {"CANCEL", "INVITE"}
        return Message(f"{method} {self._uri} SIP/2.0", [
            ("Via", f"SIP/2.0/UDP {here};branch={self._branch if same else branch()};rport"), ("Max-Forwards", "70"),
            ("From", me), ("To", self._to), ("Call-ID", self.id), ("CSeq", f"{cseq or self._cseq} {method}"),
            ("Contact", f"<sip:{account.user or 'caller'}@{here}>"), *more,
        ], body)  # fmt: skip

    def _invite(self) -> None:
        self._tries += 1
        self._again = self._caller.seconds() + AGAIN * 2 ** (self._tries - 1)
        port = self._sound.port if self._sound else 0
        kind = ("Content-Type", "application/sdp")
        self._caller.send(
            self._request("INVITE", kind, *self._credentials, body=sdp(self._caller.account.local, port))
        )

    def take(self, message: Message) -> None:
        """An answer to us, or a request of the other side."""
        self.heard = True
        if not message.status:
            self._asked(message)
        elif message.method == "INVITE":
            self._invited(message)

    def _asked(self, message: Message) -> None:
        if message.method == "ACK":
            return
        self._caller.send(message.answer("200 OK"))
        if message.method == "BYE":
            self.finish(self.call.ends_as or "completed")
        elif message.method == "INFO" and (found := re.search(r"Signal\s*=\s*([0-9*#])", message.body)):
            self._key(found[1])

    def _invited(self, message: Message) -> None:
        status = message.status
        if 100 < status < 200:
            if self.call.state == "dialling":
                self._caller.book.reach(self.call, "ringing")
        elif 200 <= status < 300:
            self._to = message.get("To")
            self._caller.send(self._request("ACK"))
            self._answered(message)
        elif status >= 300:
            self._to = message.get("To")
            self._caller.send(self._acknowledged(message))
            if status in {401, 407} and not self._challenged:
                self._authenticate(message)
            else:
                reason = message.start.removeprefix("SIP/2.0 ")
                state = self.call.ends_as or meaning(reason)
                self.finish(state, reason if state == "failed" else "")

    def _acknowledged(self, message: Message) -> Message:
        """The ACK of a refusal belongs to the INVITE's transaction."""
        ack = self._request("ACK")
        ack.headers = [(n, message.get("Via") if n == "Via" else v) for n, v in ack.headers]
        return ack

    def _authenticate(self, message: Message) -> None:
        account = self._caller.account
        asked, answered = (
            ("WWW-Authenticate", "Authorization")
            if message.status == 401
            else ("Proxy-Authenticate", "Proxy-Authorization")
        )
        told = digest(message.get(asked), account.user, account.password, "INVITE", self._uri)
        self._challenged, self._to = True, f"<{self._uri}>"
        self._credentials, self._cseq, self._branch, self._tries = (
            ((answered, told),),
            self._cseq + 1,
            branch(),
            0,
        )
        self._invite()

    def _answered(self, message: Message) -> None:
        if self.call.answered:
            return
        host, port, _ = sound_of(message.body)
        self._theirs = (host, port)
        self.call.answered = self._caller.seconds()
        self._caller.book.reach(self.call, "answered")
        if self.call.ends_as:  # the answer crossed our CANCEL
            self._bye()

    def heard_sound(self, packet: bytes, _: Address) -> None:
        """Only keys interest us; one press is several packets with one time stamp."""
        payload, stamp, body = unpacked(packet)
        if payload >= 96 and stamp not in self._pressed and (key := key_of(body)):
            self._pressed.add(stamp)
            self._key(key)

    def _key(self, key: str) -> None:
        if not self.call.answered or not self.call.live:
            return
        self._caller.book.reach(self.call, "keypress", key)
        if key == REPEAT and not self._ends_at:
            self._next = 0
        elif key in DECIDES and not self._ends_at:
            self._ends_at = self._caller.seconds() + LISTENS

    def end(self, ends_as: str) -> None:
        """Our end of the call: CANCEL while it rings, BYE when it talks."""
        self.call.ends_as, self.call.hung_up = ends_as, self._caller.seconds()
        if self.call.answered:
            self._bye()
        else:
            cancel = self._request("CANCEL")
            cancel.headers = [(n, f"<{self._uri}>" if n == "To" else v) for n, v in cancel.headers]
            self._caller.send(cancel)

    def _bye(self) -> None:
        self._caller.send(self._request("BYE", cseq=self._cseq + 1))
        self.finish(self.call.ends_as)

    def tick(self) -> None:
        """Every 20 ms: a frame of the prompt, and the limits."""
        now = self._caller.seconds()
        if self.call.answered:
            if self._next >= len(self._frames) or (self._ends_at and now > self._ends_at):
                self.end("completed")
                return
            if self._sound is not None and self._theirs[1]:
                n = self._next
                packet = rtp(PCMA, n, n * FRAME, self._ssrc, self._frames[n], mark=n == 0)
                self._sound.send(packet, self._theirs)
            self._next += 1
        elif self.call.hung_up:
            if now > self.call.hung_up + 2:
                self.finish(self.call.ends_as, UNANSWERED if self.call.ends_as == "failed" else "")
        elif now > self.call.began + self._caller.ring_for:
            self.end("no_answer" if self.call.state == "ringing" else "failed")
        elif not self.heard and self._tries < TRIES and now > self._again:
            self._invite()

    def finish(self, state: str, why: str = "") -> None:
        """It has ended."""
        self._caller.book.reach(self.call, state, why=why)
        self.close()

    def close(self) -> None:
        """Give the sound's port back."""
        self._caller.forget(self)
        if self._sound is not None:
            self._sound.close()


def frames(file: Path) -> list[bytes]:
    """A prompt as A-law, 20 ms each."""
    with wave.open(str(file)) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
    data = alaw(samples)
    return [data[at : at + FRAME] for at in range(0, len(data) - FRAME + 1, FRAME)]
