"""How each device's line stands, read back from what the gateways keep."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from dispatch.adapters.redis.device_window import RedisDeviceWindow
from dispatch.core.errors import Unavailable
from dispatch.core.hop import LinkSeen, learn
from dispatch.messages import DeviceState, devices_key, encode, shard

T = 1_772_416_800.0


async def _keep(
    redis: Redis, device: str, *, gateway: str = "g", online: bool = True, **more: object
) -> None:
    state = DeviceState(device, online, "jt808", "1.2.3.4", gateway, T, T + 50, **more)  # type: ignore[arg-type]
    await redis.hset(devices_key(shard(device)), device, encode(state))


async def test_a_line_is_there_broken_or_the_device_is_off(redis: Redis) -> None:
    await redis.set("gateway:g", b"alive")
    await _keep(redis, "here")
    await _keep(redis, "gone", online=False)
    await _keep(redis, "off", online=False, logged_out=True)
    await _keep(redis, "its gateway was killed", gateway="dead")
    await _keep(redis, "by datagrams", until=T + 100)
    await _keep(redis, "silent", until=T + 60)
    await redis.hset(devices_key(shard("odd")), "odd", b"of another version")
    found = {name: (state, at) for name, state, at in await RedisDeviceWindow(redis).links(T + 70)}
    came, heard = datetime.fromtimestamp(T, UTC), datetime.fromtimestamp(T + 50, UTC)
    assert found == {
        "here": ("online", came), "gone": ("offline", heard), "off": ("off", heard),
        "its gateway was killed": ("offline", came), "by datagrams": ("online", came),
        "silent": ("offline", heard),
    }  # fmt: skip


async def test_a_gateway_that_looks_dead_for_a_moment_cuts_no_line(redis: Redis) -> None:
    await _keep(redis, "d")
    window, links = RedisDeviceWindow(redis), dict[str, LinkSeen]()
    learn(links, await window.links(T + 60))
    assert links["d"].state == "offline"
    await redis.set("gateway:g", b"alive")
    learn(links, await window.links(T + 61))
    assert links["d"].state == "online"
    await redis.delete("gateway:g")
    learn(links, [("d", "online", datetime.fromtimestamp(T + 1, UTC))])  # as its event says
    learn(links, await window.links(T + 62))
    assert links["d"].state == "online"


async def test_without_redis_nothing_is_claimed() -> None:
    away: Redis = Redis(host="127.0.0.1", port=1)
    with pytest.raises(Unavailable):
        await RedisDeviceWindow(away).links(T)
    await away.aclose()
