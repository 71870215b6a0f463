"""Tables that a utility brings: every row is taken, or named by its line and column."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.core.datum import from_gcj02, to_gcj02
from dispatch.core.errors import BadInput
from dispatch.core.gazetteer import Entry, best, folded
from dispatch.core.imports import read_gazetteer, read_outages
from dispatch.core.outage import PlannedOutage, covering
from dispatch.core.territory import Territories
from dispatch.core.types import Point, distance
from tests.dispatch.organisation import EAST, TERRITORIES

CHINA = ZoneInfo("Asia/Shanghai")
LANDS = frozenset({"east-land", "west-land"})
SQUARE = "120.0 30.0; 120.1 30.0; 120.1 30.1; 120.0 30.1"


def test_a_gazetteer_in_two_languages() -> None:
    found = read_gazetteer(
        'name,name_zh,lat,lon\n"12 Harbour Road, flat 3",港口路12号,30.05,120.05\n,山路3号,30.1,120.1\n'
    )
    assert found.faults == []
    assert found.rows[0] == Entry("12 Harbour Road, flat 3", "港口路12号", 30.05, 120.05)
    assert found.rows[1].name == "山路3号"


def test_every_bad_cell_is_named_and_no_good_row_is_lost() -> None:
    text = (
        "address,lat,lon,more\n"
        "1 Lane,30.0,120.0,x\n"
        ",30.0,120.0,x\n"
        "2 Lane,ninety,220,x\n"
        '"two\nlines",30,120,x\n'
        "3 Lane,30.0,120.0,x,too many\n"
        "\n"
        "1 LANE,30.0,120.0,x\n"
        "4 Lane,nan,120.0,x\n"
        "5 Lane,30.0\n"
        "6 Lane,30.5,120.5,x\n"
    )
    found = read_gazetteer(text)
    assert [one.name for one in found.rows] == ["1 Lane", "6 Lane"]
    assert [(f.line, f.column) for f in found.faults] == [
        (3, "name"), (4, "lat"), (4, "lon"), (5, "name"), (5, "name"), (7, "row"), (9, "name"), (10, "lat"), (11, "lon"),
    ]  # fmt: skip
    assert len(found.bad) == 1 + 7, "the header, and every row that was left out"
    assert "line 2" in next(f.said for f in found.faults if f.line == 9)


def test_a_file_that_is_no_such_table_is_refused_whole() -> None:
    with pytest.raises(BadInput, match="no column lat, lon"):
        read_gazetteer("name,latitudes\nx,1\n")
    with pytest.raises(BadInput, match="found nothing"):
        read_gazetteer("")


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    for read in (read_gazetteer, lambda one: read_outages(one, UTC, LANDS)):
        try:
            found = read("name,name_zh,lat,lon,from,to,reason,polygon,addresses\n" + text)
        except BadInput:
            continue
        assert len(found.bad) - 1 <= len(found.faults)


@given(st.floats(18, 53), st.floats(74, 134))
def test_places_of_a_chinese_map_come_back_to_where_they_are(lat: float, lon: float) -> None:
    place = Point(lat, lon)
    assert distance(from_gcj02(to_gcj02(place)), place) < 0.5
    assert distance(to_gcj02(place), place) < 1500


def test_columns_of_the_shifted_datum_are_shifted_back() -> None:
    drawn = to_gcj02(Point(39.9, 116.4))
    found = read_gazetteer(f"address,lon_gcj02,lat_gcj02\n新新公寓,{drawn.lon},{drawn.lat}\n")
    assert distance(Point(found.rows[0].lat, found.rows[0].lon), Point(39.9, 116.4)) < 0.5


def test_a_spreadsheets_semicolons_and_mark_are_read_too() -> None:
    found = read_gazetteer("\ufeffaddress_zh;lat;lon\n港口路12号;30;120\n'=3号;30;121\n4号;thirty;121\n")
    assert [one.name for one in found.rows] == ["港口路12号", "=3号"]
    assert [(f.line, f.column, f.code) for f in found.faults] == [(4, "lat", "number")]


def test_planned_outages_of_each_kind_of_area() -> None:
    found = read_outages(
        "id,from,to,reason,territory,polygon,addresses\n"
        "A,2026-03-02 08:00,2026-03-02 12:00,line work,east-land,,\n"
        f'B,2026-03-02T08:00+00:00,2026-03-02T09:00+00:00,new cable,,"{SQUARE}",\n'
        ",2026-03-02 08:00,2026-03-02 12:00,meter,,,12 Harbour Road | 3 Hill Lane\n",
        CHINA, LANDS,
    )  # fmt: skip
    assert found.faults == []
    assert found.rows[0].starts_at == datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    assert found.rows[1].starts_at == datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    assert len(found.rows[1].polygon) == 4
    assert found.rows[2].addresses == ("12 Harbour Road", "3 Hill Lane")
    assert found.rows[2].id.startswith("PO-")


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("A,2026-03-02 08:00,2026-03-02 07:00,r,east-land,,", "to"),
        ("A,noon,2026-03-02 07:00,r,east-land,,", "from"),
        ("A,2026-03-02 08:00,2026-03-02 09:00,,east-land,,", "reason"),
        ("A,2026-03-02 08:00,2026-03-02 09:00,r,no-land,,", "territory"),
        ("A,2026-03-02 08:00,2026-03-02 09:00,r,,,", "territory"),
        ("A,2026-03-02 08:00,2026-03-02 09:00,r,,1 2 3,", "polygon"),
        ("A,2026-03-02 08:00,2026-03-02 09:00,r,,120 30; 120 30; 120 30,", "polygon"),
        ("A,2026-03-02 08:00,2026-03-02 09:00,r,,120 30; 120.1 30.1; 120.1 30; 120 30.1,", "polygon"),
        ("A,2026-03-02 08:00,2026-03-02 09:00,r,,120 30; 120.1 30; 120.2 30,", "polygon"),
        ("A,2026-03-02 08:00,2026-03-02 09:00,r,,120 30; 120.1 30.1; nan 30,", "polygon"),
        ("A,2026-03-02 08:00,2026-03-02 09:00,r,,120 30; 120.1 30.1; inf 30,", "polygon"),
    ],
)
def test_an_outage_that_says_too_little_is_named(row: str, column: str) -> None:
    found = read_outages(f"id,from,to,reason,territory,polygon,addresses\n{row}\n", CHINA, LANDS)
    assert found.rows == []
    assert column in {one.column for one in found.faults}


def test_who_is_concerned_by_an_outage(lands: Territories) -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    of = [
        PlannedOutage("land", at, at, "r", territory="east-land"),
        PlannedOutage(
            "corners",
            at,
            at,
            "r",
            polygon=(Point(30.0, 120.0), Point(30.0, 120.1), Point(30.1, 120.1), Point(30.1, 120.04)),
        ),
        PlannedOutage("named", at, at, "r", addresses=("12 Harbour Road", "港口路12号")),
    ]
    assert {one.id for one in covering(of, Point(*EAST), "x", lands)} == {"land", "corners"}
    assert covering(of, Point(31, 121), "x", lands) == []
    for said in ("12 HARBOUR  ROAD", "12 Harbour Road, flat 3", "港口路１２号", "港口路12号3单元"):
        assert [one.id for one in covering(of, None, said, lands)] == ["named"], said
    for said in ("", "112 Harbour Road", "12 Harbour Roadside"):
        assert covering(of, None, said, lands) == [], said


@pytest.fixture(scope="module")
def lands() -> Territories:
    from dispatch.core.territory import territories_from_geojson

    return territories_from_geojson(TERRITORIES)


def test_what_begins_with_the_words_comes_first() -> None:
    names = [
        "Old Harbour Road 1",
        "Harbour Road 12 near the bridge",
        "Harbour Road 1",
        "Broad Harbourless Street",
    ]
    found = best([Entry(one, one, 0, 0) for one in names], "harbour ro", 9)
    assert [one.name for one in found] == [names[2], names[1], names[0], names[3]]
    assert folded(" 港口路１２号 ") == "港口路12号"
