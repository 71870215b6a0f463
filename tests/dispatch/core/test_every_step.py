"""Every (state, step, role) is tried: what the table lists happens, anything else is one typed error."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from dispatch.core.errors import BadInput, GuardRefused, IllegalStep
from dispatch.core.types import Actor, Role
from dispatch.core.work_order import WorkOrder, take
from tests.dispatch.core.orders import DATA, MINUTE, PROCESS, A, in_state, order, run, step

ROLES = get_args(Role)
LATER = A + 60 * MINUTE
EXTRA = {"dispatch": {"crew_id": "N1"}, "close": {}}


def try_step(before: WorkOrder, name: str, role: str) -> WorkOrder:
    """The step with everything that its guards ask for."""
    data = {"crew_id": before.crew_id or "N1", **DATA.get(name, {})}
    return take(before, PROCESS, name, by=Actor(role, "N1"), now=LATER, data=data)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", PROCESS.states)
def test_every_step_by_every_role_from(state: str) -> None:
    before = in_state(state)
    assert before.state == state
    tried = 0
    for name, role in product((*PROCESS.steps, "teleport"), ROLES):
        row = PROCESS.transitions.get((state, name))
        tried += 1
        if row is None or role not in row.by:
            with pytest.raises(IllegalStep) as caught:
                try_step(before, name, role)
            assert caught.value.facts["step"] == name
            assert before.id in (caught.value.message, caught.value.facts["order"])
            continue
        if name == "close":
            before_close = run(in_state("recorded"), ("call_back", 59))
            assert try_step(before_close, name, role).state == "closed"
            continue
        after = try_step(before, name, role)
        assert after.state == row.to
        assert after.version == before.version + 1
        assert after.history[:-1] == before.history, "the past stands"
        assert (after.history[-1].kind, after.history[-1].by.role) == (name, role)
    assert tried == len(ROLES) * (len(PROCESS.steps) + 1)


def test_an_illegal_step_names_state_step_and_actor() -> None:
    with pytest.raises(IllegalStep, match=r"W1 is received: arrive is not possible for crew:N1"):
        step(order(), "arrive", LATER)
    with pytest.raises(IllegalStep, match=r"dispatch is for dispatcher, system, not for crew"):
        step(in_state("at_centre"), "dispatch", LATER, by=Actor("crew", "N1"))


def test_another_crews_order_is_refused() -> None:
    with pytest.raises(GuardRefused, match="W1 is not with N2"):
        take(in_state("delivered"), PROCESS, "acknowledge", by=Actor("crew", "N2"), now=LATER)


def test_a_button_of_an_earlier_dispatch_is_refused() -> None:
    again = run(in_state("delivered"), ("recall", 20), ("dispatch", 21), ("receipt", 22))
    assert again.generation == 2
    with pytest.raises(GuardRefused, match="dispatched anew"):
        step(again, "acknowledge", LATER, generation=1)
    assert step(again, "acknowledge", LATER, generation=2).state == "acknowledged"


@pytest.mark.parametrize(
    ("state", "name"),
    [("sent", "return"), ("delivered", "reject"), ("en_route", "recall"), ("sent", "cancel")],
)
@pytest.mark.parametrize("reason", ["", "because", None])
def test_handing_back_needs_a_known_reason(state: str, name: str, reason: str | None) -> None:
    with pytest.raises(BadInput, match="a reason is needed, one of wrong_trade"):
        step(in_state(state), name, LATER, reason=reason)


@pytest.mark.parametrize("lacks", ["cause", "work_done"])
def test_a_fault_record_needs_cause_and_work(lacks: str) -> None:
    with pytest.raises(BadInput, match=f"the fault record needs {lacks}"):
        step(in_state("restored"), "record", LATER, **{lacks: "  "})


@pytest.mark.parametrize("answer", [None, "yes", 1])
def test_a_call_back_says_satisfied_or_not(answer: object) -> None:
    with pytest.raises(BadInput, match="true or false"):
        step(in_state("restored"), "call_back", LATER, satisfied=answer)


def test_nothing_is_closed_before_the_customer_was_called_back() -> None:
    with pytest.raises(GuardRefused, match="call the customer back first"):
        step(in_state("recorded"), "close", LATER)
    unhappy = run(in_state("recorded"), ("call_back", 59, {"satisfied": False}))
    assert unhappy.satisfied is False
    assert step(unhappy, "close", LATER).state == "closed"


def test_an_order_without_a_centre_is_not_received_by_any() -> None:
    with pytest.raises(GuardRefused, match="route it first"):
        run(order(routed=False), ("send", 1), ("centre_receipt", 2))


def test_a_withdrawn_order_is_being_removed_until_each_device_confirmed() -> None:
    data = {"devices": ["t-N1", "u-N1"], "revision": 7}
    recalled = run(in_state("acknowledged"), ("recall", 30, data))
    assert (recalled.crew_id, recalled.removing) == ("", {"t-N1": 7, "u-N1": 7})
    again = run(recalled, ("dispatch", 31, {"crew_id": "N1", "devices": ["t-N1"], "revision": 8}))
    assert again.removing == {"u-N1": 7}, "what belongs on the device again is no longer to be removed"


def test_only_a_withdrawal_or_a_cancellation_takes_the_order_from_its_crew() -> None:
    assert in_state("restored").crew_id == "N1"
    assert run(in_state("en_route"), ("cancel", 30)).crew_id == ""
