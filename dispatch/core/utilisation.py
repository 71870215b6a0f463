"""How much of a crew's shift went into orders.

Busy is a crew from its acknowledgement of an order until that is restored (or taken from it, or ended, or now), whether
it was reported in the period or before; several orders at once count once. The shift is that of the roster; what was worked outside it counts as busy too, so more than 100 % says
overtime.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from dispatch.core.figures import percent_of
from dispatch.core.sheet import SECOND, Column, Sheet, ticks_of


@dataclass(frozen=True, slots=True)
class Used:
    """One crew in a period."""

    crew: str
    orders: int
    busy_s: float
    shift_s: float
    used_pct: float | None


def utilisation(
    sheet: Sheet, worked: Sequence[Sheet], shift_s: Mapping[str, float], since: datetime, until: datetime
) -> tuple[Used, ...]:
    """Each crew of `shift_s` (its shift's seconds from `since` to `until`), with its orders of `sheet`.

    Busy is what lies between the two of the time that it gave to the orders of `worked`, whosever they are now.
    """
    first, last = ticks_of(since), ticks_of(until)
    found = []
    for crew, shift in sorted(shift_s.items()):
        spans = [_spans(one, crew, first, last) for one in worked]
        start, end = (np.concatenate([np.array([], np.int64), *parts]) for parts in zip(*spans, strict=True))
        busy = covered(start, end) / SECOND
        percent = percent_of(round(busy), round(shift))
        orders = int((sheet["crew"] == sheet.number("crew", crew)).sum())
        found.append(Used(crew, orders, busy, shift, percent))
    return tuple(found)


def _spans(sheet: Sheet, crew: str, first: int, last: int) -> tuple[Column, Column]:
    """When this crew was busy between the two: beginnings and ends."""
    mine = sheet["busy_crew"] == sheet.number("busy_crew", crew)
    start, ends = sheet["busy_from"][mine], sheet["busy_to"][mine]
    start, end = np.maximum(start, first), np.minimum(np.where(ends >= 0, ends, last), last)
    return start[end > start], end[end > start]


def covered(start: Column, end: Column) -> int:
    """How much of the axis these spans cover together."""
    if not len(start):
        return 0
    order = np.argsort(start, kind="stable")
    start, end = start[order], end[order]
    reached = np.concatenate(([start[0]], np.maximum.accumulate(end)[:-1]))
    return int(np.maximum(end - np.maximum(start, reached), 0).sum())
