"""The telephone's own memory: which calls were asked for, where each stands, and what the centre was not told yet.

Every change is a line of a file, written before anything is done that cannot be taken back: a telephone process that is
killed goes on where it stood, places no second call, and loses no keypress that it has seen. A call's last line counts;
a line that a killed process left half written does not.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from dispatch.clock import Machine
from dispatch.services.telephone import ENDED

KEPT = 2_000
"""Ended calls that are remembered: a call id is rung once."""
LINES = 20_000
"""Lines of the file, after which it is written anew with what is still remembered; at most every second line of it
is one that is remembered, so that many calls do not make every change a rewrite."""


class Boot(Protocol):
    """The machine's seconds since its start (dispatch/clock.py)."""

    boot_id: str

    def boot(self) -> float:
        """Seconds since the start that `boot_id` names."""
        ...


class Report(msgspec.Struct, frozen=True):
    """What the centre is told (the body of its callback); `seq` counts from 1 in each call."""

    call_id: str
    number: str
    seq: int
    state: str
    digit: str
    at: datetime
    why: str = ""


class Call(msgspec.Struct):
    """One call. `line`: of the sidecar; `sid`: of the provider; `ends_as`: why we hung up."""

    id: str
    number: str
    began: float
    """Seconds since the machine's start, as every time here that limits are counted from: no step of a clock moves it."""
    boot_id: str = ""
    """Names that start."""
    line: int = -1
    sid: str = ""
    prompt: str = ""
    """The sound file that is played; for a provider, the text that is read out."""
    language: str = ""
    callback: str = ""
    """Where the centre wants to be told; empty: nobody waits for it."""
    state: str = "dialling"
    answered: float = 0.0
    decided: float = 0.0
    """When a key was pressed that ends the call."""
    ends_as: str = ""
    hung_up: float = 0.0
    reports: list[Report] = []
    told: int = 0
    """So many of the reports have reached the centre."""

    @property
    def live(self) -> bool:
        """Whether it may still ring or talk."""
        return self.state not in ENDED or self.state == "machine"


class Book:
    """All calls, in the order in which they began."""

    def __init__(self, file: Path, now: Callable[[], datetime], machine: Boot | None = None) -> None:
        """`now`: for reports; `machine`: whose seconds limits are counted in."""
        self._file, self._now, self._machine = file, now, machine or Machine()
        self.calls: dict[str, Call] = {}
        self._callbacks: dict[str, str] = {}
        self.news = asyncio.Event()
        """Set when there is something to tell the centre."""
        for line in file.read_bytes().splitlines() if file.exists() else ():
            with suppress(msgspec.DecodeError):
                call = msgspec.json.decode(line, type=Call)
                self.calls[call.id] = call
        for call in self.live():
            self._count_here(call)
        self._lines, self._room = LINES, LINES
        self.news.set()

    def _count_here(self, call: Call) -> None:
        """Seconds since another start of the machine say nothing: limits are counted from now on."""
        if not call.boot_id or call.boot_id != self._machine.boot_id:
            now = self._machine.boot()
            call.boot_id, call.began = self._machine.boot_id, now
            call.answered, call.decided, call.hung_up = (
                now if since else 0.0 for since in (call.answered, call.decided, call.hung_up)
            )

    def live(self) -> list[Call]:
        """Calls that have not ended."""
        return [call for call in self.calls.values() if call.live]

    def expect(self, call_id: str, callback: str) -> None:
        """Where to tell what becomes of a call that is about to be asked for."""
        self._callbacks[call_id] = callback

    def add(self, call: Call) -> None:
        """A new call."""
        call.callback, call.boot_id = self._callbacks.pop(call.id, ""), self._machine.boot_id
        self.calls[call.id] = call
        self.save(call)

    def reach(self, call: Call, state: str, digit: str = "", why: str = "") -> None:
        """Note the next state; the centre will be told."""
        if not call.live:
            return
        seq = len(call.reports) + 1
        call.state = call.state if state == "keypress" else state
        call.reports.append(Report(call.id, call.number, seq, state, digit, self._now(), why))
        self.save(call)
        self.news.set()

    def heard(self, call: Call, state: str, digit: str, sid: str) -> None:
        """Note what the centre knows already of the provider's call `sid`; said twice in succession it is one report."""
        if sid and not call.sid:
            call.sid = sid
            self.save(call)
        if call.reports and (call.reports[-1].state, call.reports[-1].digit) == (state, digit):
            return
        known = len(call.reports)
        self.reach(call, state, digit)
        if len(call.reports) > known:
            self.told(call)

    def told(self, call: Call) -> None:
        """The oldest report of this call is dealt with."""
        call.told += 1
        self.save(call)

    def untold(self) -> list[Call]:
        """Calls with something that the centre does not know yet."""
        return [call for call in self.calls.values() if call.told < len(call.reports)]

    def save(self, call: Call) -> None:
        """Put a call as it is now on the disk."""
        self._lines += 1
        if self._lines > self._room:
            self._write_anew()
        else:
            self._put(self._file, os.O_APPEND, [call])

    def _write_anew(self) -> None:
        done = [c.id for c in self.calls.values() if not c.live and c.told == len(c.reports)]
        for call_id in done[: max(0, len(self.calls) - KEPT)]:
            del self.calls[call_id]
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        self._put(part, os.O_TRUNC, list(self.calls.values()))
        part.replace(self._file)
        self._lines, self._room = len(self.calls), max(LINES, 2 * len(self.calls))

    @staticmethod
    def _put(file: Path, how: int, calls: list[Call]) -> None:
        """Readable by its owner only."""
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | how, 0o600), "wb") as out:
            out.write(b"".join(msgspec.json.encode(call) + b"\n" for call in calls))
