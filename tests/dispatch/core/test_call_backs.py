"""Everybody who reported a fault is called back, each until there is an end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dispatch.core.call_back import callers, unended
from dispatch.core.errors import GuardRefused
from dispatch.core.work_order import WorkOrder, remark, take
from tests.dispatch.core.orders import A_TO_H, BY, DATA, HOTLINE, PROCESS, A, order

LATER = A + timedelta(hours=1)


def _repaired(*second: str) -> WorkOrder:
    """An order with a first caller and, for each further number, one whose call joined it; repaired and recorded."""
    found = order()
    found = replace(found, facts=replace(found.facts, customer_phone="+86 10 1111"))
    for phone in second:
        found = remark(found, PROCESS, "joined", by=HOTLINE, now=A, data={"phone": phone, "priority": 1})
    for step in (*A_TO_H, "restore", "record"):
        found = take(found, PROCESS, step, by=BY[step], now=LATER, data=DATA.get(step, {}))
    return found


def _said(found: WorkOrder, kind: str, **data: Any) -> WorkOrder:
    step = take if kind == "call_back" else remark
    return step(found, PROCESS, kind, by=HOTLINE, now=LATER, data=data)


def _close(found: WorkOrder) -> WorkOrder:
    return take(found, PROCESS, "close", by=HOTLINE, now=LATER)


def test_each_number_once_and_who_gave_none_cannot_be_called() -> None:
    found = _repaired("2222", "+86101111", "86 10 1111", "")
    assert [one.phone for one in callers(found)] == ["+86 10 1111", "2222"]


def test_the_order_is_not_closed_before_everybody_was_called_back() -> None:
    found = _said(_repaired("2222"), "call_back", satisfied=True, phone="+86101111")
    assert [one.phone for one in unended(found)] == ["2222"]
    with pytest.raises(GuardRefused):
        _close(found)
    assert _close(_said(found, "call_back", satisfied=True, phone="2222")).state == "closed"


def test_one_word_for_all_ends_every_call_back() -> None:
    assert _close(_said(_repaired("2222", "3333"), "call_back", satisfied=True)).state == "closed"


def test_a_number_without_digits_is_no_word_for_all() -> None:
    found = _repaired("2222")
    found = replace(found, facts=replace(found.facts, customer_phone="unknown"))
    found = _said(found, "call_back", satisfied=True, phone="unknown")
    assert [one.phone for one in unended(found)] == ["2222"], "nobody has called this one"


def test_the_last_word_of_a_caller_counts_however_the_first_was_said() -> None:
    found = _said(_repaired(), "call_back", satisfied=False)
    assert _said(found, "call_back", satisfied=True, phone="+86101111").satisfied is True


def test_one_who_is_not_satisfied_is_not_hidden_by_the_next_who_is() -> None:
    found = _said(_repaired("2222"), "call_back", satisfied=False, phone="2222")
    found = _said(found, "call_back", satisfied=True, phone="+86 10 1111")
    assert found.satisfied is False
    assert _said(found, "call_back", satisfied=True, phone="2222").satisfied is True


def test_who_is_not_reached_waits_until_reached_or_given_up() -> None:
    again = LATER + timedelta(minutes=15)
    found = _said(_repaired(), "not_reached", phone="", again_at=again.isoformat())
    (one,) = unended(found)
    assert (one.tries, one.again_at) == (1, again)
    with pytest.raises(GuardRefused):
        _close(found)
    found = _said(found, "not_reached", phone="", given_up=True)
    assert callers(found)[0].outcome == "given_up"
    assert found.satisfied is None
    assert _close(found).state == "closed"


def test_nobody_reached_at_the_first_number_says_nothing_of_the_others() -> None:
    found = _said(_repaired("2222"), "not_reached", phone="", given_up=True)
    assert [one.phone for one in unended(found)] == ["2222"]
