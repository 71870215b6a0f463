"""What goes wrong and when: drawn beforehand from the seed, so that nothing depends on the order of asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Spell:
    """Something does not work from `begin` to `end`, seconds since the day's beginning."""

    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Severity:
    """How bad a day is: how often things happen in an hour, and shares of what is lost or comes twice."""

    crashes: float = 2.0
    """Of each worker."""
    outages: float = 0.7
    """Of each of: database, Redis, telephone exchange."""
    steps: float = 0.5
    """Of each worker's machine clock."""
    offline: float = 0.5
    """Of each terminal."""
    lost: float = 0.03
    """Answers lost after the deed, and messages that have to be said again."""
    doubled: float = 0.1
    late: float = 0.1
    """Messages that come minutes late."""


PARTS = ("database", "redis", "telephone")
LONGEST = {"database": 90.0, "redis": 300.0, "telephone": 240.0}
"""Seconds that an outage may last."""


class Fortune:
    """One day's. `hours`: how long things go wrong; afterwards all is calm, so that everything can come to its end."""

    def __init__(self, seed: int, hours: float, severity: Severity, terminals: Sequence[str]) -> None:
        self.seed, self.seconds, self.severity = seed, hours * 3600, severity
        self.outages = {p: self._spells(p, severity.outages, 2.0, LONGEST[p]) for p in PARTS}
        self.offline = {t: self._spells(f"terminal {t}", severity.offline, 20.0, 1800.0) for t in terminals}

    def stream(self, name: str) -> Random:
        """A stream of chance of its own."""
        return Random(f"{self.seed}:{name}")

    def moments(self, name: str, an_hour: float) -> list[float]:
        """Moments at which something happens, seconds since the beginning."""
        luck, found, at = self.stream(name), [], 0.0
        while an_hour > 0 and (at := at + luck.expovariate(an_hour / 3600)) < self.seconds:
            found.append(at)
        return found

    def _spells(self, name: str, an_hour: float, least: float, most: float) -> list[Spell]:
        luck = self.stream(f"{name} lasts")
        spells = []
        for at in self.moments(name, an_hour):
            spells.append(Spell(at, min(self.seconds, at + luck.uniform(least, most))))
        return spells

    def down(self, part: str, now: float) -> bool:
        """Whether a part is out at this second."""
        return any(one.begin <= now < one.end for one in self.outages[part])

    def is_offline(self, terminal: str, now: float) -> bool:
        """Whether a terminal hears nothing at this second."""
        return any(one.begin <= now < one.end for one in self.offline[terminal])

    def next_change(self, terminal: str, now: float) -> float:
        """When the terminal's line may be different again."""
        ends = [t for one in self.offline[terminal] for t in (one.begin, one.end) if t > now]
        return min(ends, default=float("inf"))
