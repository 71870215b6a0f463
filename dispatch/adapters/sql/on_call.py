"""The schedule of who is on call, in SQL and as the organisation's document says it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, time
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from dispatch.adapters.sql import tables as t
from dispatch.adapters.sql.statements import table
from dispatch.core.errors import BadInput
from dispatch.core.on_call import EVERY_DAY, HOTLINE, Duty
from dispatch.core.telephone_number import dialled

ON_CALL = table(t.OnCallRow)
_HH_MM = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00", re.ASCII)


def load_schedule(connection: Connection) -> tuple[Duty, ...]:
    """Every duty, in the order in which it was given."""
    return tuple(
        Duty(
            r.unit, r.name, r.phone, _time(r.start), _time(r.end), tuple(int(d) for d in r.days),
            _date(r.first_day), _date(r.last_day),
        )
        for r in connection.execute(select(ON_CALL).order_by(ON_CALL.c.id))
    )  # fmt: skip


def replace_schedule(
    connection: Connection, entries: Sequence[Any], units: Collection[str], on_file: Collection[str] = ()
) -> None:
    """Put a whole schedule in place. Raises BadInput naming the entry; `units`: centres and departments; `on_file`: see
    `dialled`."""
    rows = [{"id": number, **_row(entry, number, units, on_file)} for number, entry in enumerate(entries, 1)]
    connection.execute(delete(ON_CALL))
    if rows:
        connection.execute(insert(ON_CALL), rows)


def document(schedule: Sequence[Duty]) -> list[dict[str, Any]]:
    """The schedule as `replace_schedule` takes it."""
    return [
        {
            "unit": duty.unit, "name": duty.name, "phone": duty.phone, "start": f"{duty.start:%H:%M}",
            "end": f"{duty.end:%H:%M}", "days": list(duty.days),
            **({"first_day": duty.first_day.isoformat()} if duty.first_day else {}),
            **({"last_day": duty.last_day.isoformat()} if duty.last_day else {}),
        }
        for duty in schedule
    ]  # fmt: skip


def _row(entry: Any, number: int, units: Collection[str], on_file: Collection[str]) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise BadInput(f"on_call {number}: expected an object", field="on_call")
    unit, name, phone = (str(entry.get(key, "")).strip() for key in ("unit", "name", "phone"))
    if unit != HOTLINE and unit not in units:
        raise BadInput(
            f"on_call {number}: no unit {unit!r}; expected {HOTLINE!r}, a centre or a department", field="on_call"
        )  # fmt: skip
    if not name or not phone:
        raise BadInput(f"on_call {number} ({unit}): name and phone are needed", field="on_call")
    phone = dialled(phone, f"on_call {number} ({name})", "phone", on_file)
    days = entry.get("days", list(EVERY_DAY))
    if not isinstance(days, list) or not days or any(d not in EVERY_DAY for d in days):
        raise BadInput(f"on_call {number} ({name}): days: expected some of 1 (Monday) to 7", field="on_call")
    first, last = (_day(entry, key, number) for key in ("first_day", "last_day"))
    if first and last and last < first:
        raise BadInput(f"on_call {number} ({name}): it ends before it begins", field="on_call")
    return {
        "unit": unit, "name": name, "phone": phone, "start": _wall(entry, "start", "00:00", number),
        "end": _wall(entry, "end", "24:00", number), "days": "".join(str(d) for d in sorted(set(days))),
        "first_day": first, "last_day": last,
    }  # fmt: skip


def _wall(entry: Mapping[str, Any], key: str, usual: str, number: int) -> str:
    text = str(entry.get(key, usual))
    if not _HH_MM.fullmatch(text):
        raise BadInput(f"on_call {number}: {key} {text!r}: expected HH:MM", field="on_call")
    return text


def _day(entry: Mapping[str, Any], key: str, number: int) -> str:
    text = str(entry.get(key) or "")
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise BadInput(f"on_call {number}: {key} {text!r}: expected YYYY-MM-DD", field="on_call") from None


def _time(text: str) -> time:
    """`24:00` is the end of the day, which is its beginning again."""
    hours, minutes = text.split(":")
    return time(int(hours) % 24, int(minutes))


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
