"""Outages as a utility publishes them: one CSV row each, with the times of its crews.

Columns that must be there: `outage_id`, `lat`, `lon`, and `start_utc` or `start_local`. The others may be missing
(`OPTIONAL`). Times are ISO 8601; `*_utc` without an offset are UTC, `start_local` carries the offset of its place.
A row that cannot be used is named by file, line and column, and counted; it never stops the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from math import isfinite
from pathlib import Path

from dispatch.core.errors import BadInput
from dispatch.core.types import Point
from simulators.csv_rows import Malformed, Row, csv_rows

NEEDED = ("outage_id", "lat", "lon")
STARTS = ("start_utc", "start_local")
OPTIONAL = (
    "customers_max", "cause", "assigned_utc", "enroute_utc", "onsite_utc", "repair_onsite_utc", "cleared_utc",
)  # fmt: skip
PLANNED = "PLANNED"


@dataclass(frozen=True, slots=True)
class Outage:
    """One outage. Instants are aware; None = the file does not say."""

    id: str
    line: int
    start: datetime
    local: datetime
    """The same instant on the wall clock of its place."""
    place: Point
    customers: int
    cause: str
    assigned: datetime | None
    enroute: datetime | None
    onsite: datetime | None
    """The first crew on the site: `onsite_utc`, else `repair_onsite_utc`."""
    cleared: datetime | None

    @property
    def planned(self) -> bool:
        """Scheduled work: nobody calls, nobody hurries."""
        return self.cause == PLANNED


@dataclass
class OutageFile:
    """What a file holds, and what in it could not be used."""

    name: str
    outages: list[Outage] = field(default_factory=list)
    malformed: list[str] = field(default_factory=list)
    """One sentence each: file, line, column, what was expected and found."""
    missing: list[str] = field(default_factory=list)
    """Optional columns that are not there."""

    def days(self) -> tuple[date, date]:
        """The first and the last local date. Raises BadInput where there is no usable row."""
        found = [one.local.date() for one in self.outages]
        if not found:
            raise BadInput(f"{self.name}: no usable outage in the file")
        return min(found), max(found)

    def unplanned(self, day: date | None = None) -> list[Outage]:
        """Unplanned outages (of one local date), the earliest first."""
        chosen = (o for o in self.outages if not o.planned and day in {None, o.local.date()})
        return sorted(chosen, key=lambda o: (o.start, o.id))


def read_outages(file: Path, zone: tzinfo | None = None, *, strict: bool = False) -> OutageFile:
    """Read a CSV file (`.gz` too). `zone`: that of local times which carry no offset, or are not in the file.

    Raises BadInput where a needed column is missing or the file cannot be read; when `strict`, for the first
    malformed row too.
    """
    result = OutageFile(file.name)
    lines: dict[str, int] = {}
    with csv_rows(file) as (columns, rows):
        _check_columns(file, columns)
        result.missing = [name for name in (*STARTS, *OPTIONAL) if name not in columns]
        for row in rows:
            try:
                outage = _outage(file.name, row, zone, lines)
            except BadInput as error:
                if strict:
                    raise
                result.malformed.append(error.message)
            else:
                lines[outage.id] = outage.line
                result.outages.append(outage)
    return result


def _check_columns(file: Path, columns: Sequence[str]) -> None:
    for name in NEEDED:
        if name not in columns:
            raise BadInput(f"{file.name} line 1: no column {name}", file=str(file), line=1, column=name)
    if not set(STARTS) & set(columns):
        raise BadInput(f"{file.name} line 1: no column start_utc or start_local", line=1)


def _outage(file: str, row: Row | Malformed, zone: tzinfo | None, known: dict[str, int]) -> Outage:
    if isinstance(row, Malformed):
        raise BadInput(row.said(file), file=file, line=row.line, column=row.column)
    return _Row(file, row.line, row.values).outage(zone, known)


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the file, able to say where a value went wrong."""

    file: str
    line: int
    values: dict[str, str]

    def outage(self, zone: tzinfo | None, known: dict[str, int]) -> Outage:
        """The outage of this row. Raises BadInput."""
        number = self._text("outage_id")
        if not number:
            raise self._wrong("outage_id", "a text")
        if number in known:
            raise self._wrong("outage_id", f"an id of its own (line {known[number]} has the same)")
        start, local = self._start(zone)
        return Outage(
            number, self.line, start, local, Point(self._degrees("lat", 90), self._degrees("lon", 180)),
            self._customers(), self._text("cause").upper(), self._time("assigned_utc"),
            self._time("enroute_utc"), *self._arrival(), self._time("cleared_utc"),
        )  # fmt: skip

    def _arrival(self) -> tuple[datetime | None]:
        first, second = self._time("onsite_utc"), self._time("repair_onsite_utc")
        return (first or second,)

    def _start(self, zone: tzinfo | None) -> tuple[datetime, datetime]:
        start, local = self._time("start_utc"), self._time("start_local", zone, local=True)
        if start is None and local is None:
            raise self._wrong("start_utc" if "start_utc" in self.values else "start_local", "a time")
        if local is None:
            if zone is None:
                raise self._wrong("start_local", "a local time (or name the zone with --timezone)")
            assert start is not None
            local = start.astimezone(zone)
        start = start or local
        if abs((start - local).total_seconds()) >= 1:
            raise self._wrong("start_local", f"the same instant as start_utc {start.isoformat()}")
        return start.astimezone(UTC), local

    def _text(self, column: str) -> str:
        return (self.values.get(column) or "").strip()

    def _wrong(self, column: str, expected: str) -> BadInput:
        text = self._text(column)
        shown = text if len(text) <= 60 else text[:57] + "..."
        return BadInput(
            f"{self.file} line {self.line}, column {column}: expected {expected}, found {shown!r}",
            file=self.file, line=self.line, column=column,
        )  # fmt: skip

    def _time(self, column: str, zone: tzinfo | None = UTC, *, local: bool = False) -> datetime | None:
        text = self._text(column)
        if not text:
            return None
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            raise self._wrong(column, "an ISO 8601 time") from None
        if instant.tzinfo is None:
            if zone is None:
                raise self._wrong(column, "a time with its offset (or name the zone with --timezone)")
            instant = instant.replace(tzinfo=zone)
        if not 1970 <= instant.year <= 2200:
            raise self._wrong(column, "a year from 1970 to 2200")
        return instant if local else instant.astimezone(UTC)

    def _degrees(self, column: str, most: float) -> float:
        try:
            value = float(self._text(column))
        except ValueError:
            raise self._wrong(column, "degrees") from None
        if not (isfinite(value) and abs(value) <= most):
            raise self._wrong(column, f"degrees from {-most:g} to {most:g}")
        return value

    def _customers(self) -> int:
        """How many customers lost their supply; 1 where the file does not say."""
        text = self._text("customers_max")
        if not text:
            return 1
        try:
            value = float(text)
        except ValueError:
            raise self._wrong("customers_max", "a whole number, 0 or more") from None
        if not (isfinite(value) and value >= 0 and value == int(value)):
            raise self._wrong("customers_max", "a whole number, 0 or more")
        return int(value)
