"""What a batch says: which crew an order got and why, or why it got none. Plain values, to be stored and replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dispatch.core.candidates import Exclusion
from dispatch.core.scores import Policy
from dispatch.core.travel import Source


@dataclass(frozen=True, slots=True)
class Ranked:
    """One crew for one order."""

    crew_id: str
    eta_seconds: float
    """Median seconds from `now` until arrival, acknowledging and turnout included."""
    arrival: str
    """The same as an instant, ISO 8601."""
    chance_to_keep: float
    """Chance that the promise is kept, 0 to 1."""
    behind: int
    """How many orders it works first."""
    terms: Mapping[str, float]
    """What its cost is made of: misses (expected, on the ladder), mean_arrival_s, kept_bonus_s, cost."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """All crews for one order: best first, and those that do not come into question with the reason."""

    ranked: tuple[Ranked, ...]
    excluded: tuple[Exclusion, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an order went to a crew; plain values only, `as_json` gives what is stored."""

    policy: Policy
    parameters: Mapping[str, Any]
    decided_at: str
    source: Source
    """Whether driving times came from the roads or from the straight line."""
    chosen: Ranked
    alternatives: tuple[Ranked, ...]
    """The best crews for this order, the chosen one among them where it is one of the best."""
    excluded: Mapping[str, int]
    """How many crews each reason excluded."""
    competing: int
    """Orders of the same trade and centre in this batch: why the best crew may have gone elsewhere."""

    def as_json(self) -> dict[str, Any]:
        """Dicts, lists, texts and numbers."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Choice:
    """An order, its crew, and why."""

    order_id: str
    crew_id: str
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class StillWaiting:
    """An order that got no crew in this batch, and why."""

    order_id: str
    reason: str
    excluded: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Matching:
    """The outcome of a batch; every order is in exactly one of the two, sorted by order id."""

    choices: tuple[Choice, ...]
    waiting: tuple[StillWaiting, ...]
