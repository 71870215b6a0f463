"""Random legal histories: the intervals always sum to A..H, and each has the owner of a plain second reading."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.core.errors import IllegalStep
from dispatch.core.escalation import clocks, fire
from dispatch.core.locating import Whereabouts, locate
from dispatch.core.segments import deadline, limit, overruns, timeline
from dispatch.core.types import SYSTEM, Point
from dispatch.core.work_order import WorkOrder, fold, remark
from tests.dispatch.core.orders import BY, DATA, PROCESS, A, order, step

REASONS = sorted(PROCESS.reasons)
PARTY = {"crew": "crew", "dispatcher": "repair_centre", "hotline": "hotline"}
PHASE = {
    "received": "AB", "returned": "AB", "sent": "BC", "at_centre": "CD", "dispatched": "DE", "delivered": "EF",
    "acknowledged": "FG", "en_route": "GH",
}  # fmt: skip
OWNER = {s.name: s.owner for s in PROCESS.segments} | {"stacked": "repair_centre"}
WITHDRAWS = {"reject": "dispatch", "recall": "dispatch", "return": "send"}


@st.composite
def histories(draw: st.DrawFn) -> tuple[WorkOrder, datetime]:
    """An order after up to 25 legal steps and remarks, and a time not before."""
    made, now = order(), A
    for _ in range(draw(st.integers(0, 25))):
        now += timedelta(seconds=draw(st.integers(0, 900)))
        claimed = now + timedelta(seconds=draw(st.sampled_from([0, 0, 0, -1000, 5000])))
        legal = [s for state, s in PROCESS.transitions if state == made.state and s in DATA | BY]
        legal = [s for s in legal if s != "close" or made.satisfied is not None]
        choice = draw(st.sampled_from([*legal, "attempt", "crew_free", "locate"]))
        if choice == "attempt" or (choice == "crew_free" and not made.behind):
            made = remark(made, PROCESS, "attempt", by=SYSTEM, now=now)
        elif choice == "locate":
            made = located(made, now, draw(st.integers(0, 9)))
        elif choice == "crew_free":
            made = remark(made, PROCESS, "crew_free", by=SYSTEM, now=now)
        else:
            data = {"reason": draw(st.sampled_from(REASONS))} if "reason" in DATA.get(choice, {}) else {}
            if choice == "dispatch":
                data["behind"] = draw(st.sampled_from([[], ["W0"]]))  # type: ignore[assignment]
                data["same_office"] = draw(st.booleans())  # type: ignore[assignment]
            made = step(made, choice, now, at=claimed, **data)
    return made, now + timedelta(seconds=draw(st.integers(0, 900)))


def located(made: WorkOrder, now: datetime, n: int) -> WorkOrder:
    """At one of ten places, where it may still be said."""
    try:
        return locate(
            made, PROCESS, Whereabouts(f"{n} Lane", Point(30.0, 120.0 + n / 100)), by=BY["send"], now=now
        )
    except IllegalStep:
        return made


def reading(made: WorkOrder, now: datetime) -> dict[tuple[str, str], timedelta]:
    """Minutes by (label, owner), read event by event from the states alone."""
    gaps: list[tuple[str, str, timedelta]] = []
    begun = {"send": 0, "dispatch": 0}
    behind = False
    states = [fold(made.facts, made.history[: n + 1], PROCESS).state for n in range(made.version)]
    for n, event in enumerate(made.history):
        if (attempt := WITHDRAWS.get(event.kind)) is not None:
            owner = PROCESS.reasons[event.data["reason"]].cause or PARTY[event.by.role]
            for g in range(begun[attempt], len(gaps)):
                if gaps[g][0] != "withdrawn":
                    gaps[g] = ("withdrawn", owner, gaps[g][2])
        if event.kind in begun:
            begun[event.kind] = len(gaps)
        if event.kind == "dispatch":
            behind = bool(event.data.get("behind"))
        if event.kind == "crew_free":
            behind = False
        label = PHASE.get(states[n], "")
        if states[n] == "on_scene" and _handed_back(made, n):
            label = "GH"
        if not label:
            break
        if label == "FG" and behind:
            label = "stacked"
        end = made.history[n + 1].at if n + 1 < made.version else now
        gaps.append((label, OWNER[label], end - event.at))
    sums: dict[tuple[str, str], timedelta] = defaultdict(timedelta)
    for label, owner, duration in gaps:
        sums[label, owner] += duration
    return {key: value for key, value in sums.items() if value}


def _handed_back(made: WorkOrder, n: int) -> bool:
    """Whether a crew that has arrived does not stay: its time went on then."""
    later = (e.kind for e in made.history[n + 1 :] if e.kind in {*WITHDRAWS, "restore", "cancel"})
    return next(later, "") in WITHDRAWS


@settings(max_examples=400, deadline=None)
@given(histories())
def test_durations_sum_exactly_and_touch(given_history: tuple[WorkOrder, datetime]) -> None:
    made, now = given_history
    line = timeline(made, PROCESS, now)
    until = now
    for n, event in enumerate(made.history):
        stays = event.kind == "arrive" and not _handed_back(made, n)
        if until == now and (stays or event.kind == "cancel"):
            until = event.at
    assert line.total == until - A
    assert line.intervals[0].start == A
    assert line.intervals[-1].end == until
    assert all(a.end == b.start for a, b in zip(line.intervals, line.intervals[1:], strict=False))
    assert list(line.points.values()) == sorted(line.points.values())


@settings(max_examples=400, deadline=None)
@given(histories())
def test_each_minute_has_the_owner_of_a_plain_reading(given_history: tuple[WorkOrder, datetime]) -> None:
    made, now = given_history
    sums: dict[tuple[str, str], timedelta] = defaultdict(timedelta)
    for interval in timeline(made, PROCESS, now).intervals:
        sums[interval.label, interval.owner] += interval.duration
    expected = reading(made, now)
    assert {k: v for k, v in sums.items() if v} == expected
    late = {(k, v) for k, v in expected.items() if v > limit(made, PROCESS, k[0])}
    assert {((o.label, o.owner), o.duration) for o in overruns(made, PROCESS, now)} == late


@settings(max_examples=300, deadline=None)
@given(histories())
def test_any_order_can_be_kept_and_its_clocks_fired_once(given_history: tuple[WorkOrder, datetime]) -> None:
    made, now = given_history
    assert fold(made.facts, made.history, PROCESS) == made
    for clock in clocks(made, PROCESS):
        after, following = fire(made, PROCESS, clock, max(now, clock.due))
        assert after.version == made.version + 1
        assert after.state == made.state
        assert len({o.key for o in following}) == len(following)
        assert fire(after, PROCESS, clock, max(now, clock.due)) == (after, ())


@settings(max_examples=200, deadline=None)
@given(histories())
def test_a_place_that_is_given_moves_no_time_no_promise_and_no_clock(
    given_history: tuple[WorkOrder, datetime],
) -> None:
    made, now = given_history
    without = fold(order().facts, [e for e in made.history if e.kind != "locate"], PROCESS)
    assert deadline(made, PROCESS) == deadline(without, PROCESS)
    assert timeline(made, PROCESS, now) == timeline(without, PROCESS, now)
    assert clocks(made, PROCESS) == clocks(without, PROCESS)
    last = made.last("locate")
    assert made.facts.address == (last.data["address"] if last else order().facts.address)
    assert fold(made.facts, made.history, PROCESS) == made, "also from the facts that SQL keeps"
    assert fold(order().facts, made.history, PROCESS) == made, "and from those of the call"
    assert list(made.editions) == sorted(made.editions)
    assert max(made.editions, default=0) == made.generation
