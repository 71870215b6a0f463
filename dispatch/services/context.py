"""What every use case is given: the store, the clock, and who and what there is to decide with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache

from dispatch.clock import Clock
from dispatch.core.crew import Roster
from dispatch.core.hop import LinkSeen
from dispatch.core.position import LastKnown
from dispatch.core.responsibility import Rules
from dispatch.core.territory import Territories
from dispatch.core.travel import TravelTimes
from dispatch.services.ports import Crew, Directory, IdSource, Processes, Store


class Fixes:
    """Where the devices are now, as dispatch may know it: the last good fix of each."""

    def __init__(self) -> None:
        self._by_device: dict[str, LastKnown] = {}

    def of(self, device: str) -> LastKnown | None:
        """The last good fix of a device."""
        return self._by_device.get(device)

    def put(self, fix: LastKnown) -> None:
        """A newer good fix."""
        self._by_device[fix.device] = fix

    def all(self) -> list[LastKnown]:
        """Every device's last good fix."""
        return list(self._by_device.values())

    def of_crew(self, crew: Crew) -> LastKnown | None:
        """The freshest fix of any device of a crew."""
        known = [fix for d in crew.devices if (fix := self.of(d.id)) is not None]
        return max(known, key=lambda fix: fix.fix_time, default=None)


PHONE_TURNS = 4
"""Decisions about calls at a time: they wait for the database together."""


@dataclass
class Context:
    """One installation's services. `directory`, `territories` are replaced whole when administrators change them."""

    store: Store
    clock: Clock
    processes: Processes
    directory: Directory
    territories: Territories
    rules: Rules
    travel: TravelTimes
    ids: IdSource
    fixes: Fixes = field(default_factory=Fixes)
    zone: tzinfo = UTC
    language: str = "zh-CN"
    policy: str = "risk"
    repair_s: float = 2_400.0
    """Usual time on the scene; what a busy crew is expected to need."""
    turnout_s: float = 120.0
    epoch: str = ""
    """Of the devices' desired states (D4)."""
    speed: float = 1.0
    """How much faster than real time the clock runs."""
    public_url: str = ""
    """Where people reach the pages from outside, without a slash at its end; empty: alerts hold no link."""
    undecided: dict[str, datetime] = field(default_factory=dict)
    """Orders whose due clocks could not be decided, and when they are looked at again."""
    phone_turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PHONE_TURNS))
    """Decisions about calls, few at a time: whoever acknowledges meanwhile waits for these, not for all."""
    cut_turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """Decisions about hanging up: they do not stand in line behind fifty calls that are prepared,"""
    report_turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """nor does what the exchange says of a call: a key that was pressed."""
    links: dict[str, LinkSeen] = field(default_factory=dict)
    """How each device's line stands, by its last event or by what its gateway keeps."""

    def real(self, seconds: float) -> timedelta:
        """A transport time (retry, lease): so many real seconds, on this clock."""
        return timedelta(seconds=seconds * self.speed)

    def on_shift(self, crew: Crew, now: datetime) -> bool:
        """Whether it is this crew's shift; equal ends mean round the clock."""
        start, end = wall(crew.shift_start), wall(crew.shift_end)
        local = now.astimezone(self.zone).time()
        if start == end:
            return True
        return start <= local < end if start < end else (local >= start or local < end)

    def crews_on_shift(self, roster: Roster, now: datetime) -> frozenset[str]:
        """The crews of a roster whose shift it is."""
        crews = (self.directory.crews.get(c.crew_id) for c in roster.crews)
        return frozenset(c.id for c in crews if c is not None and self.on_shift(c, now))


@lru_cache(maxsize=1_440)
def wall(text: str) -> time:
    """A wall time `HH:MM`; `24:00` is the end of the day, which is its beginning again."""
    hours, minutes = text.split(":")
    return time(int(hours) % 24, int(minutes))
