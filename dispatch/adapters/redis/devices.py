"""The devices' desired states in Redis: a copy that SQL can write anew at any time (D4)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError, WatchError

from dispatch.core.errors import Unavailable
from dispatch.messages import EPOCH_KEY, WAKE_CHANNEL, Desired, decode_desired, desired_key, encode

log = logging.getLogger(__name__)


class RedisDevices:
    """Writes desired states; a newer revision of the same epoch is never replaced by an older one."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def write_desired(self, desired: Desired) -> None:
        key = desired_key(desired.device)
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                while True:
                    try:
                        await pipeline.watch(key)
                        raw = await pipeline.get(key)
                        if isinstance(raw, bytes) and _is_newer(raw, desired):
                            return
                        pipeline.multi()  # type: ignore[no-untyped-call]
                        pipeline.set(key, encode(desired))
                        pipeline.publish(WAKE_CHANNEL, desired.device)
                        await pipeline.execute()
                    except WatchError:
                        continue
                    return
        except (RedisError, OSError) as error:
            raise Unavailable(f"Redis does not answer: {error}") from error


def _is_newer(raw: bytes, desired: Desired) -> bool:
    """What cannot be read, as another version may have written it, is not."""
    try:
        there = decode_desired(raw)
    except msgspec.MsgspecError:
        return False
    return there.epoch == desired.epoch and there.revision > desired.revision


class EpochKeeper:
    """Confirms the epoch only while Redis holds every device's desired state.

    At the start, and whenever the server was restarted or has lost the epoch, all states are written from SQL
    before the epoch is set: a gateway sends nothing in between.
    """

    def __init__(
        self, redis: Redis, epoch: str, all_desired: Callable[[], Awaitable[Sequence[Desired]]]
    ) -> None:
        self._redis = redis
        self._epoch = epoch
        self._all_desired = all_desired
        self._server = ""

    async def keep(self) -> None:
        """Confirm the epoch if it has to be."""
        server = await self._run_id()
        present = await self._redis.get(EPOCH_KEY)
        if server == self._server and present == self._epoch.encode():
            return
        await self._redis.delete(EPOCH_KEY)
        devices = RedisDevices(self._redis)  # somebody may write a newer revision meanwhile
        desired = await self._all_desired()
        for one in desired:
            await devices.write_desired(one)
        if await self._run_id() != server:
            return  # it was restarted meanwhile: what it had by then may be lost
        await self._redis.set(EPOCH_KEY, self._epoch)
        await self._redis.publish(WAKE_CHANNEL, "*")
        self._server = server
        log.info("desired states of %d devices confirmed", len(desired))

    async def _run_id(self) -> str:
        """Another one after each start of the server."""
        info = await self._redis.info("server")
        return str(info["run_id"])
