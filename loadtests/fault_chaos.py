"""Kills, restarts and steps while the drivers work: spread over the run by how many orders are finished."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import msgspec

from dispatch import lifeline
from dispatch.clock import SystemClock
from loadtests.crash_points import POINTS
from loadtests.fault_board import FIRST_DRIVER, GATE, READY, STEP, Board
from loadtests.fault_worker import End, Life
from loadtests.postgres import Postgres
from loadtests.processes import Failed, RedisProcess

EVERY = 15.0
"""Real seconds between two words about how far it is."""
TIDY = 75.0
"""Real seconds between two times that PostgreSQL is tidied: it crashes before it would do so by itself."""
ASK = 2.0
"""Real seconds between two looks at how many effects wait."""
BACKLOG = 700
"""Effects that may wait before new orders wait for them: what comes too late is answered before it is tried."""
CLOSED_AT_MOST = 60.0
"""Real seconds without a new order."""
LOOK = 0.02
"""Real seconds between two looks at everything."""
NAMED = 0.7
"""Share of the workers' lives that end at a crash point."""
PATIENCE = 6.0
"""Real seconds in which a crash point may be crossed; then the worker is killed wherever it is."""
STARTS = 8.0
"""Real seconds that a start may take."""
DEAD_BY = 60.0
"""Real seconds within which a killed worker has ended, however short of time the machine is."""
AWAY = (0.0, 0.8)
"""Real seconds that a server stays away, beside the time of its start."""
ALL_BY = 0.85
"""Share of the orders that are finished when everything has been done that was planned."""
STEPS = (-3600, -90, 0, 45, 3600)
"""Seconds by which the machine's clock of the workers is wrong, one after the other."""


Say = Callable[[str], object]


class Plan(msgspec.Struct, frozen=True):
    """How often each part is hit."""

    kills: int
    postgres: int
    redis: int
    steps: int
    seed: int
    at_once: int
    """Orders that may be begun beyond those whose kills were done."""


@dataclass
class Tally:
    """What was done, and what was seen of it."""

    random_kills: int = 0
    named: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    """Points that were not crossed in time; these workers were killed at random."""
    postgres: int = 0
    redis: int = 0
    steps: int = 0
    by_themselves: Counter[int] = field(default_factory=Counter)
    """Exit codes of workers that ended without being killed (1: a part was away at their start)."""

    @property
    def kills(self) -> int:
        return self.random_kills + self.named.total()


class Victim:
    """One place for a worker, with whoever lives in it."""

    def __init__(
        self, number: int, port: int, folder: Path, environment: Mapping[str, str], lease: float
    ) -> None:
        self._number, self._board = number, Board(folder / "board")
        self._life = Life(number, port, str(folder / "board"), str(folder / f"worker-{number}.log"), lease)
        self._process = subprocess.Popen(
            lifeline.tied([sys.executable, "-m", "loadtests.fault_worker"]), env=dict(environment),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0,
        )  # fmt: skip
        self.pid = 0
        self.die = ""
        self.since = 0.0

    def start(self, die: str = "", nth: int = 1) -> None:
        """A worker that is to die at this point; empty: at none."""
        assert self._process.stdin is not None
        life = msgspec.structs.replace(self._life, die=die, nth=nth)
        self._process.stdin.write(msgspec.json.encode(life) + b"\n")
        self._process.stdin.flush()
        self.pid, self.die, self.since = int(self._read()), die, SystemClock.monotonic()
        self._worker = os.pidfd_open(self.pid)
        self._begun: float | None = None

    @property
    def lived(self) -> float:
        """Seconds that the present worker has been at work; a start counts once it has lasted for STARTS."""
        now = SystemClock.monotonic()
        if self._begun is None and self._board.get(READY + self._number) == self.pid:
            self._begun = now
        return max(0.0, now - self.since - STARTS) if self._begun is None else now - self._begun

    def kill(self) -> None:
        """kill -9; `ended` says how it went."""
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            signal.pidfd_send_signal(self._worker, signal.SIGKILL)

    def ended(self, wait: float = 0.0) -> End | None:
        """How it ended, once it has."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], wait)[0]:
            return None
        os.close(self._worker)
        self.pid = 0
        return msgspec.json.decode(self._read(), type=End)

    def close(self) -> None:
        """End the place and whoever lives here, also one that was asked for and has not said that it lives."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def _read(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failed("the process that starts workers ended by itself")
        return line


def progress(plan: Plan, tally: Tally, done: int, orders: int, seconds: float) -> str:
    """How far it is after so many real seconds, and when its last order will be finished at this pace."""
    share = done / orders
    left = f"{seconds * (1 - share) / share / 60:.0f} min left" if done else "no order is finished yet"
    end = SystemClock().now() + timedelta(seconds=seconds * (1 - share) / share if done else 0)
    return (
        f"{seconds / 60:.1f} min: {done:,} of {orders:,} orders ({done / seconds:.0f}/s), {tally.kills:,} of"
        f" {plan.kills:,} kills ({tally.named.total()} in {len(tally.named)} named points, {sum(tally.late.values())}"
        f" not crossed), PostgreSQL {tally.postgres}, Redis {tally.redis} of {plan.postgres}, steps {tally.steps}; {left}"
        + (f", until {end:%H:%M} UTC and the judgement" if done else "")
    )


class Chaos:
    """Does the plan's share of everything that belongs to the orders finished so far."""

    def __init__(
        self,
        plan: Plan,
        victims: Sequence[Victim],
        postgres: Postgres,
        redis: RedisProcess,
        board: Board,
        say: Say,
    ) -> None:
        """`say` is told how far it is, every EVERY seconds."""
        self.plan, self.tally, self._say = plan, Tally(), say
        self._victims, self._postgres, self._redis, self._board = victims, postgres, redis, board
        self._luck = random.Random(plan.seed)
        self._lives: dict[Victim, float] = {}
        self._asked = self._opened = float("-inf")
        self._waiting = 0

    def during(self, orders: int, drivers: Sequence[subprocess.Popen[bytes]]) -> None:
        """Until every driver has ended. Raises Failed where one did not do its part."""
        for victim in self._victims:
            self._start(victim)
        began = said = tidied = SystemClock.monotonic()
        while any(driver.poll() is None for driver in drivers):
            done = sum(self._board.get(FIRST_DRIVER + n) for n in range(len(drivers)))
            self._open_gate(done, orders)
            self._once(min(1.0, done / (orders * ALL_BY)))
            if (now := SystemClock.monotonic()) >= said + EVERY:
                self._say(
                    progress(self.plan, self.tally, done, orders, now - began)
                    + f", {self._waiting:,} effects wait"
                )
                said = now
            if now >= tidied + TIDY:
                Thread(target=self._postgres.tidy, name="tidy", daemon=True).start()
                tidied = now
            Event().wait(LOOK)
        if any(driver.returncode for driver in drivers):
            raise Failed("a driver ended by itself")
        self._board.put(STEP, 0)
        for victim in self._victims:  # whoever still waits for its point is not to die any more
            if victim.pid:
                victim.kill()
                victim.ended(DEAD_BY)
            victim.start()

    def _open_gate(self, done: int, orders: int) -> None:
        """More orders, as far as their kills are done and the workers have carried out what there was."""
        now = SystemClock.monotonic()
        if now < self._asked + ASK:
            return
        self._asked = now
        self._waiting = self._postgres.waiting() or 0
        if self._waiting < BACKLOG or now > self._opened + CLOSED_AT_MOST:
            killed = self.tally.kills / self.plan.kills if self.plan.kills else 1.0
            self._board.put(GATE, self.plan.at_once + int(orders * killed))
            self._opened = now
        else:
            self._board.put(GATE, done)

    def _once(self, share: float) -> None:
        plan, tally = self.plan, self.tally
        for victim in self._victims:
            if victim.pid:
                self._end(victim, tally.kills < plan.kills * share)
            if (end := victim.ended() if victim.pid else None) is not None:
                self._count(victim, end)
                self._start(victim)
        if tally.postgres < int(plan.postgres * share):
            tally.postgres += 1
            self._postgres.cut()
            Event().wait(self._luck.uniform(*AWAY))
            self._postgres.start()
        elif tally.redis < int(plan.redis * share):
            tally.redis += 1
            self._redis.kill()
            Event().wait(self._luck.uniform(*AWAY))
            self._redis.start()
        elif tally.steps < int(plan.steps * share):
            self._board.put(STEP, STEPS[tally.steps % len(STEPS)])
            tally.steps += 1

    def _start(self, victim: Victim) -> None:
        """A new life: at the point that was hit least, or until its time has come."""
        die = ""
        if self._luck.random() < NAMED:
            tried = self.tally.named + self.tally.late
            die = min(POINTS, key=lambda point: (tried[point], self._luck.random()))
        self._lives[victim] = self._luck.uniform(0.0, 2.5)
        victim.start(die, self._luck.choice((1, 1, 1, 2)))

    def _end(self, victim: Victim, wanted: bool) -> None:
        """Kill it where its time has come."""
        if wanted and victim.lived > (PATIENCE if victim.die else self._lives[victim]):
            victim.kill()
            end = victim.ended(DEAD_BY)
            if end is None:
                raise Failed("a worker survived kill -9")
            self._count(victim, end)
            self._start(victim)

    def _count(self, victim: Victim, end: End) -> None:
        tally = self.tally
        if end.point:
            tally.named[end.point] += 1
        elif end.code == -signal.SIGKILL:
            tally.random_kills += 1
            if victim.die:
                tally.late[victim.die] += 1
        else:
            tally.by_themselves[end.code] += 1
            Event().wait(0.2)
