"""Workers, database and Redis killed while orders climb: `python -m loadtests.faults [--short] [--json FILE] ...`.

Two workers on PostgreSQL and a server of the Redis protocol, both durable, and a telephone exchange in a process of
its own with its own call log. Drivers take orders in through the real use cases. Workers are killed with SIGKILL, at
random and at named crash points; PostgreSQL is stopped at once, Redis killed; the machine's clock of the workers is
stepped. Afterwards `fault_judge` compares SQL, the drivers' ledgers and the exchange's log.
"""

from __future__ import annotations

import resource
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import click
import msgspec

from dispatch.clock import SystemClock
from loadtests.crash_points import POINTS
from loadtests.fault_chaos import Tally
from loadtests.fault_findings import EVERYTHING, Findings
from loadtests.fault_run import Scale, rested
from loadtests.objectives import Objective, Outcome, ahead, tell

SHORT = Scale(
    orders=60, kills=8, restarts=1, steps=2, at_once=40, centres=8, speed=60.0, lease=5.0, rest=30.0
)
ENDING = (signal.SIGTERM, signal.SIGINT)
NAMED_AT_LEAST = 0.3
"""Share of the kills that have to be inside named crash points."""
SHOWN = 5
"""Findings of one kind that are printed."""


@click.command()
@click.option("--short", is_flag=True, help="End within 50 s; says what it leaves out.")
@click.option("--json", "file", type=click.Path(dir_okay=False), help="Write the outcome to this file, too.")
@click.option("--orders", type=int, help="Orders that are taken in.")
@click.option("--kills", type=int, help="kill -9 of workers.")
@click.option("--restarts", type=int, help="Of PostgreSQL, and as many of Redis.")
@click.option("--at-once", type=int, help="Orders under way at the same time.")
@click.option("--centres", type=int, help="Repair centres with four crews each.")
@click.option("--speed", type=float, help="Of the installation's clock.")
@click.option("--seed", type=int, help="Draws plans, moments and points.")
@click.option(
    "--keep", type=click.Path(path_type=Path), help="Leave logs, ledgers and database in this folder."
)
def main(short: bool, file: str | None, keep: Path | None, **chosen: float | None) -> None:
    """Kill, restart, step; count what was lost, doubled or forgotten."""
    given = {name: value for name, value in chosen.items() if value is not None}
    scale = msgspec.structs.replace(SHORT if short else Scale(), **given)
    with ExitStack() as stack:
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults")))
        ends_with_signals()
        outcome = run(folder, scale)
    sys.exit(tell(outcome, file))


def ends_with_signals() -> None:
    """SIGTERM, too, ends PostgreSQL, Redis, exchange, drivers and workers before this process; the first signal counts."""

    def end(number: int, frame: FrameType | None) -> None:
        for one in ENDING:
            signal.signal(one, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for one in ENDING:
        signal.signal(one, end)


def say(told: str) -> None:
    """How far it is, at once, also into a file."""
    sys.stdout.write(f"{SystemClock().now():%H:%M:%S} {told}\n")
    sys.stdout.flush()


def run(folder: Path, scale: Scale) -> Outcome:
    """The whole run with its judgement."""
    with rested(folder, scale, say) as ended:
        say("everything rests; SQL, the ledgers and the exchange's log are compared")
        began = SystemClock.monotonic()
        found = ended.judge(say)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    found.facts["processor"] = f"{spent.ru_utime + spent.ru_stime:.0f} s of drivers, exchange and workers"
    found.facts["judged"] = f"in {SystemClock.monotonic() - began:.0f} s"
    found.facts["seconds"] = f"{ended.worked:.0f} with kills, {ended.resting:.0f} until rest"
    return outcome_of(scale, ended.tally, found)


def outcome_of(scale: Scale, tally: Tally, found: Findings) -> Outcome:
    """The table."""
    done = [
        ("kill -9 of workers", tally.kills, scale.kills),
        ("of these inside named crash points", tally.named.total(), int(scale.kills * NAMED_AT_LEAST)),
        ("PostgreSQL stopped at once", tally.postgres, scale.restarts),
        ("Redis killed", tally.redis, scale.restarts),
        ("steps of the machine's clock", tally.steps, scale.steps),
    ]
    objectives = [Objective(name=name, measured=n, wanted=wanted) for name, n, wanted in done]
    objectives += [
        Objective(name=what, measured=len(found.wrong[what]), wanted=0, sense="at most")
        for what in EVERYTHING
    ]
    return Outcome(
        name="faults",
        objectives=tuple(objectives),
        facts=_facts(scale, tally, found),
        left_out=_left_out(scale),
    )


def _facts(scale: Scale, tally: Tally, found: Findings) -> dict[str, float | int | str]:
    late = [seconds / scale.speed for seconds in found.lateness]
    longest = max(late, default=float("nan"))
    hit = ", ".join(f"{n} {point}" for point, n in tally.named.most_common())
    told = {
        f"{what} ({n + 1})": one for what, every in found.wrong.items() for n, one in enumerate(every[:SHOWN])
    }
    return {
        **found.facts,
        "rungs decided after their time": f"p50 {ahead(late, 0.5):.2f} s, p99 {ahead(late, 0.99):.2f} s,"
        f" longest {longest:.2f} s of real time",
        "crash points hit": f"{len(tally.named)} of {len(POINTS)}: {hit}",
        "workers that ended by themselves": sum(tally.by_themselves.values()),
        **told,
    }


def _left_out(scale: Scale) -> tuple[str, ...]:
    full = Scale()
    left_out = [
        f"{name}: {getattr(scale, name):,} instead of {getattr(full, name):,}"
        for name in ("orders", "kills", "restarts", "steps")
        if getattr(scale, name) < getattr(full, name)
    ]
    if scale.lease != full.lease:
        left_out.append(f"leases of {scale.lease:g} s instead of {full.lease:g} s")
    return tuple(left_out)


if __name__ == "__main__":
    main()
