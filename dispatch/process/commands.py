"""`dispatch45 process`: check a definition, show its life cycle, adopt another one."""

from __future__ import annotations

import getpass
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import click

from dispatch.core.diagram import mermaid, reference
from dispatch.core.errors import BadInput
from dispatch.core.process import Process, parse
from dispatch.core.process_check import check as find_gaps
from dispatch.settings import Settings, from_environment


@click.group()
def process() -> None:
    """Check, show and adopt process definitions (the shipped one, or a FILE)."""


@process.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def check(file: Path | None) -> None:
    """Read a definition and say what it holds, or on which line it is wrong."""
    found = _load(file)
    find_gaps(found)
    click.echo(
        f"{found.id}: {len(found.states)} states, {len(found.transitions)} transitions,"
        f" {len(found.segments)} segments, {len(found.watches)} watches: in order"
    )


@process.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def diagram(file: Path | None) -> None:
    """Print the life cycle as a Mermaid state diagram."""
    click.echo(mermaid(_load(file)), nl=False)


@process.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def tables(file: Path | None) -> None:
    """Print the life cycle, segments and watches as Markdown (docs/life-cycle.md is made by this)."""
    click.echo(reference(_load(file)), nl=False)


_DATA = click.option(
    "--data", type=click.Path(path_type=Path), help="The installation's folder [default: ./var]."
)


@process.command()
@click.argument("what", metavar="FILE_OR_ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_DATA
def adopt(what: str, yes: bool, data: Path | None) -> None:
    """Let new orders begin under another definition: a FILE, or one that was kept (fault_repair@2).

    It is checked, and what it changes is shown, before anything is done. Running orders end under what they began
    with; every process of the installation takes it within seconds, without a restart.
    """
    from dispatch.bootstrap import definitions
    from dispatch.clock import SystemClock

    settings = _settings(data)
    proposal = definitions.propose(settings, what)
    click.echo(f"{proposal.before.id} -> {proposal.process.id}")
    for line in proposal.lines or ["nothing that the core knows differs"]:
        click.echo(f"  {line}")
    if proposal.gaps:
        click.echo(f"  Beware: {proposal.gaps}")
    if not yes and not click.confirm("Adopt it?"):
        raise click.Abort
    by = f"{getpass.getuser()} (command line)"
    definitions.adopt(settings, proposal, by=by, at=SystemClock().now())
    click.echo(f"New orders begin under {proposal.process.id}.")


@process.command()
@_DATA
def adoptions(data: Path | None) -> None:
    """Who made which definition the current one, and when."""
    from dispatch.adapters.sql.definitions import adoptions as rows
    from dispatch.bootstrap.database import at_once

    for row in at_once(_settings(data), rows):
        click.echo(f"{row.at.isoformat(timespec='seconds')}  {row.process}  by {row.by}")
        for line in row.difference.splitlines():
            click.echo(f"  {line}")


def _settings(data: Path | None) -> Settings:
    """The installation, brought to the present schema. Raises BadInput where there is none."""
    from dispatch.bootstrap.database import is_postgres, make_ready, sqlite_file

    settings = from_environment()
    settings = replace(settings, data=data.resolve()) if data else settings
    if not is_postgres(settings) and not sqlite_file(settings).exists():
        raise BadInput(f"there is no installation in {settings.data}: name its folder with --data DIR")
    make_ready(settings)
    return settings


def _load(file: Path | None) -> Process:
    if file is None:
        text = files("dispatch").joinpath("process", "fault_repair.toml").read_text(encoding="utf-8")
        return parse(text, "fault_repair.toml")
    try:
        return parse(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: {error}") from None
