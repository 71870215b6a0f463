"""How surely and how fast clocks become decisions: `python -m loadtests.clocks [--short] [--json FILE]`.

What is waited for, is seeded by SQL in the form that the services write (`clock_seed.py`). Everything that is measured
goes through the real services and stores in processes of their own (`clock_worker.py`): firing is the worker's clock
loop (claim, read the histories, decide, write events, clocks, outbox and alerts); a pair is `hotline.send`, which
arms the centre's watch, and `dispatcher.accept`, which cancels it; a race is `crew.step(..., "acknowledge")` at the
instant at which the crew's watch is due. Lateness is from the due instant until the batch was committed. The
database is durable (fsync). The ceiling is bare SQL on the same server: claim, move the clock, add an event and an
outbox row, without any decision (`clock_ceiling.py`).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from dispatch.bootstrap.database import make_ready
from dispatch.settings import Settings
from loadtests.clock_ceiling import bare_drain
from loadtests.clock_runs import ALLOWED, Place, Raced, Steady, drain, folder_of, load, race, steady
from loadtests.objectives import Objective, Outcome, ahead, tell
from loadtests.postgres import postgres_running

JITTER = 0.5
"""Seconds by which an acknowledgement comes before or after the instant of its rung, at most; half of them by a 25th."""
PARTS = ("steady", "drain", "race")
Facts = dict[str, float | int | str]


@click.command()
@click.option("--short", is_flag=True, help="End within 50 s on a quiet machine; says what it leaves out.")
@click.option("--json", "file", type=click.Path(dir_okay=False), help="Write the outcome to this file, too.")
@click.option("--only", type=click.Choice(["postgresql", "sqlite"]), help="One database.")
@click.option("--part", type=click.Choice(PARTS), help="Only this: the whole run takes some 20 minutes.")
def main(short: bool, file: str | None, only: str | None, part: str | None) -> None:
    """Measure every objective, print the table."""
    facts: Facts = {"load at the start": load()}
    objectives: list[Objective] = []
    invalid: list[str] = []
    parts = (part,) if part else PARTS
    with tempfile.TemporaryDirectory(prefix="d45-clocks-") as base:
        if only != "sqlite":
            (Path(base) / "pg").mkdir()
            with postgres_running(Path(base) / "pg") as server:
                place = Place(Settings(data=Path(base) / "pg", database_url=server.url), server)
                objectives += measure(place, parts, short, facts, invalid)
        if only != "postgresql":
            settings = folder_of(Path(base), "sqlite")
            make_ready(settings)
            objectives += measure(Place(settings), parts, short, facts, invalid)
    facts["load at the end"] = load()
    left_out = (
        "a million armed clocks, 50 s of load, 30,000 overdue, 100,000 races: here fewer of each",
    ) * short
    left_out += tuple(f"the part {one}" for one in PARTS if one not in parts)
    outcome = Outcome(
        name="clocks", objectives=tuple(objectives), facts=facts, left_out=left_out,
        invalid="; ".join(invalid),
    )  # fmt: skip
    sys.exit(tell(outcome, file))


def measure(
    place: Place, parts: Sequence[str], short: bool, facts: Facts, invalid: list[str]
) -> list[Objective]:
    """Lateness, drain and races on one database, and its ceiling."""
    place.prepare()
    objectives: list[Objective] = []
    if "steady" in parts:
        objectives += measure_steady(place, short, facts)
    if "drain" in parts:
        objectives += measure_drain(place, short, facts)
    if "race" in parts:
        objectives += measure_races(place, short, facts, invalid)
    facts[f"{place.name}: load afterwards"] = load()
    return objectives


def measure_steady(place: Place, short: bool, facts: Facts) -> list[Objective]:
    """Lateness beside the pairs."""
    big = place.server is not None
    armed = (1_000_000 if big else 100_000) // (20 if short else 1)
    rate, pairs = (1000.0, 500.0) if big else (200.0, 100.0)
    found = steady(place, armed, rate, pairs, 4.0 if short else 50.0)
    _tell_steady(place.name, found, armed, facts)
    return lateness(place.name, found, big, rate, pairs)


def measure_drain(place: Place, short: bool, facts: Facts) -> list[Objective]:
    """What is overdue after an outage, and bare SQL."""
    overdue = 3_000 if short else 30_000
    after = drain(place, overdue, 3.0 if short else 10.0)
    per_second = after.found / after.last if after.last else 0.0
    facts[f"{place.name}: drain, orders/s"] = per_second
    ceiling = bare_drain(place, 5_000 if short else 30_000)
    facts[f"{place.name}: bare SQL drain, clocks/s"] = ceiling
    facts[f"{place.name}: drain to bare SQL"] = per_second / ceiling
    name = f"{place.name}, {overdue:,} overdue"
    return [
        Objective(name=f"{name}: first", measured=after.first, wanted=1.0, sense="at most", unit="s"),
        Objective(name=f"{name}: last", measured=after.last, wanted=10.0, sense="at most", unit="s"),
        Objective(name=f"{name}: decided", measured=after.found, wanted=overdue),
        Objective(
            name=f"{name}: places from its age", measured=after.displaced, wanted=ALLOWED, sense="at most"
        ),
    ]


def measure_races(place: Place, short: bool, facts: Facts, invalid: list[str]) -> list[Objective]:
    """Acknowledgements at the instant of their rung."""
    count, at = (240, 80.0) if short else (50_000, 300.0 if place.server else 200.0)
    raced = race(place, count, at, JITTER * max(1.0, place.startup))  # a slow machine answers later
    facts[f"{place.name}: races that the rung won"] = raced.fired_first
    facts[f"{place.name}: refused while racing"] = str(raced.failed or "none")
    if not count * 0.02 <= raced.fired_first <= count * 0.98:
        invalid.append(
            f"{place.name}: {raced.fired_first} of {count} races went to the rung: these were no races"
        )
    return races(place.name, raced, count)


def lateness(name: str, found: Steady, big: bool, rate: float, pairs: float) -> list[Objective]:
    """The objectives of a steady load."""
    late = [one.late for one in found.rungs]
    done = len(found.pairs) / found.seconds
    bounds = ((0.99, 100.0), (0.999, 250.0)) if big else ((0.99, 1000.0),)
    return [
        *(
            Objective(
                name=f"{name}, {rate:,.0f} firings/s: p{share * 100:g} late", measured=ahead(late, share) * 1000,
                wanted=bound, sense="at most", unit="ms",
            )
            for share, bound in bounds
        ),
        Objective(name=f"{name}: fired", measured=len(late), wanted=found.wanted),
        Objective(name=f"{name}: arm/cancel pairs", measured=done, wanted=pairs * 0.98, unit="/s"),
    ]  # fmt: skip


def races(name: str, raced: Raced, count: int) -> list[Objective]:
    """Nothing follows a committed acknowledgement."""
    wrong = raced.after + raced.effects
    return [
        Objective(
            name=f"{name}, {count:,} races: rungs or their effects after the acknowledgement",
            measured=wrong, wanted=0, sense="at most",
        ),
        Objective(name=f"{name}, races: acknowledged", measured=raced.answered, wanted=count),
    ]  # fmt: skip


def _tell_steady(name: str, found: Steady, armed: int, facts: Facts) -> None:
    late = [one.late * 1000 for one in found.rungs]
    batches = sum(len(report.commits) for report in found.reports)
    behind = [one for report in found.reports for one in report.behind]
    facts[f"{name}: armed clocks"] = armed
    facts[f"{name}: late, p50 / worst, ms"] = (
        f"{ahead(late, 0.5):.0f} / {max(late, default=float('nan')):.0f}"
    )
    facts[f"{name}: orders a batch"] = len(late) / batches if batches else float("nan")
    facts[f"{name}: a pair takes, p50 / p99, ms"] = (
        f"{ahead(found.pairs, 0.5) * 1000:.0f} / {ahead(found.pairs, 0.99) * 1000:.0f}"
    )
    facts[f"{name}: pairs begun behind plan, p99, ms"] = ahead(behind, 0.99) * 1000
    facts[f"{name}: CPU of each process, s"] = ", ".join(f"{report.cpu:.1f}" for report in found.reports)
    facts[f"{name}: CPU of the server, s"] = found.server
    refused = {kind: n for report in found.reports for kind, n in report.failed.items()}
    facts[f"{name}: refused"] = str(refused or "none")
    facts[f"{name}: load after the steady part"] = load()


if __name__ == "__main__":
    main()
