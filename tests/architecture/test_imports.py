"""The import contracts hold, and each is shown to break on a small violation in a copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("dispatch", "gps_gateway", "map_ui", "simulators", "loadtests")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter over the packages in a folder, never over the installed ones."""
    program = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    return subprocess.run(
        [program, "--no-cache"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's packages, free to be spoilt."""
    only_modules = lambda folder, names: [n for n in names if "." in n and not n.endswith(".py")]  # noqa: E731
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=only_modules)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_imports_point_inward(copy: Path) -> None:
    assert lint(copy).returncode == 0, lint(copy).stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("dispatch/services/bad.py", "import simulators", "loadtests, simulators"),
        ("gps_gateway/bad.py", "import map_ui", "loadtests, simulators"),
        ("dispatch/core/bad.py", "import dispatch.services", "inside dispatch"),
        ("dispatch/services/bad.py", "import dispatch.adapters.redis", "inside dispatch"),
        ("dispatch/adapters/bad.py", "def late():\n    import dispatch.cli", "inside dispatch"),
        ("dispatch/services/bad.py", "from dispatch import settings", "settings are read"),
        ("dispatch/core/bad.py", "import asyncio", "core and codecs"),
        ("gps_gateway/protocols/bad.py", "from time import monotonic", "core and codecs"),
        ("gps_gateway/bad.py", "from dispatch import services", "the gateway knows nothing"),
    ],
)
def test_a_violation_breaks_its_contract(copy: Path, module: str, line: str, contract: str) -> None:
    (copy / module).write_text(line + "\n")
    result = lint(copy)
    assert result.returncode == 1, result.stdout
    broken = [row for row in result.stdout.splitlines() if row.endswith("BROKEN")]
    assert any(row.startswith(contract) for row in broken), result.stdout
