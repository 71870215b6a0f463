"""CSV files read line by line, so that a line that is torn harms no other.

A row is one physical line (RFC 4180 allows a quoted line break; here that is a malformed row: a quote that was never
closed would otherwise take in the rest of the file).
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from dispatch.core.errors import BadInput

_BOM = b"\xef\xbb\xbf"
_BEYOND = "(after the last)"


@dataclass(frozen=True, slots=True)
class Row:
    """A line's values by column; what the line does not reach is empty."""

    line: int
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no row: its number, the column, and what was expected there."""

    line: int
    column: str
    expected: str

    def said(self, file: str) -> str:
        """The sentence that names it."""
        return f"{file} line {self.line}, column {self.column}: expected {self.expected}"


@contextmanager
def csv_rows(file: Path) -> Iterator[tuple[tuple[str, ...], Iterator[Row | Malformed]]]:
    """The columns (line 1) and the rows of a UTF-8 file (`.gz` too); empty lines are passed over.

    Raises BadInput where the file, or its first line, cannot be read, also while rows are read in the block.
    """
    opener: Any = gzip.open if file.suffix == ".gz" else Path.open
    try:
        with opener(file, "rb") as stream:
            header = _values(stream.readline().removeprefix(_BOM), ())
            if isinstance(header, _Torn):
                raise BadInput(f"{file.name} line 1: expected the columns' names: {header.expected}", line=1)
            columns = tuple(header)
            yield columns, _rows(stream, columns)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{file}: cannot be read: {error}") from None


def _rows(stream: IO[bytes], columns: Sequence[str]) -> Iterator[Row | Malformed]:
    for number, raw in enumerate(stream, 2):
        values = _values(raw, columns)
        if isinstance(values, _Torn):
            yield Malformed(number, values.column, values.expected)
        elif len(values) > len(columns):
            yield Malformed(number, _BEYOND, "no more values than the first line has, found more")
        elif values:
            yield Row(number, dict(zip(columns, [*values, *[""] * len(columns)], strict=False)))


@dataclass(frozen=True, slots=True)
class _Torn:
    column: str
    expected: str


def _values(raw: bytes, columns: Sequence[str]) -> list[str] | _Torn:
    raw = raw.rstrip(b"\r\n")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        return _Torn(_column(before, columns), f"UTF-8, found the byte 0x{raw[error.start]:02x}")
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        return _Torn(_column(text[: _torn_at(text)], columns), f"a value that ends on its line ({error})")


def _column(before: str, columns: Sequence[str]) -> str:
    """The name of the column that begins or goes on after this much of a line."""
    quoted, number = False, 0
    for char in before:
        quoted ^= char == '"'
        number += char == "," and not quoted
    return columns[number] if number < len(columns) else _BEYOND


def _torn_at(text: str) -> int:
    """Where the quote stands that is never closed, or after whose end something else than a comma follows."""
    opened, quoted = 0, False
    for at, char in enumerate(text):
        if char != '"':
            continue
        quoted = not quoted
        if quoted and (at == 0 or text[at - 1] != '"'):
            opened = at
        elif not quoted and text[at + 1 : at + 2] not in {"", ",", '"'}:
            return opened
    return opened
