from __future__ import annotations

from importlib.resources import files

import pytest
from shapely.geometry import box

from dispatch.core.errors import ProcessInvalid
from dispatch.core.responsibility import (
    FAULT_TYPES,
    VOLTAGES,
    Routed,
    Rules,
    Unroutable,
    parse_responsibility,
    route_responsibility,
)
from dispatch.core.territory import Territories, Territory
from dispatch.core.types import Point

TEXT = files("dispatch").joinpath("process", "responsibility.toml").read_text(encoding="utf-8")
RULES = parse_responsibility(TEXT)
PLACES = {"city": Point(0.5, 0.5), "suburb": Point(0.5, 1.5), "rural": Point(0.5, 2.5)}
LAND = Territories(
    [
        Territory("a", "Old town", "c1", "urban", "city", box(0, 0, 1, 1)),
        Territory("b", "Outskirts", "c2", "rural", "suburb", box(1, 0, 2, 1)),
        Territory("c", "Hills", "c2", "remote", "rural", box(2, 0, 3, 1)),
        Territory("d", "Old town north", "c1", "urban", "city", box(0, 0.9, 1, 1.2)),
        Territory("e", "Claimed", "c3", "rural", "suburb", box(1.8, 0.9, 2, 1.2)),
    ]
)


@pytest.mark.parametrize("fault", ["service_drop", "meter", "lv_distribution"])
@pytest.mark.parametrize("where", PLACES)
def test_service_faults_go_to_the_community_station_everywhere(fault: str, where: str) -> None:
    routed = route_responsibility(PLACES[where], fault, "lv", LAND, RULES)
    assert isinstance(routed, Routed)
    assert (routed.trade, routed.department) == ("service", "community_service_station")


@pytest.mark.parametrize(
    ("where", "voltage", "trade", "department"),
    [
        ("city", "lv", "low_voltage", "city_supply_station"),
        ("suburb", "lv", "low_voltage", "suburban_supply_station"),
        ("rural", "lv", "low_voltage", "suburban_supply_station"),
        ("suburb", "10kv", "medium_voltage", "suburban_supply_station"),
        ("rural", "10kv", "medium_voltage", "suburban_supply_station"),
        ("city", "10kv", "medium_voltage", "emergency_repair"),
    ],
)
def test_the_rest_goes_by_voltage_and_territory(
    where: str, voltage: str, trade: str, department: str
) -> None:
    routed = route_responsibility(PLACES[where], "no_supply", voltage, LAND, RULES)
    assert isinstance(routed, Routed)
    assert (routed.trade, routed.department) == (trade, department)
    assert routed.centre_id == routed.territory.centre_id
    assert routed.area_class == routed.territory.area_class


def test_every_known_fault_and_voltage_is_somebodys_everywhere() -> None:
    for place in PLACES.values():
        for fault in FAULT_TYPES:
            for voltage in VOLTAGES:
                assert isinstance(route_responsibility(place, fault, voltage, LAND, RULES), Routed)


@pytest.mark.parametrize(
    ("place", "voltage", "code"),
    [
        (None, "lv", "no_place"),
        (Point(9, 9), "lv", "no_territory"),
        (Point(0.95, 1.9), "lv", "several_territories"),
        (PLACES["city"], "", "no_rule"),
    ],
)
def test_what_cannot_be_routed_says_why(place: Point | None, voltage: str, code: str) -> None:
    result = route_responsibility(place, "cable", voltage, LAND, RULES)
    assert isinstance(result, Unroutable)
    assert result.code == code
    assert result.reason


def test_territories_that_agree_are_no_obstacle() -> None:
    assert isinstance(route_responsibility(Point(0.95, 0.5), "cable", "lv", LAND, RULES), Routed)


def test_a_rule_that_names_rural_wins_over_counting_as_suburb() -> None:
    special = '[[rule]]\nid = "x"\nvoltages = ["lv"]\nterritory_kinds = ["rural"]\ntrade = "far"\ndepartment = "d"\n'
    rules = parse_responsibility(TEXT + special)
    there = route_responsibility(PLACES["rural"], "cable", "lv", LAND, rules)
    other = route_responsibility(PLACES["rural"], "cable", "10kv", LAND, rules)
    assert isinstance(there, Routed)
    assert isinstance(other, Routed)
    assert (there.trade, other.trade) == ("far", "medium_voltage")
    assert Rules(rules.rules).first("cable", "lv", "rural") is not None


RULE = '[[rule]]\nid = "a"\nvoltages = ["lv"]\ntrade = "t"\ndepartment = "d"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at least one"),
        ("x = 1\n" + RULE, "line 1, x"),
        (RULE.replace('"lv"', '"400kv"'), "line 3, voltages: .*'400kv'"),
        (RULE + RULE, "line 7, id"),
        (RULE.replace('trade = "t"\n', ""), "line 1, trade"),
        (RULE + RULE.replace('"a"', '"b"').replace('"d"', "5"), "line 10, department"),
        (RULE.replace("voltages", "volts"), "line 3, volts"),
        (RULE.replace('["lv"]', '"lv"'), "line 3, voltages"),
        ('[same_as]\nrural = "moon"\n' + RULE, "line 2, rural"),
        (RULE + "x = = 1", "line 6"),
    ],
)
def test_a_broken_file_names_the_line(text: str, said: str) -> None:
    with pytest.raises(ProcessInvalid, match=said):
        parse_responsibility(text)
