from __future__ import annotations

import os
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.adapters.roads.csv import load_roads
from dispatch.core.errors import BadInput
from dispatch.core.speeds import SpeedTable, parse_speeds
from dispatch.core.travel import RoadGraph, RoadTravel, StraightLine, TravelTimes, great_circle
from dispatch.core.types import Point, distance

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
FLAT = SpeedTable(UTC, default_kmh=36.0, off_road_kmh=3.6, factor=(1.0,) * 24)
RUSH = SpeedTable(UTC, default_kmh=36.0, off_road_kmh=3.6, factor=(1.0,) * 12 + (0.5,) * 12)
STEP = 0.01


def grid(size: int, *, seed: int = 0, oneway: float = 0.0) -> RoadGraph:
    """A grid of `size` x `size` nodes near the equator, with some one-way streets."""
    rng = np.random.default_rng(seed)
    lat, lon = (a.ravel().astype(float) * STEP for a in np.mgrid[0:size, 0:size])
    number = np.arange(size * size).reshape(size, size)
    u = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    v = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    place = [Point(a, b) for a, b in zip(lat, lon, strict=True)]
    length = np.array([distance(place[a], place[b]) for a, b in zip(u, v, strict=True)])
    lines = [np.array([(lon[a], lat[a]), (lon[b], lat[b])]) for a, b in zip(u, v, strict=True)]
    return RoadGraph(
        lat=lat, lon=lon, component=["0"] * len(lat), u=u, v=v, length_m=length, lines=lines,
        speed_kmh=rng.choice([18.0, 36.0, 72.0, np.nan], len(u)), oneway=rng.random(len(u)) < oneway,
    )  # fmt: skip


def line_graph(parallel_m: float, *, oneway: bool = False) -> RoadGraph:
    """Two nodes 1,113 m apart joined by a straight road and a second one of `parallel_m`."""
    straight = np.array([(0.0, 0.0), (STEP, 0.0)])
    bent = np.array([(0.0, 0.0), (STEP / 2, STEP / 2), (STEP, 0.0)])
    return RoadGraph(
        lat=np.array([0.0, 0.0]), lon=np.array([0.0, STEP]), component=["0", "0"], u=np.array([0, 0]),
        v=np.array([1, 1]), length_m=np.array([1113.0, parallel_m]), lines=[straight, bent],
        oneway=np.array([False, oneway]),
    )  # fmt: skip


@pytest.mark.parametrize(("other", "expected"), [(5000.0, 111.3), (500.0, 50.0)])
def test_parallel_roads_keep_the_fastest_and_are_not_added_up(other: float, expected: float) -> None:
    travel = RoadTravel(line_graph(other), FLAT)
    seconds = travel.seconds([Point(0, 0)], [Point(0, STEP)], NOON)
    assert seconds[0, 0] == pytest.approx(expected, abs=0.1)
    assert travel.route(Point(0, 0), Point(0, STEP), NOON).metres == pytest.approx(expected * 10, abs=1)


def test_a_matrix_has_a_row_for_each_destination_and_a_column_for_each_origin() -> None:
    origins = [Point(0, 0), Point(0.02, 0.02), Point(0, 0.03)]
    for travel in (RoadTravel(grid(5), FLAT), StraightLine(FLAT)):
        source: TravelTimes = travel
        assert source.seconds(origins, origins[:2], NOON).shape == (2, 3)
        assert source.seconds([], origins, NOON).shape == (3, 0)
        assert source.seconds(origins, [], NOON).shape == (0, 3)
        assert np.diag(source.seconds(origins, origins, NOON)) == pytest.approx(0, abs=0.1)


def test_slow_hours_make_road_time_longer() -> None:
    night = NOON.replace(hour=3)
    for travel in (RoadTravel(grid(4), RUSH), StraightLine(RUSH)):
        slow, fast = (travel.seconds([Point(0, 0)], [Point(0.03, 0.03)], at)[0, 0] for at in (NOON, night))
        assert slow == pytest.approx(2 * fast, rel=1e-3)


def test_a_place_in_mid_block_is_reached_along_its_block() -> None:
    travel = RoadTravel(line_graph(9000.0), FLAT)
    half = travel.seconds([Point(0, 0)], [Point(0.00001, STEP / 2)], NOON)[0, 0]
    assert half == pytest.approx(111.3 / 2 + 1.1, abs=0.2)
    same_block = travel.seconds([Point(0, STEP * 0.4)], [Point(0, STEP / 2)], NOON)[0, 0]
    assert same_block == pytest.approx(11.13, abs=0.1)


def test_a_place_far_off_the_roads_has_a_finite_time() -> None:
    travel = RoadTravel(grid(3), FLAT)
    far = Point(0.1, 0.0)
    seconds = travel.seconds([Point(0, 0), Point(0.1, 0.001)], [far], NOON)[0]
    assert 8000 < seconds[0] < 10000, "9 km on foot"
    assert seconds[1] == pytest.approx(111, abs=1), "two neighbours do not walk to the road and back"


def test_a_oneway_road_is_not_driven_backwards() -> None:
    travel = RoadTravel(line_graph(500.0, oneway=True), FLAT)
    there, back = Point(0, 0), Point(0, STEP)
    assert travel.seconds([there], [back], NOON)[0, 0] == pytest.approx(50, abs=0.1)
    assert travel.seconds([back], [there], NOON)[0, 0] == pytest.approx(111.3, abs=0.1)


def test_beyond_the_limit_there_is_no_way_and_the_vehicle_stays() -> None:
    travel = RoadTravel(grid(6), FLAT, limit_s=100)
    assert np.isinf(travel.seconds([Point(0, 0)], [Point(0.05, 0.05)], NOON)[0, 0])
    route = travel.route(Point(0, 0), Point(0.05, 0.05), NOON)
    assert np.isinf(route.seconds)
    assert route.at(1000).point == Point(0, 0)


def test_only_the_main_component_is_used() -> None:
    lon = np.array([0.0, STEP, 2 * STEP, 0.0, STEP])
    lat = np.array([0.0, 0.0, 0.0, 0.001, 0.001])
    ends = [(0, 1), (1, 2), (3, 4)]
    graph = RoadGraph(
        lat=lat, lon=lon, component=["0", "0", "0", "1", "1"],
        u=np.array([a for a, _ in ends]), v=np.array([b for _, b in ends]), length_m=np.full(3, 1113.0),
        lines=[np.array([(lon[a], lat[a]), (lon[b], lat[b])]) for a, b in ends],
    )  # fmt: skip
    assert graph.snap([Point(0.001, 0.005)]).edge[0] == 0


place = st.builds(Point, st.floats(-0.01, 0.05), st.floats(-0.01, 0.05))


@settings(max_examples=60, deadline=None)
@given(place, place, st.integers(0, 5), st.sampled_from([0.0, 0.3]))
def test_a_route_takes_as_long_as_the_matrix_says(a: Point, b: Point, seed: int, oneway: float) -> None:
    travel = RoadTravel(grid(5, seed=seed, oneway=oneway), RUSH)
    seconds = travel.seconds([a], [b], NOON)[0, 0]
    route = travel.route(a, b, NOON)
    assert route.seconds == pytest.approx(seconds, abs=0.1)
    assert np.all(np.diff(route.passed_s) >= 0)
    assert np.all(np.diff(route.passed_m) >= -1e-9)
    assert distance(route.at(0).point, a) < 1
    assert route.at(route.seconds).point == b
    steps = [route.at(float(s)) for s in np.linspace(0, route.seconds, 30)]
    for here, there in pairwise(steps):
        assert distance(here.point, there.point) <= 72 / 3.6 * route.seconds / 29 * 1.01 + 1
    assert all(0 <= step.course_deg < 360 for step in steps)


def test_the_matrix_equals_one_search_a_destination() -> None:
    travel = RoadTravel(grid(6, seed=3, oneway=0.2), FLAT)
    rng = np.random.default_rng(2)
    places = [Point(*xy) for xy in rng.uniform(0, 0.05, (80, 2))]
    together = travel.seconds(places, places, NOON)
    apart = np.vstack([travel.seconds(places, [one], NOON) for one in places])
    np.testing.assert_allclose(together, apart)


def test_speed_tables_say_what_is_wrong() -> None:
    good = "default_kmh = 30\noff_road_kmh = 10\nfactor = " + str([1.0] * 24)
    assert parse_speeds(good, "x.toml", "Asia/Shanghai").at(NOON) == 1.0
    cases = {
        "default_kmh": good.replace("30", "'a'"),
        "off_road_kmh": good.replace("10", "-1"),
        "factor has 23": "default_kmh = 30\noff_road_kmh = 10\nfactor = " + str([1.0] * 23),
        "hour 0": good.replace("[1.0", "[0.0", 1),
        "line 1": "default_kmh = = 3",
    }
    for said, text in cases.items():
        with pytest.raises(BadInput, match=said):
            parse_speeds(text, "x.toml", "Asia/Shanghai")
    with pytest.raises(BadInput, match="time zone"):
        parse_speeds(good, "x.toml", "Mars/Olympus")


def test_real_roads_are_longer_than_the_crow_flies_by_a_plausible_ratio() -> None:
    data = os.environ.get("DISPATCH45_TEST_DATA")
    if not data:
        pytest.skip("DISPATCH45_TEST_DATA is not set: no real road graph to read")
    travel = RoadTravel(load_roads(Path(data) / "common"), FLAT)
    rng = np.random.default_rng(1)
    box = rng.uniform((37.72, -122.50), (37.80, -122.39), (60, 2))
    places = [Point(*xy) for xy in box]
    seconds, crow = travel.seconds(places, places, NOON), great_circle(places, places)
    assert np.isfinite(seconds).all()
    apart = crow > 500
    assert 1.15 < np.median(seconds[apart] * 10 / crow[apart]) < 1.5
