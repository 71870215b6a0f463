"""`dispatch45 process`: check a definition, show its life cycle."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from dispatch.core.diagram import mermaid, reference
from dispatch.core.errors import BadInput
from dispatch.core.process import Process, parse


@click.group()
def process() -> None:
    """Check and show process definitions (the shipped one, or a FILE)."""


@process.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def check(file: Path | None) -> None:
    """Read a definition and say what it holds, or on which line it is wrong."""
    found = _load(file)
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


def _load(file: Path | None) -> Process:
    if file is None:
        text = files("dispatch").joinpath("process", "fault_repair.toml").read_text(encoding="utf-8")
        return parse(text, "fault_repair.toml")
    try:
        return parse(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: {error}") from None
