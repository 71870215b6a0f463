"""The orders of a sheet one by one, as lists and exports show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from dispatch.core.compliance import Late
from dispatch.core.sheet import DIMENSIONS, NONE, SECOND, SEGMENTS, Sheet, instant_of


@dataclass(frozen=True, slots=True)
class Listed:
    """One order; times in seconds, `within` is None where it cannot be judged yet."""

    id: str
    day: str
    state: str
    centre_id: str
    crew_id: str
    trade: str
    area_class: str
    fault_type: str
    cause: str
    reported_at: datetime
    deadline: datetime
    arrived_at: datetime | None
    total_s: float
    within: bool | None
    segments: Mapping[str, float]
    late: tuple[Late, ...]
    rungs: int
    joined: int
    satisfied: bool | None


def listed(sheet: Sheet, start: int, end: int, *, newest_first: bool = False) -> list[Listed]:
    """The orders from place `start` up to `end`; the sheet must have its ids."""
    places = np.arange(len(sheet))
    wanted = (places[::-1] if newest_first else places)[start:end]
    mask = np.zeros(len(sheet), dtype=np.bool_)
    mask[wanted] = True
    part = sheet.only(mask)
    late: dict[int, list[Late]] = defaultdict(list)
    for of, label, owner, excess in zip(
        *(part[n].tolist() for n in ("late_of", "late_label", "late_owner", "late_excess")), strict=True
    ):
        words = part.words["late_label"][label], part.words["late_owner"][owner]
        late[of].append(Late(*words, excess / SECOND))
    rungs = np.bincount(part["rung_of"], minlength=len(part)).tolist()
    columns = {name: column.tolist() for name, column in part.columns.items() if len(column) == len(part)}
    rows = [_row(part, columns, place, tuple(late[place]), rungs[place]) for place in range(len(part))]
    return rows[::-1] if newest_first else rows


def _row(
    sheet: Sheet, columns: Mapping[str, list[int]], place: int, late: tuple[Late, ...], rungs: int
) -> Listed:
    one = {name: column[place] for name, column in columns.items()}
    texts = {key: sheet.words[name][one[name]] for name, key in DIMENSIONS.items()}
    reported, total = one["reported"], one["total"]
    return Listed(
        id=sheet.ids[place], day=date.fromordinal(one["day"]).isoformat(), **texts,
        reported_at=instant_of(reported), deadline=instant_of(one["deadline"]),
        arrived_at=instant_of(reported + total) if one["arrived"] else None, total_s=total / SECOND,
        within=_answer(one["within"]), late=late, rungs=rungs, joined=one["joined"],
        segments={name: one[name] / SECOND for name in SEGMENTS if one[name] >= 0},
        satisfied=_answer(one["satisfied"]),
    )  # fmt: skip


def _answer(number: int) -> bool | None:
    return None if number == NONE else bool(number)
