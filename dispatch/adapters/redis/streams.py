"""Reading Redis streams in a consumer group: what is not handled is read again, by whoever lives (D6)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import (
    BusyLoadingError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from dispatch.clock import SystemClock
from dispatch.core.errors import TRANSIENT

log = logging.getLogger(__name__)
GROUP = "centre"
FIELD = b"b"
CLAIM_AFTER_MS = 30_000
CLAIM_EVERY = 30.0
SET_ASIDE = "set-aside"
"""Stream of entries that no handler can take, kept to be looked into."""
ASIDE_AT_MOST = 1_000

Entry = tuple[str, str, bytes]
"""Stream, entry id, body."""
Handle = Callable[[Sequence[Entry]], Awaitable[None]]


class StreamConsumer:
    """Hands batches of entries to `handle` and acknowledges them after it returns.

    An entry may be handed over twice (after a crash between handling and acknowledging): handlers are idempotent.
    What fails because a part is away comes again. An entry that fails by itself is set aside, and the others go on.
    """

    def __init__(
        self, redis: Redis, streams: Sequence[str], name: str, handle: Handle, count: int = 64
    ) -> None:
        self._redis = redis
        self._streams = list(streams)
        self._name = name
        self._handle = handle
        self._count = count
        self._claimed_at = -CLAIM_EVERY

    async def run(self) -> None:
        """Read for ever; Redis being away only makes it wait."""
        ready = False
        while True:
            try:
                if not ready:
                    await self._create_groups()
                    await self._pass(await self._read("0"))
                    ready = True
                await self._claim_abandoned()
                await self._pass(await self._read(">"))
            except ResponseError as error:
                ready = False
                log.info("consumer groups are made anew: %s", error)
                await asyncio.sleep(0.2)
            except (RedisError, OSError) as error:
                log.warning("Redis does not answer: %s", error)
                await asyncio.sleep(1.0)

    async def _create_groups(self) -> None:
        for stream in self._streams:
            try:
                await self._redis.xgroup_create(stream, GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    async def _read(self, start: str) -> list[Entry]:
        found: Any = await self._redis.xreadgroup(
            GROUP, self._name, dict.fromkeys(self._streams, start), count=self._count, block=500
        )
        pairs = found.items() if isinstance(found, dict) else (found or [])
        return [entry for stream, entries in pairs for entry in _entries(stream, entries)]

    async def _claim_abandoned(self) -> None:
        """Take over what a consumer that died had read and not finished."""
        now = SystemClock.monotonic()
        if now - self._claimed_at < CLAIM_EVERY:
            return
        self._claimed_at = now
        for stream in self._streams:
            answer: Any = await self._redis.xautoclaim(
                stream, GROUP, self._name, min_idle_time=CLAIM_AFTER_MS, count=self._count
            )
            await self._pass(_entries(stream, answer[1]))

    async def _pass(self, entries: list[Entry]) -> None:
        if not entries:
            return
        try:
            await self._handle(entries)
        except Exception as error:
            if _comes_again(error):
                raise
            await self._one_by_one(entries)
        pipeline = self._redis.pipeline(transaction=False)
        for stream, entry_id, _ in entries:
            pipeline.xack(stream, GROUP, entry_id)
        await pipeline.execute()

    async def _one_by_one(self, entries: list[Entry]) -> None:
        """One of them cannot be handled: find it, keep it, say so."""
        for stream, entry_id, body in entries:
            try:
                await self._handle([(stream, entry_id, body)])
            except Exception as error:
                if _comes_again(error):
                    raise
                log.exception("%s %s cannot be handled: set aside", stream, entry_id)
                facts: dict[Any, Any] = {
                    b"stream": stream,
                    b"entry": entry_id,
                    FIELD: body,
                    b"error": repr(error),
                }
                await self._redis.xadd(SET_ASIDE, facts, maxlen=ASIDE_AT_MOST)


def _comes_again(error: Exception) -> bool:
    """Whether a part is away, which is not the entry's fault; Redis refusing a command is."""
    if isinstance(error, ResponseError):
        return isinstance(error, BusyLoadingError | ReadOnlyError | OutOfMemoryError)
    return isinstance(error, (*TRANSIENT, RedisError, OSError))


def _entries(stream: Any, entries: Any) -> list[Entry]:
    """Entries of one stream, whichever protocol version the client speaks; deleted ones are skipped."""
    name = _text(stream)
    if entries and isinstance(entries[0], list) and entries[0] and isinstance(entries[0][0], (list, tuple)):
        entries = entries[0]
    return [
        (name, _text(entry_id), fields[FIELD]) for entry_id, fields in entries if fields and FIELD in fields
    ]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
