"""What codecs share whose every packet is answered alone and mostly names its device: text protocols of trackers."""

from __future__ import annotations

from collections import Counter
from math import isfinite
from typing import Protocol, TypedDict

from gps_gateway.codec import Attributes, Checksum, Event, Frame, Login, Ref, Refusal, Rejected
from gps_gateway.protocols.lines import KEPT
from gps_gateway.protocols.units import bearing

LONGEST_WORD = 16
"""Bytes of a word that is kept for an answer."""


class Framing(Protocol):
    """Cuts a stream into packets, in a bounded buffer."""

    def feed(self, data: bytes) -> list[bytes]:
        """Complete packets."""
        ...

    def end(self) -> list[bytes]:
        """What is left when the stream ends."""
        ...


class Head(TypedDict):
    """What every value takes from its packet."""

    device: str
    ref: Ref
    mark: int


def head(device: str, kind: str, packet: bytes, told: str = "") -> Head:
    """`kind`: the packet's name in its protocol; `told`: what else an answer has to repeat of it."""
    ref = int.from_bytes(kind.encode()[:LONGEST_WORD]), int.from_bytes(told.encode()[:LONGEST_WORD])
    return {"device": device, "ref": ref, "mark": hash(packet)}


def kind_of(event: Frame) -> str:
    """The name that `head` was given, for the answer."""
    return _word(event.ref[0])


def told_by(event: Frame) -> str:
    """What `head` was told, for the answer."""
    return _word(event.ref[1])


def _word(number: int) -> str:
    return number.to_bytes(LONGEST_WORD).lstrip(b"\0").decode("utf-8", "replace")


def rejected(reason: str, packet: bytes, device: str = "") -> Rejected:
    return Rejected(reason, packet[:KEPT], device)


def number(raw: str) -> float | None:
    """A finite number, or None."""
    try:
        value = float(raw)
    except ValueError:
        return None
    return value if isfinite(value) else None


def whole(raw: str, base: int = 10) -> int:
    """An integer that any store can hold; raises ValueError."""
    if len(raw) > 12:
        raise ValueError(raw)
    return int(raw, base)


def scaled(raw: str, unit: float) -> float | None:
    """A number in metres a second, metres or volts, as `unit` says."""
    value = number(raw)
    return None if value is None else round(value * unit, 6)


def speed(raw: str, unit: float) -> float | None:
    """Metres a second, by `unit`; none is negative."""
    value = scaled(raw, unit)
    return value if value is not None and value >= 0 else None


def course(raw: str) -> float | None:
    """Degrees from north, 0 to 360."""
    value = number(raw)
    return None if value is None else bearing(value)


def known(**facts: str | int | float | bool | None) -> Attributes:
    """Those that were said."""
    return {name: fact for name, fact in facts.items() if fact is not None and fact != ""}


class Talk:
    """One connection: packets to values, with a Login wherever another device than before begins to speak.

    A protocol gives `read`, and `answer` where it has answers. Negative answers they have none.
    """

    name: str

    def __init__(self, framing: Framing, checksum: Checksum = "accept") -> None:
        self.counts: Counter[str] = Counter()
        self.strict = checksum == "strict"
        self.device = ""
        """Who spoke last: the device of a packet that names none."""
        self._framing = framing
        self._out: list[bytes] = []

    def read(self, packet: bytes) -> Event:
        """What one packet means."""
        raise NotImplementedError

    def answer(self, event: Frame) -> bytes:
        """What the device waits for once its packet is taken; empty: nothing."""
        return b""

    def receive(self, data: bytes) -> list[Event]:
        return self._events(self._framing.feed(data))

    def end(self) -> list[Event]:
        return self._events(self._framing.end())

    def accept(self, event: Frame, code: str = "") -> None:
        if answer := self.answer(event):
            self._out.append(answer)

    def refuse(self, event: Frame, why: Refusal) -> None:
        """Silence: these protocols have no word for it."""

    def to_send(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    def _events(self, packets: list[bytes]) -> list[Event]:
        events: list[Event] = []
        for packet in packets:
            event = self.read(packet)
            if event.device and event.device != self.device and not isinstance(event, Rejected):
                self.device = event.device
                if not isinstance(event, Login):
                    events.append(Login(device=event.device, code=None))
            events.append(event)
        return events
