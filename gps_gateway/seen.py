"""What one conversation was like: its last bytes and its counts, kept for the people who look. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import cast

import msgspec

from dispatch.messages import DeviceState, SeenFrame, storable
from gps_gateway.codec import Attributes, Codec, Event, Rejected, Report, Status
from gps_gateway.failing import failed

KEPT = 12
"""Arrivals and answers that a conversation remembers."""

LONGEST = 512
"""Bytes of each that are kept."""

FACTS = 200
"""Attributes of statuses that are kept: a device may name others every time."""


Heard = tuple[float, bytes, bool]
"""When (on the installation's clock), the first bytes, and whether they were sent by us."""

_PARTS = 3 * KEPT
"""Length of a full trace."""


class Seen:
    """Of one conversation. `since` and all times are on the installation's clock."""

    __slots__ = (
        "_trace", "fix_time", "frames", "last", "receipts", "rejected", "resent", "shown", "since", "status", "status_at",
    )  # fmt: skip

    def __init__(self, now: float) -> None:
        self.since = self.last = now
        self._trace: list[float | bytes | bool] = []
        """The three of each Heard one after the other: 12 objects less of every device that talks. In a list: an empty
        deque takes 600 bytes of every idle session."""
        self.shown = 0.0
        """Until when the trace is already where people look."""
        self.frames = 0
        self.resent = 0
        self.receipts = 0
        self.rejected: Counter[str] | None = None
        self.fix_time: float | None = None
        self.status: Attributes | None = None
        self.status_at: float | None = None

    def heard(self, now: float, data: bytes, frames: int) -> None:
        """These bytes have arrived, and have completed so many frames."""
        self.last = now
        self.frames += frames
        trace = self._trace
        trace += (now, data[:LONGEST], False)
        if len(trace) > _PARTS:
            del trace[:3]

    def sent(self, now: float, data: bytes) -> None:
        """This was sent to the device."""
        trace = self._trace
        trace += (now, data[:LONGEST], True)
        if len(trace) > _PARTS:
            del trace[:3]

    @property
    def trace(self) -> list[Heard]:
        """The latest arrivals and answers, oldest first."""
        parts = iter(self._trace)
        return cast(list[Heard], list(zip(parts, parts, parts, strict=True)))

    def kept(self, events: Iterable[Event]) -> None:
        """What has become durable."""
        latest = self.fix_time
        for event in events:
            if isinstance(event, Report):
                for fix in event.fixes:
                    time = self.last if fix.time is None else fix.time
                    if latest is None or time > latest:
                        latest = time
            elif isinstance(event, Status):
                said = {**(self.status or {}), **storable(event).attributes}
                self.status = dict([*said.items()][-FACTS:])
                self.status_at = self.last if event.time is None else event.time
        self.fix_time = latest

    def reject(self, reason: str) -> None:
        if self.rejected is None:
            self.rejected = Counter()
        self.rejected[reason] += 1

    def state(
        self, device: str, protocol: str, address: str, gateway: str, codec: Codec, online: bool
    ) -> DeviceState:
        """As it is told to the operators."""
        return DeviceState(
            device, online, protocol, address, gateway, self.since, self.last, self.fix_time, self.frames,
            self.resent, self.receipts, dict(self.rejected or {}), dict(codec.counts), self.status or {},
            self.status_at,
        )  # fmt: skip


def meaning(events: Iterable[Event]) -> tuple[str, ...]:
    """Each value as JSON with its type, for people to read; a rejected one says why."""
    return tuple(_text(event) for event in events)


def _text(event: Event) -> str:
    facts = msgspec.to_builtins(event, builtin_types=(bytes,))
    for unsaid in ("mark", "raw") if isinstance(event, Rejected) else ("mark", "code"):
        facts.pop(unsaid, None)
    return msgspec.json.encode({"type": type(event).__name__, **facts}).decode()


def decoded(trace: Iterable[Heard], codec: Codec) -> list[SeenFrame]:
    """A trace with what it means to a new codec: frames that began before it are not whole."""
    return [SeenFrame(at, raw, sent, () if sent else meaning(_read(codec, raw))) for at, raw, sent in trace]


def _read(codec: Codec, raw: bytes) -> list[Event]:
    try:
        return codec.receive(raw)
    except Exception:  # it has raised on this before, where it arrived
        return [failed(codec.name, "", raw)]
