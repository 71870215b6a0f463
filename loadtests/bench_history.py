"""How many positions a second the history takes, batch by batch as tracking stores them; one writer, each database.

`python -m loadtests.bench_history [--rows N] [--database-url postgresql://…]`; without an address: SQLite in a
folder of its own, every commit on the disk.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from dispatch.adapters.sql import history
from dispatch.bootstrap.database import make_ready, open_history, open_store
from dispatch.clock import SystemClock
from dispatch.core.position import Fix
from dispatch.messages import Position
from dispatch.services.ports import Processes
from dispatch.services.tracking import SeenFix
from dispatch.settings import Settings
from simulators.shipped import shipped_processes

BATCH = 1_024
DEVICES = 1_000
SAID: dict[str, Any] = {
    "ignition": True, "battery": 87, "power": 12.4, "odometer_m": 1_532_000.0, "satellites": 11, "rssi": 23,
    "alarm": "", "status": 786435,
}  # fmt: skip
"""What a JT/T 808 terminal says with each fix."""


@click.command()
@click.option("--rows", default=200_000, show_default=True, help="Positions.")
@click.option("--database-url", default="", help="A PostgreSQL that may be filled.")
def main(rows: int, database_url: str) -> None:
    """Fill a history and print its speed."""
    with TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), database_url=database_url)
        make_ready(settings)
        speed = asyncio.run(_fill(settings, shipped_processes(), rows))
        size = sum(f.stat().st_size for f in Path(folder).glob("positions.sqlite*"))
    more = "" if database_url else f", {size / rows:.0f} bytes a row"
    click.echo(
        f"{'PostgreSQL' if database_url else 'SQLite'}: {speed[0]:,.0f} positions/s, {speed[1]:,.0f} per CPU-second of this process{more}"
    )


async def _fill(settings: Settings, processes: Processes, rows: int) -> tuple[float, float]:
    store = open_store(settings, processes, SystemClock())
    positions = open_history(settings, processes, SystemClock(), store)
    begin = SystemClock().now().timestamp() - rows / DEVICES
    started, cpu = SystemClock.monotonic(), _cpu()
    for first in range(0, rows, BATCH):
        kept = [_row(n, begin) for n in range(first, min(rows, first + BATCH))]
        await positions.write(lambda c, kept=kept: history.store(c, kept), quiet=True)  # type: ignore[misc]
    speed = rows / (SystemClock.monotonic() - started), rows / (_cpu() - cpu)
    for one in {id(s): s for s in (store, positions)}.values():
        closing = one.close()
        if closing is not None:
            await closing
    return speed


def _cpu() -> float:
    now = os.times()
    return now.user + now.system


def _row(n: int, begin: float) -> Any:
    at, device = begin + n // DEVICES, f"{n % DEVICES:012d}"
    lat, lon = 39.9 + (n % 7_919) * 1e-5, 116.3 + n * 1e-7
    p = Position(device, at, at + 1, lat, lon, True, 8.5, 90.0, 43.5, "jt808", SAID | {"satellites": n % 20})
    fix = Fix(lat, lon, at, at + 1, True, 8.5, 90.0)
    return history.row(
        f"positions:{{s{n % 64:02d}}} {n // 64}-0", n % 64, SeenFix(p, fix, "ok", 8.5 * n, True)
    )


if __name__ == "__main__":
    main()
