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
FORMULA = "=+-@\t\r"
"""With what a text begins that a spreadsheet takes for a formula: it goes out with ' before it and comes in without."""


def marked(text: str) -> str:
    """A text as it stands in a cell."""
    return f"'{text}" if text[:1] and text[0] in FORMULA else text


def unmarked(cell: str) -> str:
    """A cell's text."""
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in FORMULA else cell


def delimiter_of(text: str) -> str:
    """Semicolons where the header has those alone, else commas."""
    header = text.partition("\n")[0]
    return ";" if ";" in header and "," not in header else ","


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in one cell. `line` counts the file's lines from 1, as an editor does; `code` pages translate."""

    line: int
    column: str
    said: str
    code: str = "form"
    value: str = ""

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.said}"


@dataclass
class Cells:
    """One row, read cell by cell; what cannot be read is noted, and something harmless stands for it."""

    line: int
    values: Mapping[str, str]
    faults: list[Fault] = field(default_factory=list)

    def wrong(self, column: str, said: str, code: str = "form") -> None:
        """Note a fault of this row."""
        self.faults.append(Fault(self.line, column, said, code, self.values.get(column, "").strip()[:40]))

    def text(self, column: str, *, needed: bool = True, longest: int = LONGEST) -> str:
        """The cell without blanks around it, of at most `longest` characters."""
        found = unmarked(self.values.get(column, "").strip())
        if needed and not found:
            self.wrong(column, "is empty", "required")
        if len(found) > longest or any(ord(c) < 32 for c in found):
            self.wrong(column, f"expected at most {longest} characters of text, without line breaks")
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
                self.wrong(column, f"{found[:40]!r}: expected degrees from -{limit:g} to {limit:g}", "number")
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
                self.wrong(column, f"{found[:40]!r}: expected a time such as 2026-03-02 08:30", "instant")
            return datetime(1970, 1, 2, tzinfo=zone)
        return at if at.tzinfo else at.replace(tzinfo=zone)


@dataclass(frozen=True)
class Table(Generic[T]):
    """What was read: the good rows, and every fault; `bad` are the lines that hold one, header first, as they stood.

    `names`: of each column of the file, empty where it is none of ours.
    """

    rows: list[T]
    faults: list[Fault]
    bad: list[list[str]]
    names: list[str]


def read_table(
    text: str, columns: Mapping[str, tuple[str, ...]], needed: tuple[str, ...], row: Callable[[Cells], T]
) -> Table[T]:
    """Every row of a CSV with a header. `columns`: each column and what else it may be called.

    Raises BadInput where there is no such table at all: no header, or a needed column is missing.
    """
    text = text.removeprefix("\ufeff")  # a spreadsheet's mark of UTF-8
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text))
    try:
        header = next(reader, [])
    except csv.Error as error:
        raise BadInput(f"line 1: it cannot be read: {error}", field="", why="not_csv") from error
    called = {known: name for name, others in columns.items() for known in (name, *others)}
    names = [called.get(one.strip().lower(), "") for one in header]
    if missing := [name for name in needed if name not in names]:
        raise BadInput(
            f"line 1: no column {', '.join(missing)}; found {', '.join(header)[:200] or 'nothing'}",
            field=missing[0],
            why="missing_column",
        )
    found: Table[T] = Table([], [], [header], names)
    last = 1
    try:
        for values in reader:
            line, last = last + 1, reader.line_num
            if any(one.strip() for one in values):
                _take(found, Cells(line, dict(zip(names, values, strict=False))), values, len(header), row)
    except csv.Error as error:
        found.faults.append(Fault(last + 1, "row", f"cannot be read: {error}", "not_csv"))
    return found


def _take(found: Table[T], cells: Cells, values: list[str], width: int, row: Callable[[Cells], T]) -> None:
    if len(values) > width:
        cells.wrong(
            "row", f"has {len(values)} cells, the header {width}: is a comma not in quotes?", "too_many_cells"
        )
    made = row(cells)
    if cells.faults:
        found.faults.extend(cells.faults)
        found.bad.append(values)
    else:
        found.rows.append(made)
