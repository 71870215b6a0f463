"""Batch matching of waiting orders to crews (D7): pure, repeatable, and able to say why.

Orders of one trade and centre form a pool, for only the crews of that trade and centre can take them. In a batch each
vehicle gets at most one new order. What was chosen, and from what, is a value that can be stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from dispatch.core.bipartite import match_rows
from dispatch.core.candidates import (
    CandidateCrew,
    Exclusion,
    WaitingOrder,
    WhyNot,
    in_words,
    most_first,
    why_not,
)
from dispatch.core.explanation import Choice, Explanation, Matching, Ranked, Ranking, StillWaiting
from dispatch.core.scores import Floats, MatchParameters, Policy, Scores, score, waiting_cost
from dispatch.core.travel import Source, TravelTimes

__all__ = [
    "CandidateCrew",
    "Choice",
    "Exclusion",
    "Explanation",
    "MatchParameters",
    "Matching",
    "Policy",
    "Ranked",
    "Ranking",
    "StillWaiting",
    "WaitingOrder",
    "earliest",
    "match",
    "rank",
]


Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Pool:
    """The orders of one trade and centre with their scores for the crews that can take them."""

    orders: Sequence[WaitingOrder]
    crews: Sequence[CandidateCrew]
    excluded: Sequence[Exclusion]
    excluded_by: Counter[WhyNot]
    scores: Scores
    now: datetime
    parameters: MatchParameters
    source: Source


def match(
    orders: Iterable[WaitingOrder],
    crews: Iterable[CandidateCrew],
    travel: TravelTimes,
    now: datetime,
    parameters: MatchParameters,
) -> Matching:
    """Match waiting orders to crews at `now` (aware). The order of the arguments does not matter.

    Orders that no crew can take, or that lost to others, stay waiting with the reason.
    """
    crews = sorted(crews, key=lambda crew: crew.id)
    pools: dict[tuple[str, str], list[WaitingOrder]] = {}
    for order in sorted(orders, key=lambda order: order.id):
        pools.setdefault((order.trade, order.centre_id), []).append(order)
    choices: list[Choice] = []
    waiting: list[StillWaiting] = []
    for members in pools.values():
        pool = _pool(members, crews, travel, now, parameters)
        busy = _not_worth_stacking(pool)
        cost = np.where(busy, np.inf, pool.scores.cost)
        for row, column in enumerate(_decide(pool, cost)):
            if column is None:
                waiting.append(_still_waiting(pool, row, busy[row]))
            else:
                choices.append(_choice(pool, row, column, busy[row]))
    return Matching(
        tuple(sorted(choices, key=lambda one: one.order_id)),
        tuple(sorted(waiting, key=lambda one: one.order_id)),
    )


def rank(
    order: WaitingOrder,
    crews: Iterable[CandidateCrew],
    travel: TravelTimes,
    now: datetime,
    parameters: MatchParameters,
) -> Ranking:
    """All crews for one order, best first by the policy's cost: what a dispatcher chooses from.

    A person may also stack where the batch would not, so that is no reason to exclude a crew here.
    """
    pool = _pool([order], sorted(crews, key=lambda crew: crew.id), travel, now, parameters)
    best = np.argsort(_preference(pool)[0], kind="stable")
    ranked = [_ranked(pool, 0, int(column)) for column in best if np.isfinite(pool.scores.cost[0, column])]
    return Ranking(tuple(ranked), tuple(_excluded(pool)), travel.source)


def earliest(
    orders: Sequence[WaitingOrder],
    crews: Iterable[CandidateCrew],
    travel: TravelTimes,
    now: datetime,
    parameters: MatchParameters,
) -> dict[str, Ranked]:
    """For each order of one trade and centre the crew that could be there first, were it the only one; none where
    nobody can go."""
    if not orders:
        return {}
    pool = _pool(orders, sorted(crews, key=lambda crew: crew.id), travel, now, parameters)
    found = {}
    for row, order in enumerate(orders):
        eta = pool.scores.eta_s[row]
        if eta.size and np.isfinite(eta.min()):
            found[order.id] = _ranked(pool, row, int(np.argmin(eta)))
    return found


def _pool(
    orders: Sequence[WaitingOrder],
    crews: Sequence[CandidateCrew],
    travel: TravelTimes,
    now: datetime,
    parameters: MatchParameters,
) -> _Pool:
    able, starts, excluded = [], [], []
    for crew in crews:
        against = why_not(crew, orders[0].trade, orders[0].centre_id, parameters.stale_after_s, now)
        if against is not None:
            excluded.append(against)
        elif crew.start is not None:
            able.append(crew)
            starts.append(crew.start)
    driving = travel.seconds(starts, [order.place for order in orders], now)
    scores = score(orders, able, driving, now, parameters)
    by = Counter(one.code for one in excluded)
    return _Pool(orders, able, excluded, by, scores, now, parameters, travel.source)


def _decide(pool: _Pool, cost: Floats) -> list[int | None]:
    if pool.parameters.policy == "nearest":
        return _first_come(pool, cost)
    alone = waiting_cost(pool.orders, _wait_eta(pool), pool.now, pool.parameters)
    return match_rows(cost, alone, pool.parameters.nearest)


def _first_come(pool: _Pool, cost: Floats) -> list[int | None]:
    """Oldest report first; each takes the nearest crew that is left."""
    result: list[int | None] = [None] * len(pool.orders)
    eta = np.where(np.isfinite(cost), pool.scores.eta_s, np.inf)
    for row in sorted(range(len(pool.orders)), key=lambda r: (pool.orders[r].reported_at, pool.orders[r].id)):
        column = int(np.argmin(eta[row])) if eta.shape[1] else -1
        if column >= 0 and np.isfinite(eta[row, column]):
            result[row] = column
            eta[:, column] = np.inf
    return result


def _wait_eta(pool: _Pool) -> Floats:
    """When a crew would arrive that becomes free later, shape (orders,): the more urgent orders choose first.

    The n-th of the orders beyond the crews that are free now gets the n-th crew to become available.
    """
    p = pool.parameters
    busy = np.array([crew.orders > 0 for crew in pool.crews], dtype=np.bool_)
    later = np.sort(np.where(busy[None, :], pool.scores.eta_s + p.acknowledge_s, np.inf), axis=1)
    free = int(np.count_nonzero(~busy))
    wait = np.full(len(pool.orders), p.wait_s + p.acknowledge_s + p.turnout_s)
    urgent = sorted(range(len(pool.orders)), key=lambda r: (pool.orders[r].deadline, pool.orders[r].id))
    for place, row in enumerate(urgent):
        turn = max(0, place - free)
        if turn < later.shape[1] and np.isfinite(later[row, turn]):
            wait[row] = later[row, turn]
    return wait


def _not_worth_stacking(pool: _Pool) -> Flags:
    """Pairs with a crew that has orders, where waiting is as good or the end too far; shape (orders, crews)."""
    p = pool.parameters
    busy = np.array([crew.orders > 0 for crew in pool.crews], dtype=np.bool_)
    soon = np.array([crew.free_in_s <= p.stack_within_s for crew in pool.crews], dtype=np.bool_)
    allowed = soon & p.stack & (p.policy != "nearest")
    gains = pool.scores.eta_s + p.stack_gain_s < _wait_eta(pool)[:, None]
    return np.asarray(busy[None, :] & ~(allowed[None, :] & gains))


def _preference(pool: _Pool) -> Floats:
    """By which crews are put in order for one order: arrival under `nearest`, else cost."""
    return pool.scores.eta_s if pool.parameters.policy == "nearest" else pool.scores.cost


def _ranked(pool: _Pool, row: int, column: int) -> Ranked:
    scores, crew = pool.scores, pool.crews[column]
    eta = float(scores.eta_s[row, column])
    terms = {
        "misses": round(float(scores.misses[row, column]), 4),
        "mean_arrival_s": round(float(scores.mean_s[row, column]), 1),
        "kept_bonus_s": pool.parameters.keep_s if scores.kept[row, column] else 0.0,
        "cost": round(float(scores.cost[row, column]), 1),
    }
    arrival = (pool.now + timedelta(seconds=round(eta))).isoformat()
    chance = round(float(scores.chance[row, column]), 4)
    return Ranked(crew.id, round(eta, 1), arrival, chance, crew.orders, terms)


def _choice(pool: _Pool, row: int, column: int, busy: Flags) -> Choice:
    preference = np.where(busy, np.inf, _preference(pool)[row])
    best = np.argsort(preference, kind="stable")[: pool.parameters.alternatives]
    explanation = Explanation(
        policy=pool.parameters.policy,
        parameters=asdict(pool.parameters),
        decided_at=pool.now.isoformat(),
        source=pool.source,
        chosen=_ranked(pool, row, column),
        alternatives=tuple(_ranked(pool, row, int(c)) for c in best if np.isfinite(preference[c])),
        excluded=_counts(pool, row, busy),
        competing=len(pool.orders),
    )
    return Choice(pool.orders[row].id, pool.crews[column].id, explanation)


def _still_waiting(pool: _Pool, row: int, busy: Flags) -> StillWaiting:
    excluded = _counts(pool, row, busy)
    left = len(pool.excluded) + len(pool.crews) - sum(excluded.values())
    if left:
        reason = f"the {left} crew(s) that could go were given other orders"
    elif words := in_words(excluded):
        reason = f"no crew can go: {words}"
    else:
        reason = f"centre {pool.orders[row].centre_id} has no crew of trade {pool.orders[row].trade}"
    return StillWaiting(pool.orders[row].id, reason, excluded)


def _excluded(pool: _Pool) -> list[Exclusion]:
    """Crews out of the question for the only order of a pool, with those that have no way to it."""
    lost = [crew for crew, eta in zip(pool.crews, pool.scores.eta_s[0], strict=True) if not np.isfinite(eta)]
    return [*pool.excluded, *(Exclusion(crew.id, "unreachable", "no way there") for crew in lost)]


def _counts(pool: _Pool, row: int, busy: Flags) -> dict[str, int]:
    """How many crews each reason keeps from one order of the pool."""
    lost = ~np.isfinite(pool.scores.eta_s[row])
    counts = pool.excluded_by.copy()
    counts["unreachable"] += int(np.count_nonzero(lost))
    counts["busy"] += int(np.count_nonzero(busy & ~lost))
    return most_first(counts)
