"""One process of the clock benchmark, with the real store, services and clock loop; it does what its job says.

`fire`: the clock loop of a worker. `pairs`: at `rate` a second, the hotline sends an order (its centre's watch is
armed) and the centre accepts it (the watch is cancelled). `acknowledge`: crews acknowledge orders around the instant
at which their watch is due. Prints `ready`, works until it is told to end by a line, and answers one line of JSON.
"""

from __future__ import annotations

import asyncio
import random
import resource
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from dispatch.adapters.ids import RandomIds
from dispatch.adapters.sql.organisation import load_directory
from dispatch.bootstrap.database import AnyStore, open_store
from dispatch.bootstrap.loops import Nudge, fire_clocks, for_ever
from dispatch.clock import SystemClock
from dispatch.collector import let_batches_live
from dispatch.core.errors import DispatchError
from dispatch.core.responsibility import Rules
from dispatch.core.territory import Territories
from dispatch.core.types import Actor
from dispatch.services import crew as crews
from dispatch.services import dispatcher, hotline
from dispatch.services.context import Context
from dispatch.services.ports import Decided
from dispatch.settings import Settings
from loadtests.clock_seed import CENTRES, CREWS, PROCESSES

AT_ONCE = 60
"""Decisions under way at once of one role: so many people wait for this process's answer."""
HOLLY, DORA = Actor("hotline", "holly"), Actor("dispatcher", "dora")


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a process does. `start`: seconds since 1970; `jitter`: seconds an acknowledgement strays from its instant."""

    roles: tuple[str, ...]
    data: str
    database_url: str = ""
    start: float = 0.0
    rate: float = 0.0
    count: int = 0
    prefix: str = ""
    first: int = 1
    step: int = 1
    jitter: float = 0.0


class Report(msgspec.Struct, kw_only=True):
    """What it saw. `commits`: for each batch the instant that it was decided for, and when it was committed."""

    commits: list[tuple[str, float]] = []
    taken: list[float] = []
    """Seconds of each pair or acknowledgement."""
    behind: list[float] = []
    """Seconds between the planned begin and the begin."""
    failed: dict[str, int] = {}
    cpu: float = 0.0


class Process:
    """The roles of one process on one store."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.report = Report()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._luck = random.Random(job.first)
        self._nudge = Nudge()
        settings = Settings(data=Path(job.data), database_url=job.database_url)
        self.store: AnyStore = open_store(settings, PROCESSES, SystemClock(), self._nudge)

    async def run(self) -> None:
        """Until a line comes in, or the end of it."""
        self.context = Context(
            store=self.store, clock=SystemClock(), processes=PROCESSES,
            directory=await self.store.read(load_directory), territories=Territories([]), rules=Rules(()),
            travel=None, ids=RandomIds(UTC), policy="manual", language="en",  # type: ignore[arg-type]
        )  # fmt: skip
        self._listen()
        let_batches_live()
        roles = {"fire": self._fire, "pairs": self._pairs, "acknowledge": self._acknowledge}
        tasks = [asyncio.create_task(roles[name]()) for name in self.job.roles]
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        used = resource.getrusage(resource.RUSAGE_SELF)
        self.report.cpu = used.ru_utime + used.ru_stime
        sys.stdout.write(msgspec.json.encode(self.report).decode() + "\n")
        sys.stdout.flush()

    def _listen(self) -> None:
        """Note when each batch was committed: the store itself is not changed."""
        decide_due = self.store.decide_due

        async def noting(decide: Any, limit: int, aside: Any = ()) -> Decided:
            decided_at: list[datetime] = []

            def look(order_id: str, loaded: Any, now: datetime) -> Any:
                decided_at[:] = [now]
                return decide(order_id, loaded, now)

            decided = await decide_due(look, limit, aside)
            if decided.orders:
                self.report.commits.append((decided_at[0].isoformat(), SystemClock().timestamp()))
            for error in decided.failed.values():
                self._count(error)
            return decided

        self.store.decide_due = noting  # type: ignore[method-assign]

    async def _fire(self) -> None:
        woken = self._nudge.event()
        await for_ever("clocks", lambda: fire_clocks(self.context, woken))

    async def _pairs(self) -> None:
        await self._paced(self._pair, lambda n: n / self.job.rate)

    async def _acknowledge(self) -> None:
        """Half of them far nearer to their instant than the others: there the two meet, there they are ordered."""
        luck, jitter = self._luck, self.job.jitter
        await self._paced(
            self._answer,
            lambda n: n / self.job.rate + luck.choice((jitter, jitter / 25)) * luck.uniform(-1, 1),
        )

    async def _paced(self, act: Any, planned: Any) -> None:
        """Begin each at its instant, whatever became of those before; at most AT_ONCE are under way."""
        job = self.job
        numbers = range(job.first, job.count + 1, job.step)
        async with asyncio.TaskGroup() as tasks:
            for at, number in sorted((job.start + planned(n), n) for n in numbers):
                await asyncio.sleep(max(0.0, at - SystemClock().timestamp()))
                await self._slots.acquire()
                tasks.create_task(self._one(act, number, at))

    async def _one(self, act: Any, number: int, at: float) -> None:
        began = SystemClock().timestamp()
        try:
            await act(f"{self.job.prefix}{number}", number)
            self.report.taken.append(SystemClock().timestamp() - began)
            self.report.behind.append(began - at)
        except DispatchError as error:
            self._count(error)
        finally:
            self._slots.release()

    async def _pair(self, order_id: str, number: int) -> None:
        await hotline.send(self.context, order_id, by=HOLLY)
        await dispatcher.accept(self.context, order_id, by=DORA)

    async def _answer(self, order_id: str, number: int) -> None:
        crew = self.context.directory.crews[f"c{number % CENTRES}-{number // CENTRES % CREWS}"]
        await crews.step(self.context, order_id, "acknowledge", crew=crew, generation=1)

    def _count(self, error: Exception) -> None:
        name = type(error).__name__
        self.report.failed[name] = self.report.failed.get(name, 0) + 1


def begin_at(seconds: float) -> datetime:
    """So many seconds from now."""
    return SystemClock().now() + timedelta(seconds=seconds)


async def main() -> None:
    """The job is the first argument."""
    await Process(msgspec.json.decode(sys.argv[1], type=Job)).run()


if __name__ == "__main__":
    asyncio.run(main())
