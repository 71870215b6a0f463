"""The manager's figures over a sheet of measured orders.

Percentiles are by nearest rank: a figure that is shown was really measured. One is shown only where at least BEYOND
orders lie beyond it (p50 from 4 orders on, p90 from 20, p95 from 40): fewer say nothing of the rest. A share is of
the orders that can be judged, and says so beside its number of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from dispatch.core.compliance import ENDS
from dispatch.core.process import Process
from dispatch.core.sheet import DIMENSIONS, SECOND, SEGMENTS, Column, Sheet

BEYOND = 2
PERCENTS = (50, 90, 95)
MOST_CAUSES = 40
"""Causes are free text; the rarer ones are left out of the table."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many orders of one day, hour, centre, crew, trade, area, fault or cause arrived within the promise.

    `within_pct` is of the `judged`: arrived, or too late already.
    """

    name: str
    orders: int
    arrived: int
    judged: int
    within: int
    within_pct: float | None


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of `n` durations, in seconds; None where too few lie beyond."""

    n: int
    p50: float | None
    p90: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class SegmentFigures:
    """One segment: its limit, its spread, and how often it was exceeded."""

    name: str
    limit_s: float
    owner: str
    n: int
    p50: float | None
    p90: float | None
    p95: float | None
    median_plus_1min: float | None
    """What the limit would be, set as it once was: usual consumption and a minute."""
    overruns: int


@dataclass(frozen=True, slots=True)
class OwnerLate:
    """What one party's overruns sum to."""

    owner: str
    seconds: float
    orders: int


@dataclass(frozen=True, slots=True)
class RungCount:
    """How often a rung of a watch fired, and what came of it (of ENDS); `median_s`: until the answer it achieved."""

    watch: str
    rung: int
    count: int
    ends: Mapping[str, int]
    median_s: float | None


@dataclass(frozen=True, slots=True)
class Headline:
    """The few figures that two periods are compared by."""

    orders: int
    arrived: int
    judged: int
    within: int
    within_pct: float | None
    total: Spread
    late_seconds: float


@dataclass(frozen=True, slots=True)
class Compliance:
    """All figures of a period."""

    orders: int
    arrived: int
    judged: int
    within: int
    within_pct: float | None
    by: Mapping[str, tuple[Share, ...]]
    """Shares by day, hour and each of DIMENSIONS."""
    segments: tuple[SegmentFigures, ...]
    total: Spread
    late_seconds: float
    late_by_owner: tuple[OwnerLate, ...]
    escalations: tuple[RungCount, ...]
    dispatches: int
    stacked: int
    stacked_pct: float | None
    joined: int
    answered: int
    satisfied: int
    satisfied_pct: float | None
    previous: Headline | None = field(default=None)


def rank(n: int, percent: int) -> int:
    """The place (from 0) of the smallest of `n` sorted values that `percent` of all do not exceed (nearest rank)."""
    return max(1, -(-percent * n // 100)) - 1


def summarise(sheet: Sheet, process: Process) -> Compliance:
    """All figures over these orders, with the limits of `process`."""
    head = headline(sheet)
    dispatches, stacked = int(sheet["dispatches"].sum()), int(sheet["stacked"].sum())
    answered, satisfied = int((sheet["satisfied"] >= 0).sum()), int((sheet["satisfied"] == 1).sum())
    return Compliance(
        head.orders, head.arrived, head.judged, head.within, head.within_pct, _by_all(sheet),
        tuple(_segment(sheet, process, name) for name in SEGMENTS), head.total, head.late_seconds,
        _late_by_owner(sheet), _escalations(sheet), dispatches, stacked, percent_of(stacked, dispatches),
        int(sheet["joined"].sum()), answered, satisfied, percent_of(satisfied, answered),
    )  # fmt: skip


def headline(sheet: Sheet) -> Headline:
    """What is said of a period first."""
    within, judged = int((sheet["within"] == 1).sum()), int((sheet["within"] >= 0).sum())
    return Headline(
        len(sheet), int(sheet["arrived"].sum()), judged, within, percent_of(within, judged),
        spread(sheet["total"][sheet["arrived"]]), int(sheet["late_excess"].sum()) / SECOND,
    )  # fmt: skip


def spread(values: Column) -> Spread:
    """Median, 90th and 95th percentile of microseconds, in seconds."""
    n = len(values)
    ranks = [rank(n, percent) for percent in PERCENTS]
    shown = [n - 1 - place >= BEYOND for place in ranks]
    if not any(shown):
        return Spread(n, None, None, None)
    found = np.partition(values, ranks)
    return Spread(n, *(int(found[at]) / SECOND if ok else None for at, ok in zip(ranks, shown, strict=True)))


def _by_all(sheet: Sheet) -> dict[str, tuple[Share, ...]]:
    fate = (sheet["within"] + 1) * 2 + sheet["arrived"]
    """0 to 5: not judged, late or in time, each without and with an arrival."""
    first = int(sheet["day"].min()) if len(sheet) else 0
    last = int(sheet["day"].max()) if len(sheet) else -1
    days = [date.fromordinal(one).isoformat() for one in range(first, last + 1)]
    found = {
        "day": _by(fate, sheet["day"] - first, days),
        "hour": _by(fate, sheet["hour"], [f"{hour:02}" for hour in range(24)]),
    }
    for name in DIMENSIONS:
        found[name] = tuple(sorted(_by(fate, sheet[name], sheet.words[name]), key=lambda one: one.name))
    found["cause"] = tuple(sorted(found["cause"], key=lambda one: -one.orders)[:MOST_CAUSES])
    return found


def _by(fate: Column, numbers: Column, names: Sequence[str]) -> tuple[Share, ...]:
    """One pass over the orders: how many of each value have each fate."""
    counts = (
        np.bincount(numbers.astype(np.int64) * 6 + fate, minlength=6 * len(names)).reshape(-1, 6).tolist()
    )
    return tuple(
        Share(
            name,
            sum(of),
            of[1] + of[3] + of[5],
            sum(of[2:]),
            of[4] + of[5],
            percent_of(of[4] + of[5], sum(of[2:])),
        )
        for name, of in zip(names, counts, strict=True)
        if sum(of)
    )


def _segment(sheet: Sheet, process: Process, name: str) -> SegmentFigures:
    segment = process.segment(name)
    values = sheet[name]
    found = spread(values[values >= 0])
    late = _orders_of(sheet, sheet["late_label"] == sheet.number("late_label", name))
    return SegmentFigures(
        name, segment.limit.total_seconds(), segment.owner, found.n, found.p50, found.p90, found.p95,
        None if found.p50 is None else found.p50 + 60, late,
    )  # fmt: skip


def _late_by_owner(sheet: Sheet) -> tuple[OwnerLate, ...]:
    found = []
    for number, owner in enumerate(sheet.words["late_owner"]):
        mine = sheet["late_owner"] == number
        if orders := _orders_of(sheet, mine):
            found.append(OwnerLate(owner, int(sheet["late_excess"][mine].sum()) / SECOND, orders))
    return tuple(sorted(found, key=lambda one: -one.seconds))


def _orders_of(sheet: Sheet, rows: Column) -> int:
    """How many orders these late limits are of."""
    mask = np.zeros(len(sheet), dtype=np.bool_)
    mask[sheet["late_of"][rows]] = True
    return int(mask.sum())


def _escalations(sheet: Sheet) -> tuple[RungCount, ...]:
    found = []
    for number, watch in enumerate(sheet.words["rung_watch"]):
        of_watch = sheet["rung_watch"] == number
        for rung in np.flatnonzero(np.bincount(sheet["rung_no"][of_watch])):
            mine = of_watch & (sheet["rung_no"] == rung)
            ends = np.bincount(sheet["rung_end"][mine], minlength=len(ENDS)).tolist()
            until = sheet["rung_after"][mine & (sheet["rung_end"] == ENDS.index("answered"))]
            counted = dict(zip(ENDS, ends, strict=True))
            found.append(RungCount(watch, int(rung), int(mine.sum()), counted, spread(until).p50))
    return tuple(sorted(found, key=lambda one: (one.watch, one.rung)))


def percent_of(part: int, whole: int) -> float | None:
    """A share in per cent to one place; None of nothing."""
    return round(100 * part / whole, 1) if whole else None
