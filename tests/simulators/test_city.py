from __future__ import annotations

import csv
import json
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from shapely.geometry import LineString, box
from shapely.ops import unary_union

from dispatch.adapters.roads.csv import load_roads
from dispatch.adapters.roads.speeds import load_speeds
from dispatch.core.territory import Territories, territories_from_geojson
from dispatch.core.travel import RoadTravel, great_circle
from dispatch.core.types import Point
from simulators.city import city, write_city
from simulators.city.network import build
from simulators.city.streets import draw, river

FILES = ("road_nodes.csv", "road_edges.csv", "territories.geojson", "gazetteer.csv", "organisation.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "city"
    write_city(path)
    return path


@pytest.fixture(scope="module")
def land(folder: Path) -> Territories:
    return territories_from_geojson(json.loads((folder / "territories.geojson").read_text("utf-8")))


@pytest.fixture(scope="module")
def staff(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "organisation.json").read_text("utf-8")))


def addresses(folder: Path) -> list[dict[str, str]]:
    with (folder / "gazetteer.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(folder: Path, tmp_path: Path) -> None:
    began = time.perf_counter()
    write_city(tmp_path / "again")
    assert time.perf_counter() - began < 5, "0.4 s on an ordinary machine"
    write_city(tmp_path / "other", seed=46)
    for name in FILES:
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert (folder / "road_edges.csv").read_bytes() != (tmp_path / "other" / "road_edges.csv").read_bytes()


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_other_seeds_make_whole_cities_too(tmp_path: Path, seed: int) -> None:
    write_city(tmp_path, seed)
    land = territories_from_geojson(json.loads((tmp_path / "territories.geojson").read_text("utf-8")))
    assert len(land) == 9
    assert 2_500 <= load_roads(tmp_path).nodes <= 4_200


def test_every_address_is_reached_by_road_in_believable_time(folder: Path, staff: dict[str, Any]) -> None:
    travel = RoadTravel(load_roads(folder), load_speeds("Asia/Shanghai"))
    homes = [Point(float(one["lat"]), float(one["lon"])) for one in addresses(folder)]
    bases = [Point(**one["base"]) for one in staff["crews"]]
    at = datetime(2026, 3, 4, 3, tzinfo=UTC)
    seconds, crow = travel.seconds(bases, homes, at), great_circle(bases, homes)
    assert np.isfinite(seconds).all()
    assert 4 * 60 < np.median(seconds) < 20 * 60
    speed = crow[crow > 1000] / seconds[crow > 1000]
    assert 4 < np.median(speed) < 14, "metres a second as the crow flies"


def test_the_river_has_few_bridges() -> None:
    rng = np.random.default_rng(45)
    network, water = build(draw(rng), rng), river()
    midstream = water.buffer(-40)
    bridges = {one.street for one in network.edges if LineString(one.xy).intersects(midstream)}
    assert 3 <= len(bridges) <= 8
    banks = [sum(y > -1_500 for _, y in network.nodes), sum(y < -1_500 for _, y in network.nodes)]
    assert min(banks) > 500, "people live on both sides"


def test_territories_leave_only_the_deliberate_gap_and_never_overlap(land: Territories) -> None:
    polygons = [one.polygon for one in land]
    assert all(a.intersection(b).area < 1e-12 for a, b in combinations(polygons, 2))
    whole = unary_union(polygons)
    missing = box(*whole.bounds).difference(whole)
    assert missing.area / whole.area == pytest.approx(700 * 500 / (20_000 * 16_000), rel=0.05)
    assert {(one.area_class, one.kind) for one in land} == {
        ("urban", "city"),
        ("rural", "suburb"),
        ("remote", "rural"),
    }
    assert set(Counter(one.centre_id for one in land).values()) == {3}


def test_every_address_but_one_lies_on_exactly_one_territory(folder: Path, land: Territories) -> None:
    rows = addresses(folder)
    assert len(rows) == len({one["address"] for one in rows}) == 400
    found = land.at_each([Point(float(one["lat"]), float(one["lon"])) for one in rows])
    assert Counter(len(one) for one in found) == {1: 399, 0: 1}
    classes = Counter(one[0].area_class for one in found if one)
    assert classes["urban"] > classes["remote"] > 10
    assert all(any("一" <= letter <= "鿿" for letter in one["address_zh"]) for one in rows)


def test_three_centres_of_eight_crews_each(staff: dict[str, Any], land: Territories) -> None:
    crews = staff["crews"]
    assert Counter(one["centre_id"] for one in crews) == {"north": 8, "west": 8, "east": 8}
    per_centre = Counter((one["centre_id"], one["trade"]) for one in crews)
    assert sorted(per_centre.values()) == [2, 2, 2, 3, 3, 3, 3, 3, 3]
    departments = {one["id"]: one for one in staff["departments"]}
    for crew in crews:
        owner = departments[crew["department_id"]]
        assert (owner["centre_id"], owner["trade"]) == (crew["centre_id"], crew["trade"])
        assert {one.centre_id for one in land.at(Point(**crew["base"]))} == {crew["centre_id"]}
    devices = [one["vehicle"]["device"] for one in crews]
    assert len(set(devices)) == 24
    assert all(len(one) == 12 and one.isdigit() for one in devices)


def test_phones_are_fictional_and_nobodys_twice(staff: dict[str, Any]) -> None:
    phones = [one["duty_phone"] for one in staff["centres"] + staff["crews"]]
    phones += [one[leader]["phone"] for one in staff["departments"] for leader in ("leader1", "leader2")]
    assert len(phones) == len(set(phones))
    assert all(phone.startswith("8610555") and len(phone) == 12 for phone in phones)


def test_people_of_every_role(staff: dict[str, Any]) -> None:
    roles = Counter(one["role"] for one in staff["people"])
    assert roles == {"hotline": 1, "dispatcher": 3, "crew": 24, "manager": 1, "admin": 1}
    assert len({one["username"] for one in staff["people"]}) == 30


def test_the_command_writes_a_city(tmp_path: Path) -> None:
    result = CliRunner().invoke(city, [str(tmp_path / "here"), "--seed", "7"])
    assert result.exit_code == 0, result.output
    assert all((tmp_path / "here" / name).is_file() for name in FILES)
