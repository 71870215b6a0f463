"""Who is told outside the pages, when, and what need not be said any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dispatch.core.alerting import Channel, Told, overtaken, quiet_until, severity, wants
from dispatch.core.types import SYSTEM
from dispatch.core.work_order import remark
from tests.dispatch.core.orders import MINUTE, PROCESS, A, in_state, step

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
MAIL = Channel(1, "Mona", "manager", "mail", "json://x")


def told(code: str = "promise_missed", role: str = "manager", **more: Any) -> Told:
    return Told("k", code, role, more.pop("centre_id", "north"), "W1", more, NOW)


def test_the_address_stands_in_no_log() -> None:
    assert "json://" not in repr(MAIL)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("unanswered_crew", "escalation"), ("unanswered_later_kind", "escalation"),
        ("promise_missed", "escalation"), ("segment_overdue", "warning"), ("order_cancel", "info"),
        ("order_located", "warning"), ("nobody has classed this", "warning"),
    ],
)  # fmt: skip
def test_codes_have_their_weight(code: str, expected: str) -> None:
    assert severity(code) == expected


def test_a_channel_wants_its_roles_and_centres_alerts_only() -> None:
    assert wants(MAIL, told())
    assert not wants(MAIL, told(role="dispatcher"))
    north = replace(MAIL, centre_id="north")
    assert wants(north, told())
    assert wants(north, told(centre_id="")), "what is of no centre is everybody's"
    assert not wants(north, told(centre_id="south"))
    crew = replace(MAIL, role="crew", crew_id="N1")
    assert wants(crew, told(role="crew", crew_id="N1"))
    assert not wants(crew, told(role="crew", crew_id="N2"))


@pytest.mark.parametrize(
    ("minimum", "goes"),
    [("info", {"order_cancel", "segment_overdue", "unanswered_crew"}),
     ("warning", {"segment_overdue", "unanswered_crew"}), ("escalation", {"unanswered_crew"})],
)  # fmt: skip
def test_a_channel_takes_what_is_heavy_enough(minimum: str, goes: set[str]) -> None:
    channel = replace(MAIL, minimum=minimum)
    codes = ("order_cancel", "segment_overdue", "unanswered_crew")
    assert {code for code in codes if wants(channel, told(code))} == goes


def test_codes_that_are_named_go_and_no_others() -> None:
    channel = replace(MAIL, minimum="escalation", codes=("order_cancel",))
    assert wants(channel, told("order_cancel"))
    assert not wants(channel, told("unanswered_crew"))


def test_that_an_order_ended_answers_no_recall_that_a_terminal_holds_back() -> None:
    order = in_state("dispatched")
    order = step(order, "recall", A + 9 * MINUTE, devices=["t-N1"], revision=2)
    ended = step(order, "cancel", A + 10 * MINUTE)
    recall = told("recall_unreceipted", role="dispatcher", device="t-N1", crew_id="N1")
    assert overtaken(ended, PROCESS, recall) == "", "the crew may still be driving there"
    assert overtaken(ended, PROCESS, told("order_recall", role="crew", crew_id="N1")) == ""
    gone = remark(ended, PROCESS, "removed", by=SYSTEM, now=A + 11 * MINUTE, data={"device": "t-N1"})
    assert overtaken(gone, PROCESS, recall) == "over meanwhile"
    assert overtaken(ended, PROCESS, told("promise_missed")) == "the order was finished meanwhile"


@pytest.mark.parametrize(
    ("start", "end", "at", "until"),
    [
        ("22:00", "07:00", "23:30", "2026-03-03 07:00"), ("22:00", "07:00", "06:59", "2026-03-02 07:00"),
        ("22:00", "07:00", "07:00", ""), ("22:00", "07:00", "21:59", ""), ("12:00", "13:00", "12:00", "2026-03-02 13:00"),
        ("", "", "12:00", ""), ("08:00", "08:00", "08:00", ""),
    ],
)  # fmt: skip
def test_quiet_hours_are_wall_times_of_the_utility(start: str, end: str, at: str, until: str) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    now = datetime.fromisoformat(f"2026-03-02 {at}").replace(tzinfo=zone).astimezone(UTC)
    found = quiet_until(replace(MAIL, quiet_from=start, quiet_to=end), now, zone)
    expected = datetime.fromisoformat(until).replace(tzinfo=zone) if until else None
    assert found == expected
