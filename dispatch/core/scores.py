"""What a pairing of an order and a crew is worth. Arrays have shape (orders, crews).

The duration until arrival is taken as lognormal: its median is the expected time of acknowledging, turnout and
driving, its spread a parameter. From it follow the chance to keep the promise, and the expected number of deadlines
missed on a ladder (the promise, twice the promise, ...): on the ladder an order that is late already still matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from dispatch.core.candidates import CandidateCrew, WaitingOrder

Policy = Literal["nearest", "mean", "risk"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MatchParameters:
    """What the matching goes by. Weights are in seconds of arrival: what one would wait longer to avoid it."""

    policy: Policy = "risk"
    """nearest: first come, first served, nearest free crew. mean: earliest arrivals in sum. risk: see `cost`."""
    sigma: float = 0.3
    """Spread (of the logarithm) of the time until arrival of a crew that is free."""
    stacked_sigma: float = 0.5
    """The same for a crew that must finish another order first."""
    acknowledge_s: float = 60.0
    """Usual time until a crew acknowledges."""
    turnout_s: float = 120.0
    """Usual time until it then departs."""
    stale_after_s: float = 300.0
    """A fix older than this says nothing about where a crew is."""
    ladder: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0)
    """Deadlines, as multiples of the promise."""
    miss_s: float = 3_600.0
    """Weight of one expected miss."""
    priority_share: float = 0.5
    """How much more a miss weighs for each step of priority."""
    age_cap: float = 2.5
    """An order older than so many promises goes before all that are younger, however late it is anyway."""
    age_s: float = 100_000.0
    """Weight of leaving an order of that age without a crew; above every sum of misses."""
    keep_s: float = 30.0
    """Bonus of the crew that the last batch meant for the order: no change for less."""
    stack: bool = True
    """Whether an order may be put behind another on one vehicle."""
    stack_within_s: float = 600.0
    """Only behind an order that is expected to be done within this time: earlier means committing too early."""
    stack_gain_s: float = 0.0
    """Only where the crew is expected so much earlier than by waiting for the next one that is free."""
    wait_s: float = 1_800.0
    """Expected wait for a crew where no crew's end is known."""
    nearest: int = 32
    """How many of the best crews of each order are looked at."""
    alternatives: int = 5
    """How many of them an explanation lists."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Everything about every pair."""

    eta_s: Floats
    """Median seconds from now until arrival; inf: no way."""
    chance: Floats
    """Chance to keep the promise, 0 to 1."""
    misses: Floats
    """Expected number of deadlines of the ladder missed."""
    mean_s: Floats
    """Mean seconds from now until arrival."""
    kept: NDArray[np.bool_]
    """Whether the pair stands since the last batch."""
    cost: Floats
    """What the policy minimises; inf: cannot be."""


def score(
    orders: Sequence[WaitingOrder],
    crews: Sequence[CandidateCrew],
    driving_s: Floats,
    now: datetime,
    parameters: MatchParameters,
) -> Scores:
    """Score every pair; `driving_s` as `TravelTimes.seconds` gives it."""
    p = parameters
    stacked = np.array([crew.orders > 0 for crew in crews], dtype=np.bool_)
    ready = np.array([ready_s(crew, p) for crew in crews], dtype=np.float64)
    sigma = np.where(stacked, p.stacked_sigma, p.sigma)[None, :]
    eta = driving_s + ready[None, :]
    misses, chance = ladder_misses(orders, eta, sigma, now, p)
    mean = eta * np.exp(sigma**2 / 2)
    column = {crew.id: number for number, crew in enumerate(crews)}
    kept = np.zeros(eta.shape, dtype=np.bool_)
    for row, order in enumerate(orders):
        if order.kept_crew in column:
            kept[row, column[order.kept_crew]] = True
    cost = _cost(orders, misses, mean, p) - np.where(kept, p.keep_s, 0.0)
    return Scores(eta, chance, misses, mean, kept, np.where(np.isfinite(eta), cost, np.inf))


def ready_s(crew: CandidateCrew, parameters: MatchParameters) -> float:
    """Seconds until a crew departs; one with an order in hand acknowledges the next one meanwhile."""
    if crew.orders:
        return max(crew.free_in_s, parameters.acknowledge_s) + parameters.turnout_s
    return parameters.acknowledge_s + parameters.turnout_s


def ladder_misses(
    orders: Sequence[WaitingOrder], eta_s: Floats, sigma: Floats, now: datetime, parameters: MatchParameters
) -> tuple[Floats, Floats]:
    """Expected misses on the ladder, and the chance to keep the promise itself; both like `eta_s`."""
    promise = np.array([order.promise_s for order in orders])[:, None]
    age = np.array([(now - order.reported_at).total_seconds() for order in orders])[:, None]
    misses = np.zeros(eta_s.shape)
    for rung in parameters.ladder:
        misses += 1 - _in_time(rung * promise - age, eta_s, sigma)
    return misses, _in_time(promise - age, eta_s, sigma)


def waiting_cost(
    orders: Sequence[WaitingOrder], wait_eta_s: Floats, now: datetime, parameters: MatchParameters
) -> Floats:
    """What leaving each order without a crew costs, shape (orders,), if a crew then arrives after `wait_eta_s`."""
    p = parameters
    eta = wait_eta_s[:, None]
    misses, _ = ladder_misses(orders, eta, np.array([[p.stacked_sigma]]), now, p)
    cost = _cost(orders, misses, eta * np.exp(p.stacked_sigma**2 / 2), p)[:, 0]
    if p.policy != "risk":
        return np.asarray(cost)
    age = np.array([(now - order.reported_at).total_seconds() / max(order.promise_s, 1) for order in orders])
    return np.asarray(cost + np.where(age > p.age_cap, p.age_s * (1 + age), 0.0))


def _cost(
    orders: Sequence[WaitingOrder], misses: Floats, mean_s: Floats, parameters: MatchParameters
) -> Floats:
    """risk: weighted misses, then mean arrival. mean: mean arrival."""
    if parameters.policy != "risk":
        return mean_s
    weight = np.array([1 + parameters.priority_share * max(order.priority, 0) for order in orders])
    return parameters.miss_s * weight[:, None] * misses + mean_s


def _in_time(left_s: Floats, eta_s: Floats, sigma: Floats) -> Floats:
    """Chance that a lognormal duration of median `eta_s` ends within `left_s`."""
    ratio = np.maximum(left_s, 1e-9) / np.maximum(eta_s, 1.0)
    return np.where(left_s > 0, ndtr(np.log(np.maximum(ratio, 1e-300)) / sigma), 0.0)
