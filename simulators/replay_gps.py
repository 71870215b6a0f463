"""`dispatch45 replay-gps`: real vehicles' traces through real sockets into a real gateway.

The command starts a Redis and a gateway of its own, registers the vehicles as terminals, lets each report over
JT/T 808 when its trace says so, and reads the streams as the centre does. What the gateway has acknowledged must
be in the history at the end: the check compares fix by fix, not numbers.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from dispatch.clock import Clock, SystemClock, clock_from
from dispatch.core.errors import Unavailable
from dispatch.settings import Settings
from simulators.traces.fleet import Fleet
from simulators.traces.platform import platform
from simulators.traces.rows import Traces, read_traces
from simulators.traces.tracking import TraceCentre

LEAD_S = 4.0
"""Real seconds for starting; the first fix's time comes when they are over."""
DRAINS_WITHIN = 60.0
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells give it."""


@dataclass
class Result:
    """What came of it."""

    sent: int = 0
    acknowledged: int = 0
    resent: int = 0
    stored: int = 0
    missing: int = 0
    """Acknowledged but not stored."""
    flags: dict[str, int] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def ok(self) -> bool:
        """Whether everything that was sent was acknowledged, and all of that is stored."""
        return self.missing == 0 and self.acknowledged == self.sent


@click.command("replay-gps")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--speed", type=click.FloatRange(min=0.1, max=100_000), default=600.0, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the gateway listens.")
@click.option("--port", type=click.IntRange(1, 65_527), help="JT/T 808 is on PORT+2; default: a free one.")
@click.option("--limit", type=click.IntRange(min=1), help="Only so many fixes, the earliest.")
@click.option("--vehicles", type=click.IntRange(min=1), help="Only so many vehicles, by name.")
@click.option("--strict", is_flag=True, help="Stop at the first malformed row.")
def replay_gps(
    file: Path,
    speed: float,
    host: str,
    port: int | None,
    limit: int | None,
    vehicles: int | None,
    strict: bool,
) -> None:
    """Push a fleet's real traces through real sockets into the gateway."""
    started = SystemClock.monotonic()
    traces = read_traces(file, vehicles=vehicles, limit=limit, strict=strict)
    errors = Console(stderr=True)
    for sentence in traces.malformed[:20]:
        errors.print(f"skipped: {sentence}", markup=False, highlight=False, soft_wrap=True)
    first = datetime.fromtimestamp(traces.fixes[0].time, UTC)
    span = traces.fixes[-1].time - traces.fixes[0].time
    errors.print(
        f"{len(traces.fixes):,} fixes over {span / 3600:.1f} h: about {lasts(span / speed + LEAD_S)} at --speed {speed:g}",
        highlight=False,
    )
    real = SystemClock().now() + timedelta(seconds=LEAD_S)
    clock = f"{real.isoformat()} {first.isoformat()} {speed!r}"
    with (
        tempfile.TemporaryDirectory(prefix="dispatch45-gps-") as name,
        platform(Path(name), host, port, clock) as settings,
    ):
        result = asyncio.run(_replay(traces, settings, Path(name), errors))
    _show(result, len(traces.malformed), SystemClock.monotonic() - started)
    if result.interrupted:
        raise click.exceptions.Exit(INTERRUPTED)
    if not result.ok:
        raise click.ClickException("not everything that was sent is acknowledged and stored")


def lasts(seconds: float) -> str:
    """How long, for people."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


async def _replay(traces: Traces, settings: Settings, folder: Path, errors: Console) -> Result:
    clock = clock_from(settings.clock)
    devices = traces.devices()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    centre = TraceCentre(folder, settings.redis_url, clock)
    fleet = Fleet(devices, settings.host, settings.jt808_port, clock)
    try:
        await centre.open(devices.values())
        if not await fleet.log_in():
            raise Unavailable("not every terminal was let in by the gateway")
        await _drive(fleet, centre, traces, clock, stop, errors)
        return await _result(fleet, centre, interrupted=stop.is_set())
    finally:
        await fleet.close()
        await centre.close()


async def _drive(
    fleet: Fleet, centre: TraceCentre, traces: Traces, clock: Clock, stop: asyncio.Event, errors: Console
) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        bar = progress.add_task("fixes acknowledged", total=len(traces.fixes))

        def tell(acknowledged: int) -> None:
            progress.update(
                bar, completed=acknowledged, description=f"{clock.now():%H:%M} UTC, fixes acknowledged"
            )

        await fleet.drive(traces.fixes, stop, tell)
        await fleet.drained(DRAINS_WITHIN, tell)
        await centre.caught_up(fleet.acknowledged)


async def _result(fleet: Fleet, centre: TraceCentre, *, interrupted: bool) -> Result:
    stored = await centre.keys()
    missing = fleet.ledger.acknowledged - stored
    return Result(
        fleet.sent, fleet.acknowledged, fleet.resent, stored.total(), missing.total(), await centre.flags(),
        interrupted,
    )  # fmt: skip


def _show(result: Result, skipped: int, run_time_s: float) -> None:
    table = Table("fixes", "", title="Interrupted" if result.interrupted else None)
    table.columns[1].justify = "right"
    for name, number in (
        ("sent", result.sent),
        ("acknowledged", result.acknowledged),
        ("stored", result.stored),
        ("acknowledged but not stored", result.missing),
        ("messages sent again", result.resent),
        ("rows skipped", skipped),
    ):
        table.add_row(name, f"{number:,}")
    table.add_section()
    flagged = {flag: n for flag, n in sorted(result.flags.items()) if flag != "ok"}
    table.add_row("flagged as implausible", f"{sum(flagged.values()):,}", style="bold")
    for flag, number in flagged.items():
        table.add_row(f"  {flag}", f"{number:,}")
    Console().print(table)
    Console().print(f"run time: {run_time_s:.1f} s")
