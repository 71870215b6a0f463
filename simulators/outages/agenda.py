"""What people, vehicles and lines will do next, in the order of its time."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from itertools import count

from dispatch.clock import Clock

Action = Callable[[], Awaitable[None]]


class Agenda:
    """Actions by their instant; two of the same instant in the order in which they were noted."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[datetime, int, Action]] = []
        self._count = count()

    def after(self, seconds: float, action: Action, since: datetime | None = None) -> None:
        """Note an action `seconds` after now (or `since`), to the millisecond; never before now."""
        at = (since or self._clock.now()) + timedelta(milliseconds=round(seconds * 1000))
        heapq.heappush(self._heap, (max(at, self._clock.now()), next(self._count), action))

    def next(self) -> datetime | None:
        """When the next action is due."""
        return self._heap[0][0] if self._heap else None

    def due(self) -> Iterator[Action]:
        """The actions that are due now, each taken off; those noted meanwhile for now too."""
        while self._heap and self._heap[0][0] <= self._clock.now():
            yield heapq.heappop(self._heap)[2]
