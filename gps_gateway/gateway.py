"""The gateway as one object: listens, keeps its sessions, tells how it is, and stops in good order."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from dispatch.clock import Clock, SystemClock
from dispatch.messages import GatewayState, positions_stream, shard
from dispatch.settings import Settings
from gps_gateway.arrivals import Arrivals
from gps_gateway.choices import METRICS, checksums, quarantines
from gps_gateway.codec import Codec
from gps_gateway.conversation import Conversation
from gps_gateway.delivery import Delivery
from gps_gateway.door import LOOPBACK, Door
from gps_gateway.house import Counts, Peer, total
from gps_gateway.http import Endpoint
from gps_gateway.listening import Listening
from gps_gateway.metrics import application
from gps_gateway.protocols import PROTOCOLS, Stream
from gps_gateway.publisher import Publisher
from gps_gateway.store import Store, connect
from gps_gateway.trimming import trim_forever
from gps_gateway.window import Window

if TYPE_CHECKING:
    from gps_gateway.mqtt import Subscriber

log = logging.getLogger(__name__)

STATE_EVERY = 2.0
IDLE_EVERY = 5.0
BEGIN_ANEW = 1.0
LAST_WORD = 2.0
"""Real seconds that a connection, or work under way, has to end in when the gateway closes."""

Part = Callable[[], Coroutine[None, None, None]]
"""What runs until it is cancelled."""


class Gateway:
    """Every protocol's port, one publisher, one delivery. Starts whether or not Redis is there.

    `ports` overrides the settings' ports by name; 0, or one that it leaves out, lets the system choose. Times are
    real seconds; `last_flush` is how long a stop waits for Redis to take what was received. Raises BadInput where
    the settings cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        ports: dict[str, int] | None = None,
        idle_after: float | None = None,
        max_connections: int = 20_000,
        resend_after: float = 5.0,
        sweep_every: float = 3.0,
        limit: int = 50_000,
        last_flush: float = 4.0,
        trusted: frozenset[str] = LOOPBACK,
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{token_hex(3)}"
        self.secret = settings.secret
        self.clock = clock
        self.arrivals = Arrivals(clock)
        self.connections: set[Peer] = set()
        self.addresses: set[Peer] = set()
        self.online: dict[str, Conversation] = {}
        self.max_connections = max_connections
        self.quarantine = quarantines(settings)
        self.frames_per_second = settings.frames_per_second
        self.door = Door(settings.connections_per_address, settings.attempts_per_minute, trusted)
        self._by_protocol: dict[str, Counts] = {}
        self._checksums = checksums(settings)
        self._listening = Listening(self, settings, ports)
        self._idle_after = settings.idle_timeout if idle_after is None else idle_after
        self._last_flush = last_flush
        self._redis = connect(settings.redis_url)
        self.store = Store(self._redis)
        own = positions_stream(shard(self.name))
        self.publisher = Publisher(self._redis, own, clock, limit=limit)
        self.publisher.on_pressure = self._steer
        self.window = Window(self._redis, clock, self.name, self.online, self.codec)
        self._metrics_port = settings.prometheus_port if ports is None else ports.get(METRICS, 0)
        self._metrics: tuple[Endpoint, asyncio.Task[None]] | None = None
        self.delivery = Delivery(
            self.store, self.publisher, clock, resend_after=resend_after, sweep_every=sweep_every
        )
        self._subscriber = self._subscriber_of(settings.mqtt_url) if settings.mqtt_url else None
        self._tasks: set[asyncio.Task[None]] = set()
        self._flushing: asyncio.Task[None] | None = None

    def _subscriber_of(self, url: str) -> Subscriber:
        from gps_gateway.mqtt import Subscriber

        return Subscriber(self, url)

    @property
    def ports(self) -> dict[str, int]:
        """Where each protocol, and the shared port, really listens once `open` has returned."""
        return self._listening.ports

    @property
    def counts(self) -> Counts:
        """Of all protocols together."""
        return total(self._by_protocol.values())

    @property
    def by_protocol(self) -> Mapping[str, Counts]:
        """Of each protocol that was spoken here, and of the shared port."""
        return self._by_protocol

    def counted(self, protocol: str) -> Counts:
        return self._by_protocol.setdefault(protocol, Counts())

    def codec(self, protocol: str) -> Codec:
        stream = PROTOCOLS[protocol]
        assert isinstance(stream, Stream)
        return stream.codec(self._checksums.get(protocol, "accept"))

    def start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a part of the gateway ended", exc_info=error)

    async def open(self) -> None:
        """Listen on every port and start all parts. Raises OSError where a port cannot be had."""
        await self._listening.open()
        self._flushing = asyncio.create_task(self.publisher.run())
        parts: list[Part] = [
            *self.delivery.parts, partial(trim_forever, self._redis, self.publisher), self._tell_state,
            self._hang_up_idle, self.window.run, self.window.listen,
        ]  # fmt: skip
        if self._subscriber is not None:
            parts.append(self._subscriber.run)
        for part in parts:
            self.start(self._for_ever(part))
        endpoint = Endpoint(application(self), "127.0.0.1", self._metrics_port)
        self._metrics = endpoint, asyncio.create_task(endpoint.run())
        self.ports[METRICS] = endpoint.port

    async def _for_ever(self, part: Part) -> None:
        """A bug of ours must not leave the gateway without one of its parts until somebody restarts it."""
        while True:
            try:
                await part()
            except Exception:
                log.exception("a part of the gateway begins anew")
            await SystemClock().sleep(BEGIN_ANEW)

    async def close(self) -> None:
        """Take nothing more, make durable what was taken, answer it, and hang up."""
        self._listening.stop_listening()
        deadline = SystemClock.monotonic() + self._last_flush
        await self._all_stored(deadline)
        await self._hang_up()
        await self._all_stored(deadline)
        await self._listening.close()
        if self._metrics is not None:
            self._metrics[0].close()
            await self._metrics[1]
        self.publisher.close()
        if self._flushing is not None:
            await self._flushing
        await self._end_tasks()
        await self._redis.aclose()

    async def _end_tasks(self) -> None:
        """Cancelled again until each has ended: a cancellation that meets the very end of a wait inside the
        Redis client can be swallowed there, and the loop around it would go on for ever."""
        left = self._tasks | self.delivery.under_way
        while left:
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=0.1)

    async def _hang_up(self) -> None:
        """Every connection, also one whose acceptance was under way; a peer that does not read is cut off."""
        deadline = SystemClock.monotonic() + LAST_WORD
        while self.connections:
            for connection in list(self.connections):
                connection.close(abort=SystemClock.monotonic() > deadline)
            await SystemClock().sleep(0.005)

    async def _all_stored(self, deadline: float) -> None:
        while self.publisher.waiting and SystemClock.monotonic() < deadline:
            await SystemClock().sleep(0.005)

    def _steer(self, pressed: bool) -> None:
        if pressed:
            log.warning("no room for more: %d items wait for Redis", self.publisher.waiting)
        for connection in list(self.connections):
            connection.steer()

    async def _tell_state(self) -> None:
        while True:
            try:
                await self.store.keep_state(self.state())
            except (RedisError, OSError) as error:
                log.debug("state not told: %s", error)
            await SystemClock().sleep(STATE_EVERY)

    def state(self) -> GatewayState:
        """What /healthz and the operators see."""
        at, counts = self.clock.now().timestamp(), self.counts
        peers = len(self.connections) + len(self.addresses)
        return GatewayState(self.name, at, peers, counts.frames, counts.rejected, counts.withheld, self.ports)

    async def _hang_up_idle(self) -> None:
        while True:
            await SystemClock().sleep(min(IDLE_EVERY, self._idle_after / 2))
            oldest = SystemClock.monotonic() - self._idle_after
            for peer in [*self.connections, *self.addresses]:
                if peer.last_heard < oldest:  # who does not read what was sent would never let it end
                    peer.close(abort=peer.last_heard < oldest - self._idle_after)
