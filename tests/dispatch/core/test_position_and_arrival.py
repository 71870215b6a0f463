from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.core.arrival import ArrivalWatch, DepartureWatch
from dispatch.core.position import Fix, LastKnown, follow
from dispatch.core.types import Point

HOME = Point(36.0, 101.0)
METRE = 1 / 111_195


def fix(t: float, north_m: float = 0.0, **more: Any) -> Fix:
    values = {"lat": HOME.lat + north_m * METRE, "lon": HOME.lon, "received_time": t + 1} | more
    return Fix(fix_time=t, **values)


KNOWN = LastKnown("d", fix(1000))


@pytest.mark.parametrize(
    ("one", "flag"),
    [
        (fix(1010, 100), "ok"),
        (fix(1010, 100, valid=False), "no_fix"),
        (fix(1010, lat=nan), "no_fix"),
        (fix(1010, lat=91.0), "no_fix"),
        (fix(1010, received_time=inf), "no_fix"),
        (fix(1010, lat=0.0, lon=0.0), "null_island"),
        (fix(1010, received_time=800), "future"),
        (fix(1000), "duplicate"),
        (fix(1000, 3), "out_of_order"),
        (fix(1000, 5_000), "jump"),
        (fix(990), "out_of_order"),
        (fix(1010, 5_000), "jump"),
        (fix(1001, 120), "ok"),
    ],
)
def test_each_fix_gets_its_flag(one: Fix, flag: str) -> None:
    after, told = follow(KNOWN, "d", one)
    assert told == flag
    assert after is not None
    assert (after.fix is one) == (flag == "ok")


def test_the_first_fix_of_a_device_is_believed_if_it_is_one() -> None:
    assert follow(None, "d", fix(5))[1] == "ok"
    assert follow(None, "d", fix(5, valid=False)) == (None, "no_fix")


def test_a_new_place_is_believed_after_three_fixes_that_agree() -> None:
    last: LastKnown | None = KNOWN
    flags = []
    for t in (1010, 1020, 1030):
        last, flag = follow(last, "d", fix(t, 50_000 + t))
        flags.append(flag)
    assert flags == ["jump", "jump", "ok"]
    assert last is not None
    assert last.fix == fix(1030, 51_030)


def test_two_devices_on_one_id_do_not_tear_the_position_to_and_fro() -> None:
    last: LastKnown | None = KNOWN
    for n in range(20):
        last, flag = follow(last, "d", fix(1010 + n * 10, 50_000 if n % 2 else 0))
        assert flag == ("jump" if n % 2 else "ok")
    assert last is not None
    assert abs(last.point.lat - HOME.lat) < 0.01


def test_the_same_jumped_fix_sent_three_times_is_not_three_witnesses() -> None:
    last: LastKnown | None = KNOWN
    flags = []
    for _ in range(4):
        last, flag = follow(last, "d", fix(1010, 50_000))
        flags.append(flag)
    assert flags == ["jump", "duplicate", "duplicate", "duplicate"]


@given(
    st.lists(
        st.builds(
            Fix,
            lat=st.floats(),
            lon=st.floats(),
            fix_time=st.floats(),
            received_time=st.floats(),
            valid=st.booleans(),
        ),
        max_size=12,
    )
)
def test_no_numbers_whatever_raise_and_time_never_goes_back(fixes: list[Fix]) -> None:
    last: LastKnown | None = None
    for one in fixes:
        before = last
        last, flag = follow(last, "d", one)
        if before is not None and last is not None and flag == "ok":
            assert last.fix_time > before.fix_time
        if flag != "ok":
            assert (last and last.fix) == (before and before.fix)


def watch(*fixes: Fix) -> ArrivalWatch:
    seen = ArrivalWatch(HOME)
    for one in fixes:
        seen = seen.see(one)
    return seen


def test_arrived_is_when_it_first_entered_and_stayed() -> None:
    seen = watch(fix(0, 900), fix(60, 100, speed_mps=1.0), fix(90, 90), fix(120, 80), fix(200, 80))
    assert seen.arrived_at == 60


@pytest.mark.parametrize(
    "fixes",
    [
        [fix(0, 100, speed_mps=12.0), fix(30, -100, speed_mps=12.0), fix(90, 100, speed_mps=12.0)],
        [fix(0, 100), fix(50, 100), fix(55, 500), fix(65, 100), fix(100, 100)],
        [fix(0, 100)],
        [fix(0, 100), fix(3600, 100)],
        [fix(0, 100), fix(30, 100), fix(20, 100), fix(30, 100)],
    ],
    ids=["drives past", "red light near by", "one fix", "long silence", "old fixes again"],
)
def test_not_arrived(fixes: list[Fix]) -> None:
    assert watch(*fixes).arrived_at is None


def test_an_arrival_stands_even_if_the_vehicle_then_leaves() -> None:
    assert watch(fix(0), fix(60), fix(300, 5_000)).arrived_at == 0


def test_speed_is_taken_from_two_fixes_where_the_device_gives_none() -> None:
    assert watch(fix(0, 1500), fix(100, 140), fix(110, 40), fix(120, -60), fix(130, -140)).arrived_at is None
    assert watch(fix(0, 1500), fix(100, 140), fix(160, 140), fix(230, 140)).arrived_at == 160


def test_departed_beyond_two_hundred_metres() -> None:
    seen = DepartureWatch(HOME).see(fix(0)).see(fix(10, 190))
    assert seen.left_at is None
    assert seen.see(fix(20, 210)).see(fix(30, 0)).left_at == 20
