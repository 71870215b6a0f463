"""Durable append first, then acknowledgement (D5), in micro-batches (D14).

Everything is queued with a callback that is called once, after the Redis stream has it. While Redis is
away the queue keeps what it has and tries again; at its bound `append` refuses, and the frame stays
unacknowledged, so that the device sends it again. An entry can therefore be doubled, never lost.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from redis.asyncio import Redis
from redis.exceptions import RedisError

from dispatch.clock import Clock, SystemClock
from dispatch.messages import DeviceEvent, Position, encode, events_stream, shard, storable

log = logging.getLogger(__name__)

ENTRY = 64
"""Positions in one entry of a stream."""

LINGER = 0.002
"""Seconds that the first of a batch waits for others."""

FLUSH = 8192
"""Items in one pipeline, so that one answer does not wait for a whole backlog."""

LONGEST_PAUSE = 1.0
"""Seconds between two tries while Redis is away."""

Send = Callable[[], None]

Stored = Callable[[float], Send | None]
"""Told that an item is durable since this instant (on the installation's clock); gives what answers the device. The
answers of a batch are sent one right after the other, when all of it has been told (see arrivals.py)."""


_Waiting = tuple[str, Sequence[Position | DeviceEvent], Stored, float]
"""Stream, what goes into it, who is told, and since when it waits (monotonic)."""


LAGS = (0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
"""Upper ends of the lag's buckets, in seconds; one more holds the rest."""


def encoded(items: Sequence[Position | DeviceEvent]) -> bytes:
    """One entry. What a device says must never stand in the way of what the others say."""
    try:
        return encode(items)
    except (OverflowError, UnicodeError):
        return encode([storable(item) for item in items])


class Lag:
    """How long items waited until they were durable."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(LAGS) + 1)
        self.sum = 0.0

    def add(self, now: float, stored: Sequence[_Waiting]) -> None:
        """`stored`: in the order in which they came."""
        since, left = [waiting[3] for waiting in stored], len(stored)
        sizes = [0, *accumulate([len(waiting[1]) for waiting in stored])]
        for bucket, longest in enumerate(LAGS):
            first = bisect_left(since, now - longest, hi=left)
            self.buckets[bucket] += sizes[left] - sizes[first]
            left = first
            if not left:
                break
        self.buckets[-1] += sizes[left]
        self.sum += sum([(now - at) * len(waiting[1]) for at, waiting in zip(since, stored, strict=True)])


class Publisher:
    """Appends to the streams; `limit` positions and events at most wait in memory.

    All positions of one gateway go into one `stream`: spread over the shards of their devices, a batch would
    be as many commands as positions (D14). What a device says on one connection stays in its order.
    """

    def __init__(
        self, redis: Redis, stream: str, clock: Clock, *, limit: int = 50_000, linger: float = LINGER
    ) -> None:
        self._redis = redis
        self._clock = clock
        self._stream = stream
        self._limit = limit
        self._linger = linger
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._trouble = ""
        self.waiting = 0
        """Items that are not durable yet."""
        self.stored = 0
        self.lag = Lag()
        self.streams_full = False
        """Set by the trimming: the consumers are so far behind that nothing more is taken."""
        self.on_pressure: Callable[[bool], None] = lambda _: None
        """Told when the bound is reached (True), and when half of it is free again (False)."""
        self.pressed = False

    def reserve(self, count: int) -> bool:
        """Room for so many positions, which have to follow; False: there is none."""
        if self.streams_full or self.waiting + count > self._limit:
            self._press(True)
            return False
        self.waiting += count
        return True

    def positions(self, positions: Sequence[Position], stored: Stored) -> None:
        """Append positions that have their room."""
        self._put((self._stream, positions, stored, SystemClock.monotonic()))

    def event(self, event: DeviceEvent, stored: Stored) -> bool:
        """Append one press, receipt or link event; positions leave room for them.

        False: no room, and `stored` will never be called.
        """
        if self.waiting >= 2 * self._limit:
            return False
        stream = events_stream(shard(event.device))
        self._put((stream, (event,), stored, SystemClock.monotonic()))
        self.waiting += 1
        return True

    def _put(self, waiting: _Waiting) -> None:
        if not self._queue:
            self._wake.set()
        self._queue.append(waiting)

    async def event_stored(self, event: DeviceEvent) -> bool:
        """The same, waiting until it is durable; False: no room."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self.event(event, lambda _: None if done.cancelled() else done.set_result(None)):
            return False
        await done
        return True

    async def run(self) -> None:
        """Flush until closed; then only what still waits, for as long as Redis takes it."""
        clock, pause = SystemClock(), 0.05
        while not self._closing:
            await self._wake.wait()
            self._wake.clear()
            if not self._closing:
                await clock.sleep(self._linger)
            while self._queue:
                if await self._flush():
                    pause = 0.05
                elif self._closing:
                    return
                else:
                    await clock.sleep(pause)
                    pause = min(LONGEST_PAUSE, pause * 2)

    def close(self) -> None:
        """Let `run` end when the queue is empty, or at the next failure."""
        self._closing = True
        self._wake.set()

    async def _flush(self) -> bool:
        """One pipeline. What Redis refused goes back to the front, in its order."""
        taken, streams = self._take()
        failed = await self._send(streams)
        if failed:
            self._queue.extendleft(waiting for waiting in reversed(taken) if waiting[0] in failed)
            taken = [waiting for waiting in taken if waiting[0] not in failed]
        size = sum([len(waiting[1]) for waiting in taken])
        self.waiting -= size
        self.stored += size
        self.lag.add(SystemClock.monotonic(), taken)
        self._tell(taken)
        if self.waiting <= self._limit // 2 and not self.streams_full:
            self._press(False)
        return not failed

    def _take(self) -> tuple[list[_Waiting], dict[str, list[Position | DeviceEvent]]]:
        """One batch from the front of the queue, and what goes into each stream."""
        queue, size = self._queue, 0
        if len(queue) < FLUSH and self.waiting < FLUSH:
            taken = [*queue]
            queue.clear()
        else:
            taken = []
            while queue and size < FLUSH:
                taken.append(queue.popleft())
                size += len(taken[-1][1])
        streams: dict[str, list[Position | DeviceEvent]] = defaultdict(list)
        for stream, items, _, _ in taken:
            streams[stream] += items
        return taken, streams

    async def _send(self, streams: dict[str, list[Position | DeviceEvent]]) -> set[str]:
        """Append; gives the streams of which not every entry was confirmed."""
        order: list[str] = []
        try:
            pipeline = self._redis.pipeline(transaction=False)
            for stream, items in streams.items():
                for start in range(0, len(items), ENTRY):
                    pipeline.xadd(stream, {"b": encoded(items[start : start + ENTRY])})
                    order.append(stream)
            answers = await pipeline.execute(raise_on_error=False)
        except Exception as error:  # whatever it is: nothing else would ever store, and answer, what waits
            self._note(str(error) if isinstance(error, RedisError | OSError) else repr(error))
            return set(streams)
        failed = {s for s, a in zip(order, answers, strict=True) if isinstance(a, BaseException)}
        self._note(f"{len(failed)} streams refuse to grow" if failed else "")
        return failed

    def _note(self, trouble: str) -> None:
        """Say once that something stands in the way, and once that it has gone."""
        if trouble and not self._trouble:
            log.warning("acknowledgements withheld: %s", trouble)
        elif self._trouble and not trouble:
            log.warning("storing again; %d items waited", self.waiting)
        self._trouble = trouble

    def _tell(self, taken: Iterable[_Waiting]) -> None:
        at, sends = self._clock.timestamp(), list[Send]()
        for _, _, stored, _ in taken:
            try:
                if (send := stored(at)) is not None:
                    sends.append(send)
            except Exception:
                log.exception("an acknowledgement failed after its frame was stored")
        for send in sends:
            try:
                send()
            except Exception:
                log.exception("an acknowledgement was not sent after its frame was stored")

    def _press(self, pressed: bool) -> None:
        if pressed != self.pressed:
            self.pressed = pressed
            self.on_pressure(pressed)

    def relieve(self) -> None:
        """The streams have room again: take frames, if the queue has room as well."""
        if self.waiting <= self._limit // 2 and not self.streams_full:
            self._press(False)
