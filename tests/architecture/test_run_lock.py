"""`./run` installs less than `./test`: what it installs is enough to import the whole program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import rules

ROOT = Path(__file__).resolve().parents[2]
IMPORT_ALL = """
import importlib, pkgutil, sys
from importlib.metadata import packages_distributions
import re

locked = set(sys.argv[1].split(","))
normal = lambda name: re.sub(r"[-_.]+", "-", name).lower()
hidden = {
    package
    for package, owners in packages_distributions().items()
    if not {normal(owner) for owner in owners} & locked
}
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"{name} is not installed by ./run", name=name)
sys.meta_path.insert(0, Hide())
for package in ("dispatch", "gps_gateway", "map_ui", "simulators"):
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if not module.name.endswith((".__main__", ".env")):  # these start something
            importlib.import_module(module.name)
"""


def import_all(locked: set[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", IMPORT_ALL, ",".join(sorted(locked | {"dispatch45"}))]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def locked_for_run() -> set[str]:
    return rules.requirement_names((ROOT / "requirements" / "run.txt").read_text().splitlines())


def test_the_program_imports_with_what_run_installs() -> None:
    result = import_all(locked_for_run())
    assert result.returncode == 0, result.stderr[-2000:]


@pytest.mark.parametrize("missing", ["greenlet", "numpy"])
def test_a_missing_package_is_found(missing: str) -> None:
    result = import_all(locked_for_run() - {missing})
    assert result.returncode == 1
    assert missing in result.stderr
