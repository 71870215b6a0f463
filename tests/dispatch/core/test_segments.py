"""Whose minutes: each case of the domain's section 2 and 4 by hand."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from dispatch.core.compliance import measure
from dispatch.core.process import POINTS
from dispatch.core.segments import STACKED, WITHDRAWN, deadline, limit, overruns, timeline
from dispatch.core.types import SYSTEM, Actor
from dispatch.core.work_order import WorkOrder, remark, take
from tests.dispatch.core.orders import A_TO_H, DISPATCHER, MINUTE, PROCESS, A, after, order, run

LATE = A + 300 * MINUTE


def minutes(made: WorkOrder, label: str) -> float:
    return timeline(made, PROCESS, LATE).duration(label) / MINUTE


def owners(made: WorkOrder, label: str) -> list[str]:
    return [i.owner for i in timeline(made, PROCESS, LATE).intervals if i.label == label]


def free(before: WorkOrder, at: float) -> WorkOrder:
    return remark(before, PROCESS, "crew_free", by=SYSTEM, now=A + at * MINUTE, data={"crew_id": "N1"})


def test_seven_segments_from_a_to_h() -> None:
    made = after(1, 3, 6, 10, 15, 21, 28, steps=A_TO_H)
    line = timeline(made, PROCESS, LATE)
    assert [(i.label, i.duration / MINUTE) for i in line.intervals] == [
        ("AB", 1), ("BC", 2), ("CD", 3), ("DE", 4), ("EF", 5), ("FG", 6), ("GH", 7),
    ]  # fmt: skip
    assert line.total == 28 * MINUTE
    assert line.running == ""
    assert list(line.points) == list(POINTS)


def test_time_that_is_running_counts_until_now() -> None:
    line = timeline(after(1, 3, steps=A_TO_H), PROCESS, A + 9 * MINUTE)
    assert (line.running, line.duration("CD")) == ("CD", 6 * MINUTE)
    assert line.total == 9 * MINUTE


def test_overruns_stand_apart_each_with_its_owner_and_evidence() -> None:
    made = after(3, 8, 11, 16, 19, 23, 60, steps=A_TO_H)
    found = {o.label: o for o in overruns(made, PROCESS, LATE)}
    assert {label: (o.owner, o.excess / MINUTE) for label, o in found.items()} == {
        "AB": ("hotline", 1), "BC": ("network", 1), "CD": ("repair_centre", 1), "DE": ("network", 1),
        "EF": ("crew_receiver", 1), "FG": ("crew", 1), "GH": ("crew", 9),
    }  # fmt: skip
    assert found["BC"].evidence == "centre_receipt by system:dispatch45"
    assert sum((i.duration for i in timeline(made, PROCESS, LATE).intervals), timedelta()) == 60 * MINUTE


def test_a_limit_that_is_just_reached_is_no_overrun() -> None:
    assert overruns(after(2, 6, 8, 12, 14, 17, 45, steps=A_TO_H), PROCESS, LATE) == ()


LINKS = [("up", "our_queue"), ("line_down", "network"), ("device_off", "device"), ("unknown", "network")]


@pytest.mark.parametrize(("link", "owner"), LINKS)
def test_whose_the_last_hops_minutes_are_follows_from_its_link(link: str, owner: str) -> None:
    made = run(after(1, 2, 3), ("receipt", 20, {"link": link}))
    (late,) = overruns(made, PROCESS, A + 20 * MINUTE)
    assert (late.label, late.owner) == ("DE", owner)
    assert late.evidence.endswith(f"link {link}")


@pytest.mark.parametrize(("link", "owner"), LINKS)
def test_while_an_order_has_not_arrived_its_link_at_the_dispatch_counts(link: str, owner: str) -> None:
    made = run(after(1, 2), ("dispatch", 3, {"links": {"t-1": link}}))
    (late,) = overruns(made, PROCESS, A + 20 * MINUTE)
    assert (late.label, late.owner) == ("DE", owner)
    assert late.evidence.endswith(f"link {link}")


def test_of_two_terminals_the_better_line_counts() -> None:
    made = run(after(1, 2), ("dispatch", 3, {"links": {"t-1": "device_off", "t-2": "up"}}))
    assert overruns(made, PROCESS, A + 20 * MINUTE)[0].owner == "our_queue"


@pytest.mark.parametrize(("link", "owner"), [("up", "our_queue"), ("down, 4 tries", "network")])
def test_an_order_that_came_late_to_the_centre_waited_in_our_queue_or_for_the_line(
    link: str, owner: str
) -> None:
    made = run(after(1), ("centre_receipt", 9, {"link": link}))
    assert [(o.label, o.owner) for o in overruns(made, PROCESS, A + 9 * MINUTE)] == [("BC", owner)]


@pytest.mark.parametrize(("same_office", "allowed"), [(True, 2), (False, 4)])
def test_transmission_has_two_minutes_in_one_office_and_four_otherwise(
    same_office: bool, allowed: int
) -> None:
    made = run(after(1, 2), ("dispatch", 3, {"same_office": same_office}), ("receipt", 6.5))
    assert limit(made, PROCESS, "DE") == allowed * MINUTE
    late = [o.label for o in overruns(made, PROCESS, A + 7 * MINUTE)]
    assert late == (["DE"] if same_office else [])


@pytest.mark.parametrize(
    ("area", "travel", "promise"), [("urban", 28, 45), ("rural", 73, 90), ("remote", 103, 120)]
)
def test_travel_and_promise_of_the_area(area: str, travel: int, promise: int) -> None:
    made = order(area_class=area)
    assert limit(made, PROCESS, "GH") == travel * MINUTE
    assert deadline(made, PROCESS) == A + promise * MINUTE


@pytest.mark.parametrize(
    ("name", "reason", "owner"),
    [
        ("reject", "vehicle_breakdown", "crew"),
        ("reject", "wrong_trade", "repair_centre"),
        ("reject", "misrouted", "hotline"),
        ("reject", "other", "crew"),
        ("recall", "nearer_crew", "repair_centre"),
        ("recall", "no_answer", "crew"),
        ("recall", "other", "repair_centre"),
        ("recall", "customer_withdrew", "customer"),
    ],
)
def test_a_withdrawn_attempt_is_charged_to_whoever_caused_it(name: str, reason: str, owner: str) -> None:
    made = run(after(1, 2, 3, 4, 5), (name, 11, {"reason": reason}), ("dispatch", 13))
    assert (minutes(made, WITHDRAWN), set(owners(made, WITHDRAWN))) == (8, {owner})
    assert minutes(made, "CD") == 1 + 2, "before and after the attempt the order lay at the centre"
    assert (WITHDRAWN, owner) in [(o.label, o.owner) for o in overruns(made, PROCESS, A + 13 * MINUTE)]


def test_points_are_those_of_the_dispatch_that_arrived() -> None:
    made = run(
        after(1, 2, 3, 4, 5, 6),
        ("recall", 10),
        ("dispatch", 11),
        ("receipt", 12),
        ("acknowledge", 13),
        ("depart", 14),
        ("arrive", 20),
    )
    points = timeline(made, PROCESS, LATE).points
    assert {p: (points[p] - A) / MINUTE for p in "ABCDEFGH"} == {
        "A": 0, "B": 1, "C": 2, "D": 11, "E": 12, "F": 13, "G": 14, "H": 20,
    }  # fmt: skip


def test_after_a_recall_there_is_no_point_beyond_c() -> None:
    made = run(after(1, 2, 3, 4, 5), ("recall", 10))
    assert list(timeline(made, PROCESS, LATE).points) == ["A", "B", "C"]


def test_a_returned_order_is_the_hotlines_again_and_the_trip_is_charged_to_its_cause() -> None:
    made = run(after(1, 3), ("return", 9, {"reason": "misrouted"}), ("send", 11))
    assert (minutes(made, WITHDRAWN), set(owners(made, WITHDRAWN))) == (8, {"hotline"})
    assert minutes(made, "AB") == 1 + 2


def test_an_attempt_that_failed_inside_a_returned_one_keeps_its_own_cause() -> None:
    made = run(
        after(1, 2, 3),
        ("reject", 13, {"reason": "vehicle_breakdown"}),
        ("return", 16, {"reason": "misrouted"}),
    )
    charged = {
        o.owner: o.duration / MINUTE for o in overruns(made, PROCESS, A + 16 * MINUTE) if o.label == WITHDRAWN
    }
    assert charged == {"crew": 10, "hotline": 2 + 3}


def test_waiting_behind_another_order_belongs_to_the_centre_that_stacked_it() -> None:
    made = run(after(1, 2), ("dispatch", 3, {"behind": ["W0"]}), ("receipt", 4), ("acknowledge", 5))
    made = run(free(made, 35), ("depart", 37), ("arrive", 50))
    assert (minutes(made, STACKED), owners(made, STACKED)) == (30, ["repair_centre"])
    assert (minutes(made, "FG"), minutes(made, "GH")) == (2, 13)
    assert [(o.label, o.owner) for o in overruns(made, PROCESS, LATE)] == [(STACKED, "repair_centre")]


def test_a_crew_that_became_free_before_it_acknowledged_waits_for_nobody() -> None:
    made = run(after(1, 2), ("dispatch", 3, {"behind": ["W0"]}), ("receipt", 4))
    made = run(free(made, 5), ("acknowledge", 6), ("depart", 8))
    assert (minutes(made, STACKED), minutes(made, "FG")) == (0, 2)


def reordered(before: WorkOrder, at: float, place: int) -> WorkOrder:
    data = {"crew_id": "N1", "place": place, "of": 2}
    return remark(before, PROCESS, "reordered", by=DISPATCHER, now=A + at * MINUTE, data=data)


def test_what_becomes_of_the_sequence_after_the_arrival_costs_nobody_a_minute() -> None:
    made = run(after(1, 2), ("dispatch", 3, {"behind": ["W0"]}), ("acknowledge", 5), ("arrive", 9))
    assert timeline(free(made, 30), PROCESS, LATE).total == 9 * MINUTE, "it went there first"
    made = run(after(1, 2), ("dispatch", 3), ("acknowledge", 5), ("arrive", 9))
    moved = remark(made, PROCESS, "reordered", by=DISPATCHER, now=A + 30 * MINUTE, data={"place": 2})
    assert timeline(moved, PROCESS, LATE).total == 9 * MINUTE


def test_an_order_put_behind_another_waits_at_the_cost_of_the_centre_from_then_on() -> None:
    made = reordered(after(1, 2, 3, 4, 5, steps=A_TO_H[:5]), 6, 2)
    assert made.behind
    made = free(made, 26)
    assert not made.behind
    made = run(made, ("depart", 28), ("arrive", 40))
    assert (minutes(made, "FG"), owners(made, "FG")) == (1 + 2, ["crew", "crew"])
    assert (minutes(made, STACKED), owners(made, STACKED)) == (20, ["repair_centre"])
    assert sum(i.duration / MINUTE for i in timeline(made, PROCESS, LATE).intervals) == 40


def test_an_order_put_first_waits_for_nobody_any_more() -> None:
    made = run(after(1, 2), ("dispatch", 3, {"behind": ["W0"]}), ("receipt", 4), ("acknowledge", 5))
    made = reordered(made, 15, 1)
    assert not made.behind
    made = run(made, ("depart", 17), ("arrive", 30))
    assert (minutes(made, STACKED), minutes(made, "FG")) == (10, 2)
    assert "reordered by dispatcher:dora" in next(
        i.evidence for i in timeline(made, PROCESS, LATE).intervals if i.label == STACKED
    )


def test_a_sequence_says_nothing_of_an_order_that_is_not_acknowledged_or_on_its_way() -> None:
    moved = reordered(after(1, 2, 3, 4, steps=A_TO_H[:4]), 5, 2)
    assert timeline(moved, PROCESS, A + 6 * MINUTE).running == "EF"
    moved = run(moved, ("acknowledge", 6))
    assert timeline(moved, PROCESS, A + 7 * MINUTE).running == STACKED


def test_a_stacked_order_that_is_recalled_costs_its_cause_the_waiting_too() -> None:
    made = run(
        after(1, 2),
        ("dispatch", 3, {"behind": ["W0"]}),
        ("acknowledge", 5),
        ("recall", 30, {"reason": "nearer_crew"}),
    )
    assert (minutes(made, WITHDRAWN), minutes(made, STACKED)) == (27, 0)
    assert set(owners(made, WITHDRAWN)) == {"repair_centre"}


def test_a_cancelled_order_stops_counting() -> None:
    made = run(after(1, 2, 3), ("cancel", 8))
    line = timeline(made, PROCESS, LATE)
    assert (line.total, line.running) == (8 * MINUTE, "")


def test_nothing_after_h_is_counted() -> None:
    made = run(after(1, 3, 6, 10, 15, 21, 28, steps=A_TO_H), ("restore", 200), ("record", 210))
    assert timeline(made, PROCESS, LATE).total == 28 * MINUTE


def test_arriving_without_the_departure_button_still_sums() -> None:
    made = run(after(1, 2, 3, 4, 5), ("arrive", 30))
    assert timeline(made, PROCESS, LATE).total == 30 * MINUTE


def test_a_departure_that_gps_saw_ends_turnout_where_nobody_pressed_the_button() -> None:
    made = after(1, 2, 3, 4, 5)
    made = remark(made, PROCESS, "gps_departed", by=SYSTEM, now=A + 7 * MINUTE, data={"device": "t-N1"})
    made = run(made, ("arrive", 30))
    assert (minutes(made, "FG"), minutes(made, "GH")) == (2, 23)
    assert overruns(made, PROCESS, LATE) == ()


def remarked(before: WorkOrder, kind: str, at: float) -> WorkOrder:
    return remark(before, PROCESS, kind, by=SYSTEM, now=A + at * MINUTE)


def told_late(before: WorkOrder, name: str, at: float, now: float) -> WorkOrder:
    """A step that a device took at `at` and told of at `now`."""
    by = Actor("crew", before.crew_id)
    return take(before, PROCESS, name, by=by, at=A + at * MINUTE, now=A + now * MINUTE)


@pytest.mark.parametrize("remark_ahead", ["rung", "joined", "promise_missed", "gps_departed"])
def test_what_was_remarked_meanwhile_moves_no_step_of_a_device_that_was_offline(remark_ahead: str) -> None:
    made = remarked(after(1, 2, 3), remark_ahead, 40)
    for name, at in (("receipt", 4.0), ("acknowledge", 5.0), ("depart", 6.0), ("arrive", 20.0)):
        made = told_late(made, name, at, 41)
    line = timeline(made, PROCESS, LATE)
    assert [line.duration(label) / MINUTE for label in ("DE", "EF", "FG", "GH")] == [1, 1, 1, 14]
    assert "claimed_at" not in made.history[-1].data


def test_an_arrival_in_the_last_second_that_is_told_after_it_is_in_time() -> None:
    made = remarked(after(1, 2, 3, 4, 5, 6), "promise_missed", 45)
    assert measure(told_late(made, "arrive", 44.5, 46), PROCESS, LATE, UTC).within is True


def test_no_step_is_placed_before_the_one_ahead_of_it() -> None:
    made = told_late(after(1, 2, 3), "receipt", 2, 5)
    assert made.history[-1].at == A + 3 * MINUTE
    assert made.history[-1].data["claimed_at"] == (A + 2 * MINUTE).isoformat()


def test_a_miss_stays_one_when_the_order_is_cancelled_after_it() -> None:
    missed, early = (run(after(1, 2), ("cancel", at, {"reason": "customer_withdrew"})) for at in (60, 30))
    assert measure(missed, PROCESS, LATE, UTC).within is False
    assert measure(early, PROCESS, LATE, UTC).within is None


@pytest.mark.parametrize("back", ["reject", "recall"])
def test_a_crew_that_arrived_and_cannot_repair_it_hands_it_back_and_the_clock_goes_on(back: str) -> None:
    made = run(after(1, 2, 3, 4, 5, 6, 10, steps=A_TO_H), (back, 20, {"reason": "wrong_trade"}))
    assert (made.state, made.crew_id) == ("at_centre", "")
    line = timeline(made, PROCESS, A + 30 * MINUTE)
    assert "H" not in line.points
    assert (line.duration(WITHDRAWN), line.duration("CD"), line.running) == (17 * MINUTE, 11 * MINUTE, "CD")
    assert line.total == 30 * MINUTE
    again = run(made, ("dispatch", 31), ("receipt", 32), ("acknowledge", 33), ("depart", 34), ("arrive", 50))
    assert timeline(again, PROCESS, LATE).total == 50 * MINUTE
    assert measure(again, PROCESS, LATE, UTC).within is False
