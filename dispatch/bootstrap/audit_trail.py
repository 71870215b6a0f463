"""The sealer of the audit trail, and `dispatch45 audit`."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import click

from dispatch.adapters.sql import trail
from dispatch.bootstrap.database import AnyStore, at_once, is_postgres, sqlite_file
from dispatch.clock import SystemClock
from dispatch.core.errors import BadInput
from dispatch.settings import Settings, from_environment

EVERY = 10.0
"""Real seconds between two rounds: a row is sealed after one or two of them."""


class Sealer:
    """One round seals what the round before saw committed."""

    def __init__(self, store: AnyStore) -> None:
        self._store = store
        self._seen: trail.Horizon | None = None

    async def once(self) -> int:
        """Seal, look how far the next round may go; the number of rows sealed."""
        seen, sealed = self._seen, 0
        if seen is not None and await self._store.read(lambda c: trail.settled(c, seen)):
            now = SystemClock().now()
            sealed = await self._store.write(lambda c: trail.seal(c, seen, now), quiet=True)
            self._seen = None
        if self._seen is None:
            self._seen = await self._store.read(trail.horizon)
        return sealed

    async def run(self) -> None:
        """One round and a pause."""
        if not await self.once() >= trail.BATCH:
            await asyncio.sleep(EVERY)


DATA = click.option(
    "--data", type=click.Path(path_type=Path), help="The program's data folder [default: ./var]."
)


def _installation(data: Path | None) -> Settings:
    """Which database is looked at. Raises BadInput where there is none."""
    settings = from_environment()
    settings = settings if data is None else replace(settings, data=data)
    if not is_postgres(settings) and not sqlite_file(settings).exists():
        raise BadInput(f"there is no {sqlite_file(settings)}: name the data folder with --data DIR")
    return settings


@click.group()
def audit() -> None:
    """The audit trail: check it, note where it stands; and one look of the auditor."""


@audit.command()
@click.option(
    "--head", "noted", default="", help="A hash that `audit head` printed before: it has to be in the chain."
)
@DATA
def verify(noted: str, data: Path | None) -> None:
    """Compute the whole chain anew; name every row that was altered, removed or put in. Exit code 1 if there is any."""
    found = at_once(_installation(data), lambda c: trail.verify(c, noted), reading=True)
    for one in found.findings:
        click.echo(f"{one.row} {one.what}")
    click.echo(
        f"{found.rows} rows under {found.seals} seals, {found.unsealed} too new to be sealed:"
        f" {f'{len(found.findings)} findings' if found.findings else 'nothing was altered'}"
    )
    sys.exit(1 if found.findings else 0)


@audit.command()
@DATA
def head(data: Path | None) -> None:
    """Print number and hash of the newest seal. Keep it outside of the database: `verify --head HASH` compares."""
    number, newest = at_once(_installation(data), trail.head, reading=True)
    click.echo(f"{number} {newest}")
