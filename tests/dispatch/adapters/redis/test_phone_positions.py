"""What the crew's page says of where it is lies where a gateway would have put it."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from dispatch.adapters.redis.phone_positions import PhonePositions
from dispatch.core.errors import Unavailable
from dispatch.messages import Position, all_shards, decode_positions, positions_stream, shard


async def test_positions_are_in_the_stream_when_it_answers(redis: Redis) -> None:
    told = [Position("p-E1", 100.0 + n, 200.0, 30.05, 120.05, protocol="page") for n in range(3)]
    await PhonePositions(redis).append(told)
    ((_, entry),) = await redis.xrange(positions_stream(shard("p-E1")))
    assert decode_positions(entry[b"b"]) == told
    assert positions_stream(shard("p-E1")) in {positions_stream(tag) for tag in all_shards()}


async def test_without_redis_the_phone_keeps_them() -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    with pytest.raises(Unavailable):
        await PhonePositions(nowhere).append([Position("p-E1", 1.0, 2.0, 3.0, 4.0)])
    await nowhere.aclose()
