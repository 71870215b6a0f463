"""Trimming, the streams' bound, the gateway's heartbeat, idle and surplus connections, the command."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from dispatch.clock import SystemClock, clock_from
from dispatch.messages import Position, decode_gateway_state, positions_stream, shard
from dispatch.settings import Settings, to_environment
from gps_gateway import trimming
from gps_gateway.connection import Connection
from gps_gateway.gateway import Gateway
from gps_gateway.trimming import GROUP, length, trim
from tests.dispatch.processes import free_ports
from tests.gps_gateway.conftest import Centre, Open, RealServer
from tests.gps_gateway.raw_terminal import DEVICE, RawTerminal, line, position

STREAM = positions_stream(shard(DEVICE))


async def fill(redis: Redis, entries: int) -> None:
    for _ in range(entries):
        await redis.xadd(STREAM, {"b": b"x"})


async def test_only_what_the_centre_has_acknowledged_is_trimmed(centre: Centre) -> None:
    redis = centre.redis
    await fill(redis, 6)
    assert await trim(redis) == 0, "nobody has read it"
    await redis.xgroup_create(STREAM, GROUP, id="0")
    assert await trim(redis) == 0
    answer: Any = await redis.xreadgroup(GROUP, "one", {STREAM: ">"}, count=4)
    ids: list[bytes] = [entry for entry, _ in answer[0][1]]
    assert await trim(redis) == 0, "read, and not acknowledged"
    await redis.xack(STREAM, GROUP, ids[0], ids[1], ids[3])
    assert await trim(redis) == 2
    await redis.xack(STREAM, GROUP, ids[2])
    assert await trim(redis) == 1
    assert await length(redis) == 3  # the last one delivered, and two that nobody has read


async def test_at_the_streams_bound_acknowledgements_are_withheld(
    open_gateway: Open, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trimming, "EVERY", 0.05)
    monkeypatch.setattr(trimming, "BOUND", 100)
    gateway = await open_gateway()
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await fill(centre.redis, 100)
        await _until_full(gateway, True)
        serial = terminal.send(0x0200, position())
        await terminal.silence(0.1)
        await centre.redis.delete(STREAM)
        await _until_full(gateway, False)
        terminal.send(0x0200, position(), serial=serial)
        assert (await terminal.expect(0x8001)).answered == (0x0200, serial, 0)


async def _until_full(gateway: Gateway, full: bool) -> None:
    async with asyncio.timeout(10):
        while gateway.publisher.streams_full is not full:
            await SystemClock().sleep(0.01)


async def test_positions_of_many_frames_share_an_entry(gateway: Gateway, centre: Centre) -> None:
    positions = [Position(DEVICE, float(n), 0.0, 1.0, 2.0) for n in range(200)]
    done, told = asyncio.Event(), list[int]()

    def stored(number: int) -> Callable[[], None]:
        told.append(number)
        return done.set if number == 49 else lambda: None

    for n, one in enumerate(positions[:50]):
        assert gateway.publisher.reserve(1)
        gateway.publisher.positions((one,), lambda _, n=n: stored(n))  # type: ignore[misc]
    await done.wait()
    assert told == list(range(50))
    assert [p.fix_time for p in await centre.positions()] == list(range(50))
    (length,) = [await centre.redis.xlen(stream) for stream in await centre.redis.keys("positions:*")]
    assert length == 1


async def test_the_heartbeat_tells_how_the_gateway_is(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await gateway.store.keep_state(gateway.state())
    (key,) = await centre.redis.keys("gateway:*")
    raw = await centre.redis.get(key)
    assert isinstance(raw, bytes)
    state = decode_gateway_state(raw)
    assert (state.connections, state.frames) == (1, 2)
    assert 0 < await centre.redis.ttl(key) <= 10


async def test_an_idle_connection_is_hung_up_and_a_surplus_one_too(
    server: RealServer, centre: Centre
) -> None:
    settings = Settings(redis_url=server.url, secret="s")
    ports = {"jt808": 0, "jt905": 0, "osmand": 0, "owntracks": 0}
    gateway = Gateway(settings, SystemClock(), ports=ports, idle_after=0.2, max_connections=1)
    await gateway.open()
    async with RawTerminal(gateway.ports["jt808"]) as first, RawTerminal(gateway.ports["jt808"]) as second:
        async with asyncio.timeout(2):
            assert await second.reader.read() == b""
            assert await first.reader.read() == b""
    await gateway.close()


async def test_who_reads_nothing_cannot_stay_for_ever(server: RealServer, centre: Centre) -> None:
    """What waits to be sent to it would keep the connection open after it was hung up."""
    settings = Settings(redis_url=server.url, secret="s", frames_per_second=0)
    gateway = Gateway(settings, SystemClock(), ports={}, idle_after=0.4)
    await gateway.open()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        await asyncio.get_running_loop().sock_connect(deaf, ("127.0.0.1", gateway.ports["jt808"]))
        connection = await _only(gateway)
        assert connection._transport is not None
        transport = connection._transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        await asyncio.get_running_loop().sock_sendall(deaf, line(0x0002, 1) * 8000)
        async with asyncio.timeout(2):
            while not transport.get_write_buffer_size():
                await asyncio.sleep(0.01)
            while gateway.connections:
                await asyncio.sleep(0.01)
    await gateway.close()


async def _only(gateway: Gateway) -> Connection:
    while not gateway.connections:
        await asyncio.sleep(0.01)
    (connection,) = gateway.connections
    assert isinstance(connection, Connection)
    return connection


async def test_the_command_serves_and_stops_on_sigterm(
    server: RealServer, centre: Centre, tmp_path: Path
) -> None:
    settings = Settings(redis_url=server.url, secret="s", port=free_ports(), data=tmp_path)
    port = settings.jt808_port
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from gps_gateway.server import gateway; gateway()",
        env={**os.environ, **to_environment(settings)},
    )
    try:
        await _listening(port)
        async with RawTerminal(port) as terminal:
            await terminal.login()
            process.send_signal(signal.SIGTERM)
            assert await terminal.reader.read() == b""
        assert await asyncio.wait_for(process.wait(), 5) == 0
    finally:
        if process.returncode is None:
            process.kill()


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await SystemClock().sleep(0.05)
            else:
                writer.close()
                return


@pytest.mark.parametrize("text", ["now", "2025-01-01T00:00:00 2025-01-01T00:00:00 10", "a b c", "1 2"])
def test_a_clock_that_cannot_be_read_says_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match="clock"):
        clock_from(text)


def test_a_scaled_clock_runs_faster() -> None:
    clock = clock_from("2025-01-01T00:00:00Z 2030-01-01T00:00:00Z 10")
    assert clock.now().year > 2030
    assert isinstance(clock_from(""), SystemClock)
