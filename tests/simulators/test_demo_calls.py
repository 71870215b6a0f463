"""The demonstration's calls: seeded, the same after a restart, and as many as the scenario says."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from dispatch.core.errors import BadInput
from dispatch.core.types import Point
from simulators.actors.calls import Calls, Place
from simulators.actors.scenario import FOLDER, load_scenario
from simulators.behaviour import load
from simulators.people import People

PLACES = [Place(f"{n} Lamp Street", Point(40.0 + n / 1000, 116.0)) for n in range(50)]
CORNER = Place("1 Nobody's Corner", Point(41.0, 117.0))
ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 3, 2, 9, 20, tzinfo=UTC)


def calls(seed: int = 45, **changed: object) -> Calls:
    scenario = msgspec.structs.replace(load_scenario("evening"), **changed)
    return Calls(scenario, seed, [*PLACES, CORNER], ZONE)


def until(found: Calls, start: datetime, hours: float) -> list:
    end = start + timedelta(hours=hours)
    return [call for call in found.after(start) if call.at <= end]


def test_the_same_seed_gives_the_same_calls() -> None:
    first = until(calls(), START, 12)
    assert first == until(calls(), START, 12)
    assert first != until(calls(46), START, 12)
    assert [c.at for c in first] == sorted(c.at for c in first)
    assert len({c.id for c in first}) == len(first)


def test_a_restart_in_the_middle_finds_the_rest_of_the_same_calls() -> None:
    whole = until(calls(), START, 3)
    middle = whole[len(whole) // 2]
    assert (
        until(calls(), middle.at, 3 - (middle.at - START).total_seconds() / 3600)
        == whole[len(whole) // 2 + 1 :]
    )


def test_as_many_calls_as_the_hours_say() -> None:
    day = until(calls(), datetime(2026, 3, 1, 16, 0, tzinfo=UTC), 24)
    expected = sum(load_scenario("evening").calls_per_hour)
    assert abs(len(day) - expected) < 4 * expected**0.5
    silent = calls(calls_per_hour=[0.0] * 24)
    assert next(silent.after(START), None) is None


def test_shares_of_odd_calls() -> None:
    found = [call for day in range(10) for call in until(calls(), START + timedelta(days=day), 24)]
    corner = sum(c.place == CORNER for c in found) / len(found)
    nowhere = sum(not c.on_map for c in found) / len(found)
    twice = sum(a.place == b.place for a, b in pairwise(found)) / len(found)
    assert 0.01 < corner < 0.04
    assert 0.015 < nowhere < 0.05
    assert twice > 0.03


def test_the_opening_comes_at_once_and_can_be_routed() -> None:
    opening = calls().opening(START)
    assert len(opening) >= 2
    assert all(call.at <= START + timedelta(seconds=90) and call.on_map for call in opening)
    assert CORNER not in [call.place for call in opening]


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda p: p.stem)
def test_every_scenario_that_ships_can_be_used(file: Path) -> None:
    scenario = load_scenario(file.stem)
    assert scenario.title
    assert load(scenario.behaviour_file).delays


def test_the_quick_scenario_has_one_silent_crew_and_others_who_answer() -> None:
    scenario = load_scenario("quick")
    people = People(scenario.seed, scenario.behaviour_file)
    opening = Calls(scenario, scenario.seed, [*PLACES, CORNER], ZONE).opening(START)
    silent = [people.acknowledge(f"{call.phone}/1", 1) is None for call in opening]
    assert silent == [True, False, False, False]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("repeat = 0.10", "repeat = 1.5", "shares.repeat"),
        ("repeat = 0.10", "repaet = 0.1", "repaet"),
        ('"meter/lv" = 14', '"meter" = 14', "faults"),
        ('"meter/lv" = 14', '"meter/lv" = -1', "faults"),
        ("18, 18, 18, 17, 15, 13,", "16,", "calls_per_hour"),
        ("seed = 45", "seed = 'x'", "seed"),
    ],
)
def test_a_wrong_scenario_names_its_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text((FOLDER / "evening.toml").read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(BadInput, match=said):
        load_scenario(str(file))


def test_an_unknown_scenario_names_those_that_ship() -> None:
    with pytest.raises(BadInput, match="evening"):
        load_scenario("nothing")
