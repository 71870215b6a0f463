"""When a crew reaches each of its orders in their sequence, and what that has to do with the ranking."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dispatch.core.assignment import CandidateCrew, MatchParameters, WaitingOrder, earliest, rank
from dispatch.core.sequence import Pace, Stage, Stop, planned
from dispatch.core.speeds import SpeedTable
from dispatch.core.travel import StraightLine, TravelTimes
from dispatch.core.types import Point
from tests.dispatch.core.orders import MINUTE, A

PACE = Pace(acknowledge_s=60, turnout_s=120, repair_s=1_200)
HERE, NEAR, FAR = Point(30.0, 120.0), Point(30.0, 120.05), Point(30.0, 120.2)
UNTIL = A + 45 * MINUTE


@pytest.fixture
def travel() -> TravelTimes:
    return StraightLine(SpeedTable(UTC, 36.0, 20.0, (1.0,) * 24))


def drive(travel: TravelTimes, start: Point, end: Point) -> float:
    return float(travel.seconds([start], [end], A)[0, 0])


def after(seconds: float) -> datetime:
    return A + timedelta(seconds=round(seconds))


def test_each_stop_begins_where_and_when_the_one_before_ends(travel: TravelTimes) -> None:
    first, second = planned(HERE, [Stop("a", NEAR, UNTIL), Stop("b", FAR, UNTIL)], travel, A, PACE)
    there = 60 + 120 + drive(travel, HERE, NEAR)
    assert first.arrival == after(there)
    assert first.free_s == pytest.approx(there + 1_200)
    assert second.arrival == after(there + 1_200 + 120 + drive(travel, NEAR, FAR))
    assert second.margin_s == (UNTIL - second.arrival).total_seconds()


def test_what_is_done_already_is_not_waited_for_again(travel: TravelTimes) -> None:
    way = drive(travel, HERE, NEAR)
    cases: tuple[tuple[Stage, int], ...] = (("waiting", 180), ("acknowledged", 120), ("en_route", 0))
    for stage, ready in cases:
        (one,) = planned(HERE, [Stop("a", NEAR, UNTIL, stage)], travel, A, PACE)
        assert one.arrival == after(ready + way), stage


def test_a_crew_on_the_scene_has_arrived_and_needs_the_rest_of_its_repair(travel: TravelTimes) -> None:
    since = A - 5 * MINUTE
    first, second = planned(
        NEAR, [Stop("a", NEAR, UNTIL, arrived_at=since), Stop("b", FAR, UNTIL)], travel, A, PACE
    )
    assert (first.arrival, first.free_s) == (since, 900)
    assert second.arrival == after(900 + 120 + drive(travel, NEAR, FAR))
    (long_there,) = planned(NEAR, [Stop("a", NEAR, UNTIL, arrived_at=A - 600 * MINUTE)], travel, A, PACE)
    assert long_there.free_s == 0.2 * 1_200, "never done in the past"


def test_an_unknown_place_makes_no_arrival_up(travel: TravelTimes) -> None:
    stops = [Stop("a", None, UNTIL), Stop("b", NEAR, UNTIL)]
    assert [p.arrival for p in planned(HERE, stops, travel, A, PACE)] == [None, None]
    assert planned(None, [Stop("b", NEAR, UNTIL)], travel, A, PACE)[0].margin_s is None


def test_an_order_put_last_is_reached_when_the_ranking_says(travel: TravelTimes) -> None:
    stack = [Stop("a", NEAR, UNTIL, "en_route")]
    (held,) = planned(HERE, stack, travel, A, PACE)
    crew = CandidateCrew("N1", "north", "s", HERE, 5.0, orders=1, free_in_s=held.free_s, last_place=NEAR)
    order = WaitingOrder("b", FAR, "s", "north", A, UNTIL)
    parameters = MatchParameters(acknowledge_s=60, turnout_s=120)
    (ranked,) = rank(order, [crew], travel, A, parameters).ranked
    last = planned(HERE, [*stack, Stop("b", FAR, UNTIL)], travel, A, PACE)[-1]
    assert last.arrival is not None
    assert abs((datetime.fromisoformat(ranked.arrival) - last.arrival).total_seconds()) <= 1


def test_the_earliest_crew_of_each_order_were_it_the_only_one(travel: TravelTimes) -> None:
    crews = [CandidateCrew(n, "north", "s", p, 5.0) for n, p in (("N1", HERE), ("N2", FAR))]
    orders = [WaitingOrder(n, p, "s", "north", A, UNTIL) for n, p in (("a", NEAR), ("b", FAR))]
    found = earliest(orders, crews, travel, A, MatchParameters())
    assert {order: one.crew_id for order, one in found.items()} == {"a": "N1", "b": "N2"}
    assert earliest(orders, [], travel, A, MatchParameters()) == {}
    assert earliest([], crews, travel, A, MatchParameters()) == {}
