"""The telephone over SIP: calls on the lines of the sidecar (baresip), each with its own prompt.

A line is an account of baresip that carries one call at a time: commands name no call, they act on the chosen line.
Which call is on which line is written down before it is dialled (phone_book.py), so that a process that is started anew
finds its calls again on their lines, and asks for the key once more, since it may have missed it.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine

from dispatch.adapters.channels.phone_baresip import MISSING, Baresip, installed
from dispatch.adapters.channels.phone_book import Book, Call
from dispatch.adapters.channels.phone_control import Control, Event
from dispatch.adapters.channels.phone_prompt import Prompts
from dispatch.core.errors import BadInput, Unavailable
from dispatch.ending import end_if_cancelled

log = logging.getLogger(__name__)
RING, TALK = 25.0, 120.0
"""Seconds until nobody answers; seconds after which an answered call is ended."""
LOOK, TICK, AGAIN = 10.0, 0.2, 0.25
"""Seconds between two looks at all lines, at the calls' limits, and between two tries to reach the sidecar."""
THANKS = 5.0
"""Seconds after a key that decides, in which the call has to have ended."""
MOST_KEYS = 50
"""Reports of one call: whoever plays on the keys is not listened to any more."""
UNHEARD = 5.0
"""Seconds after a hang-up in which the line has to come free."""
UNANSWERED = "the exchange does not answer"
REPEAT, DECIDES = "2", {"1", "9"}
ACTIVE = re.compile(r"\]\s+[\d:]+\s+(\w+)\s+sips?:([^@\s]+)@")
"""A line of `listcalls`: the call's state and whom it is to."""


class SipPhone:
    """`Phone` over the sidecar. `run` has to be running; what becomes of calls goes to the book."""

    def __init__(
        self, sidecar: Baresip, prompts: Prompts, book: Book, seconds: Callable[[], float], ring: float = RING
    ) -> None:
        self._sidecar, self._prompts, self._book, self._seconds, self._ring = (
            sidecar,
            prompts,
            book,
            seconds,
            ring,
        )
        self._control = Control(self._on_event)
        self._lock = asyncio.Lock()
        self._soon: set[asyncio.Task[None]] = set()
        self._registered = False

    async def ring(self, call_id: str, number: str, language: str, prompt: str) -> None:
        """Start a call, or find that it was started. Raises Unavailable where it can be asked for again later.

        What cannot succeed (no sidecar, no voice, no number) is a call that failed, and says why.
        """
        if call_id in self._book.calls:
            return
        call = Call(call_id, number, self._seconds(), language=language)
        try:
            if not installed():
                raise BadInput(MISSING)
            uri = self._sidecar.account.uri(number)
            call.prompt = str(await self._prompts.prompt(language, prompt))
        except BadInput as error:
            self._fail(call, error.message)
            return
        async with self._lock:
            if call_id not in self._book.calls:
                await self._dial(call, uri)

    async def _dial(self, call: Call, uri: str) -> None:
        """Written down first; then it may ring."""
        call.line = self._free_line(call.number)
        self._book.add(call)
        try:
            await self._on_line(call.line, ("ausrc", f"aufile,{call.prompt}"), ("dial", uri))
        except Unavailable as error:
            if not self._control.connected:
                raise  # it may ring: the next connection shows whether it does
            self._book.reach(call, "failed", why=error.message)

    async def hang_up(self, call_id: str) -> None:
        """End a call if it is live."""
        async with self._lock:
            call = self._book.calls.get(call_id)
            if call is not None and call.live:
                await self._end(call, "cut")

    def state(self) -> tuple[bool, str]:
        """Whether calls can be placed, and in words."""
        if not installed():
            return False, MISSING
        if not self._control.connected:
            return False, "baresip does not run"
        if self._sidecar.account.register and not self._registered:
            return False, f"the exchange {self._sidecar.account.server} does not register us"
        busy, lines = len(self._book.live()), self._sidecar.account.lines
        return True, f"baresip, {busy} of {lines} lines busy, exchange {self._sidecar.account.server}"

    async def run(self) -> None:
        """Keep the connection to the sidecar, until cancelled."""
        minding = asyncio.create_task(self._mind())
        try:
            while True:
                end_if_cancelled()
                await self._connection()
                await asyncio.sleep(AGAIN)
        finally:
            minding.cancel()
            for task in (minding, *self._soon):
                task.cancel()
            await asyncio.gather(minding, *self._soon, return_exceptions=True)
            self._control.close()

    async def _connection(self) -> None:
        """One connection, from its beginning to its end. Without a sidecar no call of it lives."""
        try:
            await self._control.connect(self._sidecar.control_port)
        except Unavailable:
            for call in self._book.live():
                self._fail(call, MISSING if not installed() else "baresip has ended")
            return
        listening = asyncio.create_task(self._control.listen())
        try:
            await self._look(adopting=True)
            await listening
        except Unavailable as error:
            log.warning("telephone: %s", error)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        log.warning("telephone: the connection to baresip has ended")

    def _fail(self, call: Call, why: str) -> None:
        log.warning("telephone: call %s failed: %s", call.id, why)
        if call.id not in self._book.calls:
            self._book.add(call)
        self._book.reach(call, call.ends_as or "failed", why=why)

    def _free_line(self, number: str) -> int:
        live = self._book.live()
        if any(call.number == number for call in live):
            raise Unavailable("this number is being called already")
        if not self._control.connected:
            raise Unavailable("baresip does not run")
        taken = {call.line for call in live}
        free = next((n for n in range(self._sidecar.account.lines) if n not in taken), None)
        if free is None:
            raise Unavailable(f"all {self._sidecar.account.lines} lines are busy")
        return free

    async def _on_line(self, line: int, *commands: tuple[str, str]) -> list[str]:
        """Choose a line and act on it: baresip shows which one is chosen, and steps to the next."""
        (shown,) = await self._control.run([("reginfo", "")])
        lines = [text for text in shown.splitlines() if "sip" in text and "User Agents" not in text]
        now = next((n for n, text in enumerate(lines) if text.startswith(">")), None)
        if now is None or line >= len(lines):
            raise Unavailable("baresip has not set up its lines")
        self._registered = bool(re.search(r"(?:\s|\dm)OK\b", lines[0]))
        steps = (line - now) % len(lines)
        answers = await self._control.run([("uanext", "")] * steps + list(commands))
        return answers[steps:]

    async def _end(self, call: Call, ends_as: str) -> None:
        call.ends_as, call.hung_up = ends_as, self._seconds()
        self._book.save(call)
        await self._on_line(call.line, ("hangup", ""))

    async def _say(self, call: Call, file: str) -> None:
        async with self._lock:
            if call.live:
                await self._on_line(call.line, ("ausrc", f"aufile,{file}"))

    async def _thank(self, call: Call) -> None:
        """The end of this file hangs up; where there is no voice, we do."""
        try:
            await self._say(call, str(await self._prompts.thanks(call.language)))
        except (Unavailable, BadInput):
            async with self._lock:
                await self._end(call, "completed")

    def _later(self, doing: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(doing)
        self._soon.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._soon.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("telephone: %s", error)

    def _on_event(self, event: Event) -> None:
        kind, told = str(event.get("type")), str(event.get("param", ""))
        if kind in {"REGISTER_OK", "REGISTER_FAIL"}:
            self._registered = kind == "REGISTER_OK"
        if event.get("direction") != "outgoing":
            return
        number = re.sub(r"^sips?:|@.*$", "", str(event.get("peeruri", "")))
        call = next((c for c in self._book.live() if c.number == number), None)
        if call is None:
            return
        match kind:
            case "CALL_RINGING" | "CALL_PROGRESS" if call.state == "dialling":
                self._book.reach(call, "ringing")
            case "CALL_ESTABLISHED":
                self._answered(call)
            case "CALL_DTMF_START":
                self._pressed(call, told)
            case "CALL_CLOSED":
                self._closed(call, told)

    def _answered(self, call: Call) -> None:
        if not call.answered:
            call.answered = self._seconds()
            self._book.reach(call, "answered")

    def _pressed(self, call: Call, digit: str) -> None:
        if not re.fullmatch(r"[0-9*#A-D]", digit) or not call.answered or len(call.reports) > MOST_KEYS:
            return
        if digit in DECIDES and not call.decided:
            call.decided = self._seconds()
            self._later(self._thank(call))
        elif digit == REPEAT and not call.decided:
            self._later(self._say(call, call.prompt))
        self._book.reach(call, "keypress", digit)

    def _closed(self, call: Call, reason: str) -> None:
        state = call.ends_as or ("completed" if call.answered else meaning(reason))
        why = UNANSWERED if call.ends_as else reason
        self._book.reach(call, state, why=why if state == "failed" else "")

    async def _mind(self) -> None:
        """Every call's limits, and now and then whether the lines carry what the book says."""
        looked = self._seconds()
        while True:
            end_if_cancelled()
            await asyncio.sleep(TICK)
            if not self._control.connected:
                continue
            try:
                for call in self._book.live():
                    await self._limit(call)
                if self._seconds() - looked > LOOK:
                    looked = self._seconds()
                    await self._look(adopting=False)
            except Unavailable as error:
                log.warning("telephone: %s", error)

    async def _limit(self, call: Call) -> None:
        now = self._seconds()
        async with self._lock:
            if not call.live:
                return
            if call.hung_up:
                if now > call.hung_up + UNHEARD:
                    self._closed(call, UNANSWERED)
            elif call.answered:
                if now > call.answered + TALK or (call.decided and now > call.decided + THANKS):
                    await self._end(call, "completed")
            elif now > call.began + self._ring:
                await self._end(call, "no_answer" if call.state == "ringing" else "failed")

    async def _look(self, *, adopting: bool) -> None:
        """Compare the lines with the book: adopt what is ours, end what nobody knows, note what has gone."""
        async with self._lock:
            before = {call.id for call in self._book.live()}
            lines = self._sidecar.account.lines
            shown = await self._on_line(0, *[("listcalls", ""), ("uanext", "")] * lines)
            for line, text in enumerate(shown[::2]):
                found = ACTIVE.search(text)
                call = next((c for c in self._book.live() if c.line == line and c.id in before), None)
                if call is not None:
                    await self._compare(call, found, adopting=adopting)
                elif found is not None and not any(c.line == line for c in self._book.live()):
                    log.warning("telephone: a call that nobody knows is ended on line %d", line)
                    await self._on_line(line, ("hangup", ""))

    async def _compare(self, call: Call, found: re.Match[str] | None, *, adopting: bool) -> None:
        if found is None or found[2] != call.number:
            if self._seconds() - call.began > UNHEARD or adopting:
                self._fail(call, "baresip does not know the call any more")
            return
        if found[1] == "ESTABLISHED":
            self._answered(call)
            if adopting and not call.hung_up:
                await self._on_line(call.line, ("ausrc", f"aufile,{call.prompt}"))


def meaning(reason: str) -> str:
    """The end of an unanswered call in our words; `reason` is baresip's: the SIP answer, or what happened to it."""
    code = reason[:3]
    if code in {"486", "600"}:
        return "busy"
    if code in {"403", "603", "607", "608"}:
        return "rejected"
    if code in {"408", "480", "487"}:
        return "no_answer"
    return "failed"
