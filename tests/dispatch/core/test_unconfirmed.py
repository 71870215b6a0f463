"""Who is told of what a terminal does not confirm, by processes other than the one that ships."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from dispatch.core.escalation import clocks, fire
from dispatch.core.locating import Whereabouts, locate
from dispatch.core.process import Process, parse
from dispatch.core.types import Point
from tests.dispatch.core.orders import HOTLINE, MINUTE, TEXT, A, after

LEADER1 = 'alert = ["dispatcher"]\nphone = "leader1"\n\n[[watch.rung]]\nafter = "1m"\nalert = ["dispatcher", "manager"]'
QUIET = TEXT.replace(LEADER1, LEADER1.replace('"leader1"', '"leader1"\nquiet = "16:00-17:00"'))
THRICE = TEXT.replace(
    'phone = "crew_duty"\nkeypress = "acknowledge"',
    'phone = "crew_duty"\nkeypress = "acknowledge"\ntimes = 3\nevery = "1m"',
)


def told(process: Process) -> list[tuple[float, str, list[str]]]:
    """Above the dispatchers, of an order whose place was corrected after 6 minutes: after how many minutes, who is rung,
    the roles."""
    order = locate(
        after(1, 2, 3, 4, 5), process, Whereabouts("2 Lane", Point(30.06, 120.06)), by=HOTLINE,
        now=A + 6 * MINUTE, devices=["t-N1"],
    )  # fmt: skip
    found = []
    while due := [c for c in clocks(order, process) if c.name == "unreceipted:t-N1"]:
        order, out = fire(order, process, due[0], due[0].due, ZoneInfo("Asia/Shanghai"))
        called = [one.target for one in out if one.kind == "phone"]
        roles = [one.target for one in out if one.kind == "alert"]
        found.append(((due[0].due - A) / MINUTE, "".join(called), roles))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXT, [(14, "leader1", ["dispatcher"]), (15, "leader2", ["dispatcher", "manager"])]),
        (QUIET, [(14, "", ["dispatcher"]), (14, "leader2", ["dispatcher", "manager"])]),
        (THRICE, [(14, "leader1", ["dispatcher"]), (15, "leader2", ["dispatcher", "manager"])]),
    ],
    ids=["shipped", "who_is_quiet_gives_way_at_once", "the_crews_own_calls_are_not_above_it"],
)
def test_the_chain_above_the_dispatchers(text: str, expected: list[tuple[float, str, list[str]]]) -> None:
    assert told(parse(text)) == [(10, "", ["dispatcher"]), *expected]
