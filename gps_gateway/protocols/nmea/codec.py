"""Sentences of one connection as values. There are no answers: plain NMEA is spoken one way.

An RMC is a fix at once. A GGA of the same second that came before it adds altitude and satellites; after it, nothing,
because the fix is already on its way. Receivers that never send RMC report by GGA, GNS or GLL: the first of these is
held until it is clear that no RMC of its second follows, all later ones are fixes at once.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Literal

import msgspec

from gps_gateway.codec import (
    Attributes,
    Checksum,
    Event,
    Fix,
    Frame,
    Login,
    Refusal,
    Rejected,
    Report,
    Status,
    Unsupported,
)
from gps_gateway.protocols.lines import KEPT, Lines
from gps_gateway.protocols.nmea import trackers
from gps_gateway.protocols.nmea.receiver import SILENT, UNDATED, quality, rmc
from gps_gateway.protocols.nmea.sentence import Sentence, moment, read_sentence

LONGEST = 512
"""82 characters by NMEA 0183; makers exceed it."""

_ADDRESS = re.compile(r"[A-Z]{2,8}\d?", re.ASCII)

_Leader = Literal["", "RMC", "GGA", "GNS", "GLL", "RMA", "PUBX"]


_BEGINNING = re.compile(rb"(?:IMEI[ :=]?\d|QZE,|(?:\d{6,15}[,/]?)?\$[A-Z]{2}[A-Z]*(?:[,=]|\d|$))")


def begins(first: bytes) -> bool:
    """A sentence's `$` and capitals, perhaps behind digits; Meitrack's packets begin with two `$`, H02's binary ones with
    `$` and digits."""
    return _BEGINNING.match(first) is not None


class Nmea:
    """One connection, or the datagrams of one address."""

    name = "nmea"

    def __init__(self, checksum: Checksum = "accept") -> None:
        self.counts: Counter[str] = Counter()
        self._strict = checksum == "strict"
        self._lines = Lines(rb"[\r\n\0]+", LONGEST)
        self._device = ""
        self._forget()

    def _forget(self) -> None:
        self._date = ""
        self._leader: _Leader = ""
        """The sentence by which this receiver reports, once it is known."""
        self._held: tuple[_Leader, str, Report] | None = None
        self._quality: Sentence | None = None
        """The latest GGA or GNS: what it says beyond a position of the same second."""

    def receive(self, data: bytes) -> list[Event]:
        return [event for line in self._lines.feed(data) for event in self._line(line)]

    def end(self) -> list[Event]:
        events = [event for line in self._lines.end() for event in self._line(line)]
        if self._held:
            events.append(self._held[2])
        self._forget()
        return events

    def accept(self, event: Frame, code: str = "") -> None:
        """Nothing is answered."""

    def refuse(self, event: Frame, why: Refusal) -> None:
        """Nothing is answered."""

    def to_send(self) -> list[bytes]:
        return []

    def _line(self, raw: bytes) -> list[Event]:
        if len(raw) > LONGEST:
            return [Rejected("too long", raw[:KEPT], self._device)]
        line = raw.decode("latin-1").strip()
        prefix, *sentences = line.split("$")
        if not sentences:
            return self._without_sentence(line, raw)
        identity = trackers.before(prefix)
        events = self._enter(identity, raw) if identity else []
        for n, text in enumerate(sentences, start=1):
            events += self._sentence("$" + text, raw, whole=n == len(sentences))
        return events

    def _without_sentence(self, line: str, raw: bytes) -> list[Event]:
        if identity := trackers.bare(line):
            return self._enter(identity, raw)
        if line.startswith("QZE,"):
            fields = line.split(",")
            entered = self._enter(fields[1], raw)
            fix = trackers.qze(fields)
            return [*entered, self._report(fix, raw) if fix else Rejected("body", raw[:KEPT], self._device)]
        return [Rejected("no sentence", raw[:KEPT], self._device)]

    def _enter(self, identity: str, raw: bytes) -> list[Event]:
        if identity == self._device:
            return []
        self._device = identity
        return [Login(device=identity, mark=hash(raw), code=None)]

    def _sentence(self, text: str, raw: bytes, *, whole: bool) -> list[Event]:
        """A `$` always begins a sentence (NMEA 0183). `whole`: the line's end ends it, else only its checksum can."""
        said = read_sentence(text)
        if defect := self._defect(said, whole):
            return [Rejected(defect, raw[:KEPT], self._device)]
        if identity := trackers.named(said, text):
            return self._enter(identity, raw)
        if (own := trackers.OWN.get(said.fields[0])) is not None:
            entered = self._enter(said.at(1), raw) if said.fields[0] == "ID" else []
            fix = own(said)
            return [*entered, self._report(fix, raw) if fix else self._nowhere(said, raw, None)]
        if said.kind == "RMC":
            return self._minimum(said, raw)
        if said.kind in UNDATED and not (said.kind == "PUBX" and said.at(1) != "00"):
            return self._undated(said, raw)
        return [self._other(said, raw)]

    def _defect(self, said: Sentence, whole: bool) -> str:
        if said.intact is None:  # many trackers send none
            return "" if whole else "incomplete"
        if not said.intact:
            self.counts["checksum"] += 1
        return "checksum" if self._strict and not said.intact else ""

    def _other(self, said: Sentence, raw: bytes) -> Event:
        if said.fields[0] in {"GPIOP", "GPTXT"}:
            text: Attributes = {"status": ",".join(said.fields[1:])}
            facts = trackers.iop(said) if said.fields[0] == "GPIOP" else text
            return Status(device=self._device, mark=hash(raw), attributes=facts)
        if said.kind == "ZDA":
            self._date = said.at(2) + said.at(3) + said.at(4)[2:]
        if said.kind in SILENT or (_ADDRESS.fullmatch(said.fields[0]) and len(said.fields) > 1):
            return Unsupported(device=self._device, mark=hash(raw), what=said.kind)
        return Rejected("unknown sentence", raw[:KEPT], self._device)

    def _minimum(self, said: Sentence, raw: bytes) -> list[Event]:
        """An RMC: from now on this receiver reports by it, and a GGA that was held only completes it."""
        self._leader, self._held = "RMC", None
        entered = self._enter(identity, raw) if (identity := trackers.behind(said)) else []
        if said.at(9):
            self._date = said.at(9)
        fix = rmc(said)
        if fix is None:
            return [*entered, self._nowhere(said, raw, moment(said.at(9), said.at(1)))]
        more = self._quality
        if more is not None and more.at(1) == said.at(1) and said.at(1):
            fix = msgspec.structs.replace(
                fix, altitude_m=more.number(9), attributes=quality(more) | fix.attributes
            )
        return [*entered, self._report(fix, raw)]

    def _undated(self, said: Sentence, raw: bytes) -> list[Event]:
        kind: _Leader = said.kind  # type: ignore[assignment]  # one of the keys of UNDATED
        read, clock = UNDATED[kind]
        if kind == "GGA" or (kind == "GNS" and (self._quality is None or self._quality.at(1) != said.at(1))):
            self._quality = said
        fix = read(said, self._date)
        if self._leader not in {"", kind}:
            return [Unsupported(device=self._device, mark=hash(raw), what=kind)]
        if fix is None:
            return [self._nowhere(said, raw, None)]
        if fix.time is None and clock and (of_day := said.at(clock)):
            fix = msgspec.structs.replace(fix, attributes=fix.attributes | {"time_of_day": of_day})
        report = self._report(fix, raw)
        if self._leader:
            return [report]
        if self._held is None:
            self._held = (kind, said.at(clock), report)
            return []
        held, at, first = self._held
        if held == kind and at != said.at(clock):
            self._leader, self._held = kind, None
            return [first, report]
        return [Unsupported(device=self._device, mark=hash(raw), what=kind)]

    def _report(self, fix: Fix, raw: bytes) -> Report:
        return Report(device=self._device, mark=hash(raw), fixes=(fix,))

    def _nowhere(self, said: Sentence, raw: bytes, time: float | None) -> Event:
        """No position in it; one that cannot exist is said to be so."""
        place = {"RMC": 3, "GGA": 2, "GNS": 2, "GLL": 1, "RMA": 2, "PUBX": 3}.get(said.kind)
        if place is None or any(said.at(place + n) for n in (0, 2)):
            return Rejected("position", raw[:KEPT], self._device)
        return Status(device=self._device, mark=hash(raw), attributes={"status": "no fix"}, time=time)
