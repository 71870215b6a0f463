"""What is believed of a device's fixes: laws, and the ways in which devices are wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.core.position import Fix, LastKnown, follow

METRE = 1 / 111_195
ALONE = {"no_fix", "null_island", "future"}


def fix(t: float, north_m: float = 0.0, **more: Any) -> Fix:
    return Fix(
        **({"lat": 36.0 + north_m * METRE, "lon": 101.0, "fix_time": t, "received_time": t + 1} | more)
    )


def fold(fixes: Iterable[Fix], last: LastKnown | None = None) -> tuple[LastKnown | None, list[str]]:
    flags = []
    for one in fixes:
        last, flag = follow(last, "d", one)
        flags.append(flag)
    return last, flags


def known(fixes: Iterable[Fix]) -> LastKnown:
    last, _ = fold(fixes)
    assert last is not None
    return last


A_FIX = st.builds(
    fix,
    st.integers(0, 2_000),
    st.sampled_from([0.0, 5.0, 400.0, 90_000.0]),
    valid=st.sampled_from([True, True, True, False]),
    received_time=st.sampled_from([0.0, 3_000.0]),
    lon=st.sampled_from([101.0, 101.0, 101.5]),
    speed_mps=st.sampled_from([None, 0.0, 12.0]),
)
A_DRIVE = st.lists(st.floats(-20, 20), min_size=1, max_size=25)


@given(st.lists(A_FIX, max_size=20))
def test_only_a_believed_fix_moves_the_position_and_never_back_in_time(fixes: list[Fix]) -> None:
    last: LastKnown | None = None
    for one in fixes:
        before = last
        last, flag = follow(before, "d", one)
        if flag == "ok":
            assert last is not None
            assert last.fix == one
            assert before is None or (
                last.fix_time > before.fix_time and last.odometer_m >= before.odometer_m
            )
        else:
            assert (last and (last.fix, last.odometer_m)) == (before and (before.fix, before.odometer_m))


@given(st.lists(A_FIX, max_size=12).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_what_is_wrong_by_itself_is_wrong_in_any_order(both: tuple[list[Fix], list[Fix]]) -> None:
    def wrong(fixes: Sequence[Fix]) -> list[tuple[str, str]]:
        flags = fold(fixes)[1]
        return sorted((f, repr(x)) for x, f in zip(fixes, flags, strict=True) if f in ALONE)

    assert wrong(both[0]) == wrong(both[1])


@given(A_DRIVE.flatmap(lambda way: st.tuples(st.just(way), st.permutations(range(len(way))))))
def test_a_possible_drive_ends_at_its_newest_fix_in_whatever_order_it_comes(
    drive: tuple[list[float], list[int]],
) -> None:
    way, order = drive
    fixes = [fix(1_000 + 10 * n, sum(way[: n + 1]) * 10) for n in range(len(way))]
    last, flags = fold(fixes[n] for n in order)
    assert last is not None
    assert last.fix == fixes[-1]
    assert set(flags) <= {"ok", "out_of_order"}


@given(st.lists(A_FIX, max_size=15))
def test_the_same_once_more_changes_nothing(fixes: list[Fix]) -> None:
    last, _ = fold(fixes)
    if last is not None:
        again, flags = fold([last.fix], last)
        assert again == last
        assert flags == ["duplicate"]


@given(st.lists(A_FIX, max_size=40))
def test_what_is_kept_of_a_device_does_not_grow(fixes: list[Fix]) -> None:
    last, _ = fold(fixes)
    assert len(repr(last)) < 1_500


def two_on_one_id(every_a: float, every_b: float, until: float = 3_600.0) -> list[tuple[Fix, str]]:
    """Two vehicles that drive 20 km apart, each reporting at its own pace."""
    a = [(fix(t, t * 10), "a") for t in range(0, int(until), int(every_a))]
    b = [(fix(t + 0.5, 20_000 - t * 10), "b") for t in range(0, int(until / 4), int(every_b))]
    return sorted([*a, *b], key=lambda one: one[0].fix_time)


@pytest.mark.parametrize(("every_a", "every_b"), [(60, 60), (60, 50), (20, 7), (10, 1)])
def test_of_two_devices_on_one_id_the_first_stays_believed_and_is_not_lost_sight_of(
    every_a: float, every_b: float
) -> None:
    """While both report, every fix of the first moves the position; one that reports more often does not take over."""
    reports = two_on_one_id(every_a, every_b)
    _, flags = fold(one for one, _ in reports)
    told = [(who, flag) for (_, who), flag in zip(reports, flags, strict=True)]
    assert set(told) == {("a", "ok"), ("b", "jump")}
    assert known(one for one, _ in reports[: len(reports) // 4]).torn


def test_where_the_believed_one_reports_seldom_the_position_changes_over_and_is_never_lost() -> None:
    reports = [one for one, _ in two_on_one_id(300, 10)]
    last: LastKnown | None = None
    for one in reports:
        last, _ = follow(last, "d", one)
        assert last is not None
        assert one.fix_time - last.fix_time <= 60 or one.fix_time > 900


def test_a_second_device_that_falls_silent_is_forgotten() -> None:
    both = two_on_one_id(60, 60)
    after = [fix(t, t * 10) for t in range(3_600, 5_000, 60)]
    last = known([*(one for one, _ in both), *after])
    assert last.rival is None
    assert not last.torn


def test_a_second_device_that_comes_near_is_still_told_apart() -> None:
    """Its fix could be the first one's by speed alone; it continues the other track."""
    first = [fix(60 * n, 0) for n in range(20)]
    second = [fix(60 * n + 30, 9_000 - 400 * n) for n in range(20)]
    both = sorted([*first, *second], key=lambda one: one.fix_time)
    _, flags = fold(both)
    assert {flag for one, flag in zip(both, flags, strict=True) if one in second} == {"jump"}
    assert {flag for one, flag in zip(both, flags, strict=True) if one in first} == {"ok"}


def test_a_vehicle_that_was_moved_while_off_is_believed_after_three_fixes_and_half_a_minute() -> None:
    there = [fix(1_000 + t, 500_000 + t) for t in range(1, 40)]
    last, flags = fold([fix(1_000), *there])
    assert flags[1:30] == ["jump"] * 29
    assert set(flags[31:]) == {"ok"}
    assert last is not None
    assert last.odometer_m == pytest.approx(0.0)


def test_a_parked_vehicle_is_not_frozen() -> None:
    parked = [fix(60 * n, speed_mps=0.4, odometer_m=5_000.0) for n in range(600)]
    last, flags = fold(parked)
    assert set(flags) == {"ok"}
    assert last is not None
    assert (last.moving, last.odometer_m) == (False, 0.0)


@pytest.mark.parametrize(
    "claim",
    [lambda n: {"speed_mps": 10.0}, lambda n: {"speed_mps": 0.0, "odometer_m": 5_000.0 + 100 * n}],
    ids=["speed", "odometer"],
)
def test_the_same_digits_while_it_says_that_it_drives_are_frozen(claim: Any) -> None:
    last, flags = fold(fix(10 * n, **claim(n)) for n in range(30))
    assert flags[:6] == ["ok"] * 6
    assert set(flags[6:]) == {"frozen"}
    assert last is not None
    assert last.fix_time <= 60
    _, flags = fold([fix(310, 400, **claim(31)), fix(320, 500, **claim(32))], last)
    assert flags == ["ok", "ok"]


def test_a_red_light_with_a_speed_that_lags_is_not_frozen() -> None:
    assert set(fold([fix(0, speed_mps=14.0), fix(10, speed_mps=14.0), fix(20, speed_mps=0.0)])[1]) == {"ok"}


def test_an_odometer_that_leaps_does_not_freeze_a_parked_vehicle() -> None:
    parked = [fix(10 * n, odometer_m=5_000.0 if n < 5 else 4e9) for n in range(40)]
    assert set(fold(parked)[1]) == {"ok"}


def test_frozen_fixes_again_are_no_news() -> None:
    last, _ = fold(fix(10 * n, speed_mps=10.0) for n in range(30))
    assert fold([fix(290, speed_mps=10.0), fix(250, speed_mps=10.0)], last)[1] == [
        "duplicate",
        "out_of_order",
    ]


def test_the_odometer_counts_drives_and_no_scatter() -> None:
    drive = [fix(10 * n, 100 * n) for n in range(101)]
    assert known(drive).odometer_m == pytest.approx(10_000, rel=0.001)
    stands = [fix(1_010 + 60 * n, 10_000 + (8 if n % 2 else -8)) for n in range(600)]
    assert known([*drive, *stands]).odometer_m == pytest.approx(10_000, rel=0.005)


def test_a_jump_is_not_driven() -> None:
    drive = [fix(10 * n, 100 * n) for n in range(11)]
    gone = [fix(110 + 10 * n, 400_000 + 100 * n) for n in range(11)]
    last = known([*drive, *gone])
    assert last.odometer_m == pytest.approx(1_000 + 800 - 100 * 1, abs=101)
    assert last.point.lat > 39


def test_slow_steps_are_counted_too() -> None:
    crawl = [fix(n, 2 * n) for n in range(501)]
    assert known(crawl).odometer_m == pytest.approx(1_000, abs=55)


def test_moving_and_stopped_do_not_flicker() -> None:
    drive = [fix(10 * n, 100 * n, speed_mps=10.0) for n in range(10)]
    red = [fix(90 + 10 * n, 900, speed_mps=0.0) for n in range(1, 10)]
    assert known(drive).moving
    assert known([*drive, *red]).moving
    longer = [fix(180 + 10 * n, 900, speed_mps=0.0) for n in range(1, 10)]
    assert not known([*drive, *red, *longer]).moving
    scatter = [fix(400 + 10 * n, 900 + (30 if n % 2 else 0), speed_mps=0.3) for n in range(20)]
    assert not known([*drive, *red, *longer, *scatter]).moving
    leaves = [*drive, *red, *longer, fix(600, 930, speed_mps=6.0)]
    assert known(leaves).moving
