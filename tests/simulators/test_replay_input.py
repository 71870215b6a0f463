"""What a replay makes of files that are not as they should be, and of a real one."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest

from dispatch.core.errors import BadInput
from simulators.city.files import write_city
from simulators.outages.rows import read_outages
from simulators.outages.utility import fault_of, shared_out
from tests.simulators.replaying import COLUMNS, MORNING, a_day, outage, replay, write

DATA = os.environ.get("DISPATCH45_TEST_DATA", "")
HERE = (38.2, 104.6)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city")
    write_city(folder)
    return folder


BAD = [
    ({"lat": "north"}, "column lat: expected degrees, found 'north'"),
    ({"lon": "-999"}, "column lon: expected degrees from -180 to 180, found '-999'"),
    ({"lat": "nan"}, "column lat"),
    ({"start_utc": "yesterday"}, "column start_utc: expected an ISO 8601 time, found 'yesterday'"),
    ({"start_utc": "", "start_local": ""}, "column start_utc: expected a time, found ''"),
    ({"start_local": "2024-05-02T23:59:00+08:00"}, "column start_local: expected the same instant"),
    ({"start_local": "2024-05-02T08:00:00"}, "column start_local: expected a time with its offset"),
    ({"customers_max": "many"}, "column customers_max: expected a whole number, 0 or more, found 'many'"),
    ({"customers_max": "-3"}, "column customers_max"),
    ({"onsite_utc": "soon"}, "column onsite_utc"),
    ({"outage_id": ""}, "column outage_id: expected a text"),
    ({"outage_id": "o0"}, "column outage_id: expected an id of its own (line 2 has the same)"),
]


@pytest.mark.parametrize(("change", "said"), BAD)
def test_a_malformed_row_is_named_and_skipped(tmp_path: Path, change: dict[str, str], said: str) -> None:
    rows = [outage(0, HERE, MORNING, 1), outage(1, HERE, MORNING, 1) | change, outage(2, HERE, MORNING, 1)]
    file = read_outages(write(tmp_path / "bad.csv", rows))
    assert [one.id for one in file.outages] == ["o0", "o2"]
    (sentence,) = file.malformed
    assert sentence.startswith("bad.csv line 3, ")
    assert said in sentence
    with pytest.raises(BadInput, match=r"bad\.csv line 3, column"):
        read_outages(tmp_path / "bad.csv", strict=True)


TORN = [
    (b'"', b"", "outage_id: expected a value that ends on its line"),
    (b"", b"", "cleared_utc"),
    (b"\xff", b"", "outage_id: expected UTF-8, found the byte 0xff"),
    (b"", b",,,", "(after the last): expected no more values than the first line has"),
    (b'"a" b', b"", "outage_id"),
]


@pytest.mark.parametrize(("before", "after", "said"), TORN)
def test_a_torn_line_takes_no_other_with_it(tmp_path: Path, before: bytes, after: bytes, said: str) -> None:
    file = write(tmp_path / "torn.csv", [outage(n, HERE, MORNING, 1) for n in range(20)])
    lines = file.read_bytes().splitlines(keepends=True)
    values = lines[3].rstrip(b"\n").split(b",")
    if said == "cleared_utc":
        values[-1] = b'"' + values[-1]
    lines[3] = before + b",".join(values) + after + b"\n"
    file.write_bytes(b"\xef\xbb\xbf" + b"".join(lines).replace(b"\n", b"\r\n"))
    found = read_outages(file)
    assert [one.id for one in found.outages] == [f"o{n}" for n in range(20) if n != 2]
    (sentence,) = found.malformed
    assert sentence.startswith("torn.csv line 4, column ")
    assert said in sentence
    with pytest.raises(BadInput, match=r"torn\.csv line 4, column"):
        read_outages(file, strict=True)


def test_a_quoted_line_break_is_two_malformed_rows_and_a_quoted_comma_none(tmp_path: Path) -> None:
    rows = [outage(n, HERE, MORNING, 1, cause="WIND, TREE") for n in range(3)]
    rows[1]["cause"] = "WIND\nTREE"
    found = read_outages(write(tmp_path / "o.csv", rows))
    assert [(one.id, one.cause) for one in found.outages] == [("o0", "WIND, TREE"), ("o2", "WIND, TREE")]
    assert [s.split(":")[0] for s in found.malformed] == [
        "o.csv line 3, column cause", "o.csv line 4, column start_utc"
    ]  # fmt: skip


def test_a_broken_archive_and_a_torn_first_line_are_said(tmp_path: Path) -> None:
    whole = gzip.compress(write(tmp_path / "o.csv", [outage(0, HERE, MORNING, 1)] * 50).read_bytes())
    for name, content in (("cut", whole[:-20]), ("hurt", whole[:30] + b"\xff" * 30 + whole[60:])):
        file = tmp_path / f"{name}.csv.gz"
        file.write_bytes(content)
        with pytest.raises(BadInput, match="cannot be read"):
            read_outages(file)
    (tmp_path / "h.csv").write_text('"outage_id,lat\n')
    with pytest.raises(BadInput, match=r"h\.csv line 1"):
        read_outages(tmp_path / "h.csv")


def test_skipped_rows_are_shown_and_counted_and_strict_stops(city: Path, tmp_path: Path) -> None:
    rows = a_day(city, 3)
    rows[1]["lat"] = "?"
    file = write(tmp_path / "o.csv", rows)
    result, report = replay(city, file)
    assert result.exit_code == 0
    assert "skipped: o.csv line 3, column lat: expected degrees, found '?'" in result.stderr
    assert report["inputs"]["skipped_rows"]["number"] == 1
    assert (report["calls"], report["lost"]) == (2, 0)
    result, report = replay(city, file, "--strict")
    assert (result.exit_code, report) == (2, {})
    assert "o.csv line 3, column lat" in result.stderr


def test_a_date_outside_the_file_names_its_range(city: Path, tmp_path: Path) -> None:
    result, report = replay(city, write(tmp_path / "o.csv", a_day(city, 2)), date="2023-12-31")
    assert (result.exit_code, report) == (2, {})
    assert "no outage on 2023-12-31: its dates go from 2024-05-02 to 2024-05-02" in result.stderr


def test_a_day_on_which_nothing_failed_is_an_empty_report(city: Path, tmp_path: Path) -> None:
    rows = [outage(n, HERE, MORNING + timedelta(days=n), 1) for n in (0, 2)]
    result, report = replay(city, write(tmp_path / "o.csv", rows), date="2024-05-03")
    assert result.exit_code == 0, result.output
    assert (report["calls"], report["lost"], report["within_45_pct"]) == (0, 0, None)
    assert report["actual"]["n"] == 0


def test_too_few_crews_are_refused(city: Path, tmp_path: Path) -> None:
    result, _ = replay(city, write(tmp_path / "o.csv", a_day(city, 2)), "--crews", "2")
    assert result.exit_code == 2
    assert "at least 3 are needed" in result.stderr


def test_columns_that_are_not_there_are_said_and_done_without(city: Path, tmp_path: Path) -> None:
    few = ("outage_id", "start_local", "lat", "lon")
    result, report = replay(city, write(tmp_path / "o.csv", a_day(city, 3), few))
    assert (report["calls"], report["lost"]) == (3, 0), result.output
    assert "cause" in report["inputs"]["missing_columns"]
    assert report["actual"]["n"] == 0
    with pytest.raises(BadInput, match="no column lon"):
        read_outages(write(tmp_path / "x.csv", [], [c for c in COLUMNS if c != "lon"]))


def test_times_with_other_offsets_are_the_same_instants(tmp_path: Path) -> None:
    row = outage(0, HERE, MORNING, 1)
    row["start_utc"] = MORNING.astimezone(timezone(timedelta(hours=-5))).isoformat()
    row["onsite_utc"] = "2024-05-02T03:00:00.5+02:00"
    (one,) = read_outages(write(tmp_path / "o.csv", [row])).outages
    assert one.start == MORNING
    assert one.start.tzinfo is UTC
    assert one.onsite is not None
    assert one.onsite - one.start == timedelta(minutes=60, seconds=0.5)


def test_trades_follow_from_customers_and_each_has_a_crew(tmp_path: Path) -> None:
    rows = [outage(n, HERE, MORNING, customers) for n, customers in enumerate((0, 1, 2, 50, 51, 9000))]
    outages = read_outages(write(tmp_path / "o.csv", rows)).outages
    trades = [fault_of(one).trade for one in outages]
    assert trades == ["service"] * 2 + ["low_voltage"] * 2 + ["medium_voltage"] * 2
    for crews in range(3, 40):
        shares = shared_out(crews, [one for one in outages if one.customers < 2])
        assert sum(shares.values()) == crews
        assert min(shares.values()) >= 1


@pytest.mark.skipif(not DATA, reason="DISPATCH45_TEST_DATA is not set: no real outages to replay")
@pytest.mark.parametrize("policy", ["nearest", "risk"])
def test_a_real_day_is_repaired_to_its_end(tmp_path: Path, policy: str) -> None:
    outages = tmp_path / "real.csv"
    outages.symlink_to(Path(DATA) / "dev" / "pge_sf_outages_dev.csv")
    options = ("--crews", "12", "--policy", policy)
    result, report = replay(Path(DATA) / "common", outages, *options, date="2021-03-10")
    assert (report["calls"], report["lost"]) == (16, 0), result.output
    assert report["orders"] == report["closed"]
    assert report["segments"]["AB"]["p50"] > 0
    assert sum(report["escalations"]["crew"].values()) > 0
    assert (report["actual"]["n"], report["actual"]["within_45_pct"]) == (9, 55.6)
    assert report["inputs"]["timezone"] == "UTC-08:00"
