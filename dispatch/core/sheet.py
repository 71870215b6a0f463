"""Measured orders as columns, so that figures over a million of them take a fraction of a second.

A sheet holds the orders of one local day; what is stored of it are its bytes. Times are whole microseconds, as in the
histories: nothing is rounded, sums and percentiles are exact. Words (centres, crews, causes) are numbered within a
sheet. What an order has several of (late limits, rungs, crews
that worked on it) stands in rows of its own that name the order's place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dispatch.core.compliance import ENDS, Measured
from dispatch.core.process import POINTS

Column = NDArray[Any]
SEGMENTS = tuple(a + b for a, b in pairwise(POINTS))
DIMENSIONS = {
    "centre": "centre_id", "crew": "crew_id", "trade": "trade", "area": "area_class", "fault": "fault_type",
    "cause": "cause", "state": "state",
}  # fmt: skip
"""Name in filters -> field of a measured order."""
LONGEST_CAUSE = 80
NONE = -1
SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_ORDERS = {
    **dict.fromkeys(("reported", "deadline", "total", *SEGMENTS), np.int64),
    **dict.fromkeys(("arrived", "running"), np.bool_),
    **dict.fromkeys(("within", "satisfied", "hour"), np.int8),
    **dict.fromkeys(("version", "day"), np.int32),
    **dict.fromkeys(("dispatches", "stacked", "joined"), np.int16),
    **dict.fromkeys(DIMENSIONS, np.int32),
    **dict.fromkeys(("lat", "lon"), np.float64),
}
_LATE = {"late_of": np.int32, "late_label": np.int32, "late_owner": np.int32, "late_excess": np.int64}
_RUNGS = {
    "rung_of": np.int32, "rung_watch": np.int32, "rung_no": np.int16, "rung_end": np.int8, "rung_after": np.int64
}  # fmt: skip
_BUSY = {"busy_of": np.int32, "busy_crew": np.int32, "busy_from": np.int64, "busy_to": np.int64}
_TYPES: dict[str, Any] = {**_ORDERS, **_LATE, **_RUNGS, **_BUSY}
_OF = {"late_of": tuple(_LATE), "rung_of": tuple(_RUNGS), "busy_of": tuple(_BUSY)}
"""What an order has several of: the column of the order's place, and all of that table."""
WORDS = {name: name for name in DIMENSIONS} | dict.fromkeys(
    ("late_label", "late_owner", "rung_watch", "busy_crew"), ""
)
"""Columns that hold numbers of words."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """`columns` by name; `words` of each column of WORDS; `ids` may be left out (empty), where nobody asks for them."""

    columns: Mapping[str, Column]
    words: Mapping[str, tuple[str, ...]]
    ids: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.columns["day"])

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def only(self, mask: Column) -> Sheet:
        """The orders where `mask` is true, with what they have several of."""
        chosen = np.flatnonzero(mask)
        place = np.empty(len(mask), dtype=np.int32)
        place[chosen] = np.arange(len(chosen), dtype=np.int32)
        found = {name: self.columns[name].take(chosen) for name in _ORDERS}
        for of, names in _OF.items():
            kept = np.flatnonzero(mask[self.columns[of]])
            found |= {name: self.columns[name].take(kept) for name in names}
            found[of] = place[found[of]]
        ids = tuple(np.array(self.ids, dtype=object)[mask]) if self.ids else ()
        return Sheet(found, self.words, ids)

    def number(self, name: str, word: str) -> int:
        """The number of a word of a column; NONE where no order has it."""
        return self.words[name].index(word) if word in self.words[name] else NONE


def sheet_of(orders: Sequence[Measured]) -> Sheet:
    """The orders as columns, in their order."""
    late = [(place, one) for place, order in enumerate(orders) for one in order.late]
    rungs = [(place, one) for place, order in enumerate(orders) for one in order.rungs]
    busy = [(place, one) for place, order in enumerate(orders) for one in order.busy]
    values: dict[str, Sequence[Any]] = {
        "reported": [ticks_of(o.reported_at) for o in orders], "deadline": [ticks_of(o.deadline) for o in orders],
        "total": [_whole(o.total_s) for o in orders], "arrived": [o.arrived_at is not None for o in orders],
        "within": [NONE if o.within is None else o.within for o in orders],
        "satisfied": [NONE if o.satisfied is None else o.satisfied for o in orders],
        "day": [date.fromisoformat(o.day).toordinal() for o in orders],
        "lat": [o.place.lat if o.place else np.nan for o in orders],
        "lon": [o.place.lon if o.place else np.nan for o in orders],
        "late_of": [place for place, _ in late], "late_excess": [_whole(one.excess_s) for _, one in late],
        "rung_of": [place for place, _ in rungs], "rung_no": [one.rung for _, one in rungs],
        "rung_end": [ENDS.index(one.end) for _, one in rungs],
        "rung_after": [NONE if one.after_s is None else _whole(one.after_s) for _, one in rungs],
        "busy_of": [place for place, _ in busy], "busy_from": [ticks_of(one.since) for _, one in busy],
        "busy_to": [ticks_of(one.until) for _, one in busy],
    }  # fmt: skip
    for name in SEGMENTS:
        values[name] = [_whole(o.segments[name]) if name in o.segments else NONE for o in orders]
    for name in ("running", "hour", "version", "dispatches", "stacked", "joined"):
        values[name] = [getattr(o, name) for o in orders]
    texts: dict[str, list[str]] = {
        name: [getattr(o, key)[:LONGEST_CAUSE] for o in orders] for name, key in DIMENSIONS.items()
    }
    texts["late_label"] = [one.label for _, one in late]
    texts["late_owner"] = [one.owner for _, one in late]
    texts["rung_watch"] = [one.watch for _, one in rungs]
    texts["busy_crew"] = [one.crew for _, one in busy]
    words: dict[str, tuple[str, ...]] = {}
    for name, texts_ in texts.items():
        numbers: dict[str, int] = {}
        values[name] = [numbers.setdefault(text, len(numbers)) for text in texts_]
        words[name] = tuple(numbers)
    return Sheet(_typed(values), words, tuple(o.id for o in orders))


def together(sheets: Sequence[Sheet]) -> Sheet:
    """One sheet of several, in their order."""
    if len(sheets) == 1:
        return sheets[0]
    starts = np.cumsum([0, *(len(one) for one in sheets)])
    words: dict[str, tuple[str, ...]] = {}
    columns: dict[str, Column] = {}
    for name, kind in _TYPES.items():
        parts = [one[name] for one in sheets]
        if name in WORDS:
            numbers: dict[str, int] = {}
            parts = [
                np.array([numbers.setdefault(w, len(numbers)) for w in one.words[name]], dtype=np.int32)[part]
                for one, part in zip(sheets, parts, strict=True)
            ]
            words[name] = tuple(numbers)
        elif name in _OF:
            parts = [part + start for part, start in zip(parts, starts[:-1], strict=True)]
        columns[name] = np.concatenate(parts).astype(kind, copy=False) if parts else _empty(name)
    if not sheets:
        words = dict.fromkeys(WORDS, ())
    ids = (
        tuple(i for one in sheets for i in one.ids) if all(one.ids or not len(one) for one in sheets) else ()
    )
    return Sheet(columns, words, ids)


def changed(sheet: Sheet, fresh: Sheet, gone: frozenset[str] = frozenset()) -> Sheet:
    """A day's sheet after some of its orders were measured anew, by time of report; `gone`: orders that are no more."""
    new = set(fresh.ids) | gone
    kept = sheet.only(np.array([i not in new for i in sheet.ids], dtype=np.bool_))
    both = together([kept, fresh])
    return _sorted(both)


def _sorted(sheet: Sheet) -> Sheet:
    order = (
        np.lexsort((np.array(sheet.ids, dtype=np.str_), sheet["reported"]))
        if len(sheet)
        else np.array([], int)
    )
    place = np.empty(len(sheet), dtype=np.int32)
    place[order] = np.arange(len(sheet), dtype=np.int32)
    columns = {name: sheet[name][order] if name in _ORDERS else sheet[name] for name in _TYPES}
    for of, names in _OF.items():
        moved = place[columns[of]]
        rows = np.argsort(moved, kind="stable")
        columns |= {name: columns[name][rows] for name in names}
        columns[of] = moved[rows]
    return replace(sheet, columns=columns, ids=tuple(sheet.ids[i] for i in order))


def packed(sheet: Sheet) -> tuple[bytes, bytes]:
    """The bytes of its columns and words, and of its ids."""
    sizes = {name: len(sheet[name]) for name in _TYPES}
    head = msgspec.json.encode({"sizes": sizes, "words": sheet.words})
    body = b"".join(np.ascontiguousarray(sheet[name]).tobytes() for name in _TYPES)
    return len(head).to_bytes(4, "little") + head + body, msgspec.json.encode(sheet.ids)


def unpacked(numbers: bytes, ids: bytes = b"[]") -> Sheet:
    """A sheet from its bytes."""
    start = 4 + int.from_bytes(numbers[:4], "little")
    head = msgspec.json.decode(numbers[4:start])
    columns = {}
    for name, kind in _TYPES.items():
        count = head["sizes"][name]
        columns[name] = np.frombuffer(numbers, dtype=kind, count=count, offset=start)
        start += count * np.dtype(kind).itemsize
    words = {name: tuple(found) for name, found in head["words"].items()}
    return Sheet(columns, words, tuple(msgspec.json.decode(ids)))


def instant_of(ticks: int) -> datetime:
    """The moment so many microseconds after 1970-01-01 UTC."""
    return _EPOCH + ticks * _TICK


def _typed(values: Mapping[str, Sequence[Any]]) -> dict[str, Column]:
    return {name: np.array(values[name], dtype=kind) for name, kind in _TYPES.items()}


def _empty(name: str) -> Column:
    return np.array([], dtype=_TYPES[name])


def ticks_of(at: datetime | None) -> int:
    """Microseconds since 1970-01-01 UTC; NONE for no moment."""
    return NONE if at is None else (at - _EPOCH) // _TICK


def _whole(seconds: float) -> int:
    return round(seconds * SECOND)
