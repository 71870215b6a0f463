"""Positions that the crew's page reports, put where a gateway puts those of devices: answered when the stream has them."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError

from dispatch.core.errors import Unavailable
from dispatch.messages import Position, encode, positions_stream, shard


class PhonePositions:
    """Appends to the positions' streams."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def append(self, positions: Sequence[Position]) -> None:
        """All of one device, in one entry. Raises Unavailable: the phone keeps them and tells again."""
        stream = positions_stream(shard(positions[0].device))
        try:
            await self._redis.xadd(stream, {"b": encode(list(positions))})
        except (RedisError, OSError) as error:
            raise Unavailable("positions cannot be stored now", part="redis") from error
