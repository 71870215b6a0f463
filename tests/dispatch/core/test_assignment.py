from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.core.assignment import CandidateCrew, Matching, MatchParameters, WaitingOrder, match, rank
from dispatch.core.speeds import SpeedTable
from dispatch.core.travel import StraightLine
from dispatch.core.types import Point

NOW = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)
TRAVEL = StraightLine(SpeedTable(UTC, 36.0, 10.0, (1.0,) * 24), detour=1.0)
KM = 1 / 111.195
RISK, MEAN, NEAREST = (MatchParameters(policy=p) for p in ("risk", "mean", "nearest"))


def order(name: str, km: float, *, age_min: float = 5, promise_min: float = 45, **more: Any) -> WaitingOrder:
    """An order `km` north of the origin."""
    reported = NOW - timedelta(minutes=age_min)
    deadline = reported + timedelta(minutes=promise_min)
    return WaitingOrder(name, Point(km * KM, 0.0), "low", "c1", reported, deadline, **more)


def crew(name: str, km: float, **more: Any) -> CandidateCrew:
    return CandidateCrew(name, "c1", "low", Point(km * KM, 0.0), 10.0, **more)


def busy(name: str, km: float, minutes: float, orders: int = 1) -> CandidateCrew:
    place = Point(km * KM, 0.0)
    return crew(name, km, orders=orders, free_in_s=minutes * 60, last_place=place)


def pairs(
    orders: Iterable[WaitingOrder], crews: Iterable[CandidateCrew], p: MatchParameters
) -> dict[str, str]:
    return {one.order_id: one.crew_id for one in match(orders, crews, TRAVEL, NOW, p).choices}


@pytest.mark.parametrize("p", [RISK, MEAN, NEAREST], ids=lambda p: p.policy)
def test_one_order_goes_to_the_nearest_free_crew(p: MatchParameters) -> None:
    crews = [crew("far", 9), crew("near", 1), crew("middle", 4)]
    outcome = match([order("o", 0)], crews, TRAVEL, NOW, p)
    [choice] = outcome.choices
    assert choice.crew_id == "near"
    told = choice.explanation
    assert [one.crew_id for one in told.alternatives] == ["near", "middle", "far"]
    assert told.chosen.eta_seconds == pytest.approx(100 + p.acknowledge_s + p.turnout_s, abs=1)
    assert told.chosen.arrival == (NOW + timedelta(seconds=280)).isoformat()
    assert told.chosen.chance_to_keep > 0.99
    assert told.source == "straight_line"


def test_first_come_takes_the_nearest_while_the_batch_sees_both() -> None:
    """The old order takes the only crew that could have kept the young one's promise; the batch does not."""
    orders = [order("first", 10, age_min=6), order("second", 1, age_min=5, promise_min=15)]
    crews = [crew("between", 5), crew("behind", 17)]
    assert pairs(orders, crews, NEAREST) == {"first": "between", "second": "behind"}
    assert pairs(orders, crews, RISK) == {"first": "behind", "second": "between"}
    assert pairs(orders, crews, MEAN) == {"first": "behind", "second": "between"}


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        ({"trade": "other"}, "wrong_trade", "wrong trade: other"),
        ({"centre_id": "c2"}, "other_centre", "belongs to centre c2"),
        ({"on_shift": False}, "off_shift", "off shift"),
        ({"away": True, "away_until": NOW + timedelta(minutes=40)}, "away", "away for 40 min more"),
        ({"away": True, "away_until": NOW}, "away", "away, its announced end has passed"),
        ({"place": None}, "no_position", "no position"),
        ({"fix_age_s": None}, "no_position", "no position"),
        ({"fix_age_s": 360.0}, "stale", "stale fix 6 min"),
        ({"orders": 3, "last_place": Point(0, 0)}, "full", "full: 3 of 3 orders"),
        ({"place": Point(0, 170)}, "unreachable", "no way there"),
    ],
)
@pytest.mark.parametrize("p", [RISK, MEAN, NEAREST], ids=lambda p: p.policy)
def test_a_crew_that_cannot_go_is_named_with_its_reason(
    change: dict[str, Any], code: str, reason: str, p: MatchParameters
) -> None:
    class Bounded(StraightLine):
        def seconds(self, *args: Any) -> Any:
            found = super().seconds(*args)
            return np.where(found > 4 * 3600, np.inf, found)

    travel = Bounded(SpeedTable(UTC, 36.0, 10.0, (1.0,) * 24))
    unfit = replace(crew("x", 1), **change)
    outcome = match([order("o", 0)], [unfit], travel, NOW, p)
    assert outcome.choices == ()
    assert outcome.waiting[0].excluded == {code: 1}
    assert outcome.waiting[0].reason
    [excluded] = rank(order("o", 0), [unfit], travel, NOW, p).excluded
    assert (excluded.crew_id, excluded.code, excluded.reason) == ("x", code, reason)
    assert pairs([order("o", 0)], [unfit, crew("y", 30)], p) == {"o": "y"}


def test_an_order_that_lost_to_others_says_so() -> None:
    outcome = match([order("a", 0), order("b", 0, age_min=20)], [crew("x", 1)], TRAVEL, NOW, RISK)
    assert [one.order_id for one in outcome.choices] == ["b"], "its deadline is nearer"
    assert outcome.waiting[0].reason == "the 1 crew(s) that could go were given other orders"
    assert outcome.choices[0].explanation.competing == 2


def test_a_centre_without_the_trade_says_so() -> None:
    outcome = match([order("a", 0)], [], TRAVEL, NOW, RISK)
    assert outcome.waiting[0].reason == "centre c1 has no crew of trade low"


def test_pools_do_not_mix() -> None:
    elsewhere = replace(order("b", 0), centre_id="c2")
    crews = [crew("x", 0), replace(crew("y", 9), centre_id="c2")]
    assert pairs([order("a", 0), elsewhere], crews, RISK) == {"a": "x", "b": "y"}


def test_behind_an_order_that_is_nearly_done_is_better_than_a_free_crew_far_away() -> None:
    crews = [busy("soon", 0, minutes=2), crew("far", 25)]
    assert pairs([order("o", 0)], crews, RISK) == {"o": "soon"}
    assert pairs([order("o", 0)], crews, replace(RISK, stack=False)) == {"o": "far"}
    assert pairs([order("o", 0)], crews, NEAREST) == {"o": "far"}


def test_behind_a_long_order_is_too_early_to_commit() -> None:
    outcome = match([order("o", 0)], [busy("long", 0, minutes=60)], TRAVEL, NOW, RISK)
    assert outcome.waiting[0].excluded == {"busy": 1}
    assert "1 busy" in outcome.waiting[0].reason
    assert rank(order("o", 0), [busy("long", 0, minutes=60)], TRAVEL, NOW, RISK).ranked[0].behind == 1


def test_a_stacked_order_is_driven_to_from_the_last_place() -> None:
    stacked = crew("x", 20, orders=1, free_in_s=120, last_place=Point(0, 0))
    [one] = rank(order("o", 1), [stacked], TRAVEL, NOW, RISK).ranked
    assert one.eta_seconds == pytest.approx(120 + RISK.turnout_s + 100, abs=1)


def test_a_crew_gets_at_most_one_new_order_a_batch() -> None:
    assert len(pairs([order(name, 1) for name in "abc"], [crew("x", 0)], RISK)) == 1


def test_the_order_whose_promise_can_be_kept_goes_first_but_the_oldest_is_not_starved() -> None:
    young = order("young", 0, age_min=30)
    late = order("late", 0, age_min=92)
    forgotten = order("forgotten", 0, age_min=200)
    assert pairs([young, late], [crew("x", 1)], RISK) == {"young": "x"}
    assert pairs([young, late, forgotten], [crew("x", 1)], RISK) == {"forgotten": "x"}
    never = replace(RISK, age_cap=1e9)
    assert pairs([young, late, forgotten], [crew("x", 1)], never) == {"young": "x"}


def test_priority_wins_a_crew() -> None:
    two = [order("a", 0, age_min=30), order("b", 0, age_min=30, priority=2)]
    assert pairs(two, [crew("x", 1)], RISK) == {"b": "x"}


def test_the_crew_meant_before_is_kept_for_a_small_difference_only() -> None:
    crews = [crew("near", 1.0), crew("kept", 1.2)]
    assert pairs([order("o", 0, kept_crew="kept")], crews, RISK) == {"o": "kept"}
    assert pairs([order("o", 0, kept_crew="kept")], [crew("near", 1), crew("kept", 6)], RISK) == {"o": "near"}


def random_batch(seed: int, n: int, m: int) -> tuple[list[WaitingOrder], list[CandidateCrew]]:
    rng = np.random.default_rng(seed)
    orders = [
        replace(
            order(f"o{i:04d}", 0, age_min=float(rng.uniform(0, 200)), priority=int(rng.integers(0, 3))),
            place=Point(*rng.uniform(-0.1, 0.1, 2)),
        )
        for i in range(n)
    ]
    crews = [
        replace(
            busy(f"c{i:04d}", 0, float(rng.uniform(1, 40)), int(rng.integers(0, 4))),
            place=Point(*rng.uniform(-0.1, 0.1, 2)),
            away=bool(rng.random() < 0.1),
            fix_age_s=float(rng.uniform(0, 400)),
        )
        for i in range(m)
    ]
    return orders, [c if c.orders else replace(c, free_in_s=0.0, last_place=None) for c in crews]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 12), st.integers(0, 12), st.sampled_from([RISK, MEAN, NEAREST]))
def test_whatever_comes_in_the_rules_hold(seed: int, n: int, m: int, p: MatchParameters) -> None:
    orders, crews = random_batch(seed, n, m)
    outcome = match(orders, crews, TRAVEL, NOW, p)
    by_id = {one.id: one for one in crews}
    ids = [one.order_id for one in outcome.choices] + [one.order_id for one in outcome.waiting]
    assert sorted(ids) == [one.id for one in orders]
    assert len({one.crew_id for one in outcome.choices}) == len(outcome.choices)
    for choice in outcome.choices:
        chosen = by_id[choice.crew_id]
        assert not chosen.away
        assert chosen.orders < chosen.capacity
        assert (chosen.fix_age_s or 0) <= p.stale_after_s
        assert 0 <= choice.explanation.chosen.chance_to_keep <= 1
    for waiting in outcome.waiting:
        assert waiting.reason
    shuffled_orders, shuffled_crews = orders[:], crews[:]
    random.Random(seed).shuffle(shuffled_orders)
    random.Random(seed + 1).shuffle(shuffled_crews)
    assert match(shuffled_orders, shuffled_crews, TRAVEL, NOW, p) == outcome


def total_eta(outcome: Matching) -> float:
    return sum(one.explanation.chosen.terms["cost"] for one in outcome.choices)


def test_the_nearest_crews_of_each_order_are_enough() -> None:
    orders, crews = random_batch(5, 60, 400)
    few = match(orders, crews, TRAVEL, NOW, MEAN)
    all_of_them = match(orders, crews, TRAVEL, NOW, replace(MEAN, nearest=400))
    assert total_eta(few) == pytest.approx(total_eta(all_of_them), rel=1e-3)
    assert len(few.choices) == len(all_of_them.choices) == 60


def test_an_explanation_is_plain_json_that_comes_back() -> None:
    [choice] = match([order("o", 0)], [crew("x", 1), crew("y", 2, away=True)], TRAVEL, NOW, RISK).choices
    told = choice.explanation.as_json()
    back = json.loads(json.dumps(told, allow_nan=False))
    assert back["chosen"]["crew_id"] == "x"
    assert back["excluded"] == {"away": 1}
    parameters = MatchParameters(**(back["parameters"] | {"ladder": tuple(back["parameters"]["ladder"])}))
    assert parameters == RISK
