"""What the simulated exchange does to each call, in virtual time and without HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dispatch.core.errors import Conflict, NotFound
from simulators.behaviour import PhoneHabit
from simulators.exchange import CallEvent, CallRequest, Exchange, Habit, script
from simulators.people import People

NOW = datetime(2024, 5, 1, 4, 0, 0, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def request(call_id: str = "c1", number: str = "13800138000", ring: float = 30) -> CallRequest:
    return CallRequest(call_id, number, "请接单", "http://centre/phone", ring_seconds=ring)


def exchange_with(behaviour: PhoneHabit, answer: float = 5, key: float = 4) -> Exchange:
    exchange = Exchange(People(1))
    exchange.habits["13800138000"] = Habit(behaviour, answer, key)
    return exchange


def words(events: list[CallEvent]) -> list[str]:
    return [e.state + (e.digit or "") for e in events]


@pytest.mark.parametrize(
    ("behaviour", "states"),
    [
        ("answer_key_1", ["ringing", "answered", "keypress1", "completed"]),
        ("answer_key_9", ["ringing", "answered", "keypress9", "completed"]),
        ("answer_no_key", ["ringing", "answered", "completed"]),
        ("voicemail", ["ringing", "answered", "machine", "completed"]),
        ("busy", ["busy"]),
        ("no_answer", ["ringing", "no_answer"]),
        ("reject", ["ringing", "busy"]),
    ],
)
def test_each_behaviour_has_its_states_in_order(behaviour: PhoneHabit, states: list[str]) -> None:
    exchange = exchange_with(behaviour)
    call, new = exchange.dial(request(), NOW)
    assert (new, call.state) == (True, "dialling")
    events = exchange.due(later(3600))
    assert words(events) == states
    assert [e.seq for e in events] == list(range(1, len(states) + 1))
    assert [e.at for e in events] == sorted(e.at for e in events)
    assert not call.live
    assert exchange.next_due() is None


def test_states_come_when_they_are_due_and_carry_their_own_time() -> None:
    exchange = exchange_with("answer_key_1")
    exchange.dial(request(), NOW)
    assert exchange.next_due() == later(1)
    assert exchange.due(later(0.9)) == []
    assert [e.at for e in exchange.due(later(7))] == [later(1), later(6)]
    assert words(exchange.due(later(10))) == ["keypress1"]


def test_who_answers_after_the_ringing_has_ended_does_not_answer() -> None:
    assert [s.state for s in script("10010", Habit("answer_key_1", 30, 1), 30)] == ["ringing", "no_answer"]


@pytest.mark.parametrize("number", ["", "12", "138-0013", "+" + "1" * 16, "１３８００１３８０００"])
def test_a_number_that_cannot_be_dialled_fails(number: str) -> None:
    exchange = Exchange(People(1))
    exchange.dial(request(number=number), NOW)
    assert words(exchange.due(later(100))) == ["failed"]


def test_the_same_call_rings_once_and_its_id_is_not_given_to_another_number() -> None:
    exchange = exchange_with("answer_key_1")
    first, _ = exchange.dial(request(), NOW)
    assert exchange.dial(request(), later(3)) == (first, False)
    assert words(exchange.due(later(100))).count("ringing") == 1
    assert exchange.dial(request(), later(200)) == (first, False)
    assert exchange.due(later(400)) == []
    with pytest.raises(Conflict):
        exchange.dial(request(number="13900139000"), NOW)


def test_one_number_takes_one_call_at_a_time() -> None:
    exchange = exchange_with("answer_key_1")
    exchange.dial(request("c1"), NOW)
    exchange.dial(request("c2"), later(2))
    exchange.dial(request("other", number="13900139000"), later(2))
    events = exchange.due(later(100))
    assert words([e for e in events if e.call_id == "c2"]) == ["busy"]
    assert words([e for e in events if e.call_id == "c1"])[-1] == "completed"
    assert words([e for e in events if e.call_id == "other"]) != ["busy"]
    exchange.dial(request("c3"), later(100))
    assert words(exchange.due(later(200)))[0] == "ringing"


def test_hanging_up_cuts_a_live_call_only_and_frees_the_line() -> None:
    exchange = exchange_with("answer_no_key")
    exchange.dial(request("c1"), NOW)
    assert words(exchange.hang_up("c1", later(7))) == ["ringing", "answered", "cut"]
    assert exchange.due(later(100)) == []
    assert exchange.hang_up("c1", later(100)) == []
    exchange.dial(request("c2"), later(8))
    assert "busy" not in words(exchange.due(later(100)))
    assert exchange.hang_up("c2", later(100)) == []
    with pytest.raises(NotFound):
        exchange.hang_up("none", NOW)


def test_numbers_without_a_habit_get_one_from_the_seed() -> None:
    def day(seed: int) -> list[CallEvent]:
        exchange = Exchange(People(seed))
        for n in range(200):
            exchange.dial(request(f"c{n}", f"1380000{n:04}"), NOW)
        return exchange.due(later(600))

    assert day(1) == day(1)
    assert day(1) != day(2)
    assert {e.state for e in day(1)} >= {"keypress", "machine", "busy", "no_answer", "completed"}
