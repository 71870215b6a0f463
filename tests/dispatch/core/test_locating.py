"""Where an order is: given and corrected until H, by whom and from what; a version of it on devices."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.core.errors import BadInput, Conflict, IllegalStep
from dispatch.core.locating import Whereabouts, locate, whereabouts
from dispatch.core.types import Point
from dispatch.core.work_order import WorkOrder
from tests.dispatch.core.orders import BY, MINUTE, PROCESS, A, in_state, order, run

NEW = Whereabouts("7 Station Square", Point(30.06, 120.06))
HOTLINE = BY["send"]
BEFORE_H = (
    "received", "returned", "sent", "at_centre", "dispatched", "delivered", "acknowledged", "en_route"
)  # fmt: skip


def located(before: WorkOrder, to: Whereabouts = NEW, **more: Any) -> WorkOrder:
    return locate(before, PROCESS, to, by=HOTLINE, now=A + 60 * MINUTE, **more)


@pytest.mark.parametrize("state", PROCESS.states)
def test_in_each_state_until_somebody_has_arrived(state: str) -> None:
    before = in_state(state)
    if state not in BEFORE_H:
        with pytest.raises(IllegalStep) as refused:
            located(before)
        assert refused.value.facts["why"] == ("ended" if state in PROCESS.final else "arrived")
        return
    after = located(before)
    assert (whereabouts(after), after.state) == (NEW, state)
    line = after.history[-1]
    assert (line.kind, line.by) == ("locate", HOTLINE)
    assert line.data["was"] == whereabouts(before).as_data()


def test_a_crew_that_arrived_and_handed_it_back_is_not_there_any_more() -> None:
    back = run(in_state("on_scene"), ("reject", 40))
    assert whereabouts(located(back)) == NEW


def test_the_same_again_and_the_same_key_change_nothing() -> None:
    once = located(order(), key="k")
    assert located(once) is once
    assert located(once, Whereabouts("elsewhere", Point(1, 1)), key="k") is once


def test_who_has_seen_another_place_is_told_who_was_first() -> None:
    seen = whereabouts(order())
    once = located(order(), seen=seen)
    with pytest.raises(Conflict) as second:
        located(once, Whereabouts("elsewhere", Point(1, 1)), seen=seen)
    assert (second.value.facts["why"], second.value.facts["by"]) == ("decided", str(HOTLINE))
    assert located(once, NEW, seen=seen) is once, "both mean the same"


def test_a_place_and_an_address_are_needed() -> None:
    for to in (Whereabouts("7 Station Square", None), Whereabouts(" ", Point(1, 1))):
        with pytest.raises(BadInput):
            located(order(), to)


def test_each_change_of_what_a_crew_reads_is_a_version_of_its_dispatch() -> None:
    early = located(in_state("at_centre"))
    assert early.editions == (), "no crew has it"
    first = located(run(early, ("dispatch", 61)), Whereabouts("8 Station Square", NEW.place))
    again = run(first, ("recall", 62), ("dispatch", 63))
    assert (again.editions, again.generation) == ((1, 1, 2), 2)
    assert [again.dispatch_of(n) for n in (0, 1, 2, 3, 4)] == [0, 1, 1, 2, 0]
