"""What the manager's desk shows of a period: figures, the period before, the crews' use, the hours without a free crew."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

import msgspec

from dispatch.core.errors import BadInput
from dispatch.core.figures import Compliance, headline, summarise
from dispatch.core.selection import filtered
from dispatch.core.sheet import Sheet
from dispatch.core.shortage import Occasion
from dispatch.core.utilisation import Used, utilisation
from dispatch.services.context import Context, wall
from dispatch.services.shortage import Shortages

DAY = timedelta(days=1)
WORKED_LATER = 2 * DAY
"""Orders that were reported so long before a period are still worked on in it."""


class Freshness(msgspec.Struct, frozen=True):
    """How far the sheets are. `as_of`: the moment at which what still runs was measured."""

    zone: str
    layout: int
    as_of: datetime
    unreadable: tuple[str, ...] = ()
    """Orders whose history cannot be read: they are in no figure, and tried again in each pass."""


class Histories(Protocol):
    """Measured orders of a period, for the manager."""

    async def fresh(self) -> Freshness | None:
        """How far they are; None: no pass has ended yet."""
        ...

    async def sheet(self, first: date, last: date, *, ids: bool = False) -> Sheet:
        """The orders reported on the local days `first` to `last`, both included."""
        ...

    async def of(self, order_ids: Collection[str], first: date, last: date) -> Sheet:
        """Those of these orders that were reported on the local days `first` to `last`, with their ids."""
        ...

    async def begun(self) -> datetime | None:
        """When the first order of all was reported; None: there is none."""
        ...

    async def addresses(self, order_ids: Collection[str]) -> Mapping[str, str]:
        """Where these orders are."""
        ...


@dataclass(frozen=True, slots=True)
class Period:
    """Local days, both included, and the filter (names of `selection.FILTERS`)."""

    first: date
    last: date
    wanted: Mapping[str, str]

    @property
    def before(self) -> Period:
        """As many days, just before."""
        days = self.last - self.first + DAY
        return replace(self, first=self.first - days, last=self.last - days)


@dataclass(frozen=True, slots=True)
class ShortHour:
    """Orders that waited in this local hour of the day while nobody was free; `missed`: their promise too."""

    hour: int
    orders: int
    missed: int


@dataclass(frozen=True, slots=True)
class Review:
    """All of a period. `as_of` is None where nothing was measured yet."""

    period: Period
    as_of: datetime | None
    unreadable: int
    figures: Compliance
    used: tuple[Used, ...]
    short_hours: tuple[ShortHour, ...]


async def review(context: Context, histories: Histories, shortages: Shortages, period: Period) -> Review:
    """Everything that the desk shows of a period. Raises BadInput for a filter that is none."""
    fresh = await histories.fresh()
    sheet = await histories.sheet(period.first, period.last)
    before = await histories.sheet(period.before.first, period.before.last)
    early = await histories.sheet(period.first - WORKED_LATER, period.first - DAY)
    process = context.processes.by_id[context.processes.current]
    since, until = _at_work(bounds(context, period), await histories.begun(), fresh)

    def work() -> tuple[Compliance, tuple[Used, ...]]:
        chosen = filtered(sheet, period.wanted)
        figures = summarise(chosen, process)
        past = headline(filtered(before, period.wanted))
        shifts = _shifts(context, period, since, until)
        theirs = {name: value for name, value in period.wanted.items() if name != "crew"}
        worked = [filtered(one, theirs) for one in (early, sheet)]  # also what another crew has by now
        return replace(figures, previous=past), utilisation(chosen, worked, shifts, since, until)

    figures, used = await asyncio.to_thread(work)
    short, _ = await waited(context, histories, shortages, period)
    return Review(
        period, fresh.as_of if fresh else None, len(fresh.unreadable) if fresh else 0, figures, used,
        _by_hour(context, short),
    )  # fmt: skip


async def waited(
    context: Context, histories: Histories, shortages: Shortages, period: Period
) -> tuple[list[Occasion], Sheet]:
    """When orders that the filter leaves waited while nobody was free, and those orders."""
    found = await _occasions(context, shortages, period)
    sheet = await histories.of({one.order_id for one in found}, period.first, period.last)
    chosen = await asyncio.to_thread(filtered, sheet, period.wanted)
    kept = set(chosen.ids)
    return [one for one in found if one.order_id in kept], chosen


def waiting(context: Context, found: Sequence[Occasion], what: str) -> set[str]:
    """The orders of `short`, of `short:HH` (a local hour of the day), or of `short:HH:missed`. Raises BadInput."""
    _, *names = what.split(":")
    if not names:
        return {one.order_id for one in found}
    if len(names) > 2 or names[1:] not in ([], ["missed"]) or not names[0].isdecimal():
        raise BadInput(f"of: {what[:60]!r} names no figure", field="of")
    ids = _hours(context, found).get(int(names[0]), set())
    return ids & _missed(found) if names[1:] else ids


async def _occasions(context: Context, shortages: Shortages, period: Period) -> list[Occasion]:
    """Orders that waited in the period while nobody was free, of the filter's centre and trade."""
    since, until = bounds(context, period)
    found = await shortages.occasions(since)
    return [
        one
        for one in found
        if one.at < until
        and one.scope.centre_id == period.wanted.get("centre", one.scope.centre_id)
        and one.scope.trade == period.wanted.get("trade", one.scope.trade)
    ]


def _by_hour(context: Context, found: Sequence[Occasion]) -> tuple[ShortHour, ...]:
    missed = _missed(found)
    hours = sorted(_hours(context, found).items())
    return tuple(ShortHour(hour, len(ids), len(ids & missed)) for hour, ids in hours)


def _hours(context: Context, found: Sequence[Occasion]) -> dict[int, set[str]]:
    orders: dict[int, set[str]] = defaultdict(set)
    for one in found:
        orders[one.at.astimezone(context.zone).hour].add(one.order_id)
    return orders


def _missed(found: Sequence[Occasion]) -> set[str]:
    return {one.order_id for one in found if one.missed}


def bounds(context: Context, period: Period) -> tuple[datetime, datetime]:
    """The period's beginning and end as instants."""
    ends = (period.first, period.last + DAY)
    since, until = (datetime.combine(day, time(), context.zone).astimezone(UTC) for day in ends)
    return since, until


def _at_work(
    ends: tuple[datetime, datetime], begun: datetime | None, fresh: Freshness | None
) -> tuple[datetime, datetime]:
    """The part of the period in which crews could be busy: from the first order of all to the measurement."""
    since = max(ends[0], begun) if begun else ends[0]
    return since, max(since, min(ends[1], fresh.as_of if fresh else since))


def _shifts(context: Context, period: Period, since: datetime, until: datetime) -> dict[str, float]:
    """Each crew's seconds on shift between the two; crews that the filter leaves out are left out."""
    known: dict[tuple[str, str], float] = {}
    found = {}
    for crew in context.directory.crews.values():
        mine = {"centre": crew.centre_id, "trade": crew.trade, "crew": crew.id}
        if any(period.wanted.get(name, value) != value for name, value in mine.items()):
            continue
        key = (crew.shift_start, crew.shift_end)
        if key not in known:
            known[key] = _on_shift(context, key, period, since, until)
        found[crew.id] = known[key]
    return found


def _on_shift(
    context: Context, shift: tuple[str, str], period: Period, since: datetime, until: datetime
) -> float:
    start, end = wall(shift[0]), wall(shift[1])
    seconds, day = 0.0, period.first - DAY
    while day <= period.last:
        begins = datetime.combine(day, start, context.zone).astimezone(UTC)
        ends = datetime.combine(day if start < end else day + DAY, end, context.zone).astimezone(UTC)
        seconds += max(0.0, (min(ends, until) - max(begins, since)).total_seconds())
        day += DAY
    return seconds
