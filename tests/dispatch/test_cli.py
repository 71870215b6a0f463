"""The command line: one command is imported without the others, and errors are one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint

import click
import pytest
from click.testing import CliRunner

from dispatch import cli
from dispatch.core.errors import BadInput, Unavailable


@click.command()
def fine() -> None:
    """Do something fine."""
    click.echo("done")


@click.command()
def refused() -> None:
    raise BadInput("row 3, column 2: not a number")


@click.command()
def failing() -> None:
    raise Unavailable("the database does not answer")


Invoke = Callable[..., tuple[int, str, str]]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Invoke:
    here = {name: f"{__name__}:{name}" for name in ("fine", "refused", "failing", "nothing")}
    entries = [
        EntryPoint(n, v, cli.GROUP) for n, v in {**here, "missing": "simulators.not_there:run"}.items()
    ]
    monkeypatch.setattr(cli, "entry_points", lambda group: entries)

    def run(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(cli.main, arguments)
        return result.exit_code, result.stdout, result.stderr

    return run


def test_a_command_runs(invoke: Invoke) -> None:
    assert invoke("fine") == (0, "done\n", "")


def test_what_cannot_be_done_as_given_is_one_line_and_exit_2(invoke: Invoke) -> None:
    assert invoke("refused") == (2, "", "Error: row 3, column 2: not a number\n")


def test_a_failure_is_one_line_and_exit_1(invoke: Invoke) -> None:
    assert invoke("failing") == (1, "", "Error: the database does not answer\n")


def test_a_missing_module_stops_its_own_command_only(invoke: Invoke) -> None:
    code, _, error = invoke("missing")
    assert (code, error) == (1, "Error: missing is not available: No module named 'simulators.not_there'\n")
    assert invoke("nothing")[0] == 1
    code, text, _ = invoke("--help")
    assert code == 0
    assert "Do something fine." in text
    assert "(missing is not available" in text


def test_an_unknown_command_is_refused(invoke: Invoke) -> None:
    code, _, error = invoke("nonsense")
    assert code == 2
    assert "No such command 'nonsense'" in error


def test_listing_the_commands_imports_none_of_them() -> None:
    say = "import sys; from dispatch.cli import main; main.list_commands(None); print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", say], capture_output=True, text=True, check=True)
    imported = set(answer.stdout.split())
    assert not imported & {"dispatch.bootstrap", "dispatch.supervisor", "sqlalchemy", "fastapi", "numpy"}
    assert not [name for name in imported if name.startswith(("gps_gateway", "simulators", "map_ui"))]
