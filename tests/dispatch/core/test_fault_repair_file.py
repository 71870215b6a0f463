"""Every number of the domain's sections 2 and 3, as the process file that ships says it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.dispatch.core.orders import MINUTE, PROCESS

SEGMENTS = {
    "AB": (2, "hotline"),
    "BC": (4, "network"),
    "CD": (2, "repair_centre"),
    "DE": (4, "network"),
    "EF": (2, "crew_receiver"),
    "FG": (3, "crew"),
    "GH": (28, "crew"),
}


@pytest.mark.parametrize(("name", "limit", "owner"), [(n, *v) for n, v in SEGMENTS.items()])
def test_segment_has_its_limit_and_its_owner(name: str, limit: int, owner: str) -> None:
    segment = PROCESS.segment(name)
    assert segment.limit == limit * MINUTE
    assert segment.limit_for("urban", same_office=False) == limit * MINUTE
    assert segment.owner == owner


def test_there_are_just_these_segments_in_this_order() -> None:
    assert [s.name for s in PROCESS.segments] == list(SEGMENTS)


def test_limits_sum_to_45_and_to_43_where_crew_and_centre_share_an_office() -> None:
    apart = sum((s.limit_for("urban", False) for s in PROCESS.segments), timedelta())
    together = sum((s.limit_for("urban", True) for s in PROCESS.segments), timedelta())
    assert (apart, together) == (45 * MINUTE, 43 * MINUTE)


def test_transmission_to_a_crew_in_the_same_office_has_two_minutes() -> None:
    assert PROCESS.segment("DE").limit_for("urban", same_office=True) == 2 * MINUTE
    assert PROCESS.segment("DE").limit_for("remote", same_office=True) == 2 * MINUTE


@pytest.mark.parametrize(
    ("area", "travel", "promise"), [("urban", 28, 45), ("rural", 73, 90), ("remote", 103, 120)]
)
def test_travel_and_promise_follow_the_area(area: str, travel: int, promise: int) -> None:
    assert PROCESS.segment("GH").limit_for(area, False) == travel * MINUTE  # type: ignore[arg-type]
    assert PROCESS.promise[area] == promise * MINUTE
    whole = sum((s.limit_for(area, False) for s in PROCESS.segments), timedelta())  # type: ignore[arg-type]
    assert whole == PROCESS.promise[area]


POINTS = {
    "B": {"send"},
    "C": {"centre_receipt"},
    "D": {"dispatch"},
    "E": {"receipt"},
    "F": {"acknowledge"},
    "G": {"depart"},
    "H": {"arrive"},
}


def test_each_point_is_set_by_its_own_step() -> None:
    found: dict[str, set[str]] = {}
    for row in PROCESS.transitions.values():
        if row.point:
            found.setdefault(row.point, set()).add(row.step)
    assert found == POINTS


def test_receipts_are_machines_work_and_acknowledgement_is_the_crews() -> None:
    by = {row.step: row.by for row in PROCESS.transitions.values()}
    assert by["centre_receipt"] == {"system"}
    assert "dispatcher" not in by["receipt"]
    assert by["acknowledge"] == {"crew"}


def test_watches_of_four_minutes_repeat_every_five_and_pause_three() -> None:
    assert [w.name for w in PROCESS.watches] == ["hotline", "centre", "hand", "crew"]
    for watch in PROCESS.watches:
        assert (watch.limit, watch.repeat, watch.pause) == (4 * MINUTE, 5 * MINUTE, 3 * MINUTE)
        assert all(rung.after == MINUTE for rung in watch.rungs[1:])


def test_the_first_watch_runs_from_b_until_a_person_answers_or_d() -> None:
    watch = PROCESS.watch("centre")
    assert watch.start == "B"
    assert watch.until >= {"accept", "return", "dispatch", "cancel"}
    assert watch.rungs[0].alert == ("hotline",)
    assert [r.phone for r in watch.rungs] == ["centre_duty", "on_call"]
    assert watch.rungs[1].of == "centre"
    assert {r.keypress for r in watch.rungs} == {"in_hand"}


def test_the_second_watch_runs_from_d_until_f_and_climbs_duty_leader1_leader2() -> None:
    watch = PROCESS.watch("crew")
    assert watch.start == "D"
    assert watch.until >= {"acknowledge", "reject", "recall", "cancel"}
    assert [r.phone for r in watch.rungs] == ["crew_duty", "leader1", "leader2"]
    assert [r.keypress for r in watch.rungs] == ["acknowledge", "in_hand", "in_hand"]
    assert all("dispatcher" in r.alert for r in watch.rungs)


def test_a_repeat_call_joins_and_raises_the_priority() -> None:
    assert PROCESS.repeat_radius > 0
    assert PROCESS.repeat_priority >= 1


def test_every_reason_names_a_party_or_leaves_it_to_who_says_so() -> None:
    parties = {s.owner for s in PROCESS.segments} | {"customer", ""}
    assert {r.cause for r in PROCESS.reasons.values()} <= parties


def test_both_languages_name_everything() -> None:
    titles = [
        PROCESS.title,
        *(s.title for s in PROCESS.segments),
        *(r.title for r in PROCESS.reasons.values()),
    ]
    titles += [*PROCESS.fault_types.values(), *PROCESS.voltages.values()]
    assert all(set(title) == {"zh", "en"} for title in titles)
