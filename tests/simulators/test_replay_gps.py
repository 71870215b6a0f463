"""A fleet's traces through real sockets: everything acknowledged is stored, and what cannot be is flagged."""

from __future__ import annotations

import csv
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from dispatch.adapters.redis.streams import Entry
from dispatch.cli import main
from dispatch.core.errors import BadInput
from simulators.terminals.wire import position_body
from simulators.traces.fleet import key_of
from simulators.traces.rows import read_traces
from simulators.traces.tracking import TraceCentre
from tests.dispatch.processes import until

DATA = os.environ.get("DISPATCH45_TEST_DATA", "")
START = 1_700_000_000
Rows = list[tuple[object, ...]]


def write(file: Path, rows: Rows) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("vehicle_id", "t_epoch", "lat", "lon"))
        writer.writerows(rows)
    return file


def a_drive(vehicles: int = 3, fixes: int = 40) -> Rows:
    """Each vehicle goes east, a fix every 30 s; the first one jumps once."""
    rows: Rows = [
        (f"v{v}", START + 30 * n + v, 38.2 + v / 100, 104.6 + n / 1000)
        for n in range(fixes)
        for v in range(vehicles)
    ]
    n = fixes // 3
    rows[n * vehicles] = ("v0", START + 30 * n, 39.9, 104.6)
    return rows


def stored_fixes(folder: Path) -> int:
    """How many positions the command's own history holds by now."""
    for file in folder.glob("*/positions.sqlite"):
        with closing(sqlite3.connect(file)) as history:
            try:
                return int(history.execute("SELECT count(*) FROM position").fetchone()[0])
            except sqlite3.OperationalError:  # it is just being made
                return 0
    return 0


def figure(output: str, name: str) -> int:
    """A number of the closing table."""
    found = re.search(rf"│ +{name} +│ +([\d,]+) │", output)
    assert found, output
    return int(found[1].replace(",", ""))


def test_everything_acknowledged_is_stored_and_the_jump_is_flagged(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", a_drive())
    result = CliRunner().invoke(main, ["replay-gps", str(file), "--speed", "1000"])
    assert result.exit_code == 0, result.output
    for name in ("sent", "acknowledged", "stored"):
        assert figure(result.output, name) == 120
    assert figure(result.output, "acknowledged but not stored") == 0
    assert figure(result.output, "jump") == figure(result.output, "flagged as implausible") == 1


def test_a_fix_that_is_not_stored_fails_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, lost = TraceCentre._take, []

    async def forgetful(self: TraceCentre, entries: Sequence[Entry]) -> None:
        if lost:
            await whole(self, entries)
        else:
            lost.extend(entries[:1])
            await whole(self, entries[1:])

    async def at_once(self: TraceCentre, acknowledged: int, patience: float = 1.0) -> None:
        await caught_up(self, acknowledged, 1.0)

    caught_up = TraceCentre.caught_up
    monkeypatch.setattr(TraceCentre, "_take", forgetful)
    monkeypatch.setattr(TraceCentre, "caught_up", at_once)
    file = write(tmp_path / "t.csv", a_drive(1, 10))
    result = CliRunner().invoke(main, ["replay-gps", str(file), "--speed", "1000"])
    assert result.exit_code == 1
    assert figure(result.output, "acknowledged") == 10
    assert figure(result.output, "acknowledged but not stored") >= 1
    assert "not everything that was sent is acknowledged and stored" in result.stderr


def test_an_interrupt_ends_everything_in_order(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", a_drive(2, 400))
    command = [sys.executable, "-m", "dispatch.cli", "replay-gps", str(file), "--speed", "60"]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "TTY_COMPATIBLE": "0"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    until(lambda: process.poll() is not None or stored_fixes(tmp_path), 60)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "Interrupted" in out
    assert figure(out, "acknowledged") == figure(out, "stored") == figure(out, "sent")
    assert 0 < figure(out, "sent") < 800
    assert list(tmp_path.glob("dispatch45-gps-*")) == []


@pytest.mark.parametrize(("torn", "column"), [(b'"', "vehicle_id"), (b"\xff", "vehicle_id")])
def test_a_torn_line_takes_no_other_with_it(tmp_path: Path, torn: bytes, column: str) -> None:
    file = write(tmp_path / "t.csv", a_drive(1, 20))
    lines = file.read_bytes().splitlines(keepends=True)
    lines[3] = torn + lines[3]
    file.write_bytes(b"".join(lines))
    traces = read_traces(file)
    assert len(traces.fixes) == 19
    assert [sentence.split(":")[0] for sentence in traces.malformed] == [f"t.csv line 4, column {column}"]
    with pytest.raises(BadInput, match=rf"t\.csv line 4, column {column}"):
        read_traces(file, strict=True)
    result = CliRunner().invoke(main, ["replay-gps", str(file), "--strict"])
    assert (result.exit_code, f"t.csv line 4, column {column}" in result.stderr) == (2, True)


def test_malformed_rows_are_named(tmp_path: Path) -> None:
    rows: Rows = [("v1", "soon", 1, 2), ("v1", START, 91, 2), ("", START, 1, 2), ("v1", START, 1, 2)]
    traces = read_traces(write(tmp_path / "t.csv", rows))
    assert [one.vehicle for one in traces.fixes] == ["v1"]
    assert [sentence.split(":")[0] for sentence in traces.malformed] == [
        "t.csv line 2, column t_epoch",
        "t.csv line 3, column lat",
        "t.csv line 4, column vehicle_id",
    ]
    with pytest.raises(BadInput, match="no usable fix"):
        read_traces(write(tmp_path / "t.csv", rows[:2]))


def test_limits_take_the_earliest_fixes_of_the_first_vehicles(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", list(reversed(a_drive(3, 5))))
    traces = read_traces(file, vehicles=2, limit=6)
    assert [(f.vehicle, f.time - START) for f in traces.fixes] == [
        ("v0", 0), ("v1", 1), ("v0", 30), ("v1", 31), ("v0", 60), ("v1", 61),
    ]  # fmt: skip
    assert traces.devices() == {"v0": "014600000001", "v1": "014600000002"}


@pytest.mark.parametrize(("lat", "lon"), [(37.77436, -122.44446), (-33.8, 151.2), (0.0, 0.0)])
def test_a_fix_is_known_again_by_the_terminals_own_numbers(lat: float, lon: float) -> None:
    body = position_body(lat, lon, 0.0, 0.0, datetime.fromtimestamp(START, UTC))
    assert key_of("d", body) == ("d", START, round(lat * 1e6), round(lon * 1e6))


@pytest.mark.skipif(not DATA, reason="DISPATCH45_TEST_DATA is not set: no real traces to push")
def test_real_traces_arrive_whole(tmp_path: Path) -> None:
    file = Path(DATA) / "dev" / "cab_traces_dev.csv.gz"
    result = CliRunner().invoke(main, ["replay-gps", str(file), "--speed", "600", "--limit", "2000"])
    assert result.exit_code == 0, result.output
    assert figure(result.output, "stored") == 2000
    assert figure(result.output, "acknowledged but not stored") == 0
    assert figure(result.output, "jump") > 0
