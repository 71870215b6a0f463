"""A TOML file that knows on which line each of its tables began, so that every complaint can name one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from dispatch.core.errors import ProcessInvalid

_DURATION = re.compile(r"(\d{1,6})\s*([smh])")
_PLACE = re.compile(r"line (\d+), column (\d+)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


class LinedToml:
    """Reads one file. What is not as expected raises ProcessInvalid with `file:line: table: what`."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.lines = text.splitlines()
        try:
            self.data: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ProcessInvalid(f"{name}: {error}", **_place(str(error), len(self.lines))) from None

    def line_of(self, header: str, index: int, key: str = "") -> int:
        """1-based line of the `index`-th `[header]` or `[[header]]`, or of `key` inside it."""
        begins = re.compile(rf"\s*\[\[?\s*{re.escape(header)}\s*\]\]?\s*(#.*)?")
        starts = [n for n, line in enumerate(self.lines) if begins.fullmatch(line)]
        if index >= len(starts):
            return self._line_of_key(0, header) or 1
        return self._line_of_key(starts[index] + 1, key) or starts[index] + 1

    def _line_of_key(self, start: int, key: str) -> int:
        for n in range(start, len(self.lines)):
            if self.lines[n].lstrip().startswith("["):
                break
            if key and re.match(rf"\s*{re.escape(key)}\s*=", self.lines[n]):
                return n + 1
        return 0

    def fail(self, header: str, index: int, key: str, message: str) -> ProcessInvalid:
        """The error to raise; its facts name line and column, both from 1."""
        line = self.line_of(header, index, key)
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        column = len(text) - len(text.lstrip()) + 1
        return ProcessInvalid(f"{self.name}:{line}: {header}: {message}", line=line, column=column)

    def table(self, header: str) -> Mapping[str, Any]:
        """The one table of this name; empty where it is missing."""
        found = self.data.get(header, {})
        if not isinstance(found, dict):
            raise self.fail(header, 0, "", f"expected a table [{header}]")
        return found

    def tables(self, header: str, inside: Mapping[str, Any] | None = None) -> list[Mapping[str, Any]]:
        """All tables of this name, of the file or of another table."""
        found = (self.data if inside is None else inside).get(header, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise self.fail(header, 0, "", f"expected tables [[{header}]]")
        return found

    def get(self, table: Mapping[str, Any], header: str, index: int, key: str, kind: type) -> Any:
        """A value that must be there, of this type."""
        if key not in table:
            raise self.fail(header, index, "", f"{key!r} is missing")
        value = table[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.fail(header, index, key, f"{key} = {value!r}: expected {kind.__name__}")
        return value

    def number(self, table: Mapping[str, Any], header: str, index: int, key: str) -> float:
        """A number of 0 or more; 0 where it is missing."""
        value = table.get(key, 0)
        if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
            raise self.fail(header, index, key, f"{key} = {value!r}: expected a number of 0 or more")
        return float(value)

    def names(self, table: Mapping[str, Any], header: str, index: int, key: str) -> tuple[str, ...]:
        """A list of names; empty where it is missing."""
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.fail(header, index, key, f"{key} = {value!r}: expected a list of names")
        return tuple(value)

    def known(
        self, table: Mapping[str, Any], header: str, index: int, key: str, words: Collection[str]
    ) -> tuple[str, ...]:
        """A list of names out of `words`."""
        given = self.names(table, header, index, key)
        for word in given:
            if word not in words:
                expected = ", ".join(sorted(words))
                raise self.fail(header, index, key, f"{key}: {word!r} is not known; expected {expected}")
        return given

    def choice(
        self, table: Mapping[str, Any], header: str, index: int, key: str, words: Collection[str]
    ) -> str:
        """One of `words`; empty where it is missing."""
        value = table.get(key, "")
        if not isinstance(value, str) or (value and value not in words):
            expected = ", ".join(sorted(words))
            raise self.fail(header, index, key, f"{key}: {value!r} is not known; expected {expected}")
        return value

    def titles(
        self, table: Mapping[str, Any], header: str, index: int, key: str = "title"
    ) -> Mapping[str, str]:
        """Labels by language; empty where they are missing."""
        value = table.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise self.fail(header, index, key, f'{key} = {value!r}: expected {{ zh = "...", en = "..." }}')
        return value

    def duration(self, table: Mapping[str, Any], header: str, index: int, key: str) -> timedelta:
        """A time such as "90s", "4m" or "2h"."""
        value = self.get(table, header, index, key, str)
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise self.fail(
                header, index, key, f'{key} = "{value}": expected a duration such as "90s" or "4m"'
            )
        return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _place(message: str, lines: int) -> dict[str, int]:
    """Where the reader of TOML stumbled, as its message says; at the end where it says that."""
    found = _PLACE.search(message)
    return {"line": int(found[1]), "column": int(found[2])} if found else {"line": max(1, lines), "column": 1}
