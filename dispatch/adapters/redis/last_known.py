"""Last known positions in Redis: a hash to start from, and a GEO set to ask for what is near (D6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from dispatch.core.errors import Unavailable
from dispatch.core.position import LastKnown
from dispatch.core.types import Point

KEY, TIMES, GEO = "{last-known}", "{last-known}:times", "{last-known}:geo"
"""The braces let Redis Cluster keep them together."""
MOST_NORTH = 85.05
"""Redis places nothing nearer to a pole: it refuses the whole command."""
SAVE = """
for i = 1, #ARGV, 5 do
  local device, at = ARGV[i], ARGV[i + 1]
  local there = redis.call('HGET', KEYS[2], device)
  if not there or tonumber(there) <= tonumber(at) then
    redis.call('HSET', KEYS[1], device, ARGV[i + 2])
    redis.call('HSET', KEYS[2], device, at)
    if ARGV[i + 3] == '' then
      redis.call('ZREM', KEYS[3], device)
    else
      redis.call('GEOADD', KEYS[3], ARGV[i + 3], ARGV[i + 4], device)
    end
  end
end
"""
"""An older fix never takes the place of a newer one, whichever worker comes last."""
_decode = msgspec.msgpack.Decoder(LastKnown).decode


class RedisLastKnown:
    """Written by tracking, read by every process that shows or uses positions."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._save = redis.register_script(SAVE)

    async def save(self, fixes: Sequence[LastKnown]) -> None:
        """The newest good fix of each device."""
        if not fixes:
            return
        arguments: list[Any] = []
        for one in fixes:
            arguments += (one.device, repr(one.fix_time), msgspec.msgpack.encode(one))
            arguments += (one.fix.lon, one.fix.lat) if abs(one.fix.lat) <= MOST_NORTH else ("", "")
        await self._save(keys=[KEY, TIMES, GEO], args=arguments)

    async def load(self) -> list[LastKnown]:
        """Every device's last good fix."""
        raw = await self._redis.hgetall(KEY)
        return [_decode(value) for value in raw.values() if isinstance(value, bytes)]

    async def of(self, devices: Sequence[str]) -> list[LastKnown]:
        """The last good fix of each of these devices, where there is one."""
        if not devices:
            return []
        raw = await self._redis.hmget(KEY, list(devices))
        return [_decode(value) for value in raw if isinstance(value, bytes)]

    async def near(self, place: Point, metres: float) -> list[LastKnown]:
        """Every device last known within so many metres; none is placed near a pole. Raises Unavailable."""
        if abs(place.lat) > MOST_NORTH:
            return []
        try:
            found: Any = await self._redis.geosearch(
                GEO, longitude=place.lon, latitude=place.lat, radius=metres, unit="m"
            )
            return await self.of([one.decode() if isinstance(one, bytes) else str(one) for one in found])
        except (RedisError, OSError) as error:
            raise Unavailable(f"Redis does not answer: {error}") from error
