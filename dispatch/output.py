"""Where the output of supervised processes goes: a log file each, bounded, and the screen.

The screen never holds anybody up: a terminal that is stopped or gone loses lines, the logs have them all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from queue import Full, Queue
from threading import Thread
from typing import BinaryIO, TextIO

LOG_BYTES = 5_000_000
"""A log grows to this size; then it becomes `<name>.log.1` and a new one begins."""

WAITING_LINES = 1000


class Log:
    """One process's output on disk, at most twice `limit` bytes of it."""

    def __init__(self, path: Path, limit: int = LOG_BYTES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._limit = path, limit
        self._file = self._open()

    def _open(self) -> BinaryIO:
        return self._path.open("ab", buffering=0)

    def write(self, line: bytes) -> None:
        """Append one line. A full disk loses it rather than the process."""
        try:
            if self._file.tell() > self._limit:
                self._file.close()
                self._path.replace(self._path.with_name(self._path.name + ".1"))
                self._file = self._open()
            self._file.write(line + b"\n")
        except OSError:
            return

    def close(self) -> None:
        self._file.close()


class Screen:
    """Lines for the person at the terminal, written by a thread of its own."""

    def __init__(self, terminal: TextIO | None = None) -> None:
        self._terminal = terminal or sys.stdout
        self._lines: Queue[str | None] = Queue(WAITING_LINES)
        self._lost = 0
        self._writer = Thread(target=self._write, name="screen", daemon=True)
        self._writer.start()

    def show(self, line: str) -> None:
        """Show a line soon, or count it as lost; how many were is said where they would have stood."""
        try:
            self._lines.put_nowait(self._gap() + line + "\n")
            self._lost = 0
        except Full:
            self._lost += 1

    def close(self, patience: float = 1.0) -> None:
        """Let what waits be written; a terminal that takes nothing for `patience` seconds is left alone."""
        try:
            self._lines.put(self._gap(), timeout=patience)
            self._lines.put(None, timeout=patience)
        except Full:
            return
        self._writer.join(patience)

    def _gap(self) -> str:
        return f"({self._lost} lines not shown; see the logs)\n" if self._lost else ""

    def _write(self) -> None:
        while (text := self._lines.get()) is not None:
            try:
                self._terminal.write(text)
                self._terminal.flush()
            except (OSError, ValueError):
                return  # the terminal has gone: from now on every line counts as lost


def split_lines(rest: bytes, data: bytes, longest: int = 65536) -> tuple[list[bytes], bytes]:
    """Whole lines of `rest + data`, and what is left over; an endless line is cut at `longest`."""
    *lines, rest = (rest + data).split(b"\n")
    if len(rest) > longest:
        return [*lines, rest], b""
    return lines, rest


def prefixed(name: str, width: int, show: Callable[[str], None]) -> Callable[[bytes], None]:
    """A writer of one process's lines to the screen, each under its name."""
    return lambda line: show(f"{name:<{width}} | {line.decode(errors='replace').rstrip()}")
