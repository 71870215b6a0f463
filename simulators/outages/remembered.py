"""Driving times that were asked before: most of a batch's pairs are those of the batch before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from dispatch.core.speeds import SpeedTable
from dispatch.core.travel import Matrix, Route, Source, TravelTimes
from dispatch.core.types import Point


class RememberedTravel:
    """`TravelTimes` that asks another one only for pairs that it has not seen at this hour's speed."""

    def __init__(self, inner: TravelTimes, speeds: SpeedTable) -> None:
        self._inner, self._speeds = inner, speeds
        self._known: dict[tuple[Point, Point, float], float] = {}

    @property
    def source(self) -> Source:
        """That of the one that is asked."""
        return self._inner.source

    def seconds(self, origins: Sequence[Point], destinations: Sequence[Point], at: datetime) -> Matrix:
        factor, known = self._speeds.at(at), self._known
        for there in destinations:
            new = list(dict.fromkeys(o for o in origins if (o, there, factor) not in known))
            if new:
                row = self._inner.seconds(new, [there], at)[0]
                known.update(((o, there, factor), float(s)) for o, s in zip(new, row, strict=True))
        found = [known[o, there, factor] for there in destinations for o in origins]
        return np.array(found, dtype=np.float64).reshape(len(destinations), len(origins))

    def route(self, origin: Point, destination: Point, at: datetime) -> Route:
        return self._inner.route(origin, destination, at)
