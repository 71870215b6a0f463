"""The two watches: four minutes, a rung a minute, round again every five, and a stop at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dispatch.core.escalation import Clock, clocks, fire, is_answered, open_watches
from dispatch.core.outgoing import Outgoing
from dispatch.core.work_order import WorkOrder, fold
from tests.dispatch.core.orders import MINUTE, PROCESS, A, Waited, after, in_state, order, run

SENT = ("send",)


def rungs(waited: Waited) -> list[tuple[float, int]]:
    return [(minutes, rung) for minutes, _, rung in waited.fired]


def phoned(outgoing: list[Outgoing]) -> list[str]:
    return [o.target for o in outgoing if o.kind == "phone"]


def alerted(outgoing: list[Outgoing], watch: str) -> list[str]:
    return [o.target for o in outgoing if o.kind == "alert" and o.data["code"] == f"unanswered_{watch}"]


def watching(made: WorkOrder) -> set[str]:
    return {w.watch.name for w in open_watches(made, PROCESS)}


def test_nobody_at_the_centre_the_hotline_is_told_after_exactly_four_minutes() -> None:
    sent = after(1, steps=SENT)
    (watch,) = [c for c in clocks(sent, PROCESS) if c.name == "watch:centre"]
    assert watch == Clock("watch:centre", 1, 0, A + 5 * MINUTE)
    assert fire(sent, PROCESS, watch, A + 5 * MINUTE - timedelta(microseconds=1)) == (sent, ())
    fired, following = fire(sent, PROCESS, watch, A + 5 * MINUTE)
    assert fired.last("rung") is not None
    assert (alerted(list(following), "centre"), phoned(list(following))) == (["hotline"], ["centre_duty"])


def test_an_order_that_no_rule_can_route_is_watched_too() -> None:
    waited = Waited(run(order(routed=False), ("send", 1))).until(6, family="watch")
    assert rungs(waited) == [(5, 0), (6, 1)]


def test_a_crew_that_does_not_answer_is_climbed_a_rung_a_minute_and_round_every_five() -> None:
    waited = Waited(after(1, 2, 3)).until(20, family="watch")
    assert rungs(waited) == [(7, 0), (8, 1), (9, 2), (14, 3), (15, 4), (16, 5)]
    assert phoned(waited.outgoing) == ["crew_duty", "leader1", "leader2"] * 2
    keys = [o.data["keypress"] for o in waited.outgoing if o.kind == "phone"]
    assert keys == ["acknowledge", "in_hand", "in_hand"] * 2


def test_from_the_second_round_on_the_manager_is_told_at_every_rung() -> None:
    waited = Waited(after(1, 2, 3)).until(16, family="watch")
    found = alerted(waited.outgoing, "crew")
    assert found == ["dispatcher", "dispatcher", "dispatcher", "manager"] + ["dispatcher", "manager"] * 3


def test_the_chain_never_ends_by_itself() -> None:
    waited = Waited(after(1, 2, 3)).until(24 * 60, family="watch")
    assert watching(waited.order) == {"crew"}
    assert len(waited.fired) > 3 * 200
    assert len({o.key for o in waited.outgoing}) == len(waited.outgoing), "every effect has a key of its own"


def test_taken_in_hand_pauses_three_minutes_and_then_goes_on_where_it_was() -> None:
    waited = Waited(after(1, 2, 3)).until(8, family="watch").in_hand(8.5, "crew").until(20, family="watch")
    assert rungs(waited)[2:4] == [(11.5, 2), (16.5, 3)]


def test_in_hand_of_the_other_watch_pauses_nothing() -> None:
    waited = Waited(after(1, 2, 3)).until(8, family="watch").in_hand(8.5, "centre").until(9, family="watch")
    assert rungs(waited)[-1] == (9, 2)


@pytest.mark.parametrize("name", ["acknowledge", "reject", "recall", "cancel"])
@pytest.mark.parametrize("climbed", [0, 7, 8, 9, 14.5])
def test_an_answer_stops_the_crews_chain_at_once(name: str, climbed: float) -> None:
    waited = Waited(after(1, 2, 3)).until(climbed)
    answered = run(waited.order, (name, 15))
    assert "crew" not in watching(answered)
    assert is_answered(answered, PROCESS, "crew", 1)
    assert not [c for c in clocks(answered, PROCESS) if c.name == "watch:crew"]


@pytest.mark.parametrize("name", ["accept", "return", "dispatch", "cancel"])
def test_an_answer_stops_the_centres_watch_at_once(name: str) -> None:
    assert "centre" not in watching(run(after(1, 2), (name, 3)))


def test_a_machines_receipt_answers_for_nobody() -> None:
    assert watching(after(1, 2)) == {"centre"}
    assert watching(after(1, 2, 3, 4)) == {"crew"}


def test_a_new_dispatch_starts_a_new_generation_from_its_own_d() -> None:
    first = Waited(after(1, 2, 3)).until(8).order
    again = run(first, ("recall", 8.5), ("dispatch", 10))
    waited = Waited(again).until(15, family="watch")
    assert rungs(waited) == [(14, 0), (15, 1)]
    assert {o.data["generation"] for o in waited.outgoing if o.kind == "phone"} == {2}
    assert is_answered(again, PROCESS, "crew", 1)
    assert not is_answered(again, PROCESS, "crew", 2)


def test_a_second_send_starts_the_centres_watch_anew() -> None:
    waited = Waited(run(after(1, 2), ("return", 3), ("send", 4))).until(8, family="watch")
    assert rungs(waited) == [(8, 0)]
    assert open_watches(waited.order, PROCESS)[0].generation == 2


@pytest.mark.parametrize("name", ["reject", "recall"])
def test_an_order_that_came_back_to_the_centre_is_watched_anew(name: str) -> None:
    waited = Waited(run(after(1, 2, 3), (name, 6))).until(11, family="watch")
    assert rungs(waited) == [(10, 0), (11, 1)]
    assert phoned(waited.outgoing) == ["centre_duty", "on_call"]
    assert watching(run(waited.order, ("dispatch", 12))) == {"crew"}


def test_firing_twice_changes_nothing() -> None:
    before = after(1, 2, 3)
    for clock in clocks(before, PROCESS):
        once, following = fire(before, PROCESS, clock, A + 60 * MINUTE)
        assert following
        assert fire(once, PROCESS, clock, A + 60 * MINUTE) == (once, ())


def test_a_clock_of_an_earlier_generation_decides_nothing() -> None:
    (stale,) = [c for c in clocks(after(1, 2, 3), PROCESS) if c.name == "watch:crew"]
    again = run(after(1, 2, 3), ("recall", 4), ("dispatch", 5))
    assert fire(again, PROCESS, stale, A + 60 * MINUTE) == (again, ())


def test_after_an_outage_the_rungs_come_one_by_one_not_in_a_burst() -> None:
    made, fired = after(1, 2, 3), []
    now = A + 63 * MINUTE
    for _ in range(4):
        due = [c for c in clocks(made, PROCESS) if c.name == "watch:crew" and c.due <= now]
        for clock in due:
            made, _ = fire(made, PROCESS, clock, now)
            fired.append(((now - A) / MINUTE, clock.rung))
        now += timedelta(seconds=30)
    assert fired == [(63, 0), (64, 1)]


def test_a_late_segment_is_told_once_in_each_attempt() -> None:
    waited = Waited(after(1, 2)).until(30)
    late = [(m, n) for m, n, _ in waited.fired if n == "segment:CD"]
    assert late == [(4, "segment:CD")]
    again = Waited(run(waited.order, ("dispatch", 31), ("recall", 32))).until(40)
    assert [n for _, n, _ in again.fired if n == "segment:CD"] == ["segment:CD"]


def test_a_broken_promise_is_told_once_to_centre_and_manager() -> None:
    waited = Waited(after(1, 2, 3, 4, 5)).until(500, family="promise")
    assert waited.fired == [(45, "promise", 0)]
    told = [o.target for o in waited.outgoing if o.data["code"] == "promise_missed"]
    assert told == ["dispatcher", "manager"]


def test_nothing_is_armed_after_arrival_nor_after_the_end() -> None:
    assert clocks(in_state("on_scene"), PROCESS) == ()
    assert clocks(in_state("closed"), PROCESS) == ()
    assert clocks(in_state("cancelled"), PROCESS) == ()


def test_a_kept_order_has_the_same_clocks() -> None:
    made = Waited(after(1, 2, 3)).until(16).in_hand(16.5, "crew").order
    assert clocks(fold(made.facts, made.history, PROCESS), PROCESS) == clocks(made, PROCESS)


def test_clocks_are_worked_out_anew_under_another_definition() -> None:
    """They are kept with the order, which never changes: but not beyond the definition that they follow from."""
    sent = after(1, steps=SENT)
    assert clocks(sent, PROCESS) is clocks(sent, PROCESS)
    other = replace(PROCESS, watches=(), promise=dict.fromkeys(PROCESS.promise, MINUTE))
    assert [c.name for c in clocks(sent, other)] == ["segment:BC", "promise"]
    assert clocks(sent, other)[-1].due == A + MINUTE
