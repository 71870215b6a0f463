"""What all actors of one demonstration share."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from math import isfinite
from pathlib import Path
from typing import Any

from dispatch.adapters.roads.csv import load_roads
from dispatch.adapters.roads.speeds import load_speeds
from dispatch.clock import Clock
from dispatch.core.errors import BadInput
from dispatch.core.route import Route
from dispatch.core.travel import RoadTravel, StraightLine
from dispatch.core.types import Point
from simulators.actors.calls import Place
from simulators.actors.scenario import Scenario
from simulators.people import People


@dataclass(frozen=True)
class City:
    """The files of `data/city` and the sign-ins of the demonstration."""

    organisation: dict[str, Any]
    places: list[Place]
    passwords: dict[str, str]
    """By user name."""
    roads: RoadTravel
    beeline: StraightLine

    def find(self, address: str) -> Point | None:
        """Where a known address is: crews know their city."""
        return next((one.point for one in self.places if one.address == address), None)

    def route(self, origin: Point, destination: Point, now: datetime) -> Route:
        """By road, or across country where no road leads there."""
        route = self.roads.route(origin, destination, now)
        return route if isfinite(route.seconds) else self.beeline.route(origin, destination, now)


@dataclass(frozen=True)
class World:
    """Handed to every actor."""

    clock: Clock
    speed: float
    """Of the clock, against real time."""
    zone: tzinfo
    scenario: Scenario
    people: People
    city: City
    tell: Callable[[str], None]

    def say(self, who: str, what: str) -> None:
        """One line of what happens."""
        self.tell(f"{self.clock.now().astimezone(self.zone):%H:%M:%S} {who}: {what}")

    def rest(self, virtual: float, least: float) -> float:
        """`virtual` seconds, but no fewer than `least` real ones: on this clock."""
        return max(virtual, least * self.speed)


def read_city(data: Path, zone: str, chinese: bool) -> City:
    """Raises BadInput where a file of the demonstration is missing."""
    folder = data / "city"
    try:
        organisation = json.loads((folder / "organisation.json").read_text("utf-8"))
        sign_ins = json.loads((data / "demo.json").read_text("utf-8"))["people"]
        places = _places(folder / "gazetteer.csv", "address_zh" if chinese else "address")
    except OSError as error:
        raise BadInput(
            f"no demonstration city: {error.filename}: {error.strerror}; start `up` first"
        ) from None
    speeds = load_speeds(zone)
    return City(
        organisation,
        places,
        {one["username"]: one["password"] for one in sign_ins},
        RoadTravel(load_roads(folder), speeds),
        StraightLine(speeds),
    )


def _places(file: Path, column: str) -> list[Place]:
    with file.open(encoding="utf-8", newline="") as rows:
        return [
            Place(row[column], Point(float(row["lat"]), float(row["lon"]))) for row in csv.DictReader(rows)
        ]
