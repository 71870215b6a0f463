"""`dispatch45 process`: what is drawn in the docs is what the file says."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner

from dispatch.core.errors import DispatchError
from dispatch.core.process import parse
from dispatch.process.commands import process

SHIPPED = files("dispatch").joinpath("process", "fault_repair.toml").read_text(encoding="utf-8")
ROOT = Path(__file__).resolve().parents[2]


def say(*words: str) -> str:
    """What the command prints; errors come out as they are raised."""
    result = CliRunner().invoke(process, list(words), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_the_life_cycle_in_the_docs_is_the_one_of_the_file() -> None:
    assert (ROOT / "docs" / "life-cycle.md").read_text(encoding="utf-8") == say("tables")


def test_the_diagram_has_every_transition_of_the_file() -> None:
    drawn = say("diagram")
    for row in parse(SHIPPED).transitions.values():
        arrow = next(
            line for line in drawn.splitlines() if line.strip().startswith(f"{row.state} --> {row.to}:")
        )
        assert row.step in arrow


def test_a_file_in_order_is_called_so(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(SHIPPED.replace("version = 2", "version = 7", 1), encoding="utf-8")
    assert say("check", str(own)).startswith("fault_repair@7: 13 states")


def test_a_file_that_is_wrong_names_its_line(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        SHIPPED.replace('phone = "leader2"', 'phone = "leader2"\nkeypress = "acknowledge"', 1),
        encoding="utf-8",
    )
    line = own.read_text().splitlines().index('phone = "leader2"') + 2
    with pytest.raises(DispatchError, match=rf"own\.toml:{line}: .*crew's own phone"):
        say("check", str(own))


def test_a_file_under_which_an_order_would_be_forgotten_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(SHIPPED.replace('again = ["return"]', ""), encoding="utf-8")
    with pytest.raises(DispatchError, match="after take_call, send, return an order is 'returned'"):
        say("check", str(own))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DispatchError, match="nowhere"):
        say("check", str(tmp_path / "nowhere.toml"))
