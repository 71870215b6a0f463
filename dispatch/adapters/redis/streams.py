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

from dispatch.adapters.redis.shares import GROUP, Lost, Shares
from dispatch.core.errors import TRANSIENT
from dispatch.ending import end_if_cancelled

log = logging.getLogger(__name__)
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
        self._ends: dict[str, str] = {}
        """The last entry that was read of each stream."""

    async def run(self) -> None:
        """Read for ever; Redis being away only makes it wait."""
        mine: list[str] = []
        while True:
            end_if_cancelled()
            try:
                mine = await self._turn(mine)
                continue
            except Lost as error:
                log.warning("streams are looked at anew: %s", error)
                pause = 0.2
            except ResponseError as error:
                log.info("consumer groups are made anew: %s", error)
                pause = 0.2
            except (RedisError, OSError) as error:
                log.warning("Redis does not answer: %s", error)
                pause = 1.0
            mine = []
            self._shares.forget()
            await asyncio.sleep(pause)

    async def _turn(self, mine: Sequence[str]) -> list[str]:
        """Handle what is there, or wait for it a little; the streams that are read, with nothing of before in them."""
        held, new = await self._shares.hold()
        for stream in held:
            if stream not in mine or stream in new:
                await self._take_over(stream)
        if not held:
            await asyncio.sleep(BLOCK_MS / 1000)
        elif entries := await self._read(held):
            await self._pass(entries)
        else:
            ends: dict[Any, Any] = {stream: self._ends[stream] for stream in held}
            await self._redis.xread(ends, count=1, block=BLOCK_MS)
        return held

    async def _take_over(self, stream: str) -> None:
        """First of all what its last reader had read and not finished, in its order."""
        try:
            await self._redis.xgroup_create(stream, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        start: Any = "0-0"
        while start is not None:
            start, entries, *_ = await self._shares.claim(stream, start, self._count)
            await self._pass(_entries(stream, entries))
            if _text(start) == "0-0":
                start = None
        groups: Any = await self._redis.xinfo_groups(stream)
        self._ends[stream] = next(
            _text(one["last-delivered-id"]) for one in groups if _text(one["name"]) == GROUP
        )

    async def _read(self, streams: Sequence[str]) -> list[Entry]:
        found = []
        for stream, entries in await self._shares.read(streams, self._count):
            self._ends[_text(stream)] = _text(entries[-1][0])
            found += _entries(stream, entries)
        return found

    async def _pass(self, entries: list[Entry]) -> None:
        """Handle a batch while its streams are ours, then settle it."""
        if not entries:
            return
        await self._shares.during(self._handle_all(entries))
        done: dict[str, list[str]] = {}
        for stream, entry_id, _ in entries:
            done.setdefault(stream, []).append(entry_id)
        await self._shares.settle(done)

    async def _handle_all(self, entries: list[Entry]) -> None:
        try:
            await self._handle(entries)
        except Exception as error:
            if _comes_again(error):
                raise
            await self._one_by_one(entries)

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
    """Entries of one stream, as a script hands them on; of another kind than ours are skipped."""
    name, found = _text(stream), []
    for entry_id, flat in entries:
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        if FIELD in fields:
            found.append((name, _text(entry_id), fields[FIELD]))
    return found


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
