"""An event loop in which time jumps to the next thing that is due: a day takes as long as its work."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Stuck(Exception):
    """Everybody waits for something that never comes."""


class _NoWaiting(selectors.SelectSelector):
    """Instead of waiting for a socket, lets the loop's time pass: there are no sockets."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck
        self.now += max(0.0, timeout)
        return []


class JumpingLoop(asyncio.SelectorEventLoop):
    """Seconds since its beginning are its time."""

    def __init__(self) -> None:
        self._jumping = _NoWaiting()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self.passed

    @property
    def passed(self) -> float:
        """Seconds since it began."""
        return self._jumping.now


def seconds() -> float:
    """Since the day's beginning."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    return loop.passed


def live(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it in a loop of its own, to its end."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(coroutine)
