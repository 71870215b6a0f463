from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from redis.asyncio import Redis

from dispatch.adapters.redis.server import RedisServer
from dispatch.clock import SystemClock
from dispatch.messages import (
    EPOCH_KEY,
    WAKE_CHANNEL,
    Desired,
    DesiredOrder,
    DeviceEvent,
    Position,
    all_shards,
    decode_events,
    decode_positions,
    desired_key,
    encode,
    events_stream,
    positions_stream,
)
from dispatch.settings import Settings
from gps_gateway.gateway import Gateway
from gps_gateway.protocols import PROTOCOLS
from tests.gps_gateway.beacon import BEACON, hang_up
from tests.gps_gateway.raw_terminal import DEVICE


class RealServer:
    """A real server of the Redis protocol that a test can stop and start again."""

    def __init__(self, folder: Path) -> None:
        self._server = RedisServer(folder)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = self._server.url

    def start(self) -> None:
        self._server.prepare()
        process = subprocess.Popen(self._server.command, stdout=subprocess.DEVNULL)
        self._process = process
        self._server.wait_until_ready(lambda: process.poll() is None)

    def stop(self) -> None:
        """As hard as a power cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Centre:
    """What the dispatch centre would write and read."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.device = DEVICE
        self.revision = 0

    async def wish(
        self, *orders: DesiredOrder, epoch: str = "e1", revision: int | None = None, wake: bool = True
    ) -> None:
        """A new revision of what should be on the terminal."""
        self.revision = self.revision + 1 if revision is None else revision
        desired = Desired(self.device, epoch, self.revision, orders)
        await self.redis.set(desired_key(self.device), encode(desired))
        if wake:
            await self.redis.publish(WAKE_CHANNEL, self.device)

    async def register(self, device: str) -> None:
        """A device that should show nothing."""
        await self.redis.set(desired_key(device), encode(Desired(device, "e1", 0)))

    async def confirm(self, epoch: str = "e1") -> None:
        await self.redis.set(EPOCH_KEY, epoch)

    async def events(self) -> list[DeviceEvent]:
        entries = await self._entries([events_stream(tag) for tag in all_shards()])
        return [event for entry in entries for event in decode_events(entry)]

    async def positions(self) -> list[Position]:
        entries = await self._entries([positions_stream(tag) for tag in all_shards()])
        return [position for entry in entries for position in decode_positions(entry)]

    async def _entries(self, streams: list[str]) -> list[bytes]:
        pipeline = self.redis.pipeline(transaction=False)
        for stream in streams:
            pipeline.xrange(stream)
        return [fields[b"b"] for found in await pipeline.execute() for _, fields in found]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    real = RealServer(tmp_path)
    real.start()
    yield real
    real.stop()


@pytest.fixture
async def centre(server: RealServer) -> AsyncIterator[Centre]:
    """With one registered device that should show nothing, under a confirmed epoch."""
    redis = Redis.from_url(server.url)
    centre = Centre(redis)
    await centre.confirm()
    await centre.wish(revision=0, wake=False)  # its crew never had an order
    yield centre
    await redis.aclose()


class Open(Protocol):
    """Starts a gateway; `more` are settings."""

    async def __call__(self, ports: dict[str, int] | None = None, **more: Any) -> Gateway: ...


@pytest.fixture
async def open_gateway(server: RealServer) -> AsyncIterator[Open]:
    """Starts a gateway on ports of the system's choice, with quick timers; ends all of them."""
    opened: list[Gateway] = []

    async def open_one(ports: dict[str, int] | None = None, **more: Any) -> Gateway:
        own = {name: more.pop(name) for name in ("trusted",) if name in more}
        settings = Settings(redis_url=server.url, secret="a secret of the tests", **more)
        gateway = Gateway(
            settings,
            SystemClock(),
            ports=ports or {},
            resend_after=0.1,
            sweep_every=0.2,
            limit=50,
            last_flush=0.2,
            **own,
        )
        opened.append(gateway)
        await gateway.open()
        return gateway

    yield open_one
    await hang_up()
    for gateway in opened:
        await gateway.close()


@pytest.fixture
async def gateway(open_gateway: Open, centre: Centre) -> Gateway:
    return await open_gateway()


@pytest.fixture
def beacon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway speaks one protocol more, which only tests know, and asks the centre again at once."""
    monkeypatch.setitem(PROTOCOLS, "beacon", BEACON)
    monkeypatch.setattr("gps_gateway.conversation.ASK_AGAIN", 0.2)
