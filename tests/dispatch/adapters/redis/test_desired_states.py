"""Desired states in Redis: never back to an older revision, and nothing confirmed that is not there (D4)."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from dispatch.adapters.redis.devices import EpochKeeper, RedisDevices
from dispatch.adapters.redis.last_known import GEO, RedisLastKnown
from dispatch.core.errors import Unavailable
from dispatch.core.position import Fix, LastKnown
from dispatch.messages import EPOCH_KEY, WAKE_CHANNEL, Desired, DesiredOrder, decode_desired, desired_key


def state(revision: int, *orders: str, epoch: str = "e1") -> Desired:
    aboard = tuple(DesiredOrder(order, 1, slot, order) for slot, order in enumerate(orders, 1))
    return Desired("014500000001", epoch, revision, aboard)


async def there(redis: Redis) -> Desired:
    raw = await redis.get(desired_key("014500000001"))
    assert isinstance(raw, bytes)
    return decode_desired(raw)


async def test_an_older_revision_never_replaces_a_newer_one(redis: Redis) -> None:
    devices = RedisDevices(redis)
    await devices.write_desired(state(2, "W2"))
    await devices.write_desired(state(1, "W1", "W2"))
    assert await there(redis) == state(2, "W2")


async def test_many_writers_leave_the_newest_revision(redis: Redis) -> None:
    devices = RedisDevices(redis)
    await asyncio.gather(*(devices.write_desired(state(n)) for n in (3, 9, 1, 7, 5, 8, 2)))
    assert (await there(redis)).revision == 9


async def test_a_new_epoch_replaces_whatever_was_there(redis: Redis) -> None:
    devices = RedisDevices(redis)
    await devices.write_desired(state(9, "W9"))
    await devices.write_desired(state(1, epoch="e2"))
    assert await there(redis) == state(1, epoch="e2")


async def test_the_gateway_is_woken(redis: Redis) -> None:
    async with redis.pubsub() as listening:
        await listening.subscribe(WAKE_CHANNEL)
        await listening.get_message(timeout=1)
        await RedisDevices(redis).write_desired(state(1))
        message = await listening.get_message(timeout=1, ignore_subscribe_messages=True)
    assert message is not None
    assert message["data"] == b"014500000001"


async def test_redis_away_is_said(redis: Redis) -> None:
    away: Redis = Redis.from_url("unix:///nowhere/at/all.sock")
    with pytest.raises(Unavailable, match="Redis"):
        await RedisDevices(away).write_desired(state(1))
    await away.aclose()


async def test_the_epoch_is_confirmed_only_after_every_state_is_written(redis: Redis) -> None:
    seen: list[bytes | str | None] = []

    async def all_desired() -> list[Desired]:
        seen.append(await redis.get(EPOCH_KEY))
        return [state(4, "W4")]

    await redis.set(EPOCH_KEY, "e1")
    keeper = EpochKeeper(redis, "e1", all_desired)
    await keeper.keep()
    assert seen == [None], "while the states are written, nothing is confirmed"
    assert await redis.get(EPOCH_KEY) == b"e1"
    assert await there(redis) == state(4, "W4")


async def test_a_redis_that_lost_everything_is_filled_again(redis: Redis) -> None:
    async def all_desired() -> list[Desired]:
        return [state(4, "W4")]

    keeper = EpochKeeper(redis, "e1", all_desired)
    await keeper.keep()
    await redis.flushall()
    await keeper.keep()
    assert await there(redis) == state(4, "W4")
    assert await redis.get(EPOCH_KEY) == b"e1"


async def test_a_redis_that_is_restarted_meanwhile_is_filled_from_the_beginning(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had by then may be lost with its last second."""
    ids = iter(["first start", "second start", "second start", "second start"])

    async def info(section: str) -> dict[str, str]:
        assert section == "server"
        return {"run_id": next(ids)}

    async def all_desired() -> list[Desired]:
        return [state(4, "W4")]

    monkeypatch.setattr(redis, "info", info)
    keeper = EpochKeeper(redis, "e1", all_desired)
    await keeper.keep()
    assert await redis.get(EPOCH_KEY) is None
    await redis.delete(desired_key("014500000001"))
    await keeper.keep()
    assert await there(redis) == state(4, "W4")
    assert await redis.get(EPOCH_KEY) == b"e1"


async def test_a_state_that_cannot_be_read_is_written_anew(redis: Redis) -> None:
    async def all_desired() -> list[Desired]:
        return [state(4, "W4")]

    await redis.set(desired_key("014500000001"), b"of another version")
    await EpochKeeper(redis, "e1", all_desired).keep()
    assert await there(redis) == state(4, "W4")
    assert await redis.get(EPOCH_KEY) == b"e1"


async def test_nothing_is_confirmed_while_sql_does_not_answer(redis: Redis) -> None:
    async def all_desired() -> list[Desired]:
        raise Unavailable("the database does not answer")

    await redis.set(EPOCH_KEY, "e1")
    with pytest.raises(Unavailable):
        await EpochKeeper(redis, "e1", all_desired).keep()
    assert await redis.get(EPOCH_KEY) is None


async def test_last_known_positions_survive(redis: Redis) -> None:
    known = LastKnown("014500000001", Fix(38.2, 104.6, 1000.0, 1001.0, True, 5.0, 90.0))
    await RedisLastKnown(redis).save([known])
    assert await RedisLastKnown(redis).load() == [known]
    assert await redis.geosearch(GEO, longitude=104.6, latitude=38.2, radius=1, unit="km") == [
        b"014500000001"
    ]


async def test_confirming_the_epoch_never_brings_back_what_was_recalled_meanwhile(redis: Redis) -> None:
    """Between the look at SQL and the writing a recall is decided and delivered."""

    async def all_desired() -> list[Desired]:
        looked = [state(5, "W1")]
        await RedisDevices(redis).write_desired(state(6))
        return looked

    await EpochKeeper(redis, "e1", all_desired).keep()
    assert await redis.get(EPOCH_KEY) == b"e1"
    assert await there(redis) == state(6)


async def test_a_fix_near_a_pole_stops_nobody_elses(redis: Redis) -> None:
    fixes = [LastKnown("polar", Fix(89.0, 0.0, 1.0, 1.0)), LastKnown("usual", Fix(30.0, 120.0, 1.0, 1.0))]
    await RedisLastKnown(redis).save(fixes)
    assert {f.device for f in await RedisLastKnown(redis).load()} == {"polar", "usual"}
    await RedisLastKnown(redis).save(fixes[:1])
