"""One stream has one reader, however slow, frozen or cut off it is; nothing is lost and nothing overtakes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from dispatch.adapters.redis import shares
from dispatch.adapters.redis.shares import GROUP, Lost, Shares
from dispatch.adapters.redis.streams import Entry, StreamConsumer

LEASE = 0.5


@pytest.fixture(autouse=True)
def short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "LEASE_MS", int(LEASE * 1000))
    monkeypatch.setattr(shares, "RENEW_EVERY", LEASE / 10)


class Handled:
    """What every reader did, in the order in which it ended; how many were at one stream at once."""

    def __init__(self) -> None:
        self.done: list[tuple[str, bytes]] = []
        self.stopped: list[tuple[str, bytes]] = []
        self.at_once = self.most = 0

    def by(self, name: str, seconds: float) -> Any:
        async def handle(entries: Sequence[Entry]) -> None:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            try:
                for _, _, body in entries:
                    try:
                        await asyncio.sleep(seconds)
                    except asyncio.CancelledError:
                        self.stopped.append((name, body))
                        raise
                    self.done.append((name, body))
            finally:
                self.at_once -= 1

        return handle

    async def until(self, number: int) -> None:
        async with asyncio.timeout(15):
            while len(self.done) < number:
                await asyncio.sleep(0.01)


async def _settled(redis: Redis) -> None:
    async with asyncio.timeout(5):
        while (await redis.xpending("s", GROUP))["pending"]:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def reading(*consumers: StreamConsumer) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one.run()) for one in consumers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_batch_that_takes_longer_than_a_lease_is_handled_by_one_reader_and_once(redis: Redis) -> None:
    handled = Handled()
    bodies = [str(n).encode() for n in range(6)]
    for body in bodies[:3]:
        await redis.xadd("s", {b"b": body})
    slow = StreamConsumer(redis, ["s"], "slow", handled.by("slow", LEASE))
    other = StreamConsumer(redis, ["s"], "other", handled.by("other", 0))
    async with reading(slow):
        await asyncio.sleep(0.1)
        async with reading(other):
            for body in bodies[3:]:
                await redis.xadd("s", {b"b": body})
            await handled.until(6)
    assert [body for _, body in handled.done] == bodies
    assert {name for name, _ in handled.done[:3]} == {"slow"}
    assert (handled.most, handled.stopped) == (1, [])


async def test_a_reader_of_slow_batches_gives_back_what_is_more_than_its_part(redis: Redis) -> None:
    handled = Handled()
    slow = StreamConsumer(redis, ["s", "t"], "slow", handled.by("slow", LEASE / 4), count=1)
    other = StreamConsumer(redis, ["s", "t"], "other", handled.by("other", 0.001), count=1)
    for n in range(40):
        await redis.xadd("st"[n % 2], {b"b": str(n).encode()})
    async with reading(slow):
        await handled.until(1)
        async with reading(other):
            async with asyncio.timeout(5):
                while not any(name == "other" for name, _ in handled.done):
                    await asyncio.sleep(0.01)
    for one in (0, 1):
        numbers = [int(body) for _, body in handled.done if int(body) % 2 == one]
        assert numbers == sorted(set(numbers)), "in their order, once"


class Line:
    """A TCP way to Redis that can be cut: what is sent stays unanswered."""

    def __init__(self, redis: Redis) -> None:
        self._to = redis.connection_pool.connection_kwargs
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()

    async def start(self) -> Redis:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return Redis(host="127.0.0.1", port=port, socket_timeout=0.1, socket_connect_timeout=0.1)

    def cut(self) -> None:
        self._open.clear()

    def mend(self) -> None:
        self._open.set()

    async def end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if path := self._to.get("path"):
            back, forth = await asyncio.open_unix_connection(path)
        else:
            back, forth = await asyncio.open_connection(self._to["host"], self._to["port"])
        both = [asyncio.create_task(self._pump(reader, forth)), asyncio.create_task(self._pump(back, writer))]
        self._tasks.update(both)
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for one in (writer, forth):
            one.close()
        for task in both:
            task.cancel()

    async def _pump(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            await self._open.wait()
            to.write(data)
            await to.drain()


async def test_one_that_is_cut_off_stops_before_another_begins_and_comes_back(redis: Redis) -> None:
    handled, line = Handled(), Line(redis)
    mine = await line.start()
    for n in range(3):
        await redis.xadd("s", {b"b": str(n).encode()})
    far = StreamConsumer(mine, ["s"], "far", handled.by("far", 2 * LEASE))
    near = StreamConsumer(redis, ["s"], "near", handled.by("near", 0.01))
    async with reading(far):
        await handled.until(1)
        line.cut()
        async with reading(near):
            await redis.xadd("s", {b"b": b"3"})
            await handled.until(5)
            line.mend()
            await redis.xadd("s", {b"b": b"4"})
            await handled.until(6)
            await _settled(redis)
    await mine.aclose()
    await line.end()
    assert handled.most == 1, "never two at it"
    assert handled.stopped == [("far", b"1")]
    assert handled.done == [("far", b"0")] + [("near", str(n).encode()) for n in range(5)]


async def test_when_redis_is_away_for_a_moment_the_batch_goes_on(redis: Redis) -> None:
    handled, line = Handled(), Line(redis)
    mine = await line.start()
    await redis.xadd("s", {b"b": b"0"})
    async with reading(StreamConsumer(mine, ["s"], "far", handled.by("far", 2 * LEASE))):
        await asyncio.sleep(LEASE / 2)
        line.cut()
        await asyncio.sleep(LEASE / 4)
        line.mend()
        await handled.until(1)
        await _settled(redis)
    await mine.aclose()
    await line.end()
    assert (handled.done, handled.stopped) == ([("far", b"0")], [])


async def _two(redis: Redis) -> tuple[Shares, Shares]:
    """One that was frozen for longer than its lease, and the one that has the stream now."""
    await redis.xgroup_create("s", GROUP, id="0", mkstream=True)
    for n in range(3):
        await redis.xadd("s", {b"b": str(n).encode()})
    frozen, awake = Shares(redis, ["s"], "frozen"), Shares(redis, ["s"], "awake")
    await frozen.hold()
    await frozen.read(["s"], 1)
    await asyncio.sleep(LEASE * 1.2)
    assert await awake.hold() == (["s"], ["s"])
    return frozen, awake


async def test_one_that_was_frozen_reads_claims_and_settles_nothing(redis: Redis) -> None:
    frozen, awake = await _two(redis)
    _, ((first, _),), *_ = await awake.claim("s", "0-0", 10)
    for late in (frozen.read(["s"], 1), frozen.claim("s", "0-0", 10), frozen.settle({"s": [first.decode()]})):
        with pytest.raises(Lost):
            await late
    with pytest.raises(Lost):
        await frozen.renew()
    assert (await redis.xpending("s", GROUP))["pending"] == 1
    ((_, entries),) = await awake.read(["s"], 10)
    await awake.settle({"s": [first.decode(), *(one.decode() for one, _ in entries)]})
    assert (await redis.xpending("s", GROUP))["pending"] == 0


async def test_one_that_was_frozen_does_not_begin(redis: Redis) -> None:
    frozen, _ = await _two(redis)
    begun = []

    async def work() -> None:
        begun.append(1)

    with pytest.raises(Lost):
        await frozen.during(work())
    assert begun == []


async def test_a_stream_that_was_lost_and_is_had_again_is_new(redis: Redis) -> None:
    frozen, awake = await _two(redis)
    await redis.delete("reader:s", "readers:s")
    assert await frozen.hold() == (["s"], ["s"]), "what another left unfinished has to be taken over"
    with pytest.raises(Lost):
        await awake.read(["s"], 1)


async def test_the_successor_of_the_same_name_fences_its_predecessor_off(redis: Redis) -> None:
    before, after = Shares(redis, ["s"], "centre"), Shares(redis, ["s"], "centre")
    await before.hold()
    assert await after.hold() == (["s"], ["s"])
    with pytest.raises(Lost):
        await before.read(["s"], 1)
    assert await Shares(redis, ["s"], "cent").hold() == ([], []), "another name that begins alike"
