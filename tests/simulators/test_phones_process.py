"""The exchange as its own process, over real sockets, killed in the middle of a call."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from dispatch.clock import SystemClock
from dispatch.settings import Settings, to_environment
from simulators.phone_callbacks import token

COMMAND = (sys.executable, "-c", "from simulators.phones import exchange; exchange()")
ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def centre(heard: list[dict[str, object]]) -> AsyncIterator[str]:
    """A server that takes every callback; yields its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(line for line in head.split("\r\n") if line.startswith("content-length"))
        heard.append(json.loads(await reader.readexactly(int(length.split(":")[1]))))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/cb"


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {**os.environ, **to_environment(settings)}
    process = await asyncio.create_subprocess_exec(*COMMAND, env=environment, cwd=ROOT)
    try:
        async with asyncio.timeout(10), httpx.AsyncClient(trust_env=False) as client:
            while True:
                try:
                    await client.get(f"http://127.0.0.1:{settings.phone_port}/healthz")
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.02)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def hears(heard: list[dict[str, object]], state: str) -> None:
    async with asyncio.timeout(10):
        while state not in [event["state"] for event in heard]:
            await asyncio.sleep(0.01)


async def test_a_killed_exchange_says_which_calls_were_lost_and_rings_none_twice(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1] - 4
    now = SystemClock().now().isoformat()
    settings = Settings(data=tmp_path, port=port, secret="s", clock=f"{now} {now} 60")
    heard: list[dict[str, object]] = []
    client = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{settings.phone_port}",
        headers={"Authorization": f"Bearer {token('s')}"},
        trust_env=False,
    )
    async with centre(heard) as url, client:
        call = {"call_id": "c1", "number": "10086", "prompt": "x", "callback_url": url, "ring_seconds": 300}
        async with running(settings) as process:
            await client.put("/numbers/10086", json={"behaviour": "no_answer"})
            assert (await client.post("/calls", json=call)).status_code == 201
            await hears(heard, "ringing")
            process.kill()
            await process.wait()
        async with running(settings) as process:
            await hears(heard, "failed")
            again = await client.post("/calls", json=call)
            assert (again.status_code, again.json()["state"]) == (200, "failed")
            process.terminate()
            async with asyncio.timeout(5):
                await process.wait()
    told = list(dict.fromkeys((event["seq"], event["state"]) for event in heard))
    assert told == [(1, "ringing"), (2, "failed")]  # a callback may be told again, a call never rings again
