"""A simulated vehicle follows its route; its receiver errs, but the same way each time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf
from statistics import mean

import numpy as np
import pytest

from dispatch.core.route import Route
from dispatch.core.types import Point, distance
from simulators.vehicles import Vehicle

NOW = datetime(2024, 5, 1, 4, 0, 0, tzinfo=UTC)
HOME = Point(39.9, 116.4)
AWAY = Point(39.9, 116.5)
METRES = distance(HOME, AWAY)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def route(seconds: float = 600.0) -> Route:
    return Route(
        np.array([HOME.lat, AWAY.lat]),
        np.array([HOME.lon, AWAY.lon]),
        np.array([0.0, seconds]),
        np.array([0.0, METRES]),
    )


def test_a_parked_vehicle_drifts_a_little_and_slowly() -> None:
    vehicle = Vehicle("V1", 1, HOME)
    errors = [distance(HOME, vehicle.at(later(s)).point) for s in range(0, 7200, 10)]
    assert 2 < mean(errors) < 6
    assert max(errors) < 25
    steps = [distance(vehicle.at(later(s)).point, vehicle.at(later(s + 1)).point) for s in range(300)]
    assert max(steps) < 1
    assert {vehicle.at(later(s)).speed_mps for s in range(300)} == {0.0}


def test_a_driving_vehicle_follows_its_route_and_arrives() -> None:
    vehicle = Vehicle("V1", 1, HOME).drive(route(), NOW)
    assert vehicle.arrives_at() == later(600)
    errors = [distance(vehicle.truly_at(later(s)).point, vehicle.at(later(s)).point) for s in range(1, 600)]
    assert 3 < mean(errors) < 10
    half = vehicle.at(later(300))
    assert half.point.lon == pytest.approx(116.45, abs=0.001)
    assert half.fix_time == later(300)
    assert half.speed_mps == pytest.approx(METRES / 600)
    assert half.course_deg == pytest.approx(90, abs=1)
    assert [vehicle.driving(later(s)) for s in (0, 599, 600, 900)] == [True, True, False, False]
    assert distance(vehicle.at(later(900)).point, AWAY) < 25


def test_parking_on_the_way_stays_there() -> None:
    vehicle = Vehicle("V1", 1, HOME).drive(route(), NOW).park(later(300))
    assert vehicle.place.lon == pytest.approx(116.45)
    assert vehicle.truly_at(later(5000)).point == vehicle.place
    assert (vehicle.arrives_at(), vehicle.driving(later(400))) == (None, False)


def test_the_same_seed_gives_the_same_fixes_in_any_order_of_asking() -> None:
    one, two = Vehicle("V1", 1, HOME), Vehicle("V1", 1, HOME)
    assert [one.at(later(s)) for s in range(50)] == [two.at(later(s)) for s in reversed(range(50))][::-1]
    assert one.at(NOW).point != Vehicle("V2", 1, HOME).at(NOW).point
    assert one.at(NOW).point != Vehicle("V1", 2, HOME).at(NOW).point


def test_where_no_way_leads_the_vehicle_stays_and_never_arrives() -> None:
    vehicle = Vehicle("V1", 1, HOME).drive(route(inf), NOW)
    assert vehicle.arrives_at() is None
    assert vehicle.truly_at(later(9999)).point == HOME


def test_a_vehicle_on_the_date_line_keeps_a_valid_place() -> None:
    vehicle = Vehicle("V1", 1, Point(0.0, 180.0))
    assert all(-180 <= vehicle.at(later(s)).point.lon <= 180 for s in range(0, 3000, 50))
