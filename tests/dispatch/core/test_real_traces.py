"""Real vehicles: what is flagged of a city's cabs, among them one id that two devices share (`udwadla`)."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from dispatch.core.position import Fix, LastKnown, follow
from dispatch.core.types import distance
from simulators.traces.rows import read_traces

DATA = os.environ.get("DISPATCH45_TEST_DATA", "")
SHARED = "udwadla"
FALSE_FLAGS_AT_MOST = 0.004
"""Of all other cabs' fixes; the real ones among them (a receiver's leap) are in it."""
OF_ONE_CAB_AT_MOST = 0.01
pytestmark = pytest.mark.skipif(not DATA, reason="DISPATCH45_TEST_DATA is not set: no real traces to judge")

Judged = list[tuple[Fix, str, LastKnown]]
Record = Callable[[str, object], None]


@cache
def judged() -> dict[str, Judged]:
    known: dict[str, LastKnown] = {}
    found: dict[str, Judged] = defaultdict(list)
    for one in read_traces(Path(DATA) / "dev" / "cab_traces_dev.csv.gz").fixes:
        fix = Fix(one.lat, one.lon, float(one.time), one.time + 1.0)
        after, flag = follow(known.get(one.vehicle), one.vehicle, fix)
        assert after is not None
        known[one.vehicle] = after
        found[one.vehicle].append((fix, flag, after))
    return found


def too_fast(fixes: list[Fix], mps: float) -> int:
    ways = ((distance(a.point, b.point), b.fix_time - a.fix_time) for a, b in pairwise(fixes))
    return sum(1 for metres, s in ways if metres > 150 and metres > mps * s)


def test_the_shared_id_is_told_and_does_not_jump_any_more(record_property: Record) -> None:
    rows = judged()[SHARED]
    flags = Counter(flag for _, flag, _ in rows)
    believed = [fix for fix, flag, _ in rows if flag == "ok"]
    record_property(SHARED, f"{dict(flags)}, believed steps above 40 m/s: {too_fast(believed, 40)}")
    assert flags["jump"] > 450
    assert set(flags) <= {"ok", "jump", "out_of_order", "duplicate"}
    assert too_fast([fix for fix, _, _ in rows], 40) > 700
    assert too_fast(believed, 40) < 50
    assert sum(known.torn for *_, known in rows) > len(rows) / 3


def test_the_shared_id_does_not_blind_dispatch() -> None:
    """Whenever it reports, a believed fix is at most five minutes old: not stale (services.views.STALE_AFTER)."""
    rows = judged()[SHARED]
    stale = sum(1 for fix, _, known in rows if fix.fix_time - known.fix_time > 300)
    assert stale <= 2


def test_other_cabs_are_hardly_ever_flagged(record_property: Record) -> None:
    others = {cab: rows for cab, rows in judged().items() if cab != SHARED}
    flags = Counter(flag for rows in others.values() for _, flag, _ in rows)
    shares = {cab: sum(f != "ok" for _, f, _ in rows) / len(rows) for cab, rows in others.items()}
    share, worst = 1 - flags["ok"] / flags.total(), max(shares.values())
    record_property("others", f"{len(others)}: {dict(flags)}, flagged {share:.2%}, most of one {worst:.2%}")
    assert share < FALSE_FLAGS_AT_MOST
    assert worst < OF_ONE_CAB_AT_MOST


def test_odometers_are_the_length_of_the_believed_way() -> None:
    for cab, rows in judged().items():
        if cab == SHARED:
            continue
        believed = [fix for fix, flag, _ in rows if flag == "ok"]
        steps = ((distance(a.point, b.point), b.fix_time - a.fix_time) for a, b in pairwise(believed))
        length = sum(metres for metres, s in steps if metres <= 150 or metres <= 50 * s)
        assert 0.95 * length < rows[-1][2].odometer_m <= 1.01 * length, cab
