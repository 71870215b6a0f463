"""A small synthetic day for the replay: outages at addresses of the synthetic city."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any

from click.testing import CliRunner, Result

from dispatch.cli import main
from simulators.behaviour import OWN_FILE

DAY = "2024-05-02"
MORNING = datetime(2024, 5, 2, 8, 0, tzinfo=timezone(timedelta(hours=8)))
COLUMNS = (
    "outage_id", "start_utc", "start_local", "lat", "lon", "customers_max", "cause", "assigned_utc",
    "enroute_utc", "onsite_utc", "repair_onsite_utc", "cleared_utc",
)  # fmt: skip
Row = dict[str, str]


def utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def outage(number: int, place: tuple[float, float], start: datetime, customers: int, **more: str) -> Row:
    """One row; on site after 50 minutes, cleared after 90."""
    return {
        "outage_id": f"o{number}", "start_utc": utc(start), "start_local": start.isoformat(),
        "lat": f"{place[0]:.5f}", "lon": f"{place[1]:.5f}", "customers_max": str(customers),
        "cause": "UNKNOWN", "assigned_utc": "", "enroute_utc": "",
        "onsite_utc": utc(start + timedelta(minutes=50)), "repair_onsite_utc": "",
        "cleared_utc": utc(start + timedelta(minutes=90)), **more,
    }  # fmt: skip


def a_day(city: Path, number: int = 14) -> list[Row]:
    """Outages through the morning, of all three sizes."""
    random = Random(3)
    with (city / "gazetteer.csv").open(encoding="utf-8", newline="") as file:
        places = [(float(r["lat"]), float(r["lon"])) for r in csv.DictReader(file)]
    starts = sorted(random.uniform(0, 240) for _ in range(number))
    return [
        outage(n, random.choice(places), MORNING + timedelta(minutes=round(m)), (1, 1, 12, 300)[n % 4])
        for n, m in enumerate(starts)
    ]


def write(file: Path, rows: Sequence[Mapping[str, str]], columns: Sequence[str] = COLUMNS) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return file


def people(file: Path, **values: str) -> Path:
    """A behaviour file with other values for some keys."""
    text = OWN_FILE.read_text("utf-8")
    for key, value in values.items():
        text, found = re.subn(rf"(?m)^{key}(\s*)=.*$", rf"{key}\1= {value}", text)
        assert found == 1, key
    file.write_text(text, "utf-8")
    return file


def replay(city: Path, outages: Path, *options: str, date: str = DAY) -> tuple[Result, dict[str, Any]]:
    """Run the command; also the report, or nothing where none was written."""
    report = outages.with_suffix(".json")
    report.unlink(missing_ok=True)
    arguments = ["--outages", str(outages), "--roads", str(city), "--date", date, "--report", str(report)]
    result = CliRunner().invoke(main, ["replay", *arguments, "--crews", "6", *options])
    return result, json.loads(report.read_text("utf-8")) if report.exists() else {}
