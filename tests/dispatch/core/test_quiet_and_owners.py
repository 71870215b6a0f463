"""Quiet parts of the day, whose turn it is, who is told, who is on call, and what a new definition changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from dispatch.core.escalation import chase, clocks, fire, is_needless, open_watches, owner_now
from dispatch.core.on_call import Duty, on_call
from dispatch.core.outgoing import Outgoing
from dispatch.core.process import parse
from dispatch.core.process_changes import differences
from dispatch.core.process_check import check
from dispatch.core.segments import STACKED, timeline
from dispatch.core.work_order import WorkOrder, remark
from tests.dispatch.core.orders import HOTLINE, MINUTE, PROCESS, TEXT, A, after, in_state, run

BEIJING = ZoneInfo("Asia/Shanghai")
QUIET = parse(
    TEXT.replace(
        'alert = ["dispatcher"]\nphone = "leader1"\n\n[[watch.rung]]',
        'alert = ["dispatcher"]\nphone = "leader1"\nquiet = "16:00-17:00"\nunless_priority = 2\n\n[[watch.rung]]',
    ).replace(
        'alert = ["dispatcher", "manager"]\nphone = "leader2"',
        'alert = ["dispatcher", "manager"]\nphone = "leader2"\nquiet = "16:00-17:00"\nchannels = ["page"]',
    )
)  # A is 8:00 UTC, which is 16:00 in Beijing


def climb(order: WorkOrder, minutes: float) -> tuple[list[tuple[float, str, str]], list[Outgoing]]:
    """Rungs of the crew's watch until then: minutes, phone, why it was skipped."""
    outgoing: list[Outgoing] = []
    end = A + minutes * MINUTE
    while due := [c for c in clocks(order, QUIET) if c.due <= end and c.name == "watch:crew"]:
        order, out = fire(order, QUIET, due[0], due[0].due, BEIJING)
        outgoing += out
    rungs = [e for e in order.history if e.kind == "rung"]
    return [((e.at - A) / MINUTE, e.data["phone"], e.data.get("skipped", "")) for e in rungs], outgoing


def test_a_quiet_rung_is_recorded_with_its_reason_and_the_chain_climbs_at_once() -> None:
    rungs, outgoing = climb(after(1, 2, 3), 13)
    quiet = "quiet 16:00-17:00"
    assert rungs == [
        (7, "crew_duty", ""),
        (8, "leader1", quiet),
        (8, "leader2", quiet),
        (13, "crew_duty", ""),
    ]
    assert [o.target for o in outgoing if o.kind == "phone"] == ["crew_duty", "crew_duty"]
    assert [o.target for o in outgoing if o.kind == "alert"].count("dispatcher") == 4, "pages are never quiet"


def test_a_quiet_rung_is_an_attempt_that_was_skipped() -> None:
    order = after(1, 2, 3)
    for minutes in (7, 8):
        (clock,) = [c for c in clocks(order, QUIET) if c.name == "watch:crew"]
        order, _ = fire(order, QUIET, clock, A + minutes * MINUTE, BEIJING)
    (attempt,) = [e.data for e in order.history if e.kind == "attempt"]
    assert (attempt["to"], attempt["state"], attempt["why"]) == ("leader1", "skipped", "quiet 16:00-17:00")


def test_an_urgent_order_is_rung_in_the_quiet_part_too() -> None:
    urgent = remark(after(1, 2, 3), QUIET, "joined", by=HOTLINE, now=A + 4 * MINUTE, data={"priority": 2})
    rungs, _ = climb(urgent, 9)
    assert rungs == [(7, "crew_duty", ""), (8, "leader1", ""), (9, "leader2", "quiet 16:00-17:00")]


def test_quiet_is_told_in_the_utilitys_own_time() -> None:
    order = after(1, 2, 3)
    order, _ = fire(
        order, QUIET, next(c for c in clocks(order, QUIET) if c.name == "watch:crew"), A + 7 * MINUTE
    )
    clock = next(c for c in clocks(order, QUIET) if c.name == "watch:crew")
    _, out = fire(order, QUIET, clock, A + 8 * MINUTE, UTC)
    assert [o.target for o in out if o.kind == "phone"] == ["leader1"], "8:08 in London is not 16:08"


def test_a_rung_by_the_page_only_says_so_to_its_alerts() -> None:
    _, outgoing = climb(after(1, 2, 3), 8)
    assert {tuple(o.data["channels"]) for o in outgoing if "channels" in o.data} == {("page",)}


@pytest.mark.parametrize(
    ("state", "owner", "told", "phones"),
    [
        ("received", "hotline", ["hotline", "manager"], ["on_call"]),
        ("sent", "network", ["dispatcher", "hotline", "manager"], []),
        ("at_centre", "repair_centre", ["dispatcher", "manager"], ["centre_duty", "on_call"]),
        ("returned", "hotline", ["hotline", "manager"], ["on_call"]),
        ("delivered", "crew_receiver", ["crew", "dispatcher"], ["crew_duty", "leader1"]),
        ("acknowledged", "crew", ["crew", "dispatcher"], ["crew_duty", "leader1"]),
        ("en_route", "crew", ["crew", "dispatcher"], ["crew_duty", "leader1"]),
        ("on_scene", "crew", ["crew", "dispatcher"], ["crew_duty", "leader1"]),
        ("recorded", "hotline", ["hotline", "manager"], ["on_call"]),
    ],
)
def test_a_chase_reaches_whose_turn_it_is_and_the_superior(
    state: str, owner: str, told: list[str], phones: list[str]
) -> None:
    order = in_state(state)
    assert owner_now(order, PROCESS).name == owner
    order = remark(order, PROCESS, "supervise", by=HOTLINE, now=A + 60 * MINUTE, data={"priority": 2})
    out = chase(order, PROCESS, "supervise", A + 60 * MINUTE)
    assert [o.target for o in out if o.kind == "alert"] == told
    assert [o.target for o in out if o.kind == "phone"] == phones
    assert len({o.key for o in out}) == len(out)


def test_an_order_behind_another_is_the_turn_of_whoever_dispatches_whatever_the_process_calls_it() -> None:
    process = parse(TEXT.replace('"repair_centre"', '"control_room"'))
    check(process)
    order = run(after(1, 2), ("dispatch", 3, {"behind": ["W0"]}), ("receipt", 4), ("acknowledge", 5))
    line = timeline(order, process, A + 9 * MINUTE)
    assert (line.running, line.intervals[-1].owner) == (STACKED, "control_room")
    assert owner_now(order, process).name == "control_room"
    out = chase(order, process, "supervise", A + 9 * MINUTE)
    assert "centre_duty" in [o.target for o in out if o.kind == "phone"]
    recalled = run(order, ("recall", 10, {"reason": "other"}))
    assert {i.owner for i in timeline(recalled, process, A + 11 * MINUTE).intervals} <= set(process.owners)


def test_at_night_a_superior_is_rung_for_an_urgent_order_only() -> None:
    night = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)  # 23:30 in Beijing
    order = in_state("acknowledged")
    calm = remark(order, PROCESS, "expedite", by=HOTLINE, now=night, data={"priority": 1})
    out = chase(calm, PROCESS, "expedite", night, BEIJING)
    assert [o.target for o in out if o.kind == "phone"] == ["crew_duty"]
    assert "dispatcher" in [o.target for o in out if o.kind == "alert"]
    urgent = remark(calm, PROCESS, "expedite", by=HOTLINE, now=night, data={"priority": 1})
    out = chase(urgent, PROCESS, "expedite", night, BEIJING)
    assert [o.target for o in out if o.kind == "phone"] == ["crew_duty", "leader1"]


def test_a_call_about_a_chase_is_needless_when_the_turn_has_passed() -> None:
    order = remark(
        after(1, 2, 3, 4), PROCESS, "expedite", by=HOTLINE, now=A + 5 * MINUTE, data={"priority": 1}
    )
    (duty, _) = [o for o in chase(order, PROCESS, "expedite", A + 5 * MINUTE) if o.kind == "phone"]
    assert duty.data["keypress"] == "acknowledge"
    assert not is_needless(order, PROCESS, duty.data)
    assert is_needless(run(order, ("acknowledge", 6)), PROCESS, duty.data)
    again = run(order, ("recall", 6), ("dispatch", 7), ("receipt", 8))
    assert owner_now(again, PROCESS).name == "crew_receiver"
    assert is_needless(again, PROCESS, duty.data), "of another dispatch"
    assert is_needless(run(order, ("cancel", 6)), PROCESS, duty.data)


def test_a_crews_segment_that_is_late_reaches_the_crew_and_its_centre() -> None:
    order = after(1, 2, 3, 4, 5)
    (clock,) = [c for c in clocks(order, PROCESS) if c.name == "segment:FG"]
    _, out = fire(order, PROCESS, clock, A + 8 * MINUTE)
    assert [(o.kind, o.target, o.data["crew_id"]) for o in out] == [
        ("alert", "crew", "N1"), ("alert", "dispatcher", "N1"),
    ]  # fmt: skip


FRIDAY = datetime(2026, 3, 6, 20, 0, tzinfo=BEIJING)


def duty(name: str, **more: object) -> Duty:
    return Duty("north", name, "+86" + name, **more)  # type: ignore[arg-type]


def test_who_is_on_call_by_day_and_by_night() -> None:
    schedule = [duty("day", start=time(8), end=time(18)), duty("night", start=time(18), end=time(8))]
    for hour, name in ((7, "night"), (8, "day"), (17, "day"), (18, "night"), (23, "night"), (0, "night")):
        found = on_call(schedule, "north", FRIDAY.replace(hour=hour))
        assert found is not None
        assert found.name == name
    assert on_call(schedule, "south", FRIDAY) is None


def test_a_night_belongs_to_the_day_on_which_it_began() -> None:
    friday = duty("friday", start=time(18), end=time(8), days=(5,))
    assert friday.covers(FRIDAY)
    assert friday.covers(FRIDAY + timedelta(hours=11))
    assert not friday.covers(FRIDAY + timedelta(hours=12))
    assert not friday.covers(FRIDAY - timedelta(hours=13)), "the morning of Friday is Thursday's night"
    last = duty("last", start=time(18), end=time(8), last_day=date(2026, 3, 6))
    assert last.covers(FRIDAY + timedelta(hours=11))
    assert not last.covers(FRIDAY + timedelta(hours=24))


def test_a_stand_in_goes_before_the_standing_order_and_equal_ends_are_round_the_clock() -> None:
    schedule = [duty("always"), duty("holiday", first_day=date(2026, 3, 6), last_day=date(2026, 3, 7))]
    found = [on_call(schedule, "north", FRIDAY + timedelta(days=n)) for n in (-1, 0, 1, 2)]
    assert [d.name for d in found if d] == ["always", "holiday", "holiday", "always"]


def test_what_a_new_definition_changes_is_said_in_words() -> None:
    new = TEXT.replace("version = 2", "version = 3").replace('limit = "28m"', 'limit = "25m"')
    new = new.replace('rural = "90m"', 'rural = "80m"').replace("supervise = 2", "supervise = 3")
    new = new.replace('phone = "leader2"', 'phone = "leader2"\nquiet = "22:00-06:00"')
    new += '\n[[transition]]\nstep = "photograph"\nfrom = ["on_scene"]\nto = "="\nby = ["crew"]\n'
    assert differences(PROCESS, PROCESS) == []
    assert differences(PROCESS, parse(new)) == [
        "step photograph from on_scene: is new",
        "segment GH: limit 28 min becomes 25 min",
        "promise rural: 90 min becomes 80 min",
        "watch crew: rung 3 after 1 min, alerts dispatcher, manager, rings leader2 (1: in_hand) becomes after 1 min,"
        " alerts dispatcher, manager, rings leader2 (1: in_hand), quiet 22:00-06:00",
        "chase supervise: 2 becomes 3",
    ]


def test_two_watches_never_share_an_order() -> None:
    for state in PROCESS.states:
        assert len(open_watches(in_state(state), PROCESS)) <= 1
