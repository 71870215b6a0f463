"""Fleet traces: one CSV row a fix, with `vehicle_id`, `t_epoch` (UTC seconds), `lat` and `lon`."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import NamedTuple

from dispatch.core.errors import BadInput
from simulators.csv_rows import Malformed, Row, csv_rows

COLUMNS = ("vehicle_id", "t_epoch", "lat", "lon")
LATEST = 4_102_444_800
"""2100-01-01: the protocol's years have two digits."""
EARLIEST = 946_684_800
"""2000-01-01."""
RANGES = (("t_epoch", EARLIEST, LATEST), ("lat", -90, 90), ("lon", -180, 180))


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


def read_traces(
    file: Path, *, vehicles: int | None = None, limit: int | None = None, strict: bool = False
) -> Traces:
    """Read a CSV file (`.gz` too): of its first `vehicles` by name, the first `limit` fixes by time.

    A malformed row is named by file, line and column and skipped. Raises BadInput where nothing can be read; when
    `strict`, for the first malformed row too.
    """
    traces = Traces()
    with csv_rows(file) as (columns, rows):
        for name in COLUMNS:
            if name not in columns:
                raise BadInput(f"{file.name} line 1: no column {name}", column=name)
        for row in rows:
            fix = _fix(row)
            if isinstance(fix, TraceFix):
                traces.fixes.append(fix)
                continue
            if strict:
                raise BadInput(fix.said(file.name), file=file.name, line=fix.line, column=fix.column)
            traces.malformed.append(fix.said(file.name))
    chosen = set(sorted({one.vehicle for one in traces.fixes})[:vehicles])
    traces.fixes = sorted((f for f in traces.fixes if f.vehicle in chosen), key=lambda f: f.time)[:limit]
    if not traces.fixes:
        raise BadInput(f"{file.name}: no usable fix in the file")
    return traces


def _fix(row: Row | Malformed) -> TraceFix | Malformed:
    if isinstance(row, Malformed):
        return row
    vehicle = row.values["vehicle_id"].strip()
    if not vehicle:
        return Malformed(row.line, "vehicle_id", "a name")
    found = []
    for column, least, most in RANGES:
        try:
            value = float(row.values[column])
        except ValueError:
            value = nan
        if not least <= value <= most:
            expected = f"a number from {least:g} to {most:g}, found {row.values[column][:60]!r}"
            return Malformed(row.line, column, expected)
        found.append(value)
    time, lat, lon = found
    return TraceFix(int(time), vehicle, lat, lon)
