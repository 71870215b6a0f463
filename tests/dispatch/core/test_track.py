"""Tracks out of what is kept, and the place between two fixes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.core.position import Fix, Flag, follow
from dispatch.core.track import Kept, weave, whereabouts

METRE = 1 / 111_195


def kept(t: float, north_m: float = 0.0, flag: Flag = "ok", n: int = 0, lon: float = 101.0) -> Kept:
    return Kept("s 1-0", n, "d", Fix(36.0 + north_m * METRE, lon, t, t + 1), flag, t)


def times(track: list[Kept]) -> list[float]:
    return [one.fix.fix_time for one in track]


@given(st.permutations(range(12)))
def test_a_drive_gives_the_same_track_in_whatever_order_it_came(order: list[int]) -> None:
    last, came = None, []
    for n in order:
        fix = Fix(36.0 + n * 100 * METRE, 101.0, 10.0 * n, 200.0)
        last, flag = follow(last, "d", fix)
        came.append(Kept("s 1-0", n, "d", fix, flag, fix.fix_time))
    assert times(weave(came)) == [10.0 * n for n in range(12)]


def test_late_fixes_are_taken_where_they_fit_and_flagged_ones_never() -> None:
    some = [
        kept(0), kept(10, 100, "out_of_order"), kept(15, 90_000, "out_of_order"), kept(20, 200),
        kept(25, 240, "jump"), kept(26, 240, "future"), kept(27, 240, "frozen"), kept(28, 240, "duplicate"),
        kept(30, 300),
    ]  # fmt: skip
    assert times(weave(some)) == [0, 10, 20, 30]


def test_a_late_fix_has_to_fit_what_comes_after_it_too() -> None:
    some = [kept(0), kept(3_000, 90_000, "out_of_order"), kept(3_010, 100)]
    assert times(weave(some)) == [0, 3_010]


def test_between_two_close_fixes_the_place_is_told_in_proportion() -> None:
    found = whereabouts([kept(0), kept(60, 600)], 15)
    assert found is not None
    assert (found.how, found.age_s) == ("between", 15)
    assert found.lat == pytest.approx(36.0 + 150 * METRE)


def test_across_the_date_line() -> None:
    found = whereabouts([kept(0, lon=179.999), kept(10, lon=-179.999)], 5)
    assert found is not None
    assert abs(found.lon) == pytest.approx(180.0)


@pytest.mark.parametrize("later", [kept(121, 600), kept(60, 90_000)], ids=["long after", "impossible drive"])
def test_nothing_is_made_up_between_fixes_that_are_not_close(later: Kept) -> None:
    found = whereabouts([kept(0), later], 30)
    assert found is not None
    assert (found.how, found.lat, found.age_s, found.after) == ("last", 36.0, 30, later)


def test_at_a_fix_after_the_last_and_before_the_first() -> None:
    track = [kept(10), kept(20, 50)]
    at, after = whereabouts(track, 10), whereabouts(track, 500)
    assert at is not None
    assert after is not None
    assert (at.how, at.age_s) == ("fix", 0)
    assert (after.how, after.age_s, after.after) == ("last", 480, None)
    assert whereabouts(track, 9.9) is None
