"""Last known positions in Redis: a hash to start from, and a GEO set to ask for what is near (D6)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from redis.asyncio import Redis

from dispatch.core.position import LastKnown

KEY = "last-known"
GEO = "last-known:geo"
MOST_NORTH = 85.05
"""Redis places nothing nearer to a pole: it refuses the whole command."""
_decode = msgspec.msgpack.Decoder(LastKnown).decode


class RedisLastKnown:
    """Written by tracking, read by every process that shows or uses positions."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def save(self, fixes: Sequence[LastKnown]) -> None:
        """The newest good fix of each device."""
        if not fixes:
            return
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hset(KEY, mapping={f.device: msgspec.msgpack.encode(f) for f in fixes})
        if placed := [f for f in fixes if abs(f.fix.lat) <= MOST_NORTH]:
            pipeline.geoadd(GEO, [value for f in placed for value in (f.fix.lon, f.fix.lat, f.device)])
        await pipeline.execute()

    async def load(self) -> list[LastKnown]:
        """Every device's last good fix."""
        raw = await self._redis.hgetall(KEY)
        return [_decode(value) for value in raw.values() if isinstance(value, bytes)]
