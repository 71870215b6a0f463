"""What a terminal keeps through a power cut: its code, its screen, and what nobody acknowledged yet."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from simulators.terminals.screen import Question


@dataclass(frozen=True, slots=True)
class Kept:
    """One position (serial None: numbered when sent) or press (its serial stays the same)."""

    key: int
    message_id: int
    body: bytes
    serial: int | None = None


@dataclass(slots=True)
class State:
    """The small rest; written whole."""

    code: str = ""
    serial: int = 0
    questions: dict[int, Question] = field(default_factory=dict)
    events: dict[int, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    seen: list[tuple[int, int, int]] = field(default_factory=list)


class Store(Protocol):
    """One memory for many terminals."""

    def state(self, device: str) -> State:
        """The last state kept, or an empty one."""
        ...

    def keep_state(self, device: str, state: State) -> None: ...

    def kept(self, device: str) -> list[Kept]:
        """Everything not forgotten, oldest first."""
        ...

    def keep(self, device: str, kept: Kept) -> None: ...

    def forget(self, device: str, keys: Iterable[int]) -> None: ...


class MemoryStore:
    """Survives reconnects and a new Terminal object, not the process."""

    def __init__(self) -> None:
        self._states: dict[str, bytes] = {}
        self._kept: dict[str, dict[int, Kept]] = {}

    def state(self, device: str) -> State:
        raw = self._states.get(device)
        return msgspec.msgpack.decode(raw, type=State) if raw else State()

    def keep_state(self, device: str, state: State) -> None:
        self._states[device] = msgspec.msgpack.encode(state)

    def kept(self, device: str) -> list[Kept]:
        return list(self._kept.get(device, {}).values())

    def keep(self, device: str, kept: Kept) -> None:
        self._kept.setdefault(device, {})[kept.key] = kept

    def forget(self, device: str, keys: Iterable[int]) -> None:
        for key in keys:
            self._kept.get(device, {}).pop(key, None)


class FileStore:
    """Survives SIGKILL of the simulator: one SQLite file for a whole fleet."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._sql = sqlite3.connect(path, isolation_level=None)
        self._sql.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
            "CREATE TABLE IF NOT EXISTS state (device TEXT PRIMARY KEY, content BLOB);"
            "CREATE TABLE IF NOT EXISTS kept (device TEXT, key INTEGER, message_id INTEGER, body BLOB,"
            " serial INTEGER, PRIMARY KEY (device, key)) WITHOUT ROWID;"
        )

    def state(self, device: str) -> State:
        row = self._sql.execute("SELECT content FROM state WHERE device = ?", (device,)).fetchone()
        return msgspec.msgpack.decode(row[0], type=State) if row else State()

    def keep_state(self, device: str, state: State) -> None:
        self._sql.execute("REPLACE INTO state VALUES (?, ?)", (device, msgspec.msgpack.encode(state)))

    def kept(self, device: str) -> list[Kept]:
        rows = self._sql.execute(
            "SELECT key, message_id, body, serial FROM kept WHERE device = ? ORDER BY key", (device,)
        )
        return [Kept(*row) for row in rows]

    def keep(self, device: str, kept: Kept) -> None:
        row = (device, kept.key, kept.message_id, kept.body, kept.serial)
        self._sql.execute("REPLACE INTO kept VALUES (?, ?, ?, ?, ?)", row)

    def forget(self, device: str, keys: Iterable[int]) -> None:
        self._sql.executemany(
            "DELETE FROM kept WHERE device = ? AND key = ?", [(device, key) for key in keys]
        )

    def close(self) -> None:
        self._sql.close()
