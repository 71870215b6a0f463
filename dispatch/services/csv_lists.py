"""Lists of people, departments, crews, vehicles and phones as CSV: written, and read with every fault by line and column.

A list that is read adds and changes; what does not stand in it stays as it is, so does what an empty cell of a
yes-or-no column does not say. The first line names the columns, in any
order. Commas or semicolons; a spreadsheet's mark of UTF-8 may be there. Pure.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dispatch.core.csv_rows import delimiter_of, marked, unmarked
from dispatch.core.errors import BadInput
from dispatch.core.telephone_number import as_dialled
from dispatch.services.people import ROLES

ListKind = Literal["people", "departments", "crews", "vehicles", "phones"]
Row = dict[str, Any]
MOST_ROWS = 20_000
_ID = re.compile(r"[\x21-\x7e]{1,80}", re.ASCII)
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_HH_MM = re.compile(r"(([01]?\d|2[0-3]):[0-5]\d|24:00)?", re.ASCII)
_PROTOCOL = re.compile(r"[a-z0-9_]{0,32}", re.ASCII)
_TRUE, _FALSE = {"true", "yes", "1", "是"}, {"false", "no", "0", "否"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a list. `line` and `column` (cell) from 1; `code` is translated by the pages."""

    line: int
    column: int
    name: str
    code: Literal[
        "required", "form", "number", "choice", "time", "twice", "unknown_column", "missing_column", "too_many_cells",
        "too_many_rows", "not_csv", "reference", "refused", "instant", "ends_first", "where", "polygon",
        "outage_called_off", "outage_over",
    ]  # fmt: skip
    value: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A list as it was read: rows by their key, each with its line."""

    rows: Mapping[str, Row]
    lines: Mapping[str, int]
    faults: tuple[Fault, ...]


class _Bad(Exception):
    def __init__(self, code: str) -> None:
        self.code = code


def _text(value: str) -> str:
    if not value:
        raise _Bad("required")
    return _maybe(value)


def _maybe(value: str) -> str:
    if len(value) > 200 or any(ord(c) < 32 or c == "\x7f" for c in value):
        raise _Bad("form")
    return value


def _phone(value: str) -> str:
    if not value:
        raise _Bad("required")
    if number := as_dialled(value):
        return number
    raise _Bad("phone")


def _unless(on_file: Collection[str], reader: Callable[[str], str]) -> Callable[[str], str]:
    return lambda value: value if value in on_file else reader(value)


def _like(pattern: re.Pattern[str], code: str = "form", *, needed: bool = True) -> Callable[[str], str]:
    def read(value: str) -> str:
        if needed and not value:
            raise _Bad("required")
        if not pattern.fullmatch(value):
            raise _Bad(code)
        return value

    return read


def _number(least: float, most: float, kind: type = float) -> Callable[[str], Any]:
    def read(value: str) -> Any:
        try:
            found = kind(value)
        except ValueError:
            raise _Bad("number" if value else "required") from None
        if not least <= found <= most:
            raise _Bad("number")
        return found

    return read


def _truth(value: str) -> bool:
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise _Bad("choice")


def _role(value: str) -> str:
    if value not in ROLES:
        raise _Bad("choice" if value else "required")
    return value


_NAME = {"id": _like(_ID), "name": _text, "name_zh": _maybe}
COLUMNS: Mapping[str, Mapping[str, Callable[[str], Any]]] = {
    "people": {
        "username": _like(_USERNAME), "name": _text, "role": _role, "centre_id": _maybe, "crew_id": _maybe,
        "active": _truth,
    },
    "departments": {
        **_NAME, "kind": _text, "centre_id": _text, "trade": _text, "leader1_name": _text, "leader1_phone": _phone,
        "leader2_name": _text, "leader2_phone": _phone,
    },
    "crews": {
        **_NAME, "department_id": _text, "centre_id": _text, "trade": _text, "duty_phone": _phone,
        "capacity": _number(1, 20, int), "shift_start": _like(_HH_MM, "time", needed=False),
        "shift_end": _like(_HH_MM, "time", needed=False), "base_lat": _number(-90, 90), "base_lon": _number(-180, 180),
        "shares_office": _truth,
    },
    "vehicles": {
        "device": _like(_ID), "plate": _maybe, "protocol": _like(_PROTOCOL, needed=False), "crew_id": _text
    },
    "phones": {"device": _like(_ID), "crew_id": _text},
}  # fmt: skip
"""The columns of each list, the first of them its key, and how a cell is read."""
OPTIONAL = {
    "name_zh",
    "centre_id",
    "crew_id",
    "active",
    "shift_start",
    "shift_end",
    "shares_office",
    "plate",
    "protocol",
}


def written(kind: ListKind, rows: Iterable[Mapping[str, Any]]) -> str:
    """A list as CSV. Text that a spreadsheet would take for a formula is marked as text."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS[kind])
    writer.writerows([_cell(row.get(name, "")) for name in COLUMNS[kind]] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return marked(text) if isinstance(value, str) else text


def read(kind: ListKind, text: str, on_file: Collection[str] = ()) -> Table:
    """All rows, and everything that is wrong with them; telephone numbers that are `on_file` pass as they are (see
    `telephone_number.dialled`)."""
    text = text.removeprefix("\ufeff")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text), strict=True)
    columns = {name: _unless(on_file, one) if one is _phone else one for name, one in COLUMNS[kind].items()}
    try:
        header = [name.strip().lower() for name in next(lines, [])]
        faults = list(_header_faults(kind, header))
        if faults:
            return Table({}, {}, tuple(faults))
        return _body(columns, header, lines)
    except csv.Error as error:
        return Table({}, {}, (Fault(lines.line_num or 1, 1, "", "not_csv", str(error)),))


def _header_faults(kind: ListKind, header: Sequence[str]) -> Iterable[Fault]:
    columns = COLUMNS[kind]
    for at, name in enumerate(header, 1):
        if name not in columns:
            yield Fault(1, at, name, "unknown_column")
        elif name in header[: at - 1]:
            yield Fault(1, at, name, "twice")
    needed = OPTIONAL - {"centre_id"} if kind in {"departments", "crews"} else OPTIONAL
    for name in columns:
        must = name not in needed or (name == "crew_id" and kind in {"vehicles", "phones"})
        if must and name not in header:
            yield Fault(1, len(header) + 1, name, "missing_column")


def _body(columns: Mapping[str, Callable[[str], Any]], header: Sequence[str], lines: Any) -> Table:
    key = next(iter(columns))
    rows: dict[str, Row] = {}
    at: dict[str, int] = {}
    faults: list[Fault] = []
    before = lines.line_num
    for cells in lines:
        line, before = before + 1, lines.line_num
        if not any(cell.strip() for cell in cells):
            continue
        row, wrong = _row(columns, header, cells, line)
        faults += wrong
        name = str(row.get(key, ""))
        if name in rows:
            faults.append(Fault(line, header.index(key) + 1, key, "twice", name))
        elif name:
            rows[name], at[name] = row, line
        if len(rows) > MOST_ROWS:
            return Table({}, {}, (Fault(line, 1, "", "too_many_rows", str(MOST_ROWS)),))
    return Table(rows, at, tuple(faults))


def _row(
    columns: Mapping[str, Callable[[str], Any]], header: Sequence[str], cells: Sequence[str], line: int
) -> tuple[Row, list[Fault]]:
    row: Row = {}
    faults: list[Fault] = []
    for number, name in enumerate(header):
        value = unmarked(cells[number].strip()) if number < len(cells) else ""
        if not value and columns[name] is _truth:
            continue  # an empty cell says nothing: nobody is locked out by it
        try:
            row[name] = columns[name](value)
        except _Bad as bad:
            faults.append(Fault(line, number + 1, name, bad.code, value[:40]))  # type: ignore[arg-type]
    if any(cell.strip() for cell in cells[len(header) :]):
        faults.append(Fault(line, len(header) + 1, "", "too_many_cells"))
    return row, faults


def rows_of(kind: ListKind, document: Mapping[str, Any]) -> list[Row]:
    """The organisation's rows of a list, as `written` takes them."""
    if kind == "departments":
        return [
            {**d, **{f"{n}_{k}": d[n][k] for n in ("leader1", "leader2") for k in ("name", "phone")}}
            for d in document["departments"]
        ]
    if kind == "crews":
        return [{**c, "base_lat": c["base"]["lat"], "base_lon": c["base"]["lon"]} for c in document["crews"]]
    if kind == "vehicles":
        return [{**c["vehicle"], "crew_id": c["id"]} for c in document["crews"] if c.get("vehicle")]
    return [
        {"device": c["phone_device"], "crew_id": c["id"]} for c in document["crews"] if c.get("phone_device")
    ]


def merged(kind: ListKind, document: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """The organisation with a list's rows in it. Raises BadInput (facts: line, field) where they do not fit."""
    if kind in {"departments", "crews"}:
        given = {k: _entry(kind, row) for k, row in table.rows.items()}
        listed = [{**one, **given.pop(one["id"], {})} for one in document[kind]]
        return {**document, kind: [*listed, *given.values()]}
    return {**document, "crews": _bound(kind, document["crews"], table)}


def _bound(kind: ListKind, crews: Iterable[Row], table: Table) -> list[Row]:
    """The crews with the devices of a list, taken from whoever has them now."""
    field = "vehicle" if kind == "vehicles" else "phone_device"
    listed = {c["id"]: dict(c) for c in crews}
    known: dict[str, Row] = {}
    for crew in listed.values():
        held = crew.get(field) or {}
        device = str(held.get("device") if isinstance(held, dict) else held)
        if device in table.rows:
            known[device] = held if isinstance(held, dict) else {}
            crew[field] = None
    for device, row in table.rows.items():
        where = {"line": table.lines[device], "field": "crew_id"}
        if row["crew_id"] not in listed:
            raise BadInput(f"device {device}: there is no crew {row['crew_id']!r}", **where)
        crew = listed[row["crew_id"]]
        if crew.get(field):
            raise BadInput(f"device {device}: crew {crew['id']} has another one", **where, why="has_device")
        facts = {k: v for k, v in row.items() if k not in {"crew_id", "device"}}
        vehicle = {"plate": "", "protocol": "", **known.get(device, {}), **facts, "device": device}
        crew[field] = vehicle if kind == "vehicles" else device
    return list(listed.values())


def _entry(kind: ListKind, row: Row) -> Row:
    entry = {k: v for k, v in row.items() if k not in {"base_lat", "base_lon"} and not k.startswith("leader")}
    if kind == "crews":
        for name, usual in (("shift_start", "00:00"), ("shift_end", "24:00")):
            if name in entry:
                entry[name] = entry[name] or usual
        return entry | {"base": {"lat": row["base_lat"], "lon": row["base_lon"]}}
    leaders = {n: {"name": row[f"{n}_name"], "phone": row[f"{n}_phone"]} for n in ("leader1", "leader2")}
    return entry | leaders
