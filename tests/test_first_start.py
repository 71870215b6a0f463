"""The environment that ./run and ./test make: only when something has changed, and whole or not at all."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import first_start

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with its lock files, and no environment."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Records what would be run instead of downloading; the environment is really made, without pip."""
    called: list[list[str]] = []

    def run(root: Path, command: list[str]) -> None:
        called.append(command)
        if "venv" in command:
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(root / ".venv")], check=True)

    monkeypatch.setattr(first_start, "_run", run)
    monkeypatch.setattr(first_start.shutil, "which", lambda name: "/bin/uv" if name == "uv" else None)
    return called


def test_a_first_start_installs_and_a_second_does_nothing(root: Path, commands: list[list[str]]) -> None:
    programs = first_start.ready(root, "run")
    assert programs == root / ".venv" / "bin"
    made, locked, project = commands
    assert "venv" in made
    assert "--require-hashes" in locked
    assert locked[-1] == "requirements/run.txt"
    assert project[-4:] == ["--no-deps", "--no-build-isolation", "-e", "."]
    commands.clear()
    first_start.ready(root, "run")
    assert commands == []


def test_the_environment_for_tests_holds_all_that_running_needs(
    root: Path, commands: list[list[str]]
) -> None:
    first_start.ready(root, "run")
    first_start.ready(root, "dev")
    assert commands[-2][-1] == "requirements/dev.txt"
    commands.clear()
    first_start.ready(root, "run")
    assert commands == []


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements/run.txt", "requirements/dev.txt"])
def test_a_changed_lock_is_installed(root: Path, commands: list[list[str]], name: str) -> None:
    first_start.ready(root, "run")
    commands.clear()
    with (root / name).open("a") as changed:
        changed.write("# changed\n")
    first_start.ready(root, "run")
    assert len(commands) == 2  # the environment itself is good


def test_a_failed_installation_is_not_taken_for_a_whole_one(
    root: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = first_start._run
    monkeypatch.setattr(first_start, "_run", lambda root, command: sys.exit("no network"))
    with pytest.raises(SystemExit, match="no network"):
        first_start.ready(root, "run")
    monkeypatch.setattr(first_start, "_run", good)
    first_start.ready(root, "run")
    assert commands


def test_a_moved_or_broken_environment_is_made_anew(root: Path, commands: list[list[str]]) -> None:
    first_start.ready(root, "run")
    commands.clear()
    (root / ".venv" / "bin" / "python").unlink()
    first_start.ready(root, "run")
    assert "venv" in commands[0]
    (root / ".venv" / "bin" / "dispatch45").write_text(f"#!{root}/.venv/bin/python\n")
    moved = root.rename(root.with_name("moved"))
    commands.clear()
    first_start.ready(moved, "run")
    assert "venv" in commands[0]


def test_an_old_python_is_told_which_one_is_needed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_start.sys, "version_info", (3, 9, 18))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer; this is 3\.9\.18"):
        first_start.ready(root, "run")


@pytest.mark.parametrize("name", ["first_start.py", "run", "test"])
def test_an_old_python_can_read_it(name: str) -> None:
    ast.parse((ROOT / name).read_text(), feature_version=(3, 8))


def test_without_uv_pip_does_the_work(
    root: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_start.shutil, "which", lambda name: None)
    first_start.ready(root, "run")
    python = str(root / ".venv" / "bin" / "python")
    assert [command[:3] for command in commands[1:]] == [
        [python, "-m", "ensurepip"],
        [python, "-m", "pip"],
        [python, "-m", "pip"],
    ]
