"""Orders that wait for a crew, crews that could take one, and why a crew could not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dispatch.core.types import Point

WhyNot = Literal[
    "wrong_trade", "other_centre", "off_shift", "away", "no_position", "stale", "full", "unreachable", "busy"
]


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    """A work order without a crew. Instants are aware."""

    id: str
    place: Point
    trade: str
    centre_id: str
    reported_at: datetime
    """A: the promise runs from here."""
    deadline: datetime
    """A + the promise of its area class."""
    priority: int = 0
    """0 is ordinary; each step makes a missed promise count more."""
    kept_crew: str | None = None
    """The crew that the last batch meant for it: not changed without need."""

    @property
    def promise_s(self) -> float:
        """Seconds from report to deadline."""
        return (self.deadline - self.reported_at).total_seconds()


@dataclass(frozen=True, slots=True)
class CandidateCrew:
    """A crew as the matching sees it."""

    id: str
    centre_id: str
    trade: str
    place: Point | None
    """Last position fit for use; None: never known."""
    fix_age_s: float | None
    """Seconds since that fix; None: never known."""
    on_shift: bool = True
    away: bool = False
    away_until: datetime | None = None
    orders: int = 0
    """How many orders its vehicle holds."""
    capacity: int = 3
    free_in_s: float = 0.0
    """Seconds until it is expected to have done what it holds; 0 where it holds nothing."""
    last_place: Point | None = None
    """Where the last order that it holds is: it starts from there."""

    @property
    def start(self) -> Point | None:
        """Where it drives from to a new order."""
        return self.last_place if self.orders and self.last_place else self.place


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a crew does not come into question: a stable code and a text to read."""

    crew_id: str
    code: WhyNot
    reason: str


@dataclass(frozen=True, slots=True)
class Able:
    """One crew that could take an order whose place is not known. `behind`: how many orders it works first."""

    crew_id: str
    behind: int


def by_load(
    crews: Iterable[CandidateCrew], trade: str, centre_id: str, now: datetime
) -> tuple[tuple[Able, ...], tuple[Exclusion, ...]]:
    """Who could take an order without a place: the free ones first, then those with less to do; and the others.

    No arrival is known whoever goes, so that where a crew is keeps none from it.
    """
    able, excluded = [], []
    for crew in crews:
        against = why_not(crew, trade, centre_id, None, now)
        if against is None:
            able.append(crew)
        else:
            excluded.append(against)
    able.sort(key=lambda crew: (crew.orders, crew.free_in_s, crew.id))
    return tuple(Able(crew.id, crew.orders) for crew in able), tuple(excluded)


def why_not(
    crew: CandidateCrew, trade: str, centre_id: str, stale_after_s: float | None, now: datetime
) -> Exclusion | None:
    """What stands against a crew for any order of a trade and centre; None: nothing. First reason counts.

    `stale_after_s`: how old its position may be; None: where it is does not matter.
    """
    located = stale_after_s is not None
    age = crew.fix_age_s
    checks: tuple[tuple[bool, WhyNot, str], ...] = (
        (crew.trade != trade, "wrong_trade", f"wrong trade: {crew.trade}"),
        (crew.centre_id != centre_id, "other_centre", f"belongs to centre {crew.centre_id}"),
        (not crew.on_shift, "off_shift", "off shift"),
        (crew.away, "away", _away(crew, now)),
        (located and (crew.start is None or age is None), "no_position", "no position"),
        (
            located and (age or 0.0) > (stale_after_s or 0.0),
            "stale",
            f"stale fix {(age or 0.0) / 60:.0f} min",
        ),
        (crew.orders >= crew.capacity, "full", f"full: {crew.orders} of {crew.capacity} orders"),
    )
    return next((Exclusion(crew.id, code, reason) for against, code, reason in checks if against), None)


def most_first(counts: Counter[WhyNot]) -> dict[str, int]:
    """The same, the most frequent reason first."""
    return dict(sorted(((str(k), n) for k, n in counts.items() if n), key=lambda item: (-item[1], item[0])))


def in_words(counts: Mapping[str, int]) -> str:
    """Counts as one sentence part; crews of other trades and centres are not mentioned."""
    near = {code: n for code, n in counts.items() if code not in {"wrong_trade", "other_centre"}}
    return ", ".join(f"{number} {code.replace('_', ' ')}" for code, number in near.items())


def _away(crew: CandidateCrew, now: datetime) -> str:
    if crew.away_until is None:
        return "away"
    minutes = (crew.away_until - now).total_seconds() / 60
    return f"away for {minutes:.0f} min more" if minutes >= 1 else "away, its announced end has passed"
