"""Telephones over SIP in tests: the sidecar (a real baresip) and our own caller, each with its book and prompts."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dispatch.adapters.channels.phone_baresip import Account, Baresip
from dispatch.adapters.channels.phone_book import Book, Report
from dispatch.adapters.channels.phone_prompt import RATE, Prompts
from dispatch.adapters.channels.phone_sip import SipPhone
from dispatch.clock import Machine, SystemClock
from dispatch.lifeline import tied
from simulators.phone_caller import OwnCaller

KINDS = ("baresip", "own caller")


def needs(*programs: str) -> Any:
    """The test is skipped, saying why, where a program is not installed."""
    missing = [name for name in programs if shutil.which(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed here: {', '.join(missing)}")


seconds = Machine().boot
"""What limits are counted in."""


async def true(what: Callable[[], object], within: float = 20.0) -> None:
    """Wait for something to become true."""
    deadline = SystemClock.monotonic() + within
    while not what():
        assert SystemClock.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


class RigPrompts(Prompts):
    """With thanks that take a tenth of a second; the voice's own are heard in tests/dispatch/test_telephone_process.py."""

    async def thanks(self, language: str) -> Path:
        return tone(self._folder / "thanks.wav", 0.1)


def tone(file: Path, length: float, seed: int = 1) -> Path:
    """A recording of a length in seconds that resembles no other: a voice's spectrum, random."""
    noise = np.random.default_rng(seed).normal(0, 4000, int(RATE * length))
    smooth = np.convolve(noise, np.ones(6) / 6, "same").astype("<i2")
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(smooth.tobytes())
    return file


@dataclass
class Rig:
    """One telephone at work."""

    phone: Any
    book: Book
    prompts: Prompts
    sidecar: Baresip
    process: subprocess.Popen[bytes] | None
    running: asyncio.Task[None]
    data: Path

    def reports(self, call_id: str) -> list[Report]:
        """What the centre would be told."""
        call = self.book.calls.get(call_id)
        return list(call.reports) if call else []

    def states(self, call_id: str) -> list[str]:
        """The same in short: `answered`, `keypress 1` ..."""
        return [f"{r.state} {r.digit}".strip() for r in self.reports(call_id)]

    async def ended(self, call_id: str, within: float = 20.0) -> list[str]:
        """All states of a call that ends."""
        deadline = SystemClock.monotonic() + within
        while call_id not in self.book.calls or self.book.calls[call_id].live:
            assert SystemClock.monotonic() < deadline, f"it does not end: {self.states(call_id)}"
            await asyncio.sleep(0.01)
        return self.states(call_id)

    async def stop(self) -> None:
        """The telephone process ends; the sidecar goes on."""
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


def account(port: int, *, user: str = "", password: str = "", lines: int = 6) -> Account:
    """At an exchange on this machine."""
    return Account(f"127.0.0.1:{port}", user, password, lines=lines)


def at_work(kind: str, data: Path, who: Account, ring: float, process: Any = None) -> Rig:
    """A telephone process's telephone: again with the same folder, it is the one that was started anew."""
    sidecar = Baresip(data, who)
    book = Book(data / "phone" / "calls.jsonl", SystemClock().now)
    prompts = RigPrompts(data / "phone" / "prompts", data / "recordings")
    build = SipPhone if kind == "baresip" else OwnCaller
    phone: Any = (
        build(sidecar, prompts, book, seconds, ring)
        if build is SipPhone
        else OwnCaller(who, prompts, book, seconds, ring)
    )
    return Rig(phone, book, prompts, sidecar, process, asyncio.create_task(phone.run()), data)


@asynccontextmanager
async def telephone(kind: str, data: Path, who: Account, ring: float = 15.0) -> AsyncIterator[Rig]:
    """A telephone with a short recording as its prompt, ready to ring."""
    process = start(Baresip(data, who)) if kind == "baresip" else None
    if not (data / "recordings").exists():
        tone(data / "recordings" / "en.wav", 1.0)
    rig = at_work(kind, data, who, ring, process)
    try:
        await true(lambda: rig.phone.state()[0])
        yield rig
    finally:
        await rig.stop()
        if process is not None:
            process.kill()
            process.wait()


def start(sidecar: Baresip) -> subprocess.Popen[bytes]:
    """The real sidecar, as the supervisor starts it."""
    sidecar.prepare()
    said = (sidecar.folder / "said.txt").open("ab")
    with said:
        return subprocess.Popen(tied(sidecar.command), stdin=subprocess.DEVNULL, stdout=said, stderr=said)
