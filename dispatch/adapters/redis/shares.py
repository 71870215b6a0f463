"""Which streams are whose: each has one reader at a time, so that a device's presses are taken in their order (D11).

A reader holds its streams by leases that it renews. One that dies loses them when they run out, or at once to its
successor of the same name; one that comes gets its fair part as the others give back what is more than theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from dispatch.clock import SystemClock

LEASE_MS = 10_000
RENEW_EVERY = 1.0
"""Real seconds."""

_HOLD = """
local name, lease = ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, name)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - lease)
local part = math.ceil((#KEYS - 1) / redis.call('ZCARD', KEYS[1]))
local held, free = {}, {}
for i = 2, #KEYS do
  local holder = redis.call('GET', KEYS[i])
  if not holder then
    free[#free + 1] = i
  elseif holder == name then
    if #held < part then
      redis.call('PEXPIRE', KEYS[i], lease)
      held[#held + 1] = i - 2
    else
      redis.call('DEL', KEYS[i])
    end
  end
end
for _, i in ipairs(free) do
  if #held >= part then break end
  redis.call('SET', KEYS[i], name, 'PX', lease)
  held[#held + 1] = i - 2
end
return held
"""
"""KEYS: the readers (sorted by when they were heard last), then a lease a stream. Gives the places of those held."""


class Shares:
    """One reader's part of `streams`. `name` is its own among those that live."""

    def __init__(self, redis: Redis, streams: Sequence[str], name: str) -> None:
        self._hold = redis.register_script(_HOLD)
        self._streams = list(streams)
        self._keys = [f"readers:{streams[0]}", *(f"reader:{stream}" for stream in streams)]
        self._name = name
        self._held: list[str] = []
        self._renewed = float("-inf")

    async def hold(self) -> list[str]:
        """The streams that are this reader's now. Raises RedisError when Redis is away."""
        now = SystemClock.monotonic()
        if now - self._renewed >= RENEW_EVERY:
            places: Any = await self._hold(keys=self._keys, args=[self._name, LEASE_MS])
            self._held = [self._streams[place] for place in places]
            self._renewed = now
        return self._held
