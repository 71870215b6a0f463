"""Which orders of a sheet are meant: a filter of the whole page, and the orders that one of its numbers counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

import numpy as np

from dispatch.core.compliance import ENDS
from dispatch.core.errors import BadInput
from dispatch.core.sheet import DIMENSIONS, SEGMENTS, Column, Sheet

PLAIN = (
    "all", "arrived", "judged", "within", "late", "running", "joined", "dispatched", "stacked", "answered",
    "satisfied", "unsatisfied", "overrun", "climbed",
)  # fmt: skip
FILTERS = (*DIMENSIONS, "hour", "day")


def filtered(sheet: Sheet, wanted: Mapping[str, str]) -> Sheet:
    """Only the orders that have each of these values (an empty text is a value: no crew yet, no cause recorded).

    `wanted` may hold names of FILTERS. Raises BadInput for a day or an hour that is none.
    """
    if not wanted:
        return sheet
    mask = np.ones(len(sheet), dtype=np.bool_)
    for name, value in wanted.items():
        try:
            if name == "day":
                mask &= sheet["day"] == date.fromisoformat(value).toordinal()
            elif name == "hour":
                mask &= sheet["hour"] == int(value)
            else:
                mask &= sheet[name] == sheet.number(name, value)
        except ValueError:
            raise BadInput(f"{name}: {value!r} is none", field=name) from None
    return sheet.only(mask)


def counted(sheet: Sheet, what: str, short: Collection[str] = ()) -> Sheet:
    """The orders behind one number.

    `what`: one of PLAIN; `passed:GH` and `overrun:GH`, by segment; `owner:crew`, late by a party;
    `rung:crew:2` and `rung:crew:2:answered`; `short` and whatever follows it: the orders of this set. Raises BadInput
    for anything else.
    """
    if what.partition(":")[0] == "short":
        wanted = set(short)
        return sheet.only(np.array([one in wanted for one in sheet.ids], dtype=np.bool_))
    return sheet.only(_plain(sheet, what) if what in PLAIN else _named(sheet, what))


def _plain(sheet: Sheet, what: str) -> Column:
    within, satisfied = sheet["within"], sheet["satisfied"]
    masks: dict[str, Column] = {
        "arrived": sheet["arrived"], "judged": within >= 0, "within": within == 1, "late": within == 0,
        "running": sheet["running"], "joined": sheet["joined"] > 0, "stacked": sheet["stacked"] > 0,
        "dispatched": sheet["dispatches"] > 0, "answered": satisfied >= 0, "satisfied": satisfied == 1,
        "unsatisfied": satisfied == 0, "overrun": _has(sheet, "late_of"), "climbed": _has(sheet, "rung_of"),
        "all": np.ones(len(sheet), dtype=np.bool_),
    }  # fmt: skip
    return masks[what]


def _named(sheet: Sheet, what: str) -> Column:
    kind, *names = what.split(":")
    if kind == "passed" and len(names) == 1 and names[0] in SEGMENTS:
        passed: Column = sheet[names[0]] >= 0
        return passed
    if kind == "overrun" and len(names) == 1:
        return _has(sheet, "late_of", sheet["late_label"] == sheet.number("late_label", names[0]))
    if kind == "owner" and len(names) == 1:
        return _has(sheet, "late_of", sheet["late_owner"] == sheet.number("late_owner", names[0]))
    if kind == "rung" and len(names) in {2, 3} and names[1].isdecimal() and set(names[2:]) <= set(ENDS):
        rows = (sheet["rung_watch"] == sheet.number("rung_watch", names[0])) & (
            sheet["rung_no"] == int(names[1])
        )
        for end in names[2:]:
            rows &= sheet["rung_end"] == ENDS.index(end)
        return _has(sheet, "rung_of", rows)
    raise BadInput(f"of: {what[:60]!r} names no figure", field="of")


def _has(sheet: Sheet, of: str, rows: Column | None = None) -> Column:
    """The orders that have such a row."""
    mask = np.zeros(len(sheet), dtype=np.bool_)
    mask[sheet[of] if rows is None else sheet[of][rows]] = True
    return mask
