"""How often somebody may try a password: counted by name and address together, and by address."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from weakref import WeakValueDictionary

from dispatch.clock import SystemClock

PER_NAME = 5
PER_ADDRESS = 50
WINDOW = 300.0
"""Real seconds in which failures count."""
REMEMBERED = 20_000


class Attempts:
    """Failed sign-ins. Bounded: the longest unused are forgotten first."""

    def __init__(self, monotonic: Callable[[], float] = SystemClock.monotonic) -> None:
        self._monotonic = monotonic
        self._failures: OrderedDict[tuple[str, str], list[float]] = OrderedDict()
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def wait(self, username: str, address: str) -> float:
        """Seconds until this name may be tried again from there; 0: now."""
        now = self._monotonic()
        return max(
            self._left((username.casefold(), address), PER_NAME, now),
            self._left(("", address), PER_ADDRESS, now),
        )

    def turn(self, username: str, address: str) -> asyncio.Lock:
        """Held while a password is checked: tries at one name from one place come one after another, and count."""
        return self._turns.setdefault((username.casefold(), address), asyncio.Lock())

    def failed(self, username: str, address: str) -> None:
        """A wrong password."""
        now = self._monotonic()
        for key in ((username.casefold(), address), ("", address)):
            recent = [at for at in self._failures.pop(key, []) if at > now - WINDOW]
            self._failures[key] = [*recent, now]
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, username: str, address: str) -> None:
        """This person is known now; what its address failed with other names still counts."""
        self._failures.pop((username.casefold(), address), None)

    def _left(self, key: tuple[str, str], most: int, now: float) -> float:
        recent = [at for at in self._failures.get(key, []) if at > now - WINDOW]
        return max(0.0, recent[-most] + WINDOW - now) if len(recent) >= most else 0.0
