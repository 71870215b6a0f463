"""`dispatch45 import`: tables that a utility brings as CSV. Nothing of a file is taken unless all of it is, or --keep-good."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import click
from sqlalchemy import Connection

from dispatch.adapters.sql import outages
from dispatch.adapters.sql.gazetteer import replace_gazetteer
from dispatch.adapters.sql.organisation import load_directory
from dispatch.adapters.sql.outage_plan import KIND, take_in
from dispatch.adapters.sql.trail import Note, note
from dispatch.bootstrap.database import at_once
from dispatch.bootstrap.operator_commands import an_installation, settings_of
from dispatch.clock import SystemClock
from dispatch.core.csv_rows import Table
from dispatch.core.errors import BadInput
from dispatch.core.imports import read_gazetteer, read_outages
from dispatch.settings import Settings

T = TypeVar("T")
FAULTS_SHOWN = 50
_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_keep_good = click.option(
    "--keep-good",
    is_flag=True,
    help="Take the good rows; the bad ones are written beside FILE, as FILE.bad.csv.",
)


@click.group("import")
def import_() -> None:
    """Take in a table of the utility's own, from CSV (docs/hotline.md says which columns)."""


@import_.command()
@_file
@_keep_good
@an_installation
def gazetteer(file: Path, keep_good: bool, data: Path | None) -> None:
    """Addresses with their places (name, name_zh, lat, lon), in place of those of before."""
    settings = settings_of(data)
    rows = _checked(read_gazetteer(_text(file)), file, keep_good)
    told = Note("system", "import", "import_gazetteer", file.name, {"rows": len(rows)})
    _keep(settings, told, lambda c: replace_gazetteer(c, rows))
    click.echo(f"{len(rows)} addresses.")


@import_.command("planned-outages")
@_file
@_keep_good
@an_installation
def planned_outages(file: Path, keep_good: bool, data: Path | None) -> None:
    """Outages (id, from, to, reason, and territory, polygon or addresses); one of a known id is replaced, others stay."""
    settings = settings_of(data)
    zone = ZoneInfo(settings.timezone)
    now = SystemClock().now()
    geojson, closed = at_once(
        settings, lambda c: (load_directory(c).territories, outages.closed(c, now)), reading=True
    )
    known = frozenset(str(f["properties"]["id"]) for f in geojson.get("features", ()))
    rows = _checked(read_outages(_text(file), zone, known, closed), file, keep_good)
    told = Note("system", "import", f"import_{KIND}", file.name)
    at_once(settings, lambda c: take_in(c, rows, told, zone, SystemClock().now()))
    click.echo(f"{len(rows)} planned outages.")


def _keep(settings: Settings, told: Note, put: Callable[[Connection], None]) -> None:
    """The rows, and who brought them, in one transaction."""

    def work(connection: Connection) -> None:
        put(connection)
        note(connection, told, SystemClock().now())

    at_once(settings, work)


def _text(file: Path) -> str:
    """UTF-8, or what Chinese spreadsheets write. Raises BadInput."""
    raw = file.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadInput(f"{file}: expected a text in UTF-8 or GB 18030")


def _checked(found: Table[T], file: Path, keep_good: bool) -> list[T]:
    """The good rows. Raises BadInput with every fault named, where there are any and they are not to be left out."""
    if not found.faults:
        return found.rows
    shown = "\n".join(f"  {one}" for one in found.faults[:FAULTS_SHOWN])
    more = len(found.faults) - FAULTS_SHOWN
    said = f"{len(found.faults)} fault(s) in {file}:\n{shown}" + (f"\n  and {more} more" if more > 0 else "")
    if not keep_good:
        raise BadInput(f"{said}\nNothing was changed: correct the file, or give --keep-good")
    beside = file.with_name(f"{file.name}.bad.csv")
    with beside.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(found.bad)
    click.echo(f"{said}\nThe bad rows are in {beside}", err=True)
    return found.rows
