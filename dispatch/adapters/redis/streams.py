"""Reading Redis streams in a consumer group: what is not handled is read again, by whoever has the stream next (D6)."""

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

from dispatch.adapters.redis.shares import Shares
from dispatch.core.errors import TRANSIENT
from dispatch.ending import end_if_cancelled

log = logging.getLogger(__name__)
GROUP = "centre"
FIELD = b"b"
BLOCK_MS = 500
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
        self._shares = Shares(redis, streams, name)
        self._name = name
        self._handle = handle
        self._count = count

    async def run(self) -> None:
        """Read for ever; Redis being away only makes it wait."""
        mine: list[str] = []
        while True:
            end_if_cancelled()
            try:
                held = await self._shares.hold()
                for stream in held:
                    if stream not in mine:
                        await self._take_over(stream)
                mine = held
                if mine:
                    await self._pass(await self._read(mine))
                else:
                    await asyncio.sleep(BLOCK_MS / 1000)
            except ResponseError as error:
                mine = []
                log.info("consumer groups are made anew: %s", error)
                await asyncio.sleep(0.2)
            except (RedisError, OSError) as error:
                mine = []
                log.warning("Redis does not answer: %s", error)
                await asyncio.sleep(1.0)

    async def _take_over(self, stream: str) -> None:
        """First of all what its last reader had read and not finished, in its order."""
        try:
            await self._redis.xgroup_create(stream, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        start: Any = "0-0"
        while start is not None:
            start, entries, *_ = await self._redis.xautoclaim(
                stream, GROUP, self._name, min_idle_time=0, start_id=start, count=self._count
            )
            await self._pass(_entries(stream, entries))
            if _text(start) == "0-0":
                start = None

    async def _read(self, streams: Sequence[str]) -> list[Entry]:
        found: Any = await self._redis.xreadgroup(
            GROUP, self._name, dict.fromkeys(streams, ">"), count=self._count, block=BLOCK_MS
        )
        pairs = found.items() if isinstance(found, dict) else (found or [])
        return [entry for stream, entries in pairs for entry in _entries(stream, entries)]

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
