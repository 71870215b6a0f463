"""The exchange's own record, as JSON lines: what a test compares with the centre's after a kill.

Lines: `{"kind": "call", request..., "at"}`, `{"kind": "state", event...}`,
`{"kind": "callback", "call_id", "seq", "outcome": "delivered" | "given_up", "at"}`.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from simulators.exchange import Call, CallEvent, CallRequest

Outcome = Literal["delivered", "given_up"]


class CallLine(msgspec.Struct, tag_field="kind", tag="call", frozen=True):
    """A call that was asked for."""

    request: CallRequest
    at: datetime


class StateLine(msgspec.Struct, tag_field="kind", tag="state", frozen=True):
    """A state that a call reached."""

    event: CallEvent


class CallbackLine(msgspec.Struct, tag_field="kind", tag="callback", frozen=True):
    """What became of a callback."""

    call_id: str
    seq: int
    outcome: Outcome
    at: datetime


Entry = CallLine | StateLine | CallbackLine


class PhoneLog:
    """Appends to `path`; every line is handed to the system before the call returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.outcomes: dict[tuple[str, int], Outcome] = {}
        self.calls: list[Call] = []
        """Of earlier runs."""
        self._read(path)
        self._file = path.open("ab")
        if self._file.tell() and not path.read_bytes().endswith(b"\n"):
            self._file.write(b"\n")  # after a kill in the middle of a line

    def write(self, entry: Entry) -> None:
        """Append one line."""
        if isinstance(entry, CallbackLine):
            self.outcomes[entry.call_id, entry.seq] = entry.outcome
        self._file.write(msgspec.json.encode(entry) + b"\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def _read(self, path: Path) -> None:
        """The calls of earlier runs; a line cut short by a kill is left out."""
        if not path.exists():
            return
        decode = msgspec.json.Decoder(Entry).decode
        calls: dict[str, Call] = {}
        for line in path.read_bytes().splitlines():
            try:
                entry = decode(line)
            except msgspec.DecodeError:
                continue
            match entry:
                case CallLine(request, at):
                    calls[request.call_id] = Call(request, at, [])
                case StateLine(event):
                    calls[event.call_id].events.append(event)
                case CallbackLine(call_id, seq, outcome):
                    self.outcomes[call_id, seq] = outcome
        self.calls = list(calls.values())
