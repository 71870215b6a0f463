"""Processes that are kept running: started again when they die, and ended in order."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dispatch.clock import SystemClock
from dispatch.lifeline import Lifeline
from dispatch.output import Log, Screen, prefixed, split_lines

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before a dead process is started again: doubled with every death in a row."""

STEADY = 60.0
"""Seconds of life after which a death begins a new row."""

STOP_PATIENCE = 8.0
"""Seconds between the request to end and the end."""

TURN = 2.0
"""Seconds that one process has to end before the next is asked to."""


@dataclass(frozen=True)
class Program:
    """What to run under which name."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[], None] | None = None
    """Called before each start, in a thread."""


class Child:
    """One program kept running until it is told to stop."""

    def __init__(self, program: Program, lifeline: Lifeline, screen: Screen, logs: Path) -> None:
        self.program = program
        self._lifeline = lifeline
        self._screen = screen
        self._log = Log(logs / f"{program.name}.log")
        self._show = prefixed(program.name, 8, screen.show)
        self._process: Process | None = None
        self.deaths = 0
        self._told_to_stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether it has a living process now."""
        return self._process is not None and self._process.returncode is None

    @property
    def told_to_stop(self) -> bool:
        """Whether its end is wanted."""
        return self._told_to_stop.is_set()

    def start(self) -> None:
        """Begin to keep it running."""
        self._task = asyncio.create_task(self._keep(), name=self.program.name)

    async def stop(self) -> None:
        """Ask it to end, insist after STOP_PATIENCE seconds; returns when it has ended."""
        self._told_to_stop.set()
        if self._task is None:
            return
        self.signal(signal.SIGTERM)
        done, _ = await asyncio.wait({self._task}, timeout=STOP_PATIENCE)
        if not done:
            self._screen.show(f"{self.program.name} does not end by itself: killed")
            self.signal(signal.SIGKILL)
            await asyncio.wait({self._task})
        self._log.close()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it runs: to end it politely itself, to kill it with all that it started."""
        if not self.running or self._process is None:
            return
        with suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)

    async def _keep(self) -> None:
        pause = FIRST_PAUSE
        while not self.told_to_stop:
            began = SystemClock.monotonic()
            ending = await self._live_once()
            if self.told_to_stop:
                return
            self.deaths += 1
            if SystemClock.monotonic() - began > STEADY:
                pause = FIRST_PAUSE
            self._screen.show(f"{self.program.name} {ending}; starting it again in {pause:.0f} s")
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._told_to_stop.wait()
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _live_once(self) -> str:
        """Start it, wait for its end, and say how it ended."""
        try:
            if self.program.before:
                await asyncio.to_thread(self.program.before)
            self._process = process = await self._spawn()
        except Exception as error:  # whatever it is, it is said, and tried again
            return f"could not be started: {error}"
        if self.told_to_stop:  # told while it was being born
            self.signal(signal.SIGTERM)
        reader = asyncio.create_task(self._read(process))
        code = await process.wait()
        await asyncio.wait({reader}, timeout=1)  # something that it started may still hold its output open
        reader.cancel()
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    async def _spawn(self) -> Process:
        environment = {**os.environ, **self.program.environment, **self._lifeline.environment()}
        return await asyncio.create_subprocess_exec(
            *self.program.command,
            env=environment | {"PYTHONUNBUFFERED": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            pass_fds=(self._lifeline.inherited,),
            start_new_session=True,  # Ctrl-C is for the supervisor, which ends them in order
        )

    async def _read(self, process: Process) -> None:
        rest = b""
        while process.stdout and (data := await process.stdout.read(65536)):
            lines, rest = split_lines(rest, data)
            for line in lines:
                self._log.write(line)
                self._show(line)
        if rest:
            self._log.write(rest)
            self._show(rest)


async def stop_in_order(children: Iterable[Child], last: Child | None = None) -> None:
    """End them one after the other; a slow one holds up the next for TURN seconds only, `last` comes last."""
    ending = []
    for child in children:
        ending.append(task := asyncio.create_task(child.stop()))
        await asyncio.wait({task}, timeout=TURN)
    await asyncio.gather(*ending)
    if last is not None:
        await last.stop()
