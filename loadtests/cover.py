"""Whether a trade can be left without a crew: `python -m loadtests.cover [--operations N] [--sqlite] [--json FILE]`.

Crews of a few centres say at the same moment that they are away, or back, in random order, through the real services
and the stores of two workers on a durable PostgreSQL. Each decision loads the roster as it was last committed, and
each commit has loaded the one before it (versions are checked): so looking at whatever is loaded is looking at every
roster that there ever was. What must hold of each: no more are away than may be at once, cover stays, and whoever asks
finds itself as it was answered last (or somebody else's commit has overwritten it).
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections import Counter
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from dispatch.adapters.ids import RandomIds
from dispatch.adapters.sql.organisation import load_directory
from dispatch.bootstrap.database import AnyStore, at_once, make_ready, open_store
from dispatch.clock import SystemClock
from dispatch.core.crew import Roster
from dispatch.core.errors import DispatchError
from dispatch.core.responsibility import Rules
from dispatch.core.territory import Territories
from dispatch.services import crew as duty
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Crew, Decide, Loaded
from dispatch.settings import Settings
from loadtests.clock_seed import PROCESSES, organise
from loadtests.objectives import Objective, Outcome, tell
from loadtests.postgres import postgres_running

T = TypeVar("T")
CENTRES = 10
"""So few are asked, all crews of each at once: they meet all the time."""
WORKERS = 2
asking: ContextVar[str] = ContextVar("asking")
"""The crew that a decision is made for."""


class Watch:
    """What was seen of every roster, and what became of every request."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.seen = 0
        self.answers: Counter[str] = Counter()
        self.told: dict[str, str] = {}
        """Where each crew is, as it was answered."""

    def look(self, roster: Roster, crew_id: str = "") -> None:
        """One that was committed; `crew_id`: who asks."""
        self.seen += 1
        if crew_id and (found := roster.crew(crew_id).presence) != self.told.get(crew_id, "standby"):
            self.broken.append(f"{crew_id} is {found} in version {roster.version}, and was told otherwise")
        away = [c.crew_id for c in roster.crews if c.presence == "away"]
        if len(away) > roster.max_away or len(roster.crews) - len(away) < roster.min_cover:
            self.broken.append(f"{roster.centre_id} version {roster.version}: {away} are away at once")


def watched(store: AnyStore, watch: Watch) -> AnyStore:
    """The store, whose decisions are looked over the shoulder."""
    transact = store.transact

    async def watching(decide: Decide[Any], order_id: str = "") -> Any:
        crew_id = asking.get()  # here: SQLite decides in a thread of its own

        def looking(loaded: Loaded, now: datetime) -> Changes[Any]:
            try:
                return decide(loaded, now)
            finally:
                for roster in loaded.rosters.values():  # type: ignore[attr-defined]
                    watch.look(roster, crew_id)

        return await transact(looking, order_id)

    store.transact = watching  # type: ignore[method-assign]
    return store


async def run(settings: Settings, operations: int, seed: int, watch: Watch) -> None:
    """So many requests of all crews at the same time, half of them at each worker."""
    stores = [watched(open_store(settings, PROCESSES, SystemClock()), watch) for _ in range(WORKERS)]
    directory = await stores[0].read(load_directory)
    some = sorted(directory.centres)[:CENTRES]
    crews = [crew for crew in directory.crews.values() if crew.centre_id in some]
    numbers = iter(range(operations))

    async def person(store: AnyStore, crew: Crew, luck: random.Random) -> None:
        context = Context(
            store=store, clock=SystemClock(), processes=PROCESSES, directory=directory,
            territories=Territories([]), rules=Rules(()), travel=None, ids=RandomIds(UTC),  # type: ignore[arg-type]
        )  # fmt: skip
        asking.set(crew.id)
        for _ in numbers:
            watch.answers[await _ask(context, crew, luck, watch.told)] += 1

    async with asyncio.TaskGroup() as tasks:
        for n, crew in enumerate(crews):
            tasks.create_task(person(stores[n % WORKERS], crew, random.Random(seed * 1_000 + n)))
    for roster in await stores[0].rosters():
        watch.look(roster)
    for store in stores:
        if (closing := store.close()) is not None:
            await closing


async def _ask(context: Context, crew: Crew, luck: random.Random, told: dict[str, str]) -> str:
    try:
        if luck.random() < 0.4:
            told[crew.id] = (await duty.standby(context, crew)).presence
            return "back"
        until = context.clock.now() + timedelta(minutes=luck.uniform(5, 60))
        told[crew.id] = (await duty.go_away(context, crew, until=until, reason="meal")).presence
    except DispatchError as error:
        return f"refused: {error.facts.get('why') or error.code}"
    return "away"


@click.command()
@click.option("--operations", type=click.IntRange(1), default=1_000_000, show_default=True)
@click.option("--sqlite", is_flag=True, help="A SQLite file, which has one writer, instead of PostgreSQL.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--json", "file", type=click.Path(dir_okay=False), help="Write the outcome to this file, too.")
def main(operations: int, sqlite: bool, seed: int, file: str | None) -> None:
    """Ask, watch, count."""
    watch = Watch()
    began = SystemClock.monotonic()
    with tempfile.TemporaryDirectory(prefix="d45-cover-") as name:
        settings = Settings(data=Path(name))
        if sqlite:
            make_ready(settings)
            at_once(settings, organise)
            asyncio.run(run(settings, operations, seed, watch))
        else:
            with postgres_running(Path(name)) as server:
                settings = Settings(data=Path(name), database_url=server.url)
                at_once(settings, organise)
                asyncio.run(run(settings, operations, seed, watch))
    took = SystemClock.monotonic() - began
    outcome = Outcome(
        name="cover",
        objectives=(
            Objective(name="requests", measured=sum(watch.answers.values()), wanted=operations),
            Objective(name="rosters in which cover is broken", measured=len(watch.broken), wanted=0, sense="at most"),
        ),
        facts={
            "database": "SQLite" if sqlite else "PostgreSQL", "rosters looked at": watch.seen, "seconds": round(took),
            **dict(sorted(watch.answers.items())), "broken": " ".join(watch.broken[:10]),
        },
    )  # fmt: skip
    sys.exit(tell(outcome, file))


if __name__ == "__main__":
    main()
