"""Who calls when, and what about: drawn hour by hour from the seed, so that a restart finds the same calls. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from math import exp
from random import Random

from dispatch.core.types import Point
from simulators.actors.scenario import Scenario
from simulators.city.names import person

HOUR = 3600
AHEAD = 48
"""Hours that are searched for the next call."""


@dataclass(frozen=True, slots=True)
class Place:
    """An address and where it is."""

    address: str
    point: Point


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One report. `id` is the same for the same seed and hour."""

    id: str
    at: datetime
    channel: str
    place: Place
    on_map: bool
    """False: the caller can only say the address."""
    fault_type: str
    voltage: str
    name: str
    phone: str
    text: str


class Calls:
    """The calls of a city whose addresses are `places`; the last of them stands on land that nobody has claimed."""

    def __init__(self, scenario: Scenario, seed: int, places: Sequence[Place], zone: tzinfo) -> None:
        self._scenario, self._seed, self._zone = scenario, seed, zone
        self._homes, self._corner = places[:-1], places[-1]
        self._of_hour = lru_cache(maxsize=AHEAD)(self._draw_hour)

    def opening(self, start: datetime) -> list[PlannedCall]:
        """The calls of the very first minutes: ordinary ones, so that somebody is soon on the way."""
        found = []
        for number, after in enumerate(self._scenario.opening):
            call = self._call(f"demo-open-{number}", start + timedelta(seconds=after))
            random = Random(f"{self._seed}:opening:{number}")
            place = random.choice(self._homes)
            found.append(replace(call, place=place, on_map=True))
        return found

    def after(self, instant: datetime) -> Iterator[PlannedCall]:
        """Every call later than `instant`, in order, for as long as there are any within AHEAD hours."""
        hour = int(instant.timestamp()) // HOUR
        for index in range(hour, hour + AHEAD):
            yield from (call for call in self._of_hour(index) if call.at > instant)

    def _draw_hour(self, index: int) -> tuple[PlannedCall, ...]:
        begins = datetime.fromtimestamp(index * HOUR, UTC)
        random = Random(f"{self._seed}:calls:{index}")
        mean = self._scenario.calls_per_hour[begins.astimezone(self._zone).hour]
        times = sorted(random.uniform(0, HOUR) for _ in range(_poisson(random, mean)))
        calls: list[PlannedCall] = []
        for number, seconds in enumerate(times):
            call = self._call(f"demo-{index}-{number}", begins + timedelta(seconds=seconds))
            if calls and random.random() < self._scenario.shares.repeat:
                call = _again(call, random.choice(calls))
            calls.append(call)
        return tuple(calls)

    def _call(self, call_id: str, at: datetime) -> PlannedCall:
        random = Random(f"{self._seed}:call:{call_id}")
        scenario = self._scenario
        faults, channels = scenario.faults, scenario.channels
        fault_type, voltage = random.choices(list(faults), list(faults.values()))[0].split("/")
        kind = random.random()
        lost = kind < scenario.shares.corner
        return PlannedCall(
            call_id,
            at,
            channel=random.choices(list(channels), list(channels.values()))[0],
            place=self._corner if lost else random.choice(self._homes),
            on_map=lost or kind >= scenario.shares.corner + scenario.shares.no_place,
            fault_type=fault_type,
            voltage=voltage,
            name=person(random.randrange(10_000)),
            phone=f"8610556{random.randrange(100_000):05d}",
            text=random.choice(scenario.words.complaint),
        )


def _again(call: PlannedCall, earlier: PlannedCall) -> PlannedCall:
    """A neighbour calls about the same fault."""
    return replace(
        call,
        place=earlier.place,
        on_map=earlier.on_map,
        fault_type=earlier.fault_type,
        voltage=earlier.voltage,
    )


def _poisson(random: Random, mean: float) -> int:
    """Knuth's way in steps of 30, beyond which exp(-mean) would lose its digits."""
    if mean > 30:
        return _poisson(random, 30.0) + _poisson(random, mean - 30)
    floor, product, count = exp(-mean), random.random(), 0
    while product > floor:
        product *= random.random()
        count += 1
    return count
