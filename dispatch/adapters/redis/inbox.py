"""From the hotline to a repair centre: an inbox in Redis, whose consumer gives the machine receipt (C)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from dispatch.adapters.redis.streams import Entry
from dispatch.core.errors import Unavailable

INBOX = "inbox"


class Arrival(msgspec.Struct, frozen=True):
    """One order for one centre; `send` counts how often the order was sent."""

    centre_id: str
    order_id: str
    send: int
    tries: int = 1
    """How often it was handed over."""


class RedisInbox:
    """`CentreLink` over a Redis stream."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def deliver(self, centre_id: str, order_id: str, send: int, tries: int) -> None:
        try:
            await self._redis.xadd(
                INBOX,
                {b"b": msgspec.msgpack.encode(Arrival(centre_id, order_id, send, tries))},
                maxlen=100_000,
            )
        except (RedisError, OSError) as error:
            raise Unavailable(f"Redis does not answer: {error}") from error


def reader(receive: Callable[[Arrival], Awaitable[None]]) -> Callable[[Sequence[Entry]], Awaitable[None]]:
    """A handler for `StreamConsumer` that hands each arrival to `receive`."""
    decode = msgspec.msgpack.Decoder(Arrival).decode

    async def handle(entries: Sequence[Entry]) -> None:
        for _, _, body in entries:
            await receive(decode(body))

    return handle
