"""Planned outages: where each stands, and what may still be changed of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.core import outage as rules
from dispatch.core.csv_rows import Cells
from dispatch.core.errors import BadInput, GuardRefused
from dispatch.core.imports import cells_of, outage_of, read_outages, write_outages
from dispatch.core.outage import PlannedOutage
from dispatch.core.types import Point

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE = PlannedOutage("PO-1", AT, AT + 2 * HOUR, "line work", addresses=("3 Hill Lane",))
OFF = replace(ONE, called_off_at=AT - HOUR)
LANDS = frozenset({"east-land"})
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("outage", "hours", "state"),
    [(ONE, -1, "coming"), (ONE, 0, "under_way"), (ONE, 1, "under_way"), (ONE, 2, "over"), (OFF, 0, "called_off")],
)  # fmt: skip
def test_where_an_outage_stands(outage: PlannedOutage, hours: int, state: str) -> None:
    assert outage.state(AT + hours * HOUR) == state


def test_one_that_drags_on_is_extended_also_after_its_end_but_history_is_not_rewritten() -> None:
    longer = replace(ONE, ends_at=AT + 30 * HOUR)
    for now in (AT - HOUR, AT, AT + 2 * HOUR, AT + 26 * HOUR - SECOND):
        assert rules.changed(ONE, longer, now) == longer
    with pytest.raises(GuardRefused, match="is over"):
        rules.changed(ONE, longer, AT + 26 * HOUR)
    with pytest.raises(GuardRefused, match="was called off"):
        rules.changed(OFF, longer, AT)
    for was in (None, ONE):
        with pytest.raises(BadInput, match="in the past"):
            rules.changed(was, ONE, ONE.ends_at)


def test_one_under_way_ends_now_and_no_other() -> None:
    now = AT + HOUR + timedelta(microseconds=5)
    early = rules.ended(ONE, now)
    assert (early.ends_at, early.state(now)) == (AT + HOUR, "over")
    assert rules.ended(ONE, AT).ends_at == AT + SECOND, "never before it began"
    for one, at in ((ONE, AT - HOUR), (ONE, ONE.ends_at), (OFF, now)):
        with pytest.raises(GuardRefused):
            rules.ended(one, at)


def test_what_is_not_over_is_called_off_once() -> None:
    for now in (AT - HOUR, AT + HOUR):
        assert rules.called_off(ONE, now) == replace(ONE, called_off_at=now)
    for one, now in ((ONE, ONE.ends_at), (OFF, AT)):
        with pytest.raises(GuardRefused):
            rules.called_off(one, now)


_instants = st.integers(0, 10 * 366 * 86_400 * 10**6).map(lambda n: AT + timedelta(microseconds=n))
_lines = st.text("ab =+-@',;\"电", min_size=1, max_size=12).map(str.strip).filter(bool)
_corners = st.sampled_from([(), (Point(-30.1, -0.1), Point(30.25, 120.0), Point(31.0, 119.0))])


@given(_instants, st.integers(1, 10**12), _lines, _corners, st.lists(_lines, max_size=3))
def test_what_goes_out_comes_in_as_it_was(
    starts: datetime, lasts: int, reason: str, corners: tuple[Point, ...], addresses: list[str]
) -> None:
    """In a zone whose clocks go back, too; also a text that a spreadsheet would take for a formula."""
    told = PlannedOutage(
        "PO-1", starts, starts + timedelta(microseconds=lasts), reason, "east-land", corners, tuple(addresses)
    )  # fmt: skip
    for zone in (ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")):
        cells = Cells(0, cells_of(told, zone))
        if not any(one[0] == "'" for one in (reason, *addresses[:1])):  # which would be taken for a mark
            assert (outage_of(cells, zone, LANDS), cells.faults) == (told, [])
            assert read_outages(write_outages([told], zone), zone, LANDS).rows == [told]


def test_one_that_was_called_off_comes_back_with_no_list() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    text = write_outages([ONE], zone)
    assert write_outages([OFF], zone).splitlines() == text.splitlines()[:1]
    found = read_outages(text, zone, LANDS, {"PO-1": OFF})
    assert [(f.line, f.column, f.code) for f in found.faults] == [(2, "id", "outage_called_off")]


def test_what_is_history_is_changed_by_no_list_and_stands_in_the_way_of_none() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    assert read_outages(write_outages([ONE], zone), zone, LANDS, {"PO-1": ONE}).faults == []
    other = write_outages([replace(ONE, reason="something else")], zone)
    found = read_outages(other, zone, LANDS, {"PO-1": ONE})
    assert [(f.line, f.column, f.code) for f in found.faults] == [(2, "id", "outage_over")]


def test_a_file_that_is_no_csv_says_so() -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_outages('"' + "a" * 200_000, ZoneInfo("Asia/Shanghai"), LANDS)
