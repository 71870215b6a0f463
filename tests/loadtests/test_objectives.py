"""A run that does not reach what it should says so and exits 1; and what judges the fault runs finds what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dispatch.messages import Press
from loadtests.bench_gateway import LEAST_CEILING
from loadtests.fleet import Log
from loadtests.objectives import Objective, Outcome, ahead, tell
from loadtests.order_faults import Centre, judge
from loadtests.wire import Positions, contents, heard, number_of

ROOT = Path(__file__).parents[2]
FAST = Objective(name="fast", measured=60.0, ceiling=100.0, wanted=0.6)
SLOW = Objective(name="slow", measured=59.9, ceiling=100.0, wanted=0.6)
LATE = Objective(name="late", measured=15.1, wanted=15, sense="at most")
UNMEASURED = Objective(name="unmeasured", measured=float("nan"), wanted=15, sense="at most")


def outcome(*objectives: Objective, invalid: str = "") -> Outcome:
    return Outcome(name="test", objectives=objectives, invalid=invalid)


def test_only_a_run_that_meets_everything_exits_0(tmp_path: Path) -> None:
    assert tell(outcome(FAST), str(tmp_path / "json")) == 0
    written = json.loads((tmp_path / "json").read_text())
    assert (written["objectives"][0]["ratio"], written["exit_code"]) == (0.6, 0)
    assert [tell(outcome(FAST, bad), None) for bad in (SLOW, LATE, UNMEASURED)] == [1, 1, 1]


def test_a_run_that_proves_nothing_exits_1() -> None:
    assert tell(outcome(FAST, invalid="the ceiling is too low"), None) == 1
    assert outcome().exit_code == 1
    assert LEAST_CEILING == 35_000


def test_a_ceiling_of_nothing_is_not_met() -> None:
    assert not Objective(name="x", measured=1.0, ceiling=0.0, wanted=0.6).met


def test_percentiles() -> None:
    assert ahead([float(n) for n in range(100)], 0.99) == 99
    assert ahead([], 0.99) != ahead([], 0.99)  # not a number: never met


def test_the_ceiling_is_at_most_80_lines() -> None:
    assert len((ROOT / "loadtests" / "durable_loop.py").read_text().splitlines()) <= 80


def test_the_swarms_positions_tell_their_number() -> None:
    positions = Positions(bytes.fromhex("013900000001"), 110_000_000)
    for number in (0, 0x7D, 0x7E, 70_000):
        (one,), rest = heard(positions.frame(number, number & 0xFFFF))
        assert (one.message, one.serial, rest) == (0x0200, number & 0xFFFF, b"")
        assert number_of(int.from_bytes(one.body[8:12]) / 1e6) == number
    assert contents(b"\x7e\x01\x7d\x02\x7e\x05") == ([b"\x01\x7e"], b"\x05")


@pytest.fixture
def centre() -> Centre:
    """Of one terminal with one order, which is done."""
    centre = Centre("redis://127.0.0.1:1", terminals=1, orders=1, seed=1)
    (vehicle,) = centre.vehicles.values()
    vehicle.fill()
    vehicle.wished.clear()
    vehicle.restored.add("0-0")
    vehicle.settled = vehicle.revision
    centre.presses.append(
        Press(vehicle.device, "0-0", "restore", 0.0, f"{vehicle.device}:0301:7:0-0:1:restore")
    )
    return centre


def log(centre: Centre) -> Log:
    (device,) = centre.vehicles
    pressed = f"{device}:0301:7"
    return Log(meant={pressed: ("0-0", "restore")}, confirmed=[pressed], serials={"0-0": [5]})


def judged(centre: Centre, what: Log) -> dict[str, float]:
    return {one.name: one.measured for one in judge(centre, what) if not one.met}


def test_a_good_fault_run_is_good(centre: Centre) -> None:
    assert judged(centre, log(centre)) == {}


def test_what_is_wrong_in_a_fault_run_is_found(centre: Centre) -> None:
    good, (device,) = log(centre), centre.vehicles
    bad = log(centre)
    bad.serials["0-0"] = [5, 6]
    bad.after_recall.append("0-0")
    bad.meant[f"{device}:0301:7"] = "0-1", "restore"
    bad.confirmed.append(f"{device}:0301:8")
    assert judged(centre, bad) == {
        "orders shown under two serials": 1,
        "orders shown after recall": 1,
        "presses on the wrong order": 1,
        "acknowledged presses lost": 1,
    }
    centre.vehicles[device].restored.clear()
    assert judged(centre, good) == {"orders lost": 1}
