"""What is read out: synthesised by espeak-ng, or a recording of the utility's own; 8 kHz, mono, 16 bits.

A recording `<language>.wav` (zh-CN.wav, en.wav) in the recordings' folder is played instead of the spoken text: it is a
better voice, but it names no addresses.
"""

from __future__ import annotations

import asyncio
import shutil
import wave
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from dispatch.core.errors import BadInput, Unavailable

RATE = 8_000
BETWEEN, LISTENING = 3.0, 12.0
"""Seconds of silence between the two readings, and after them: the end of the file hangs up, whoever still lives."""
VOICES = {"zh": "cmn", "en": "en"}
THANKS = {"zh": "已收到。", "en": "Thank you."}
LONGEST = 2_000
"""Characters that are read out; a call that carries more orders than that says the first ones."""
PATIENCE = 8.0
AT_ONCE = 2
"""Voices that work at the same time."""
KEPT = 200
"""Sound files that are kept for the next time."""


class Prompts:
    """Sound files for prompts, made when first asked for."""

    def __init__(self, folder: Path, recordings: Path) -> None:
        self._folder, self._recordings = folder, recordings
        self._making = asyncio.Semaphore(AT_ONCE)

    async def prompt(self, language: str, text: str) -> Path:
        """Said twice, with silence after it. Raises BadInput saying what is missing, Unavailable where it failed now."""
        recorded = self._recordings / f"{language}.wav"
        if recorded.exists():
            named = f"{recorded}{recorded.stat().st_mtime_ns}"
            return await self._made(named, lambda: _recorded(recorded), (BETWEEN, LISTENING))
        spoken = text[:LONGEST]
        return await self._made(
            f"{language} {spoken}", lambda: _spoken(language, spoken), (BETWEEN, LISTENING)
        )

    async def thanks(self, language: str) -> Path:
        """What is said after a key that decides; it ends the call."""
        text = THANKS[language[:2] if language[:2] in THANKS else "en"]
        return await self._made(f"thanks {language}", lambda: _spoken(language, text), (0.4,))

    async def _made(
        self, name: str, make: Callable[[], Awaitable[bytes]], silences: tuple[float, ...]
    ) -> Path:
        file = self._folder / f"{sha256(name.encode()).hexdigest()[:24]}.wav"
        if not file.exists():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            async with self._making:
                if not file.exists():  # somebody else may have been quicker
                    sound = await make()
                    await asyncio.to_thread(_write, file, sound, silences)
                    self._forget_old()
        return file

    def _forget_old(self) -> None:
        files = sorted(self._folder.glob("*.wav"), key=lambda f: f.stat().st_mtime)
        for old in files[:-KEPT]:
            old.unlink(missing_ok=True)


def spoken_by() -> str:
    """What is missing for a voice; empty where nothing is."""
    missing = [name for name in ("espeak-ng", "sox") if shutil.which(name) is None]
    return f"{' and '.join(missing)} not installed" if missing else ""


async def _spoken(language: str, text: str) -> bytes:
    """Samples of a text. The text is given on standard input: it is never an option of a program."""
    if missing := spoken_by():
        raise BadInput(f"no prompt can be spoken: {missing}, and there is no recording for {language}")
    voice = VOICES.get(language[:2], "en")
    said = await _run(["espeak-ng", "-v", voice, "-s", "150", "--stdin", "--stdout"], text.encode())
    return await _resampled(said)


async def _recorded(file: Path) -> bytes:
    sound = await asyncio.to_thread(file.read_bytes)
    with wave.open(str(file)) as found:
        fits = (found.getframerate(), found.getnchannels(), found.getsampwidth()) == (RATE, 1, 2)
        if fits:
            samples: bytes = found.readframes(found.getnframes())
            return samples
    if shutil.which("sox") is None:
        raise BadInput(f"{file} is not 8 kHz, mono, 16 bits, and sox is not installed")
    return await _resampled(sound)


async def _resampled(sound: bytes) -> bytes:
    raw = ["-t", "raw", "-e", "signed-integer", "-b", "16", "-L"]
    return await _run(
        ["sox", "-D", "-G", "-t", "wav", "--ignore-length", "-", *raw, "-r", str(RATE), "-c", "1", "-"], sound
    )


async def _run(command: list[str], given: bytes) -> bytes:
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    try:
        async with asyncio.timeout(PATIENCE):
            out, _ = await process.communicate(given)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise Unavailable(f"{command[0]} does not end") from None
    if process.returncode or not out:
        raise Unavailable(f"{command[0]} cannot make the prompt (exit code {process.returncode})")
    return out


def _write(file: Path, sound: bytes, silences: tuple[float, ...]) -> None:
    part = file.with_suffix(f".{uuid4().hex}.part")
    with wave.open(str(part), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        for seconds in silences:
            out.writeframes(sound + bytes(2 * int(RATE * seconds)))
    part.replace(file)
