"""What the operators can see of the devices: their states, their last frames, and who is not known.

Everything here is for people: it is bounded, written a few times in a minute, and lost without harm while Redis
is away. Frames go to Redis only where they were rejected, or while somebody looks at that device.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from dispatch.clock import Clock, SystemClock
from dispatch.messages import (
    HERE_CHANNEL,
    LOOK_CHANNEL,
    DeviceState,
    Doubled,
    Here,
    Misnamed,
    SeenFrame,
    Stranger,
    decode_here,
    devices_key,
    doubled_key,
    encode,
    frames_key,
    misnamed_key,
    shard,
)
from gps_gateway.codec import Codec, Rejected
from gps_gateway.phones import Phones
from gps_gateway.protocols import PROTOCOLS, Stream
from gps_gateway.seen import Heard, decoded, meaning

if TYPE_CHECKING:
    from gps_gateway.conversation import Conversation

log = logging.getLogger(__name__)

LOOK = 30.0
"""Real seconds that a look lasts; the page repeats it."""

FRAMES = 200
"""Of one device in Redis."""

FRAMES_EXPIRY = 900
"""Seconds after which they are gone."""

PENDING = 50
"""Frames of one device between two writings; of more, the newest."""

DEVICES = 1_000
"""Devices with frames between two writings."""

STRANGERS = 100
"""Of more, the one that was silent longest is forgotten."""

STRANGERS_EXPIRY = 3600

FRAMES_EVERY = 1.0
STATES_EVERY = 5.0
"""Real seconds between two writings."""


@dataclass
class _Unknown:
    address: str
    protocol: str
    why: str
    at: float
    times: int
    trace: list[Heard] = field(default_factory=list)


class Window:
    """One gateway's. `online` are its conversations by device."""

    def __init__(
        self,
        redis: Redis,
        clock: Clock,
        name: str,
        online: dict[str, Conversation],
        codec: Callable[[str], Codec],
    ) -> None:
        self._redis = redis
        self.clock = clock
        self._name = name
        self._online = online
        self._codec = codec
        self.watched: dict[str, float] = {}
        """Until when somebody looks at a device."""
        self._frames: dict[str, list[SeenFrame]] = {}
        self._strangers: OrderedDict[str, _Unknown] = OrderedDict()
        self._strangers_changed = False
        self._gone: dict[str, DeviceState] = {}
        self._doubled: dict[str, Doubled] = {}
        self._doubled_changed: set[str] = set()
        self._misnamed: dict[str, Misnamed] = {}
        self._misnamed_changed: set[str] = set()
        self.phones = Phones(self, name)
        self._told = 0.0

    # -- what conversations tell

    def frame(self, device: str, seen: SeenFrame) -> None:
        """To be shown; beyond the bounds it is not."""
        waiting = self._frames.get(device)
        if waiting is None:
            if len(self._frames) >= DEVICES:
                return
            waiting = self._frames[device] = []
        waiting.append(seen)
        del waiting[:-PENDING]

    def stranger(self, name: str, address: str, protocol: str, why: str, trace: Iterable[Heard]) -> None:
        """Somebody who is not known has spoken; `name` is the id that is claimed, or the address."""
        known = self._strangers.pop(name, None)
        times = 1 if known is None else known.times + 1
        at = self.clock.now().timestamp()
        self._strangers[name] = _Unknown(address, protocol, why, at, times, list(trace))
        if len(self._strangers) > STRANGERS:
            self._strangers.popitem(last=False)
        self._strangers_changed = True

    def came(self, device: str, address: str) -> Coroutine[None, None, None]:
        """It has authenticated here: known, and wherever else it still is, that gives way."""
        if self._strangers.pop(device, None) is not None:
            self._strangers_changed = True
        return self._publish(Here(self._name, device, self.clock.now().timestamp(), address))

    async def _publish(self, here: Here) -> None:
        try:
            await self._redis.publish(HERE_CHANNEL, encode(here))
        except (RedisError, OSError) as error:
            log.debug("other gateways not told of %s: %s", here.device, error)

    def went(self, state: DeviceState) -> None:
        """Its conversation here has ended, or it has none: this is how it is."""
        self._gone[state.device] = state

    def doubled(self, device: str, older: str, newer: str) -> None:
        """It was here twice."""
        before = self._doubled.get(device)
        times = 1 + (before.times if before else 0)
        self._doubled[device] = Doubled(device, self.clock.now().timestamp(), older, newer, times)
        self._doubled_changed.add(device)

    def misnamed(self, device: str, address: str, protocol: str, raw: bytes) -> None:
        """Somebody spoke for it in a protocol that is not the one it is registered with."""
        before, at = self._misnamed.get(device), self.clock.now().timestamp()
        times = 1 + (before.times if before else 0)
        if before is None:
            log.warning("%s refused: %s from %s is not its protocol", device, protocol, address)
        self._misnamed[device] = Misnamed(device, at, protocol, address, times)
        self._misnamed_changed.add(device)
        why = Rejected(f"wrong protocol: {protocol} from {address}", raw, device)
        self.frame(device, SeenFrame(at, raw, False, meaning((why,))))

    # -- what is written

    async def run(self) -> None:
        """Write until cancelled."""
        clock, next_states = SystemClock(), 0.0
        while True:
            await clock.sleep(FRAMES_EVERY)
            try:
                await self.write(states=clock.monotonic() >= next_states)
            except (RedisError, OSError) as error:
                log.debug("nothing shown to the operators: %s", error)
            if clock.monotonic() >= next_states:
                next_states = clock.monotonic() + STATES_EVERY

    async def write(self, *, states: bool = True) -> None:
        """Everything that has changed, in one go. Raises RedisError or OSError; frames are lost then."""
        frames, self._frames = self._frames, {}
        pipeline = self._redis.pipeline(transaction=False)
        for device, seen in frames.items():
            key = frames_key(device)
            pipeline.rpush(key, *(encode(one) for one in seen))
            pipeline.ltrim(key, -FRAMES, -1)
            pipeline.expire(key, FRAMES_EXPIRY)
        if self._strangers_changed:
            self._strangers_changed = False
            pipeline.set(f"strangers:{self._name}", encode(self._unknown()), ex=STRANGERS_EXPIRY)
        for device in self._doubled_changed:
            pipeline.hset(doubled_key(shard(device)), device, encode(self._doubled[device]))
        self._doubled_changed.clear()
        for device in self._misnamed_changed:
            pipeline.hset(misnamed_key(shard(device)), device, encode(self._misnamed[device]))
        self._misnamed_changed.clear()
        if states:
            for key, fields in self._states().items():
                pipeline.hset(key, mapping=cast(Mapping[Any, bytes], fields))
        if len(pipeline):
            await pipeline.execute()

    def _states(self) -> dict[str, dict[str, bytes]]:
        """One hash a shard: of devices that were heard since the last time, or that have gone."""
        since, self._told = self._told, self.clock.now().timestamp()
        states = {
            device: talk.state(device, online=True)
            for device, talk in self._online.items()
            if talk.seen.last >= since
        }
        gone, self._gone = self._gone, {}
        found: dict[str, dict[str, bytes]] = {}
        for device, state in {**gone, **states}.items():
            found.setdefault(devices_key(shard(device)), {})[device] = encode(state)
        return found

    def _unknown(self) -> list[Stranger]:
        return [
            Stranger(name, one.address, one.protocol, one.at, one.why, one.times, tuple(self._decoded(one)))
            for name, one in self._strangers.items()
        ]

    def _decoded(self, one: _Unknown) -> list[SeenFrame]:
        if not isinstance(PROTOCOLS.get(one.protocol), Stream):
            return [SeenFrame(at, raw) for at, raw, _ in one.trace]
        return decoded(one.trace, self._codec(one.protocol))

    # -- what others say

    async def listen(self) -> None:
        """People who look, and devices that have come to other gateways; until cancelled."""
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(LOOK_CHANNEL, HERE_CHANNEL)
                    while True:
                        message = await channel.get_message(timeout=1.0)
                        self._end_looks()
                        if message is not None:
                            self._told_by(message["channel"], message["data"])
            except (RedisError, OSError) as error:
                log.debug("not listening to the others: %s", error)
            await SystemClock().sleep(0.5)

    def _told_by(self, channel: bytes, data: bytes) -> None:
        if channel == LOOK_CHANNEL.encode():
            self._look(data.decode("utf-8", "replace"))
            return
        try:
            here = decode_here(data)
        except msgspec.MsgspecError:
            return
        talk = self._online.get(here.device)
        if talk is not None and here.gateway != self._name and here.at > talk.seen.since:
            talk.replaced(here.device, here.address)

    def _look(self, device: str) -> None:
        """From now on each of its frames is shown, and first those that are remembered."""
        talk = self._online.get(device)
        self.phones.show(device)
        if talk is not None and device not in self.watched:
            unseen = [heard for heard in talk.seen.trace if heard[0] > talk.seen.shown]
            for seen in decoded(unseen, self._codec(talk.protocol)):
                self.frame(device, seen)
        self.watched[device] = SystemClock.monotonic() + LOOK

    def _end_looks(self) -> None:
        now = SystemClock.monotonic()
        for device in [device for device, until in self.watched.items() if until < now]:
            del self.watched[device]
