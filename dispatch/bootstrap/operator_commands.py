"""Commands for whoever runs an installation: `audit`, `clock`, `renew-epoch`. They may be given while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import click

from dispatch.adapters.sql.organisation import set_fact
from dispatch.bootstrap.audit_trail import audit
from dispatch.bootstrap.auditor import Auditor
from dispatch.bootstrap.database import at_once, is_postgres, sqlite_file
from dispatch.bootstrap.epochs import renew
from dispatch.bootstrap.timekeeping import CONFIRMED, open_clock
from dispatch.core.errors import BadInput
from dispatch.services.auditor import Finding
from dispatch.services.words import words
from dispatch.settings import Settings, from_environment


def an_installation(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --data of a command."""
    said = "Folder of the installation [default: ./var]; or DATABASE_URL."
    return click.option("--data", type=click.Path(path_type=Path), help=said)(command)


def settings_of(data: Path | None) -> Settings:
    """Of the installation that a command is for. Raises BadInput where there is none."""
    settings = from_environment()
    settings = replace(settings, data=(data or settings.data).resolve())
    if not is_postgres(settings) and not sqlite_file(settings).exists():
        raise BadInput(f"There is no installation in {settings.data}: name its folder with --data DIR")
    return settings


@audit.command()
@an_installation
def now(data: Path | None) -> None:
    """One look at everything, all open orders included; prints what is wrong, and ends with 1 if anything is."""
    found = asyncio.run(_look(settings_of(data)))
    titles = words()["alert_codes"]
    for finding in found:
        click.echo(f"{titles[finding.code]['en']} [{finding.name}]: {finding.text()}")
    if found:
        raise click.exceptions.Exit(1)
    click.echo("Nothing is wrong.")


async def _look(settings: Settings) -> list[Finding]:
    watching = Auditor(settings, ())
    try:
        return await watching.findings(all_orders=True)
    finally:
        await watching.close()


@click.group()
def clock() -> None:
    """The installation's time, and the clocks that lead it."""


@clock.command()
@an_installation
def show(data: Path | None) -> None:
    """Where the installation's time stands, and how far the machine's and the database's clocks are from it."""
    real = open_clock(settings_of(data))
    click.echo(f"installation {real.now().isoformat(timespec='seconds')}")
    click.echo(f"machine {real.behind('machine'):+.1f} s, database {real.behind('database'):+.1f} s")


@clock.command()
@an_installation
def trust(data: Path | None) -> None:
    """Confirm the clock that leads (PostgreSQL's, or the machine's): every process jumps to it within seconds.

    What has become due by that fires at once; going back makes everything wait longer.
    """
    settings = settings_of(data)
    at_once(settings, lambda c: set_fact(c, CONFIRMED, uuid4().hex))
    click.echo("Confirmed.")


@click.command("renew-epoch")
@an_installation
def renew_epoch(data: Path | None) -> None:
    """Begin the revisions of the devices' desired states anew; workers do so by themselves after a restore that they notice."""
    settings = settings_of(data)
    at_once(settings, renew)
    click.echo("Renewed: workers write every device's state anew within seconds.")
