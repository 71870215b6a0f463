"""The streets before they are cut into edges: an old town, rings, avenues, a river, suburbs and villages."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, hypot, pi, sin

import numpy as np
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from simulators.city.names import AVENUE, ROAD, STREET, Name, street, village
from simulators.city.plane import HALF_WIDTH, LAND, Floats

TOWN = (5_600.0, 4_400.0)
"""Half axes of the built-up oval."""
SUBURBS = (
    ((-6_400, 4_000), 0.3),
    ((6_400, 3_900), -0.25),
    ((7_000, -2_600), 0.15),
    ((-7_100, -900), -0.1),
    ((1_800, -5_400), 0.4),
    ((-3_600, -5_300), -0.35),
)
BRIDGES = 6


@dataclass(frozen=True, slots=True)
class Street:
    """One named street: its line in the plane (metres) and how it is driven."""

    name: Name
    line: LineString
    kmh: float
    oneway: bool = False
    """From the line's first end to its last only."""
    place: Name | None = None
    """The village or suburb that it belongs to, if any."""


class Draft:
    """Collects streets and gives each its name."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.streets: list[Street] = []

    def add(
        self, line: LineString, kmh: float, kind: Name, *, oneway: bool = False, of: Name | None = None
    ) -> None:
        name = street(len(self.streets), kind)
        self.streets.append(Street(name, line, kmh, oneway, of))


def river() -> Polygon:
    """The water, 160 m wide, winding through the south of the town."""
    x = np.linspace(-HALF_WIDTH - 200, HALF_WIDTH + 200, 60)
    y = -1_500 + 500 * np.sin(x / 2_600) + 250 * np.sin(x / 1_100 + 1)
    water = LineString(np.column_stack([x, y])).buffer(80, cap_style="flat")
    if not isinstance(water, Polygon):
        raise TypeError("the river falls into parts")
    return water


def draw(rng: np.random.Generator) -> list[Street]:
    """All streets; those that are not bridges stop at the river."""
    draft = Draft(rng)
    _town(draft)
    _rings_and_avenues(draft)
    for number, (middle, turn) in enumerate(SUBURBS):
        _suburb(draft, np.array(middle, dtype=float), turn, number)
    _villages(draft)
    return _cut(draft.streets, river())


def _positions(rng: np.random.Generator, half: float) -> list[float]:
    """Where parallel streets stand: close in the middle, wider towards the edge."""
    here, found = -half, []
    while here < half:
        found.append(here)
        here += rng.uniform(0.75, 1.3) * (190 + 170 * abs(here) / half)
    return found


def _town(draft: Draft) -> None:
    """An irregular grid inside the oval; every fifth street is an avenue, some old ones are one-way."""
    a, b = TOWN
    for half, across, kind in ((a, b, ROAD), (b, a, STREET)):
        for number, at in enumerate(_positions(draft.rng, half * 0.98)):
            avenue = number % 5 == 2
            reach = (
                across * (1 - (at / half) ** 2) ** 0.5 * (1.12 if avenue else draft.rng.uniform(0.85, 1.0))
            )
            along = np.linspace(-reach, reach, 9)
            bend = at + draft.rng.normal(0, 12, 9) + 60 * np.sin(along / 1_900 + number / 7)
            xy = np.column_stack([bend, along] if kind is ROAD else [along, bend])
            old = abs(at) < 1_500 and not avenue and draft.rng.random() < 0.35
            turned = xy[::-1] if number % 2 else xy
            draft.add(LineString(turned), 50 if avenue else 32, AVENUE if avenue else kind, oneway=old)


def _rings_and_avenues(draft: Draft) -> None:
    for size, kmh in ((0.45, 55.0), (1.08, 70.0)):
        t = np.linspace(0, 2 * pi, 49)
        xy = np.column_stack([TOWN[0] * size * _square(np.cos(t)), TOWN[1] * size * _square(np.sin(t))])
        xy[-1] = xy[0]
        draft.add(LineString(xy), kmh, Name("Ring Avenue", "环大道"))
    for angle in (0.62, 2.45, 3.8, 5.55):
        way = np.array([cos(angle), sin(angle)])
        reach = np.linspace(600, 6_600, 8)
        draft.add(LineString(reach[:, None] * way + draft.rng.normal(0, 25, (8, 2))), 50, AVENUE)


def _square(values: Floats, power: float = 0.75) -> Floats:
    """Makes a circle a rounded square; the smaller the power, the less round."""
    return np.asarray(np.sign(values) * np.abs(values) ** power)


def _suburb(draft: Draft, middle: Floats, turn: float, number: int) -> None:
    """A small turned grid, joined to the town by a fast road."""
    name = Name(f"Suburb {number + 1}", f"{'一二三四五六'[number]}郊")
    spin = np.array([[cos(turn), sin(turn)], [-sin(turn), cos(turn)]])
    offsets = np.cumsum(draft.rng.uniform(130, 200, 14))
    offsets -= offsets.mean()
    for index, at in enumerate(offsets):
        reach = draft.rng.uniform(850, 1_200)
        along = np.linspace(-reach, reach, 5)
        for swap in (False, True):
            bend = at + draft.rng.normal(0, 8, 5)
            xy = np.column_stack([along, bend] if swap else [bend, along]) @ spin + middle
            draft.add(LineString(xy), 45 if index == 7 else 30, STREET if swap else ROAD, of=name)
    draft.add(_winding(draft.rng, middle, middle * 0.45, 7), 65, AVENUE)


def _villages(draft: Draft) -> None:
    """Villages at the edge of the land, each a few lanes around a road to the nearest suburb."""
    rng = draft.rng
    suburbs = np.array([middle for middle, _ in SUBURBS], dtype=float)
    for number in range(16):
        angle = 2 * pi * (number + rng.uniform(-0.25, 0.25)) / 16
        middle = np.array([9_400, 7_450]) * _square(np.array([cos(angle), sin(angle)]), 0.5)
        name = village(number)
        for at in np.cumsum(rng.uniform(90, 160, 5)) - 380:
            lane = rng.uniform(260, 420)
            draft.add(_lane(middle, at, lane, upright=True), 25, STREET, of=name)
            draft.add(_lane(middle, at, lane, upright=False), 25, ROAD, of=name)
        near = suburbs[np.argmin(np.hypot(*(suburbs - middle).T))]
        draft.add(_winding(rng, middle, near, 6), 55, ROAD)


def _lane(middle: Floats, at: float, half: float, *, upright: bool) -> LineString:
    ends = [(at, -half), (at, half)] if upright else [(-half, at), (half, at)]
    return LineString(np.array(ends) + middle)


def _winding(rng: np.random.Generator, start: Floats, end: Floats, bends: int) -> LineString:
    """A country road between two places."""
    share = np.linspace(0, 1, bends)[:, None]
    away = rng.normal(0, 0.02 * hypot(*(end - start)), (bends, 2))
    away[[0, -1]] = 0
    return LineString(start * (1 - share) + end * share + away)


def _cut(streets: list[Street], water: Polygon) -> list[Street]:
    """Streets end at the edge of the land, and at the river unless they are among the few bridges."""
    fast = [one for one in streets if one.kmh >= 50 and one.line.intersects(water)]
    fast.sort(key=lambda one: (-one.kmh, one.name))
    rings = [one for one in fast if one.line.is_ring]
    over = {id(one) for one in (*rings, *[one for one in fast if one not in rings][:BRIDGES])}
    cut: list[Street] = []
    for one in streets:
        whole: BaseGeometry = one.line.intersection(LAND)
        left = whole if id(one) in over else whole.difference(water)
        for part in getattr(left, "geoms", [left]):
            if isinstance(part, LineString) and part.length > 60:
                cut.append(Street(one.name, part, one.kmh, one.oneway, one.place))
    return cut
