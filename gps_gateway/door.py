"""Who may come in, and how fast they may talk. Pure: `now` is seconds of a monotonic clock."""

from __future__ import annotations

from collections import Counter, OrderedDict

ADDRESSES = 10_000
"""Addresses whose attempts are remembered; of more, the one that was silent longest is forgotten."""

BURST = 5.0
"""Seconds of talk at the limit that may come at once: what a device kept while it was out of reach."""

LOOPBACK = frozenset({"127.0.0.1", "::1"})


class Bucket:
    """Tokens that come back with time. `take` gives the seconds until the debt is paid; 0: there was enough."""

    __slots__ = ("_at", "_left", "_most", "_rate")

    def __init__(self, rate: float, most: float, now: float) -> None:
        self._rate = rate
        self._most = most
        self._left = most
        self._at = now

    def take(self, tokens: int, now: float) -> float:
        left = self._left + (now - self._at) * self._rate
        self._left = left = (left if left < self._most else self._most) - tokens
        self._at = now
        return -left / self._rate if left < 0 else 0.0

    def try_one(self, now: float) -> bool:
        """Take one if it is there."""
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Door:
    """Limits by address; 0 is no limit, and addresses in `trusted` have none."""

    def __init__(self, per_address: int, per_minute: int, trusted: frozenset[str] = LOOPBACK) -> None:
        self._per_address = per_address
        self._per_minute = per_minute
        self._trusted = trusted
        self._inside: Counter[str] = Counter()
        self._attempts: OrderedDict[str, Bucket] = OrderedDict()

    def enter(self, address: str, now: float) -> str:
        """Count this one in; why it may not come in, or nothing. Whoever came in has to `leave`."""
        if address not in self._trusted:
            if self._per_minute and not self._attempt(address, now):
                return "too many attempts"
            if self._per_address and self._inside[address] >= self._per_address:
                return "too many connections"
        self._inside[address] += 1
        return ""

    def leave(self, address: str) -> None:
        self._inside[address] -= 1
        if self._inside[address] <= 0:
            del self._inside[address]

    def _attempt(self, address: str, now: float) -> bool:
        bucket = self._attempts.pop(address, None)
        if bucket is None:
            bucket = Bucket(self._per_minute / 60, self._per_minute, now)
        self._attempts[address] = bucket
        if len(self._attempts) > ADDRESSES:
            self._attempts.popitem(last=False)
        return bucket.try_one(now)
