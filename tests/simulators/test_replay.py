"""A day of outages through the real services, in virtual time."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from simulators.city.files import write_city
from simulators.outages import day
from tests.simulators.replaying import DAY, MORNING, a_day, outage, people, replay, write


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city")
    write_city(folder)
    return folder


def test_every_call_ends_in_a_closed_order(city: Path, tmp_path: Path) -> None:
    result, report = replay(city, write(tmp_path / "o.csv", a_day(city)))
    assert result.exit_code == 0, result.output
    assert (report["calls"], report["lost"]) == (14, 0)
    assert report["orders"] == report["closed"] == report["calls"] - report["joined"]
    assert list(report["segments"]) == ["AB", "BC", "CD", "DE", "EF", "FG", "GH"]
    for spread in [*report["segments"].values(), report["total"]]:
        assert 0 < spread["p50"] <= spread["p90"]
    assert 20 <= report["segments"]["AB"]["p50"] <= 400
    assert sum(report["escalations"]["crew"].values()) >= 1
    parties = {"hotline", "network", "our_queue", "repair_centre", "crew_receiver", "crew"}
    assert set(report["late_by_owner"]) <= parties
    assert report["actual"] == {
        "n": 14, "within_45_pct": 0.0, "total": {"p50": 3000.0, "p90": 3000.0},
        "stages": {
            name: {"p50": None, "p90": None}
            for name in ("start_to_assigned", "assigned_to_enroute", "enroute_to_onsite")
        },
    }  # fmt: skip
    assert report["inputs"]["people"]["shares"]["crew_silent"] == 0.05
    assert len(report["inputs"]["speeds"]["factor"]) == 24
    assert "within 45 min" in result.output


def test_the_same_seed_gives_the_same_bytes_in_another_process(city: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "o.csv", a_day(city))
    _, first = replay(city, file, "--policy", "mean")
    here = file.with_suffix(".json").read_bytes()
    there = tmp_path / "there.json"
    command = [sys.executable, "-m", "dispatch.cli", "replay", "--outages", str(file), "--roads", str(city)]
    command += ["--date", DAY, "--crews", "6", "--policy", "mean", "--report", str(there)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": "7"})
    assert there.read_bytes() == here
    _, other = replay(city, file, "--policy", "mean", "--seed", "2")
    assert other["segments"] != first["segments"]


@pytest.mark.parametrize("policy", ["nearest", "risk"])
def test_every_policy_serves_a_crowd(city: Path, tmp_path: Path, policy: str) -> None:
    rows = [outage(n, (38.2 + n / 500, 104.6), MORNING, (1, 12, 300)[n % 3]) for n in range(18)]
    result, report = replay(city, write(tmp_path / "o.csv", rows), "--policy", policy)
    assert (report["lost"], report["closed"]) == (0, 18), result.output
    assert report["inputs"]["policy"] == policy


def test_two_calls_from_one_place_are_one_order(city: Path, tmp_path: Path) -> None:
    rows = a_day(city, 3)
    again = outage(99, (float(rows[0]["lat"]), float(rows[0]["lon"])), MORNING + timedelta(hours=1), 1)
    rows[0] |= {"start_utc": again["start_utc"], "start_local": again["start_local"]}
    _, report = replay(city, write(tmp_path / "o.csv", [*rows, again]))
    assert (report["calls"], report["joined"], report["orders"], report["lost"]) == (4, 1, 3, 0)


def test_silent_crews_are_rung_and_their_leaders_send_them(city: Path, tmp_path: Path) -> None:
    silent = people(tmp_path / "p.toml", crew_silent="1.0", answer_key_1="0.5", no_answer="0.28")
    file = write(tmp_path / "o.csv", a_day(city, 8))
    _, report = replay(city, file, "--people", str(silent))
    assert report["lost"] == 0
    assert report["escalations"]["crew"]["1"] >= 8
    assert report["attempts"]["keypress 1"] >= 1
    assert report["segments"]["EF"]["p50"] > 240


def test_a_stuck_day_says_what_is_lost(city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day, "PATIENCE", timedelta(hours=1))
    nobody = people(
        tmp_path / "p.toml", crew_silent="1.0", answer_key_1="0", answer_key_9="0", answer_no_key="0",
        voicemail="0", busy="0", no_answer="1", reject="0",
    )  # fmt: skip
    file = write(tmp_path / "o.csv", [outage(n, (38.2 + n / 50, 104.6), MORNING, 1) for n in range(2)])
    result, report = replay(city, file, "--people", str(nobody))
    assert result.exit_code == 1
    assert (report["lost"], report["closed"]) == (2, 0)
    assert report["escalations"]["crew"]["3"] >= 2
    assert "outage o0 (line 2): order W00001 is " in result.output
    assert "2 of 2 calls were lost" in result.output


def test_places_off_the_roads_and_off_the_territory_are_served(city: Path, tmp_path: Path) -> None:
    rows = [*a_day(city, 3), outage(50, (38.3, 105.3), MORNING, 1), outage(51, (38.32, 104.6), MORNING, 300)]
    _, report = replay(city, write(tmp_path / "o.csv", rows))
    assert (report["lost"], report["closed"]) == (0, 5)


def test_a_planned_outage_is_nobodys_call(city: Path, tmp_path: Path) -> None:
    rows = a_day(city, 4)
    rows[1]["cause"] = "PLANNED"
    _, report = replay(city, write(tmp_path / "o.csv", rows))
    assert (report["calls"], report["actual"]["n"]) == (3, 3)
