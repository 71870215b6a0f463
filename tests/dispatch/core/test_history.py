"""The history: every message once, in its place, whatever a device's clock says."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dispatch.core.types import SYSTEM
from dispatch.core.work_order import begin, fold, remark
from tests.dispatch.core.orders import DEVICE, MINUTE, PROCESS, A, after, in_state, order, run, step


def test_the_same_key_again_changes_nothing_not_even_from_another_state() -> None:
    once = step(in_state("delivered"), "acknowledge", A + 20 * MINUTE, key="press-1")
    assert step(once, "acknowledge", A + 21 * MINUTE, key="press-1") is once
    moved = step(once, "depart", A + 22 * MINUTE)
    assert step(moved, "acknowledge", A + 23 * MINUTE, key="press-1") is moved


def test_a_remark_with_the_same_key_is_kept_once() -> None:
    once = remark(order(), PROCESS, "attempt", by=SYSTEM, now=A, key="k", data={"state": "busy"})
    assert remark(once, PROCESS, "attempt", by=SYSTEM, now=A + MINUTE, key="k") is once
    assert remark(once, PROCESS, "attempt", by=SYSTEM, now=A + MINUTE).version == once.version + 1


def test_a_time_before_the_last_event_is_placed_behind_it_and_the_claim_is_kept() -> None:
    before = in_state("acknowledged")
    last = before.history[-1].at
    late = step(before, "depart", A + 30 * MINUTE, at=A - 60 * MINUTE)
    assert late.history[-1].at == last
    assert late.history[-1].recorded_at == A + 30 * MINUTE
    assert late.history[-1].data["claimed_at"] == (A - 60 * MINUTE).isoformat()


def test_a_time_in_the_future_is_placed_now_and_the_claim_is_kept() -> None:
    now = A + 30 * MINUTE
    early = step(in_state("acknowledged"), "depart", now, at=now + timedelta(hours=9))
    assert early.history[-1].at == now
    assert early.history[-1].data["claimed_at"] == (now + timedelta(hours=9)).isoformat()


def test_a_credible_time_stands_as_it_is() -> None:
    at = A + 25 * MINUTE
    told = step(in_state("acknowledged"), "depart", A + 30 * MINUTE, at=at)
    assert told.history[-1].at == at
    assert "claimed_at" not in told.history[-1].data


def test_a_clock_that_stepped_back_never_turns_the_history_round() -> None:
    before = in_state("at_centre")
    back = step(before, "dispatch", A - MINUTE)
    assert back.history[-1].at == before.history[-1].at
    assert back.history[-1].recorded_at >= back.history[-1].at


def test_a_call_that_claims_to_end_in_the_future_begins_now() -> None:
    facts = order().facts
    assert begin(facts, PROCESS, by=SYSTEM, now=A - MINUTE, data={}).history[0].at == A - MINUTE


@given(st.lists(st.tuples(st.integers(-7200, 7200), st.integers(0, 600)), min_size=7, max_size=7))
def test_whatever_devices_claim_the_history_is_in_order_and_folds_back(claims: list[tuple[int, int]]) -> None:
    made, now = order(), A
    for name, (off, passed) in zip(
        ("send", "centre_receipt", "dispatch", "receipt", "acknowledge", "depart", "arrive"),
        claims,
        strict=True,
    ):
        now += timedelta(seconds=passed)
        made = step(made, name, now, at=now + timedelta(seconds=off))
    times = [e.at for e in made.history]
    assert times == sorted(times)
    assert [e.seq for e in made.history] == list(range(1, len(times) + 1))
    assert all(e.at <= e.recorded_at for e in made.history)
    assert fold(made.facts, made.history, PROCESS) == made


def test_joined_calls_and_chasing_raise_the_priority() -> None:
    chased = remark(order(), PROCESS, "joined", by=SYSTEM, now=A, data={"priority": 1})
    assert remark(chased, PROCESS, "expedite", by=SYSTEM, now=A, data={"priority": 1}).priority == 2


def test_a_removal_is_confirmed_device_by_device() -> None:
    recalled = run(in_state("delivered"), ("recall", 20, {"devices": ["t-N1", "u-N1"], "revision": 3}))
    half = remark(recalled, PROCESS, "removed", by=DEVICE, now=A + 21 * MINUTE, data={"device": "t-N1"})
    assert half.removing == {"u-N1": 3}
    assert (
        remark(half, PROCESS, "removed", by=DEVICE, now=A + 22 * MINUTE, data={"device": "u-N1"}).removing
        == {}
    )


def test_a_generation_counts_dispatches_and_a_send_counts_sends() -> None:
    made = run(after(1, 2, 3), ("recall", 4), ("dispatch", 5), ("recall", 6), ("return", 7), ("send", 8))
    assert (made.generation, made.sends) == (2, 2)
    assert isinstance(made.history[-1].at, datetime)
