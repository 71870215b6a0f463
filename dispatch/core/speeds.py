"""How fast vehicles are, by the hour of the day: data, read from a small table."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime, tzinfo
from math import isfinite
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dispatch.core.errors import BadInput

HOURS = 24


@dataclass(frozen=True, slots=True)
class SpeedTable:
    """Speeds in km/h. A road's speed = its own free-flow speed (or `default_kmh`) x the hour's `factor`."""

    zone: tzinfo
    """Whose local hour counts."""
    default_kmh: float
    """Of a road without a speed of its own, and of the straight line: a city average that includes stops."""
    off_road_kmh: float
    """Between a place and the nearest road."""
    factor: tuple[float, ...]
    """24 factors, one a local hour."""

    def __post_init__(self) -> None:
        if len(self.factor) != HOURS:
            raise BadInput(
                f"speed table: factor has {len(self.factor)} values, expected {HOURS}, one an hour"
            )
        for name, value in (("default_kmh", self.default_kmh), ("off_road_kmh", self.off_road_kmh)):
            if not (isfinite(value) and value > 0):
                raise BadInput(f"speed table: {name} = {value}, expected more than 0 km/h")
        for hour, value in enumerate(self.factor):
            if not (isfinite(value) and value > 0):
                raise BadInput(f"speed table: factor of hour {hour} = {value}, expected more than 0")

    def at(self, instant: datetime) -> float:
        """The factor at an instant (aware)."""
        if instant.tzinfo is None:
            raise ValueError("a speed needs an aware datetime")
        return self.factor[instant.astimezone(self.zone).hour]

    @property
    def off_road_mps(self) -> float:
        """Metres a second off the road; the hour does not change it."""
        return self.off_road_kmh / 3.6


def parse_speeds(text: str, source: str, zone: str) -> SpeedTable:
    """A speed table from TOML with `default_kmh`, `off_road_kmh` and `factor` (24 numbers).

    Raises BadInput naming `source` and the key.
    """
    try:
        data = tomllib.loads(text)
        place = ZoneInfo(zone)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{source}: {error}") from None
    except (ZoneInfoNotFoundError, ValueError):
        raise BadInput(f"{source}: no such time zone: {zone}") from None
    numbers = {key: _number(data.get(key), f"{source}: {key}") for key in ("default_kmh", "off_road_kmh")}
    raw = data.get("factor")
    if not isinstance(raw, list):
        raise BadInput(f"{source}: factor: expected a list of {HOURS} numbers")
    factors = tuple(_number(value, f"{source}: factor of hour {hour}") for hour, value in enumerate(raw))
    return SpeedTable(place, factor=factors, **numbers)


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(f"{where}: expected a number, found {value!r}")
    return float(value)
