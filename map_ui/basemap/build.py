"""`dispatch45 basemap build`: a base map of our own from an OpenStreetMap extract."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import click
from pmtiles.tile import Compression, TileType
from pmtiles.writer import Writer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dispatch.core.errors import BadInput, Unavailable
from dispatch.settings import from_environment
from map_ui.basemap.chosen import FILE
from map_ui.basemap.extract import Box, box_of, things
from map_ui.basemap.kinds import LAST_ZOOM, LAYERS
from map_ui.basemap.tiles import Pieces

ATTRIBUTION = "© OpenStreetMap contributors (ODbL)"


@click.group()
def basemap() -> None:
    """The map that lies under everything."""


@basemap.command()
@click.argument("extract", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the installation [default: ./var].")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help=f"[default: {FILE} in it].")
def build(extract: Path, data: Path | None, output: Path | None) -> None:
    """Make the base map from EXTRACT, an OpenStreetMap file (.osm.pbf). The one of before stays until it is done."""
    target = output or (data or from_environment().data) / FILE
    if not target.parent.is_dir():
        raise BadInput(f"There is no folder {target.parent}: name the installation's with --data DIR")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tiles = make(extract, target, progress)
    click.echo(f"{target}: {tiles} tiles, {target.stat().st_size:,} bytes. Pages opened from now on show it.")


def make(extract: Path, target: Path, progress: Progress) -> int:
    """Write the base map; the number of its tiles. Raises BadInput, or Unavailable where the disk is full."""
    try:
        with TemporaryDirectory(prefix=".basemap-", dir=target.parent) as name:
            scratch = Path(name)
            with _pieces(scratch, box_of(extract)) as pieces:
                reading = progress.add_task("Reading", total=None)
                for thing in things(extract, scratch, lambda n: progress.update(reading, completed=n)):
                    pieces.put(thing)
                tiles = pieces.count()
                if not tiles:
                    raise BadInput(
                        f"{extract} has nothing that a base map shows: no roads, waters, buildings"
                    )
                progress.update(reading, total=1, completed=1)
                written = scratch / FILE
                with written.open("wb") as stream:
                    _write(stream, pieces, progress, tiles)
            written.replace(target)
            return tiles
    except OSError as error:
        raise Unavailable(f"The base map cannot be written: {error}") from error


@contextmanager
def _pieces(scratch: Path, box: Box | None) -> Iterator[Pieces]:
    pieces = Pieces(scratch, box)
    try:
        yield pieces
    finally:
        pieces.close()


def _write(stream: BinaryIO, pieces: Pieces, progress: Progress, tiles: int) -> None:
    writer = Writer(stream)  # type: ignore[no-untyped-call]
    for number, content in progress.track(pieces.tiles(), total=tiles, description="Writing"):
        writer.write_tile(number, gzip.compress(content, 6, mtime=0))  # type: ignore[no-untyped-call]
    bounds = pieces.bounds or (-180, -85, 180, 85)
    writer.finalize(_header(bounds), _metadata())  # type: ignore[no-untyped-call]


def _header(bounds: Box) -> dict[str, Any]:
    west, south, east, north = (round(10_000_000 * degrees) for degrees in bounds)
    return {
        "tile_type": TileType.MVT,
        "tile_compression": Compression.GZIP,
        "min_lon_e7": west, "min_lat_e7": south, "max_lon_e7": east, "max_lat_e7": north,
        "center_zoom": LAST_ZOOM - 3,
        "center_lon_e7": (west + east) // 2,
        "center_lat_e7": (south + north) // 2,
    }  # fmt: skip


def _metadata() -> dict[str, Any]:
    layers = [{"id": name, "fields": {"kind": "String", "kind_detail": "String"}} for name in LAYERS]
    return {"name": "Dispatch45", "attribution": ATTRIBUTION, "vector_layers": layers}
