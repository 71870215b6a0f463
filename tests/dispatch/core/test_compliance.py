"""Percentiles and shares: figures that are shown were really measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.core.compliance import Late, Measured, percentile, share, summarise
from dispatch.core.process import parse

AT = datetime(2026, 3, 2, tzinfo=UTC)
ONE = Measured(
    "W1", "2026-03-02", "closed", "east", "E1", "service", "urban", "meter", "road", AT, AT, AT, 1800.0,
    True, {"AB": 60.0}, (), (), 1, 0, 0, None,
)  # fmt: skip
PROCESS = parse(files("dispatch").joinpath("process", "fault_repair.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("percent", "value"), [(50, 3.0), (20, 1.0), (21, 2.0), (90, 5.0), (100, 5.0), (0, 1.0)]
)
def test_the_nearest_rank(percent: float, value: float) -> None:
    assert percentile([5.0, 3.0, 1.0, 2.0, 4.0], percent) == value


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.1, 100))
def test_a_percentile_was_measured_and_enough_do_not_exceed_it(values: list[float], percent: float) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(v <= found for v in values if found is not None) >= percent / 100 * len(values) - 1e-6


def test_an_order_that_cannot_be_judged_counts_for_nobody() -> None:
    pending = replace(ONE, id="W2", within=None, arrived_at=None)
    late = replace(ONE, id="W3", within=False, arrived_at=None)
    assert share("x", [ONE, pending]).within_pct == 100.0
    assert share("x", [ONE, pending, late]).within_pct == 50.0
    assert share("x", [pending]).within_pct is None


def test_lateness_is_summed_by_owner_and_stacking_by_dispatch() -> None:
    first = replace(
        ONE, late=(Late("EF", "crew_receiver", 60.0), Late("GH", "crew", 30.0)), dispatches=3, stacked=1
    )
    second = replace(
        ONE,
        id="W2",
        late=(Late("GH", "crew", 10.5),),
        rungs=(("crew", 1), ("crew", 1)),
        satisfied=False,
        joined=2,
    )
    found = summarise([first, second], PROCESS)
    assert [(o.owner, o.seconds, o.orders) for o in found.late_by_owner] == [
        ("crew", 40.5, 2), ("crew_receiver", 60.0, 1)
    ]  # fmt: skip
    assert found.stacked_pct == 25.0
    assert (found.joined, found.satisfied_pct) == (2, 0.0)
    assert [(e.watch, e.rung, e.count) for e in found.escalations] == [("crew", 1, 2)]
    assert found.segments[-1].overruns == 2
