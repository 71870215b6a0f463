"""`dispatch45 replay`: a day of real outages through the centre's own services, in virtual time.

What is assumed where the data say nothing (trade and voltage by the number of customers, crews by trade, repair
times, people's delays, speeds) is written down in docs/replay.md and beside the code that does it
(simulators/outages); all of it that is a number stands in the report.
"""

from __future__ import annotations

import asyncio
import tempfile
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dispatch.clock import SystemClock
from dispatch.core.errors import BadInput
from simulators.behaviour import OWN_FILE
from simulators.outages.day import Day, Outcome, Plan
from simulators.outages.plan import plan_of
from simulators.outages.report import as_text, figures, lost
from simulators.outages.rows import OutageFile, read_outages
from simulators.outages.screen import show
from simulators.people import People

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SHOWN_ROWS = 20


@click.command()
@click.option("--outages", "outages_file", type=FILE, required=True, help="CSV of outages (docs/replay.md).")
@click.option(
    "--roads", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
    help="Folder with road_nodes.csv and road_edges.csv.",
)  # fmt: skip
@click.option(
    "--date", "day", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Local date of start_local."
)
@click.option("--crews", type=click.IntRange(min=1, max=5000), default=12, show_default=True)
@click.option("--policy", type=click.Choice(["nearest", "mean", "risk"]), default="risk", show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of people, lines and crews' bases.")
@click.option(
    "--report", "report_file", type=click.Path(dir_okay=False, path_type=Path), help="Write JSON here."
)
@click.option("--strict", is_flag=True, help="Stop at the first malformed row.")
@click.option("--people", "people_file", type=FILE, default=OWN_FILE, help="How people behave (TOML).")
@click.option("--speeds", "speeds_file", type=FILE, help="Vehicle speeds by hour (TOML).")
@click.option("--timezone", help="IANA zone; default: the offset of the file's local times.")
def replay(
    outages_file: Path, roads: Path, day: datetime, crews: int, policy: str, seed: int,
    report_file: Path | None, strict: bool, people_file: Path, speeds_file: Path | None, timezone: str | None,
) -> None:  # fmt: skip
    """Replay a day of outages through the same services, in virtual time."""
    started = SystemClock.monotonic()
    screen, errors = Console(), Console(stderr=True)
    zone = _zone(timezone)
    file = read_outages(outages_file, zone, strict=strict)
    _name_malformed(errors, file)
    plan = plan_of(
        file, day.date(), crews=crews, policy=policy, people=People(seed, people_file), roads=roads,
        zone=zone, speeds=speeds_file,
    )  # fmt: skip
    outcome = _run(plan, errors)
    report = figures(plan, outcome, file)
    if report_file is not None:
        _write(report_file, as_text(report))
    show(screen, report, SystemClock.monotonic() - started)
    if missing := lost(plan, outcome):
        for line in [outcome.stuck, *missing]:
            errors.print(line, style="red", markup=False, highlight=False)
        raise click.ClickException(f"{len(missing)} of {len(plan.outages)} calls were lost")


def _run(plan: Plan, errors: Console) -> Outcome:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory(prefix="dispatch45-replay-") as folder,
        Progress(*columns, console=errors, transient=True) as progress,
    ):
        bar = progress.add_task(f"{plan.day}", total=len(plan.outages))

        def tell(closed: int, now: datetime) -> None:
            local = now.astimezone(plan.zone)
            progress.update(bar, completed=closed, description=f"{local:%m-%d %H:%M} orders closed")

        return asyncio.run(Day(plan, Path(folder)).run(tell))


def _name_malformed(errors: Console, file: OutageFile) -> None:
    for sentence in file.malformed[:SHOWN_ROWS]:
        errors.print(f"skipped: {sentence}", markup=False, highlight=False, soft_wrap=True)
    if (more := len(file.malformed) - SHOWN_ROWS) > 0:
        errors.print(f"skipped: {more} more (the report names all)")


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(f"--timezone: no such time zone: {name}") from None


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise BadInput(f"{file}: cannot be written: {error.strerror}") from None
