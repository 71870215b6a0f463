"""Which streams are whose: each has one reader at a time, so that a device's presses are taken in their order (D11).

A reader holds its streams by leases that it renews, also while it is busy with a batch. One that dies loses them when
they run out, or at once to its successor of the same name; one that comes gets its fair part as the others give back
what is more than theirs.

The value of a lease is its holder's token. Reading, claiming and acknowledging look at it in the same step on the
server: one that was frozen, or cut off, past the end of its leases gets nothing and settles nothing. It stops its batch
before others may begin on it (`STOP_AT`); what it had done by then is done again, which changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

from dispatch.clock import SystemClock
from dispatch.ending import end_if_cancelled

log = logging.getLogger(__name__)
GROUP = "centre"
LEASE_MS = 10_000
RENEW_EVERY = 1.0
"""Real seconds."""
STOP_AT = 0.8
"""Of a lease that could not be renewed, the part after which its batch is stopped."""

_HEARD = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[2])
"""
_HOLD = (
    _HEARD
    + """
local token, name, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - lease)
local part = math.ceil((#KEYS - 1) / redis.call('ZCARD', KEYS[1]))
local held, free, new = {}, {}, {}
for i = 2, #KEYS do
  local holder = redis.call('GET', KEYS[i])
  if holder == token then
    if #held < part then
      redis.call('PEXPIRE', KEYS[i], lease)
      held[#held + 1] = i - 2
    else
      redis.call('DEL', KEYS[i])
    end
  elseif not holder or holder:sub(1, #name + 1) == name .. '/' then
    free[#free + 1] = i
  end
end
for _, i in ipairs(free) do
  if #held >= part then break end
  redis.call('SET', KEYS[i], token, 'PX', lease)
  held[#held + 1] = i - 2
  new[#new + 1] = i - 2
end
return {held, new}
"""
)
"""KEYS: the readers (sorted by when they were heard last), then a lease a stream. Gives the places of those held, and
of those among them that were not held until now."""
_RENEW = (
    _HEARD
    + """
for i = 2, #KEYS do
  if redis.call('GET', KEYS[i]) ~= ARGV[1] then return -1 end
end
for i = 2, #KEYS do redis.call('PEXPIRE', KEYS[i], ARGV[3]) end
return 1
"""
)
_FENCE = """
for i = 1, #KEYS, 2 do
  if redis.call('GET', KEYS[i]) ~= ARGV[1] then return -1 end
end
"""
"""KEYS: a lease and its stream, again and again."""
_READ = (
    _FENCE
    + """
local streams, from = {}, {}
for i = 2, #KEYS, 2 do
  streams[#streams + 1] = KEYS[i]
  from[#from + 1] = '>'
end
for _, id in ipairs(from) do streams[#streams + 1] = id end
return redis.call('XREADGROUP', 'GROUP', ARGV[2], ARGV[3], 'COUNT', ARGV[4], 'STREAMS', unpack(streams))
"""
)
_CLAIM = _FENCE + "return redis.call('XAUTOCLAIM', KEYS[2], ARGV[2], ARGV[3], 0, ARGV[4], 'COUNT', ARGV[5])"
_SETTLE = (
    _FENCE
    + """
local at = 3
for i = 2, #KEYS, 2 do
  local n = tonumber(ARGV[at])
  redis.call('XACK', KEYS[i], ARGV[2], unpack(ARGV, at + 1, at + n))
  at = at + n + 1
end
return 1
"""
)


class Lost(Exception):
    """A lease is not this reader's any more, or nobody knows whether it is."""


class Shares:
    """One reader's part of `streams`. `name` is its own among those that live.

    What asks Redis raises RedisError when it is away, and Lost where a stream is not this reader's.
    """

    def __init__(self, redis: Redis, streams: Sequence[str], name: str) -> None:
        scripts = [redis.register_script(one) for one in (_HOLD, _RENEW, _READ, _CLAIM, _SETTLE)]
        self._hold, self._renew, self._read, self._claim, self._settle = scripts
        self._streams = list(streams)
        self._readers = f"readers:{streams[0]}"
        self._name, self._token = name, f"{name}/{uuid4().hex}"
        self._held: list[str] = []
        self._asked = self._renewed = float("-inf")
        """When the parts were last looked at, and when the leases were last known to be held."""

    async def hold(self) -> tuple[list[str], list[str]]:
        """The streams that are this reader's now, and those of them that were not until now."""
        now = SystemClock.monotonic()
        if now - self._asked < RENEW_EVERY:
            return self._held, []
        keys = [self._readers, *map(_lease, self._streams)]
        held, new = await self._hold(keys=keys, args=[self._token, self._name, LEASE_MS])
        self._held = [self._streams[place] for place in held]
        self._asked = self._renewed = now
        return self._held, [self._streams[place] for place in new]

    def forget(self) -> None:
        """Nothing is known of the leases: ask at the next `hold`."""
        self._held, self._asked, self._renewed = [], float("-inf"), float("-inf")

    async def during(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this as long as the leases hold, and renew them meanwhile. Raises Lost when it was stopped."""
        if self._left() <= 0:  # this process was frozen, and others may be at it
            work.close()
            raise Lost("the leases have run out")
        doing, keeping = asyncio.create_task(work), asyncio.create_task(self._keep())
        try:
            await asyncio.wait({doing, keeping}, return_when=asyncio.FIRST_COMPLETED)
            (doing if doing.done() else keeping).result()
        finally:
            for task in (doing, keeping):
                task.cancel()
            await asyncio.gather(doing, keeping, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            end_if_cancelled()
            await self.renew()
            await asyncio.sleep(RENEW_EVERY)

    async def renew(self) -> None:
        """Keep what is held. Raises Lost; while Redis is away, when the leases may be about to run out."""
        if SystemClock.monotonic() - self._renewed < RENEW_EVERY:
            return
        try:
            async with asyncio.timeout(self._left()):
                sent, answer = await self._renewed_at()
        except TimeoutError:
            raise Lost("the leases could not be renewed in time") from None
        if answer == -1:
            raise Lost("another reader has taken a stream over")
        self._renewed = sent

    def _left(self) -> float:
        """Seconds in which nobody else can have a stream that is held."""
        return self._renewed + STOP_AT * LEASE_MS / 1000 - SystemClock.monotonic()

    async def _renewed_at(self) -> tuple[float, Any]:
        keys = [self._readers, *map(_lease, self._held)]
        while True:
            end_if_cancelled()
            sent = SystemClock.monotonic()
            try:
                return sent, await self._renew(keys=keys, args=[self._token, self._name, LEASE_MS])
            except (RedisError, OSError) as error:
                log.warning("leases not renewed: %s", error)
            await asyncio.sleep(min(0.5, RENEW_EVERY))

    async def read(self, streams: Sequence[str], count: int) -> Any:
        """Up to so many new entries of each stream, as `[[stream, [[id, fields]]]]`."""
        return await self._fenced(self._read, streams, GROUP, self._name, count) or []

    async def claim(self, stream: str, start: Any, count: int) -> Any:
        """What was read and not settled by anybody, from `start` on: `[next, [[id, fields]], …]`."""
        return await self._fenced(self._claim, [stream], GROUP, self._name, start, count)

    async def settle(self, done: Mapping[str, Sequence[str]]) -> None:
        """These entries need not come again."""
        counted = [part for ids in done.values() for part in (len(ids), *ids)]
        await self._fenced(self._settle, list(done), GROUP, *counted)

    async def _fenced(self, script: Any, streams: Sequence[str], *args: Any) -> Any:
        keys = [key for stream in streams for key in (_lease(stream), stream)]
        answer = await script(keys=keys, args=[self._token, *args])
        if answer == -1:
            raise Lost("another reader has taken a stream over")
        return answer


def _lease(stream: str) -> str:
    return f"reader:{stream}"
