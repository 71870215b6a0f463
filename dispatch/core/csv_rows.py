"""Tables that a utility gives as CSV: every row is taken or named, by its line and column, with what was expected."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Generic, TypeVar

from dispatch.core.errors import BadInput

T = TypeVar("T")
LONGEST = 2_000
"""Characters of one cell."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in one cell. `line` counts the file's lines from 1, as an editor does."""

    line: int
    column: str
    said: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.said}"


@dataclass
class Cells:
    """One row, read cell by cell; what cannot be read is noted, and something harmless stands for it."""

    line: int
    values: Mapping[str, str]
    faults: list[Fault] = field(default_factory=list)

    def wrong(self, column: str, said: str) -> None:
        """Note a fault of this row."""
        self.faults.append(Fault(self.line, column, said))

    def text(self, column: str, *, needed: bool = True) -> str:
        """The cell without blanks around it."""
        found = self.values.get(column, "").strip()
        if needed and not found:
            self.wrong(column, "is empty")
        if len(found) > LONGEST or any(ord(c) < 32 for c in found):
            self.wrong(column, f"expected at most {LONGEST} characters of text, without line breaks")
            return ""
        return found

    def degrees(self, column: str, limit: float) -> float:
        """A number of degrees from -limit to limit."""
        found = self.text(column)
        try:
            value = float(found)
        except ValueError:
            value = float("nan")
        if not -limit <= value <= limit:
            if found:
                self.wrong(column, f"{found[:40]!r}: expected degrees from -{limit:g} to {limit:g}")
            return 0.0
        return value

    def instant(self, column: str, zone: tzinfo) -> datetime:
        """An ISO 8601 time; without an offset it is one of `zone`."""
        found = self.text(column)
        try:
            at = datetime.fromisoformat(found)
            if not 1970 <= at.year <= 9000:
                raise ValueError
        except ValueError:
            if found:
                self.wrong(column, f"{found[:40]!r}: expected a time such as 2026-03-02 08:30")
            return datetime(1970, 1, 2, tzinfo=zone)
        return at if at.tzinfo else at.replace(tzinfo=zone)


@dataclass(frozen=True)
class Table(Generic[T]):
    """What was read: the good rows, and every fault; `bad` are the lines that hold one, header first, as they stood."""

    rows: list[T]
    faults: list[Fault]
    bad: list[list[str]]


def read_table(
    text: str, columns: Mapping[str, tuple[str, ...]], needed: tuple[str, ...], row: Callable[[Cells], T]
) -> Table[T]:
    """Every row of a CSV with a header. `columns`: each column and what else it may be called.

    Raises BadInput where there is no such table at all: no header, or a needed column is missing.
    """
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    called = {known: name for name, others in columns.items() for known in (name, *others)}
    names = [called.get(one.strip().lower(), "") for one in header]
    if missing := [name for name in needed if name not in names]:
        raise BadInput(
            f"line 1: no column {', '.join(missing)}; found {', '.join(header)[:200] or 'nothing'}",
            field=missing[0],
        )
    found: Table[T] = Table([], [], [header])
    last = 1
    try:
        for values in reader:
            line, last = last + 1, reader.line_num
            if any(one.strip() for one in values):
                _take(found, Cells(line, dict(zip(names, values, strict=False))), values, len(header), row)
    except csv.Error as error:
        found.faults.append(Fault(last + 1, "row", f"cannot be read: {error}"))
    return found


def _take(found: Table[T], cells: Cells, values: list[str], width: int, row: Callable[[Cells], T]) -> None:
    if len(values) > width:
        cells.wrong("row", f"has {len(values)} cells, the header {width}: is a comma not in quotes?")
    made = row(cells)
    if cells.faults:
        found.faults.extend(cells.faults)
        found.bad.append(values)
    else:
        found.rows.append(made)
