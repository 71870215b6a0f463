"""Last known positions in Redis: never back in time, and found by place."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from dispatch.adapters.redis.last_known import RedisLastKnown
from dispatch.core.errors import Unavailable
from dispatch.core.position import Fix, LastKnown, Rival
from dispatch.core.types import Point, distance

METRE = 1 / 111_195


def known(device: str, at: float, north_m: float = 0.0) -> LastKnown:
    fix = Fix(36.0 + north_m * METRE, 101.0, at, at + 1, speed_mps=3.0)
    return LastKnown(device, fix, 512.5, True, None, Rival(fix, 4, 1))


async def test_the_whole_state_comes_back(redis: Redis) -> None:
    store = RedisLastKnown(redis)
    await store.save([known("a", 1000.25), known("b", 1000)])
    assert await store.of(["b", "nobody", "a"]) == [known("b", 1000), known("a", 1000.25)]
    assert await store.of([]) == []


async def test_an_older_fix_of_another_worker_does_not_move_a_position_back(redis: Redis) -> None:
    store = RedisLastKnown(redis)
    await store.save([known("a", 1000.75, 50)])
    await store.save([known("a", 1000.25, 9_000), known("b", 1)])
    assert await store.of(["a"]) == [known("a", 1000.75, 50)]
    assert {one.device for one in await store.near(Point(36.0, 101.0), 1_000)} == {"a", "b"}


async def test_what_is_within_a_ring_is_found(redis: Redis) -> None:
    store = RedisLastKnown(redis)
    fleet = [known(f"v{n}", 1000, 300 * n) for n in range(20)]
    await store.save(fleet)
    here = Point(36.0, 101.0)
    for metres in (1_000.0, 4_000.0):
        found = {one.device for one in await store.near(here, metres)}
        assert found == {one.device for one in fleet if distance(here, one.point) <= metres}
    assert await store.near(Point(89.0, 101.0), 1_000) == []


async def test_a_vehicle_that_went_to_the_pole_is_not_near_where_it_was(redis: Redis) -> None:
    store = RedisLastKnown(redis)
    await store.save([known("a", 1000)])
    await store.save([LastKnown("a", Fix(89.0, 101.0, 2000.0, 2000.0))])
    assert await store.near(Point(36.0, 101.0), 4_000) == []


async def test_redis_that_is_away_is_unavailable() -> None:
    client: Redis = Redis.from_url("redis://127.0.0.1:9")
    with pytest.raises(Unavailable):
        await RedisLastKnown(client).near(Point(36.0, 101.0), 10)
    await client.aclose()
