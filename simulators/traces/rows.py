"""Fleet traces: one CSV row a fix, with `vehicle_id`, `t_epoch` (UTC seconds), `lat` and `lon`."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from dispatch.core.errors import BadInput

COLUMNS = ("vehicle_id", "t_epoch", "lat", "lon")
LATEST = 4_102_444_800
"""2100-01-01: the protocol's years have two digits."""
EARLIEST = 946_684_800
"""2000-01-01."""


class TraceFix(NamedTuple):
    """One fix: `time` in seconds since 1970-01-01 UTC, WGS-84 degrees."""

    time: int
    vehicle: str
    lat: float
    lon: float


@dataclass
class Traces:
    """A file's fixes in the order of their times, and what could not be used."""

    fixes: list[TraceFix] = field(default_factory=list)
    malformed: list[str] = field(default_factory=list)

    def devices(self) -> dict[str, str]:
        """Vehicle → the 12 digits of its terminal."""
        vehicles = sorted({one.vehicle for one in self.fixes})
        return {vehicle: f"0146{number:08d}" for number, vehicle in enumerate(vehicles, 1)}


def read_traces(file: Path, *, vehicles: int | None = None, limit: int | None = None) -> Traces:
    """Read a CSV file (`.gz` too): of its first `vehicles` by name, the first `limit` fixes by time.

    A malformed row is named by file, line and column and skipped. Raises BadInput where nothing can be read.
    """
    opener: Any = gzip.open if file.suffix == ".gz" else Path.open
    traces = Traces()
    try:
        with opener(file, "rt", encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restval="")
            for name in COLUMNS:
                if name not in (reader.fieldnames or ()):
                    raise BadInput(f"{file.name} line 1: no column {name}", column=name)
            for row in reader:
                try:
                    traces.fixes.append(_fix(row))
                except _Wrong as error:
                    traces.malformed.append(f"{file.name} line {reader.line_num}, {error}")
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{file}: cannot be read: {error}") from None
    chosen = set(sorted({one.vehicle for one in traces.fixes})[:vehicles])
    traces.fixes = sorted((f for f in traces.fixes if f.vehicle in chosen), key=lambda f: f.time)[:limit]
    if not traces.fixes:
        raise BadInput(f"{file.name}: no usable fix in the file")
    return traces


class _Wrong(ValueError):
    """Says the column, and what was expected there."""


def _fix(row: Mapping[str, str]) -> TraceFix:
    vehicle = row["vehicle_id"].strip()
    if not vehicle:
        raise _Wrong("column vehicle_id: expected a name")
    time = _number(row, "t_epoch", EARLIEST, LATEST)
    return TraceFix(int(time), vehicle, _number(row, "lat", -90, 90), _number(row, "lon", -180, 180))


def _number(row: Mapping[str, str], column: str, least: float, most: float) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = float("nan")
    if not (isfinite(value) and least <= value <= most):
        raise _Wrong(f"column {column}: expected a number from {least:g} to {most:g}, found {row[column]!r}")
    return value
