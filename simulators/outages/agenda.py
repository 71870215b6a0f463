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
        self._routine: list[tuple[datetime, int, Action]] = []
        self._count = count()
        self.moved_at = clock.now()
        """When the last action was due that was not routine."""

    @property
    def only_routine(self) -> bool:
        """Whether nobody has anything to do but to look again."""
        return not self._heap

    def after(
        self, seconds: float, action: Action, since: datetime | None = None, *, routine: bool = False
    ) -> None:
        """Note an action `seconds` after now (or `since`), to the millisecond; never before now.

        `routine` = looking again at what may not have changed.
        """
        at = (since or self._clock.now()) + timedelta(milliseconds=round(seconds * 1000))
        heap = self._routine if routine else self._heap
        heapq.heappush(heap, (max(at, self._clock.now()), next(self._count), action))

    def next(self) -> datetime | None:
        """When the next action is due."""
        return min((heap[0][0] for heap in (self._heap, self._routine) if heap), default=None)

    def due(self) -> Iterator[Action]:
        """The actions that are due now, each taken off; those noted meanwhile for now too."""
        while (first := min(filter(None, (self._heap, self._routine)), key=_first, default=None)) is not None:
            if first[0][0] > self._clock.now():
                return
            if first is self._heap:
                self.moved_at = first[0][0]
            yield heapq.heappop(first)[2]


def _first(heap: list[tuple[datetime, int, Action]]) -> tuple[datetime, int]:
    return heap[0][:2]
