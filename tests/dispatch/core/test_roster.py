"""A centre's crews of one trade: cover, capacity, sequence, and the revision of what is on a vehicle."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.core.crew import (
    CrewDuty,
    Roster,
    Stacked,
    answered,
    ask_away,
    due_reminders,
    go_away,
    reorder,
    return_to_standby,
    show_acknowledged,
    stack,
    unstack,
)
from dispatch.core.errors import BadInput, Conflict, GuardRefused, NotFound
from tests.dispatch.core.orders import MINUTE, A

ALL = frozenset({"N1", "N2", "N3"})
NOON = A + 240 * MINUTE


def roster(*crews: str, **rules: int) -> Roster:
    return Roster("north", "service", tuple(CrewDuty(c) for c in crews or sorted(ALL)), **rules)


def away(before: Roster, crew: str, minutes: int = 30, on_shift: frozenset[str] = ALL) -> Roster:
    return go_away(before, crew, until=NOON + minutes * MINUTE, reason="meal", now=NOON, on_shift=on_shift)


def loaded(*order_ids: str) -> Roster:
    made = roster()
    for n, order_id in enumerate(order_ids, 1):
        made = stack(made, "N1", Stacked(order_id, n, order_id))
    return made


def test_a_crew_that_is_away_says_since_when_until_when_and_why() -> None:
    duty = away(roster(), "N1").crew("N1")
    assert (duty.presence, duty.away_since, duty.away_until) == ("away", NOON, NOON + 30 * MINUTE)
    assert duty.away_reason == "meal"


def test_not_two_at_once_and_the_refusal_says_when() -> None:
    with pytest.raises(
        GuardRefused, match=r"N1 is away already \(at most 1 at once\); possible from 12:30"
    ) as no:
        away(away(roster(), "N1"), "N2")
    assert no.value.facts["why"] == "max_away"
    assert no.value.facts["possible_from"] == (NOON + 30 * MINUTE).isoformat()


def test_when_the_first_is_back_the_second_may_go() -> None:
    back = return_to_standby(away(roster(), "N1"), "N1")
    assert back.crew("N1") == CrewDuty("N1")
    assert away(back, "N2").crew("N2").presence == "away"


def test_cover_must_stay_and_crews_off_shift_are_none() -> None:
    with pytest.raises(GuardRefused, match="only 0 other crew") as no:
        away(roster(), "N1", on_shift=frozenset({"N1"}))
    assert no.value.facts["why"] == "min_cover"
    with pytest.raises(GuardRefused, match="only 0 other"):
        away(roster("N1"), "N1")


def test_both_numbers_are_data() -> None:
    two = roster(max_away=2)
    assert away(away(two, "N1"), "N2").crew("N2").presence == "away"
    with pytest.raises(GuardRefused, match=r"only 1 other crew.* 2 needed; possible from 12:30"):
        away(away(roster(max_away=2, min_cover=2), "N1"), "N2")


def test_a_crew_with_an_order_does_not_go_away() -> None:
    with pytest.raises(GuardRefused, match="still holds 1 order"):
        away(loaded("W1"), "N1")


def test_an_end_in_the_past_is_no_end() -> None:
    with pytest.raises(BadInput, match="in the past"):
        away(roster(), "N1", minutes=0)


def test_a_crew_whose_end_has_passed_is_reminded_once() -> None:
    gone = away(roster(), "N1")
    assert due_reminders(gone, NOON + 29 * MINUTE) == (gone, ())
    told, late = due_reminders(gone, NOON + 30 * MINUTE)
    assert late == ("N1",)
    assert due_reminders(told, NOON + 60 * MINUTE) == (told, ())
    again = away(return_to_standby(told, "N1"), "N1", minutes=90)
    assert due_reminders(again, NOON + 90 * MINUTE)[1] == ("N1",), "a later absence is reminded anew"


def test_a_vehicle_holds_three_orders_in_sequence_and_refuses_the_fourth() -> None:
    full = loaded("W1", "W2", "W3")
    assert [s.order_id for s in full.crew("N1").stack] == ["W1", "W2", "W3"]
    with pytest.raises(GuardRefused, match="holds 3 of 3") as no:
        stack(full, "N1", Stacked("W4", 4, "W4"))
    assert no.value.facts["why"] == "full"
    assert stack(full, "N2", Stacked("W4", 4, "W4")).crew("N2").holds("W4")


def test_the_same_order_is_not_stacked_twice_nor_on_a_crew_that_is_away() -> None:
    with pytest.raises(GuardRefused, match="has W1 already"):
        stack(loaded("W1"), "N1", Stacked("W1", 2, ""))
    with pytest.raises(GuardRefused, match="N2 is away"):
        stack(away(roster(), "N2"), "N2", Stacked("W1", 1, ""))


def test_capacity_is_data() -> None:
    small = roster().replaced(replace(CrewDuty("N1"), capacity=1))
    with pytest.raises(GuardRefused, match="holds 1 of 1"):
        stack(stack(small, "N1", Stacked("W1", 1, "")), "N1", Stacked("W2", 1, ""))


def test_taking_the_first_off_frees_the_second_taking_another_frees_none() -> None:
    assert unstack(loaded("W1", "W2", "W3"), "N1", "W1")[1] == "W2"
    assert unstack(loaded("W1", "W2", "W3"), "N1", "W2")[1] == ""
    assert unstack(loaded("W1"), "N1", "W1")[1] == ""


def test_taking_off_what_is_not_aboard_changes_nothing() -> None:
    made = loaded("W1")
    assert unstack(made, "N1", "W9") == (made, "")


def test_what_is_accepted_shows_on_the_crews_other_devices() -> None:
    shown = show_acknowledged(loaded("W1", "W2"), "N1", "W2")
    assert [s.acknowledged for s in shown.crew("N1").stack] == [False, True]


def test_an_unknown_crew_is_named() -> None:
    with pytest.raises(NotFound, match="no crew 'X9' among service of north"):
        stack(roster(), "X9", Stacked("W1", 1, ""))


@given(
    st.lists(
        st.tuples(st.sampled_from(["stack", "unstack", "show"]), st.sampled_from(["W1", "W2", "W3", "W4"]))
    )
)
def test_every_change_of_a_stack_is_a_new_revision(moves: list[tuple[str, str]]) -> None:
    made, aboard = roster(), list[str]()
    for move, order_id in moves:
        before = made.crew("N1")
        if move == "stack" and order_id not in aboard and len(aboard) < 3:
            made, aboard = stack(made, "N1", Stacked(order_id, 1, "")), [*aboard, order_id]
        elif move == "unstack":
            made, freed = unstack(made, "N1", order_id)
            left = [w for w in aboard if w != order_id]
            assert freed == (left[0] if left and aboard[0] == order_id else "")
            aboard = left
        elif move == "show":
            made = show_acknowledged(made, "N1", order_id)
        duty = made.crew("N1")
        assert [s.order_id for s in duty.stack] == aboard
        assert duty.revision >= before.revision + (duty.stack != before.stack)
        assert made.crew("N2") == CrewDuty("N2")


def test_another_sequence_is_a_new_revision_and_the_same_one_is_none() -> None:
    before = loaded("W1", "W2", "W3")
    after = reorder(before, "N1", ["W3", "W1", "W2"], frozenset())
    assert [s.order_id for s in after.crew("N1").stack] == ["W3", "W1", "W2"]
    assert after.crew("N1").revision == before.crew("N1").revision + 1
    assert reorder(before, "N1", ["W1", "W2", "W3"], frozenset()) is before


@pytest.mark.parametrize("sequence", [["W1"], ["W1", "W2", "W9"], ["W1", "W1"], []])
def test_a_sequence_of_other_orders_is_refused(sequence: list[str]) -> None:
    with pytest.raises(Conflict) as no:
        reorder(loaded("W1", "W2"), "N1", sequence, frozenset())
    assert no.value.facts["why"] == "stack_changed"


def test_an_order_that_the_crew_is_under_way_with_stays_first() -> None:
    with pytest.raises(GuardRefused, match="under way with W1") as no:
        reorder(loaded("W1", "W2", "W3"), "N1", ["W2", "W1", "W3"], frozenset({"W1"}))
    assert no.value.facts["why"] == "under_way"
    after = reorder(loaded("W1", "W2", "W3"), "N1", ["W1", "W3", "W2"], frozenset({"W1"}))
    assert after.crew("N1").stack[1].order_id == "W3"


def test_who_asks_to_be_away_stays_at_hand_until_the_centre_answers() -> None:
    one_away = away(roster(), "N1")
    asked = ask_away(one_away, "N2", until=NOON + 20 * MINUTE, reason="fuel", now=NOON)
    duty = asked.crew("N2")
    assert (duty.presence, duty.asked_at, duty.asked_until) == ("standby", NOON, NOON + 20 * MINUTE)
    assert answered(asked, "N2").crew("N2") == CrewDuty("N2"), "no is no"
    with pytest.raises(Conflict, match="does not ask"):
        answered(answered(asked, "N2"), "N2")
    gone = go_away(
        answered(asked, "N2"), "N2", until=NOON + 20 * MINUTE, reason="fuel", now=NOON,
        on_shift=frozenset(), granted=True,
    )  # fmt: skip
    assert (gone.crew("N2").presence, gone.crew("N2").asked_at) == ("away", None)


def test_not_even_a_person_lets_a_crew_with_orders_go() -> None:
    with pytest.raises(GuardRefused, match="still holds"):
        ask_away(loaded("W1"), "N1", until=NOON + MINUTE, reason="", now=NOON)
    with pytest.raises(GuardRefused, match="still holds"):
        go_away(loaded("W1"), "N1", until=NOON + MINUTE, reason="", now=NOON, on_shift=ALL, granted=True)
