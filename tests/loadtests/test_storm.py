"""The storm's judges find what they look for: an order nobody was rung for, a number rung twice in a minute, a late cut."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection, insert

from dispatch.adapters.sql.statements import EVENT
from dispatch.bootstrap.database import at_once, make_ready
from dispatch.settings import Settings
from loadtests import storm
from loadtests.clock_seed import Family, organise
from loadtests.fault_town import phone_log
from simulators.exchange import CallEvent, CallRequest, CallState
from simulators.phone_log import CallLine, StateLine

DUE = datetime(2026, 7, 1, 20, tzinfo=UTC)


def seconds(after: float) -> datetime:
    return DUE + timedelta(seconds=after)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Two orders whose first rung was decided, one of them 9 s late; for one of them somebody was rung."""
    settings = Settings(data=tmp_path)
    make_ready(settings)

    def fill(connection: Connection) -> None:
        organise(connection)
        Family("S", DUE, 0.0, 2).write(connection, 1, 2)
        rows = [
            ("S1", 7, "rung", 0.5, {"due": DUE.isoformat()}),
            ("S2", 7, "rung", 9.0, {"due": DUE.isoformat()}),
        ]
        for order, seq, kind, at, data in [*rows, ("S1", 8, "attempt", 1.0, {})]:
            connection.execute(
                insert(EVENT).values(
                    order_id=order, seq=seq, kind=kind, at=seconds(at), recorded_at=seconds(at),
                    by_role="system", by_id="", key=f"{order}/{seq}", data=data,
                )
            )  # fmt: skip

    at_once(settings, fill)
    return settings


def test_an_order_for_which_nobody_was_rung_is_found_once_it_had_its_time(settings: Settings) -> None:
    early = at_once(settings, lambda c: storm._judge(c, 2, seconds(100)), reading=True)
    assert (early.rungs, sorted(early.late), early.forgotten, early.unseen) == (2, [0.5, 9.0], 0, [])
    assert at_once(settings, lambda c: storm._judge(c, 2, seconds(121)), reading=True).unseen == ["S2"]
    assert at_once(settings, lambda c: storm._judge(c, 5, seconds(121)), reading=True).forgotten == 3


def test_an_attempt_that_came_after_two_minutes_or_failed_is_none(settings: Settings) -> None:
    def later(connection: Connection) -> None:
        for seq, at, state in ((8, 30.0, "failed"), (9, 150.0, "dialling")):
            row = {
                "kind": "attempt",
                "at": seconds(at),
                "recorded_at": seconds(at),
                "by_role": "system",
                "by_id": "",
            }
            connection.execute(
                insert(EVENT).values(order_id="S2", seq=seq, key=f"S2/{seq}", data={"state": state}, **row)
            )

    at_once(settings, later)
    assert at_once(settings, lambda c: storm._judge(c, 2, seconds(200)), reading=True).unseen == ["S2"]


def test_two_calls_within_a_minute_and_a_late_cut_are_found(settings: Settings) -> None:
    file = phone_log(settings)
    file.parent.mkdir(parents=True)
    lines: list[CallLine | StateLine] = [
        CallLine(CallRequest(f"call-{at}", number, ""), seconds(at))
        for number, at in (("+86200", 0.0), ("+86200", 57.0), ("+86201", 0.0), ("+86201", 60.5))
    ]
    states: list[tuple[str, str, CallState, float]] = [
        ("call-0.0", "+86200", "ringing", 1.0), ("call-0.0", "+86200", "cut", 4.5), ("call-57.0", "+86200", "ringing", 58.0),
        ("a", "+86201", "ringing", 1.0), ("a", "+86201", "no_answer", 31.0), ("b", "+86202", "ringing", 1.0),
    ]  # fmt: skip
    lines += [
        StateLine(CallEvent(call, number, 1, state, None, seconds(at))) for call, number, state, at in states
    ]
    file.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    assert storm._too_soon(settings) == (4, 1, 57.0)
    accepted = {"+86200": seconds(3), "+86201": seconds(3), "+86202": seconds(3)}
    assert storm._cuts(settings, accepted) == [28.0, float("inf"), 1.5], "also one that rings on to its end"
