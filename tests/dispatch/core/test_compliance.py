"""Percentiles, shares, filters: figures that are shown were really measured, and count what they say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.core.compliance import Busy, Climbed, Late, Measured, measure
from dispatch.core.errors import BadInput
from dispatch.core.figures import rank, spread, summarise
from dispatch.core.listed import listed
from dispatch.core.process import parse
from dispatch.core.selection import PLAIN, counted, filtered
from dispatch.core.sheet import SECOND, Sheet, changed, packed, sheet_of, together, unpacked
from dispatch.core.types import Point
from dispatch.core.utilisation import covered, utilisation
from tests.dispatch.core.orders import A, Waited, after

AT = datetime(2026, 3, 2, tzinfo=UTC)
ONE = Measured(
    id="W1", version=9, day="2026-03-02", hour=0, state="closed", centre_id="east", crew_id="E1", trade="service",
    area_class="urban", fault_type="meter", cause="storm", address="road", place=Point(30.05, 120.05),
    reported_at=AT, deadline=AT + timedelta(minutes=45), arrived_at=AT + timedelta(minutes=30), total_s=1800.0,
    within=True, segments={"AB": 60.0}, late=(), rungs=(), dispatches=1, stacked=0, joined=0, satisfied=None,
    running=False, busy=(Busy("E1", AT, AT + timedelta(hours=1)),),
)  # fmt: skip
PROCESS = parse(files("dispatch").joinpath("process", "fault_repair.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("percent", "place"), [(50, 2), (20, 0), (21, 1), (90, 4), (100, 4), (0, 0), (80, 3), (81, 4)]
)
def test_the_nearest_rank(percent: int, place: int) -> None:
    assert rank(5, percent) == place


@given(st.lists(st.integers(0, 10**12), min_size=40, max_size=300))
def test_a_percentile_was_measured_and_enough_do_not_exceed_it(values: list[int]) -> None:
    found = spread(np.array(values))
    for percent, value in ((50, found.p50), (90, found.p90), (95, found.p95)):
        assert value in [one / SECOND for one in values]
        assert sum(one / SECOND <= value for one in values) * 100 >= percent * len(values)
        assert sum(one / SECOND < value for one in values) * 100 < percent * len(values)


@pytest.mark.parametrize(
    ("n", "shown"),
    [(0, ""), (1, ""), (3, ""), (4, "50"), (19, "50"), (20, "50 90"), (39, "50 90"), (40, "50 90 95")],
)
def test_too_few_orders_have_no_percentile(n: int, shown: str) -> None:
    found = spread(np.arange(n))
    have = {"50": found.p50, "90": found.p90, "95": found.p95}
    assert " ".join(name for name, value in have.items() if value is not None) == shown


def test_an_order_that_cannot_be_judged_counts_for_nobody() -> None:
    pending = replace(ONE, id="W2", within=None, arrived_at=None)
    late = replace(ONE, id="W3", within=False, arrived_at=None)
    both = summarise(sheet_of([ONE, pending]), PROCESS)
    assert (both.orders, both.judged, both.within_pct) == (2, 1, 100.0)
    assert summarise(sheet_of([ONE, pending, late]), PROCESS).within_pct == 50.0
    assert summarise(sheet_of([pending]), PROCESS).within_pct is None


def test_a_rung_that_somebody_took_in_hand_is_counted_so() -> None:
    waited = Waited(after(1, 2, 3)).until(8, family="watch").in_hand(8.5, "centre").in_hand(8.75, "crew")
    rungs = measure(waited.until(13).order, PROCESS, A + timedelta(minutes=13), UTC).rungs
    assert [(one.rung, one.end, one.after_s) for one in rungs] == [
        (1, "next_rung", 60.0), (2, "in_hand", 45.0), (3, "open", None)
    ]  # fmt: skip


def _several() -> Sheet:
    first = replace(
        ONE, late=(Late("EF", "crew_receiver", 60.0), Late("GH", "crew", 30.0)), dispatches=3, stacked=1
    )
    second = replace(
        ONE, id="W2", late=(Late("GH", "crew", 10.5),), satisfied=False, joined=2, centre_id="west", hour=7,
        rungs=(Climbed("crew", 1, "next_rung", 60.0), Climbed("crew", 1, "answered", 5.0)), within=False,
    )  # fmt: skip
    return sheet_of([first, second])


def test_lateness_is_summed_by_owner_and_stacking_by_dispatch() -> None:
    found = summarise(_several(), PROCESS)
    assert [(o.owner, o.seconds, o.orders) for o in found.late_by_owner] == [
        ("crew_receiver", 60.0, 1), ("crew", 40.5, 2)
    ]  # fmt: skip
    assert (found.stacked_pct, found.late_seconds) == (25.0, 100.5)
    assert (found.joined, found.satisfied_pct) == (2, 0.0)
    (rung,) = found.escalations
    assert (rung.watch, rung.rung, rung.count, rung.ends["answered"], rung.ends["next_rung"]) == (
        "crew",
        1,
        2,
        1,
        1,
    )
    assert found.segments[-1].overruns == 2


def test_every_number_opens_as_many_orders_as_it_says() -> None:
    sheet = _several()
    found = summarise(sheet, PROCESS)
    for segment in found.segments:
        assert len(counted(sheet, f"passed:{segment.name}")) == segment.n
        assert len(counted(sheet, f"overrun:{segment.name}")) == segment.overruns
    for owner in found.late_by_owner:
        assert len(counted(sheet, f"owner:{owner.owner}")) == owner.orders
    assert counted(sheet, "rung:crew:1:answered").ids == ("W2",)
    assert counted(sheet, "rung:crew:2").ids == ()
    assert counted(sheet, "short", {"W2"}).ids == ("W2",)
    for name in ("arrived", "judged", "within"):
        assert len(counted(sheet, name)) == getattr(found, name)
    for name, shares in found.by.items():
        for share in shares:
            assert len(filtered(sheet, {name: share.name})) == share.orders, (name, share)
    assert all(len(counted(sheet, what)) <= 2 for what in PLAIN)


@pytest.mark.parametrize(
    "what", ["", "nothing", "passed:XX", "rung:crew", "rung:crew:x", "rung:crew:1:x", "owner"]
)
def test_a_number_that_is_none_is_refused(what: str) -> None:
    with pytest.raises(BadInput):
        counted(_several(), what)


@pytest.mark.parametrize("wanted", [{"hour": "x"}, {"day": "yesterday"}])
def test_a_filter_that_is_none_is_refused(wanted: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        filtered(_several(), wanted)


def test_a_value_that_nobody_has_finds_nothing() -> None:
    assert len(filtered(_several(), {"centre": "north"})) == 0


def _same(one: Sheet, other: Sheet) -> bool:
    rows = [[repr(row) for row in listed(sheet, 0, 9)] for sheet in (one, other)]
    return rows[0] == rows[1] and summarise(one, PROCESS) == summarise(other, PROCESS)


def test_a_sheet_comes_back_from_its_bytes_and_from_its_parts() -> None:
    sheet = _several()
    assert _same(unpacked(*packed(sheet)), sheet)
    parts = [sheet.only(np.array(mask)) for mask in ([True, False], [False, True])]
    assert _same(together(parts), sheet)
    assert len(together([])) == 0


def test_a_day_after_one_of_its_orders_changed() -> None:
    sheet = _several()
    again = replace(ONE, id="W1", late=(Late("AB", "hotline", 5.0),), reported_at=AT + timedelta(minutes=5))
    found = changed(sheet, sheet_of([again]))
    assert found.ids == ("W2", "W1")
    assert [one.late for one in listed(found, 0, 9)] == [
        (Late("GH", "crew", 10.5),),
        (Late("AB", "hotline", 5.0),),
    ]
    assert changed(found, sheet_of([]), frozenset(["W2"])).ids == ("W1",)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), max_size=12))
def test_busy_time_counts_once_however_many_orders_overlap(spans: list[tuple[int, int]]) -> None:
    minutes = {m for start, length in spans for m in range(start, start + length)}
    start = np.array([s for s, _ in spans], dtype=np.int64)
    assert covered(start, start + np.array([length for _, length in spans], dtype=np.int64)) == len(minutes)


def test_utilisation_is_of_the_shift_and_of_the_period() -> None:
    second = replace(ONE, id="W2", busy=(Busy("E1", AT + timedelta(minutes=30), None),))
    sheet = sheet_of([ONE, second])
    found = utilisation(
        sheet,
        [sheet],
        {"E1": 14_400.0, "E2": 3600.0},
        AT + timedelta(minutes=15),
        AT + timedelta(hours=2),
    )
    assert [(u.crew, u.orders, u.busy_s, u.used_pct) for u in found] == [
        ("E1", 2, 6300.0, 43.8),
        ("E2", 0, 0.0, 0.0),
    ]
