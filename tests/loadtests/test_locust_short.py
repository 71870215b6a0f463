"""Twenty seconds of callers, dispatchers and crews at once against the real program: no error at all."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.program import program

LOCUST = Path(__file__).parents[2] / "loadtests" / "locustfile.py"
SECONDS = 20


def test_everybody_at_once_without_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with program(tmp_path / "data", environment={"DISPATCH45_SCENARIO": "quick"}) as running:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "locust", "-f", str(LOCUST), "--headless", "--only-summary"),
                *("--users", "20", "--spawn-rate", "10", "--run-time", f"{SECONDS}s", "--stop-timeout", "5"),
                *("--host", running.address),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, "DISPATCH45_DATA": str(running.data)},
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, said[-6000:]
        found = re.search(r"(\d+) requests, ([\d.]+)/s, p95 (\d+) ms, 0 errors.*", said)
        assert found, said[-6000:]
        assert int(found[1]) > 5 * SECONDS
        with capsys.disabled():
            click.echo(f"\nlocust, {SECONDS} s, 20 users: {found[0]}")
        for name in ("POST /api/calls", "POST send", "live changes", "live positions", "POST acknowledge"):
            assert name in said, f"nobody did {name}:\n{said[-6000:]}"
        assert "Traceback" not in running.output()
