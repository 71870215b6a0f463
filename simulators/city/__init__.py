"""A synthetic city of our own making: roads, territories, addresses, centres and crews, all invented."""

from __future__ import annotations

from pathlib import Path

import click

from simulators.city.files import SEED, write_city

__all__ = ["city", "write_city"]


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--seed", default=SEED, show_default=True, help="The same seed writes the same city.")
def city(folder: Path, seed: int) -> None:
    """Write a synthetic city into DIR: roads, territories, addresses and an organisation."""
    write_city(folder, seed)
    click.echo(f"a city stands in {folder} (seed {seed})")
