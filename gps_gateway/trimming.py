"""Only what the centre has consumed is trimmed from the streams, and their length is bounded (D5)."""

from __future__ import annotations

import logging
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from dispatch.clock import SystemClock
from dispatch.messages import all_shards, events_stream, positions_stream
from gps_gateway.publisher import Publisher

log = logging.getLogger(__name__)

GROUP = "centre"
"""The consumer group whose progress counts."""

EVERY = 5.0
"""Real seconds between two rounds."""

BOUND = 200_000
"""Entries in all streams together; at 64 positions an entry about 1 GB."""

STREAMS = [name(tag) for tag in all_shards() for name in (positions_stream, events_stream)]


async def trim_forever(redis: Redis, publisher: Publisher) -> None:
    """Trim now and then; tell the publisher when the consumers are too far behind."""
    while True:
        try:
            await trim(redis)
            left = await length(redis)
        except (RedisError, OSError) as error:
            log.debug("streams not trimmed: %s", error)
        else:
            if left >= BOUND and not publisher.streams_full:
                log.warning("%d entries wait for the centre: acknowledgements withheld", left)
            publisher.streams_full = left >= BOUND
            publisher.relieve()
        await SystemClock().sleep(EVERY)


async def trim(redis: Redis) -> int:
    """Remove what the group has acknowledged; gives the number of entries removed."""
    groups = await _each(redis, "xinfo_groups", dict.fromkeys(STREAMS, ()))
    consumed = {stream: group for stream, found in groups.items() for group in found if _name(group) == GROUP}
    pending = await _each(redis, "xpending", dict.fromkeys(consumed, (GROUP,)))
    first_needed = {
        stream: (summary["min"] if summary["pending"] else consumed[stream]["last-delivered-id"],)
        for stream, summary in pending.items()
    }
    pipeline = redis.pipeline(transaction=False)
    for stream, (entry,) in first_needed.items():
        pipeline.xtrim(stream, minid=entry, approximate=False)
    return sum(n for n in await pipeline.execute(raise_on_error=False) if isinstance(n, int))


async def length(redis: Redis) -> int:
    """Entries in all streams."""
    return sum((await _each(redis, "xlen", dict.fromkeys(STREAMS, ()))).values())


async def _each(redis: Redis, command: str, wanted: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    """One command on many streams; one that has no such stream or group is left out."""
    pipeline = redis.pipeline(transaction=False)
    for stream, rest in wanted.items():
        getattr(pipeline, command)(stream, *rest)
    answers = await pipeline.execute(raise_on_error=False)
    return {s: a for s, a in zip(wanted, answers, strict=True) if not isinstance(a, BaseException)}


def _name(group: dict[str, Any]) -> str:
    name = group["name"]
    return name.decode() if isinstance(name, bytes) else str(name)
