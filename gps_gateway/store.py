"""What the gateway reads and keeps in Redis beside the streams. Raises RedisError or OSError when it is away."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Literal

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from dispatch.messages import (
    EPOCH_KEY,
    Desired,
    GatewayState,
    Shown,
    decode_desired,
    decode_shown,
    desired_key,
    encode,
    shard,
    shown_key,
)
from gps_gateway.protocols import belongs

log = logging.getLogger(__name__)

STATE_EXPIRY = 10
"""Seconds after which a gateway that says nothing is gone."""

CHUNK = 500
"""Keys in one MGET."""


CONNECTIONS = 16
"""To Redis; when a thousand devices log in at once, they wait for one another."""


def connect(url: str) -> Redis:
    """A client for `redis://` or `unix://`; connects when first used, and retries nothing by itself."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=10.0,
        socket_timeout=5.0,
        socket_connect_timeout=2.0,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


class Store:
    """Keys of dispatch.messages."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis

    async def refusal(self, device: str, protocol: str) -> Literal["", "unknown device", "wrong protocol"]:
        """Why nobody may speak for this device by this protocol; empty: the centre has registered it so."""
        raw = await self.redis.get(desired_key(device))
        if raw is None:
            return "unknown device"
        return "" if belongs(protocol, _registered(_bytes(raw))) else "wrong protocol"

    async def epoch(self) -> str | None:
        """The confirmed epoch; None: not confirmed."""
        raw = await self.redis.get(EPOCH_KEY)
        return _bytes(raw).decode() if raw else None

    async def desired(self, devices: Sequence[str]) -> list[Desired]:
        """Of those devices that have one that can be read."""
        shards: dict[str, list[str]] = {}
        for device in devices:
            shards.setdefault(shard(device), []).append(desired_key(device))
        pipeline = self.redis.pipeline(transaction=False)
        for keys in shards.values():
            for start in range(0, len(keys), CHUNK):
                pipeline.mget(keys[start : start + CHUNK])
        found = [raw for answer in await pipeline.execute() for raw in answer if raw]
        return [desired for raw in found if (desired := _readable(raw)) is not None]

    async def shown(self, device: str) -> Shown | None:
        """What was put on this terminal; None: nothing is known of it, also where it cannot be read."""
        raw = await self.redis.get(shown_key(device))
        try:
            return decode_shown(_bytes(raw)) if raw else None
        except msgspec.MsgspecError as error:
            log.warning("what is on %s cannot be read: as if nothing were known of it (%s)", device, error)
            return None

    async def keep_shown(self, shown: Shown) -> None:
        """Durable when this returns."""
        await self.redis.set(shown_key(shown.device), encode(shown))

    async def keep_state(self, state: GatewayState) -> None:
        """The gateway's heartbeat."""
        await self.redis.set(f"gateway:{state.name}", encode(state), ex=STATE_EXPIRY)


def _bytes(raw: bytes | str) -> bytes:
    """The client decodes nothing; its types leave that open."""
    return raw if isinstance(raw, bytes) else raw.encode()


class _Registration(msgspec.Struct):
    """Of a Desired, what says who the device is; its orders are passed over."""

    protocol: str = ""


_registration = msgspec.msgpack.Decoder(_Registration).decode


def _registered(raw: bytes) -> str:
    """With which protocol. What cannot be read names none: the device is known all the same."""
    try:
        return _registration(raw).protocol
    except msgspec.MsgspecError:
        return ""


def _readable(raw: bytes) -> Desired | None:
    """An unreadable desired state moves nothing on any terminal."""
    try:
        return decode_desired(raw)
    except msgspec.MsgspecError:
        return None
