"""Thousands of days in virtual time: `python -m loadtests.simulate [--days N] [--seed N] [--hours H] [--short] [--json FILE]`.

Each day is a seed: `--days 1 --seed N` lives one again, just as it was. Broken promises are printed as they are found,
with the seed. See simulators/trials.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import islice

import click

from dispatch.clock import SystemClock
from loadtests.objectives import Objective, Outcome, tell
from simulators.trials.trial import Day, Lived, trial

FULL = 2_000
SHORT_SECONDS = 40.0
TOLD_EVERY = 30.0
"""Seconds between two words on how far it is."""
SHOWN = 10
"""Broken promises of one day that are printed."""


@click.command()
@click.option("--days", type=click.IntRange(1), default=FULL, show_default=True, help="How many seeds.")
@click.option("--seed", type=int, default=1, show_default=True, help="The first one.")
@click.option(
    "--hours", type=click.FloatRange(0.1, 24), default=1.5, show_default=True, help="Hours of trouble a day."
)
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, help="Processes at once.")
@click.option("--short", is_flag=True, help="As many days as begin within 40 s.")
@click.option("--json", "file", type=click.Path(dir_okay=False), help="Write the outcome to this file, too.")
def main(days: int, seed: int, hours: float, jobs: int, short: bool, file: str | None) -> None:
    """Live the days, count broken promises."""
    began = told = SystemClock.monotonic()
    facts: Counter[str] = Counter()
    bad: list[int] = []
    with ProcessPoolExecutor(jobs) as pool:
        waiting = iter(range(seed, seed + days))
        running = {pool.submit(trial, Day(one, hours)) for one in islice(waiting, 2 * jobs)}
        while running:
            done = next(as_completed(running))
            running.discard(done)
            _count(done.result(), facts, bad)
            if SystemClock.monotonic() > told + TOLD_EVERY:
                told = SystemClock.monotonic()
                click.echo(f"{facts['days']:,} of {days:,} days, {len(bad)} with a broken promise", err=True)
            if not short or SystemClock.monotonic() - began < SHORT_SECONDS:
                running |= {pool.submit(trial, Day(one, hours)) for one in islice(waiting, 1)}
    outcome = Outcome(
        name="simulated days",
        objectives=(
            Objective(name="days with a broken promise", measured=len(bad), wanted=0, sense="at most"),
        ),
        facts={
            **facts,
            "seconds": round(SystemClock.monotonic() - began),
            "bad seeds": " ".join(map(str, sorted(bad)[:20])),
        },
        left_out=(f"{facts['days']:,} days instead of {FULL:,}",) if facts["days"] < FULL else (),
    )
    sys.exit(tell(outcome, file))


def _count(lived: Lived, facts: Counter[str], bad: list[int]) -> None:
    facts.update({"days": 1, **lived.facts})
    if lived.broken:
        bad.append(lived.seed)
        for line in lived.broken[:SHOWN]:
            click.echo(f"seed {lived.seed}: {line}")


if __name__ == "__main__":
    main()
