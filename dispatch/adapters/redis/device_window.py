"""What the gateways show of the devices, read for the people who look after them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from dispatch.core.errors import Unavailable
from dispatch.messages import (
    LOOK_CHANNEL,
    Desired,
    DeviceState,
    Doubled,
    Misnamed,
    SeenFrame,
    Shown,
    Stranger,
    all_shards,
    decode_desired,
    decode_device_state,
    decode_doubled,
    decode_misnamed,
    decode_seen_frame,
    decode_shown,
    decode_strangers,
    desired_key,
    devices_key,
    doubled_key,
    frames_key,
    misnamed_key,
    shard,
    shown_key,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DeviceWindow:
    """All devices that were ever here, by id, and who is not known."""

    states: dict[str, DeviceState]
    doubled: dict[str, Doubled]
    misnamed: dict[str, Misnamed]
    strangers: list[Stranger]


@dataclass(frozen=True, slots=True)
class OneDevice:
    """One device with its last frames, the oldest first."""

    state: DeviceState | None
    doubled: Doubled | None
    misnamed: Misnamed | None
    frames: list[SeenFrame]
    desired: Desired | None
    shown: Shown | None


class RedisDeviceWindow:
    """Raises Unavailable while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def all(self) -> DeviceWindow:
        """Everything; a device is online only where its gateway lives."""
        try:
            return await self._all()
        except (RedisError, OSError) as error:
            raise Unavailable(f"Redis does not answer: {error}") from error

    async def one(self, device: str) -> OneDevice:
        """One device; its gateway is told that somebody looks, and shows its frames for half a minute."""
        try:
            return await self._one(device)
        except (RedisError, OSError) as error:
            raise Unavailable(f"Redis does not answer: {error}") from error

    async def links(self, now: float) -> list[tuple[str, str, datetime]]:
        """How each device's line stands (`online`, `offline`, `off`), and since when."""
        try:
            alive, found = await self._names("gateway:"), []
            for tag in all_shards():  # one by one: others want the loop too
                hashes: list[Any] = [await self._redis.hgetall(devices_key(tag))]
                found += [_link(one, alive, now) for one in _read_all(decode_device_state, hashes)]
            return found
        except (RedisError, OSError) as error:
            raise Unavailable(f"Redis does not answer: {error}") from error

    async def _all(self) -> DeviceWindow:
        tags = all_shards()
        pipeline = self._redis.pipeline(transaction=False)
        for key in (devices_key, doubled_key, misnamed_key):
            for tag in tags:
                pipeline.hgetall(key(tag))
        found: list[dict[bytes, bytes]] = await pipeline.execute()
        alive = await self._names("gateway:")
        states = _read_all(decode_device_state, found[: len(tags)])
        doubled = _read_all(decode_doubled, found[len(tags) : 2 * len(tags)])
        misnamed = _read_all(decode_misnamed, found[2 * len(tags) :])
        return DeviceWindow(
            {one.device: _corrected(one, alive) for one in states},
            {one.device: one for one in doubled},
            {one.device: one for one in misnamed},
            await self._strangers(),
        )

    async def _strangers(self) -> list[Stranger]:
        names = await self._names("strangers:")
        raw = [await self._redis.get(f"strangers:{name}") for name in names]
        found = [one for each in raw for one in _read(decode_strangers, each) or []]
        return sorted(found, key=lambda one: one.at, reverse=True)

    async def _one(self, device: str) -> OneDevice:
        tag = shard(device)
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.publish(LOOK_CHANNEL, device)
        pipeline.hget(devices_key(tag), device)
        pipeline.hget(doubled_key(tag), device)
        pipeline.hget(misnamed_key(tag), device)
        pipeline.lrange(frames_key(device), 0, -1)
        pipeline.get(desired_key(device))
        pipeline.get(shown_key(device))
        _, state, doubled, misnamed, frames, desired, shown = await pipeline.execute()
        known = _read(decode_device_state, state)
        return OneDevice(
            _corrected(known, await self._names("gateway:")) if known else None,
            _read(decode_doubled, doubled),
            _read(decode_misnamed, misnamed),
            [frame for raw in frames if (frame := _read(decode_seen_frame, raw)) is not None],
            _read(decode_desired, desired),
            _read(decode_shown, shown),
        )

    async def _names(self, prefix: str) -> set[str]:
        keys = [key async for key in self._redis.scan_iter(match=f"{prefix}*", count=1000)]
        return {(key.decode() if isinstance(key, bytes) else str(key)).removeprefix(prefix) for key in keys}


def _link(state: DeviceState, alive: set[str], now: float) -> tuple[str, str, datetime]:
    """A gateway that looks dead for a moment must not cut lines that it still has: no newer than their beginning."""
    if state.online and (state.until is None or now < state.until):
        standing = "online" if state.gateway in alive else "offline"
        return state.device, standing, datetime.fromtimestamp(state.since, UTC)
    left = "off" if state.logged_out else "offline"
    return state.device, left, datetime.fromtimestamp(state.last_seen, UTC)


def _corrected(state: DeviceState, alive: set[str]) -> DeviceState:
    """A gateway that was killed could not say that its devices have gone."""
    return state if state.gateway in alive else msgspec.structs.replace(state, online=False)


def _read(decode: Callable[[bytes], T], raw: Any) -> T | None:
    """None, too, where another version has written it."""
    if not isinstance(raw, bytes):
        return None
    try:
        return decode(raw)
    except msgspec.MsgspecError:
        return None


def _read_all(decode: Callable[[bytes], T], hashes: list[dict[bytes, bytes]]) -> list[T]:
    return [one for each in hashes for raw in each.values() if (one := _read(decode, raw)) is not None]
