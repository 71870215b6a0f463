"""Invented addresses along the streets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from dispatch.core.types import Point
from simulators.city.land import GAP
from simulators.city.network import Edge, Network
from simulators.city.plane import place

ADDRESSES = 400
_LONGEST = 700.0
"""Metres: nobody lives along the longer stretches of country road."""


class Address(NamedTuple):
    """An address in both languages and where it is."""

    en: str
    zh: str
    point: Point


def gazetteer(network: Network, rng: np.random.Generator) -> list[Address]:
    """Houses beside the streets, more where there are more streets; the last one stands on nobody's territory."""
    homes = [one for one in network.edges if one.length_m < _LONGEST and one.street.kmh <= 50]
    found: dict[str, Address] = {}
    while len(found) < ADDRESSES - 1:
        one = _house(homes[rng.integers(len(homes))], rng)
        found.setdefault(one.en, one)
    corner = GAP.centroid
    lost = Address("1 Nobody's Corner", "无名角1号", place(corner.x, corner.y))
    return [*found.values(), lost]


def _house(edge: Edge, rng: np.random.Generator) -> Address:
    street = edge.street
    share, side = rng.uniform(0.1, 0.9), rng.choice([-1, 1])
    start, end = edge.xy[0], edge.xy[-1]
    along = (end - start) / max(float(np.hypot(*(end - start))), 1e-9)
    spot = start + share * (end - start) + side * rng.uniform(8, 15) * np.array([-along[1], along[0]])
    x, y = float(spot[0]), float(spot[1])
    number = 2 * int(_metres_along(edge, share) / 20) + (1 if side > 0 else 2)
    en, zh = f"{number} {street.name.en}", f"{street.name.zh}{number}号"
    if street.place:
        en, zh = f"{en}, {street.place.en}", f"{street.place.zh}{zh}"
    return Address(en, zh, place(x, y))


def _metres_along(edge: Edge, share: float) -> float:
    """Where a house stands along its whole street: house numbers grow with it."""
    first, last = (edge.street.line.project(shapely.Point(edge.xy[i])) for i in (0, -1))
    return float(first + share * (last - first))
