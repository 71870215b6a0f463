"""The gateway as one object: listens, keeps its sessions, tells how it is, and stops in good order."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Coroutine

from redis.exceptions import RedisError

from dispatch.clock import Clock, SystemClock
from dispatch.messages import GatewayState, positions_stream, shard
from dispatch.settings import Settings
from gps_gateway.connection import Connection
from gps_gateway.delivery import Delivery
from gps_gateway.house import Counts
from gps_gateway.http import Endpoint, Route
from gps_gateway.protocols import PROTOCOLS, Stream, Web
from gps_gateway.publisher import Publisher
from gps_gateway.store import Store, connect
from gps_gateway.trimming import trim_forever

log = logging.getLogger(__name__)

STATE_EVERY = 2.0
IDLE_EVERY = 5.0
LAST_WORD = 2.0
"""Real seconds that a connection, or work under way, has to end in when the gateway closes."""


class Gateway:
    """Every protocol's port, one publisher, one delivery. Starts whether or not Redis is there.

    `ports` overrides the settings' ports by protocol; 0 lets the system choose. Times are real seconds;
    `last_flush` is how long a stop waits for Redis to take what was received.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        ports: dict[str, int] | None = None,
        idle_after: float = 300.0,
        max_connections: int = 20_000,
        resend_after: float = 5.0,
        sweep_every: float = 3.0,
        limit: int = 50_000,
        last_flush: float = 4.0,
    ) -> None:
        self.secret = settings.secret
        self.clock = clock
        self.counts = Counts()
        self.connections: set[Connection] = set()
        self.online: dict[str, Connection] = {}
        self.max_connections = max_connections
        self.ports: dict[str, int] = {}
        """Where each protocol really listens, once `start_listening` has returned."""
        self._settings = settings
        self._wanted = ports or {}
        self._idle_after = idle_after
        self._last_flush = last_flush
        self._redis = connect(settings.redis_url)
        self.store = Store(self._redis)
        own = positions_stream(shard(f"{socket.gethostname()}:{os.getpid()}"))
        self.publisher = Publisher(self._redis, own, limit=limit)
        self.publisher.on_pressure = self._steer
        self.delivery = Delivery(
            self.store, self.publisher, clock, resend_after=resend_after, sweep_every=sweep_every
        )
        self._servers: list[asyncio.Server] = []
        self._endpoints: dict[Endpoint, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._flushing: asyncio.Task[None] | None = None

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
        for name, protocol in PROTOCOLS.items():
            await self._listen(name, protocol)
        self._flushing = asyncio.create_task(self.publisher.run())
        for part in self.delivery.parts():
            self.start(part)
        self.start(trim_forever(self._redis, self.publisher))
        self.start(self._tell_state())
        self.start(self._hang_up_idle())

    async def _listen(self, name: str, protocol: Stream | Web) -> None:
        port = self._wanted.get(name, protocol.port(self._settings) if protocol.port else 0)
        if isinstance(protocol, Web):
            endpoint = Endpoint(Route(self, name, protocol), self._settings.host, port)
            self._endpoints[endpoint] = asyncio.create_task(endpoint.run())
            self.ports[name] = endpoint.port
        else:
            codec, loop = protocol.codec, asyncio.get_running_loop()
            server = await loop.create_server(
                lambda: Connection(self, codec("accept")), self._settings.host, port, backlog=1024, reuse_port=True
            )
            self._servers.append(server)
            self.ports[name] = server.sockets[0].getsockname()[1]
        log.info("%s on %s:%d", name, self._settings.host, self.ports[name])

    async def close(self) -> None:
        """Take nothing more, make durable what was taken, answer it, and hang up."""
        for server in self._servers:
            server.close()
        for endpoint in self._endpoints:
            endpoint.close()
        deadline = SystemClock.monotonic() + self._last_flush
        await self._all_stored(deadline)
        await self._hang_up()
        await self._all_stored(deadline)
        await asyncio.gather(*self._endpoints.values(), return_exceptions=True)
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
        name = f"{socket.gethostname()}:{self.ports.get('jt808', 0)}"
        at = self.clock.now().timestamp()
        counts = self.counts
        return GatewayState(name, at, len(self.connections), counts.frames, counts.rejected, counts.withheld)

    async def _hang_up_idle(self) -> None:
        while True:
            await SystemClock().sleep(min(IDLE_EVERY, self._idle_after / 2))
            oldest = SystemClock.monotonic() - self._idle_after
            for connection in list(self.connections):
                if connection.last_heard < oldest:
                    connection.close()
