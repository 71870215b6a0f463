"""Where supervised output goes: logs are bounded, and a stopped terminal holds nobody up."""

from __future__ import annotations

import io
from pathlib import Path
from threading import Event

import pytest

from dispatch.output import WAITING_LINES, Log, Screen, split_lines
from tests.dispatch.processes import until


def test_a_log_is_bounded_and_keeps_the_newest_lines(tmp_path: Path) -> None:
    log = Log(tmp_path / "logs" / "centre.log", limit=1000)
    for number in range(1000):
        log.write(f"line {number:04}".encode())
    log.close()
    kept = sorted((tmp_path / "logs").iterdir())
    assert [path.name for path in kept] == ["centre.log", "centre.log.1"]
    assert sum(path.stat().st_size for path in kept) < 2100
    assert kept[0].read_text().endswith("line 0999\n")


def test_a_log_goes_on_after_a_restart(tmp_path: Path) -> None:
    for line in (b"first", b"second"):
        log = Log(tmp_path / "centre.log")
        log.write(line)
        log.close()
    assert (tmp_path / "centre.log").read_text() == "first\nsecond\n"


class StoppedTerminal(io.StringIO):
    """Takes nothing until it is continued, like after Ctrl-S."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.continued = Event(), Event()

    def write(self, text: str) -> int:
        self.reached.set()
        self.continued.wait(60)
        return super().write(text)


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_stopped_terminal_loses_lines_and_says_how_many_where_they_are_missing(goes_on: bool) -> None:
    terminal = StoppedTerminal()
    screen = Screen(terminal)
    screen.show("line 0")
    assert terminal.reached.wait(60)
    for number in range(1, 3 * WAITING_LINES):
        screen.show(f"line {number}")
    terminal.continued.set()
    if goes_on:
        until(lambda: f"line {WAITING_LINES}\n" in terminal.getvalue())
        screen.show("the end")
    screen.close(patience=10)
    shown = terminal.getvalue().splitlines()
    kept = WAITING_LINES + 1  # one was on its way to the terminal
    missing = f"({3 * WAITING_LINES - kept} lines not shown; see the logs)"
    assert shown == [*(f"line {n}" for n in range(kept)), missing, *["the end"] * goes_on]


def test_a_terminal_that_has_gone_hurts_nobody() -> None:
    terminal = io.StringIO()
    terminal.close()
    screen = Screen(terminal)
    for number in range(3 * WAITING_LINES):
        screen.show(f"line {number}")
    screen.close()


def test_lines_are_put_together_from_any_pieces() -> None:
    rest, found = b"", []
    for piece in (b"on", b"e\ntw", b"o\n\nthr", b"ee"):
        lines, rest = split_lines(rest, piece)
        found += lines
    assert (found, rest) == ([b"one", b"two", b""], b"three")
    assert split_lines(b"", b"x" * 100, longest=10) == ([b"x" * 100], b"")
