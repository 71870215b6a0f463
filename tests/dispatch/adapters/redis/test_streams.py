"""What a consumer has not finished is read again; what it has finished is not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from redis.asyncio import Redis

from dispatch.adapters.redis.inbox import INBOX, Arrival, RedisInbox, reader
from dispatch.adapters.redis.streams import Entry, StreamConsumer


class Handled:
    """Collects bodies; breaks while `broken`."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.broken = False

    async def __call__(self, entries: Sequence[Entry]) -> None:
        if self.broken:
            raise RuntimeError("the handler breaks")
        self.bodies += [body for _, _, body in entries]


async def run_until(consumer: StreamConsumer, done: object) -> None:
    """Let a consumer run until `done()` or it breaks."""
    task = asyncio.create_task(consumer.run())
    try:
        async with asyncio.timeout(5):
            while not done() and not task.done():  # type: ignore[operator]
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_entries_of_many_streams_are_handled_once(redis: Redis) -> None:
    handled = Handled()
    for number in range(6):
        await redis.xadd(f"s{number % 3}", {b"b": str(number).encode()})
    await run_until(
        StreamConsumer(redis, ["s0", "s1", "s2"], "one", handled), lambda: len(handled.bodies) >= 6
    )
    again = Handled()
    await redis.xadd("s0", {b"b": b"new"})
    await run_until(StreamConsumer(redis, ["s0", "s1", "s2"], "one", again), lambda: again.bodies)
    assert sorted(handled.bodies) == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert again.bodies == [b"new"]


async def test_what_a_broken_handler_had_read_comes_again(redis: Redis) -> None:
    await redis.xadd("s", {b"b": b"one"})
    handled = Handled()
    handled.broken = True
    await run_until(StreamConsumer(redis, ["s"], "worker", handled), lambda: False)
    assert handled.bodies == []
    handled.broken = False
    await run_until(StreamConsumer(redis, ["s"], "worker", handled), lambda: handled.bodies)
    assert handled.bodies == [b"one"]


async def test_what_a_dead_consumer_had_read_is_taken_over(redis: Redis, monkeypatch: object) -> None:
    from dispatch.adapters.redis import streams

    await redis.xadd("s", {b"b": b"one"})
    handled = Handled()
    handled.broken = True
    await run_until(StreamConsumer(redis, ["s"], "dead", handled), lambda: False)
    monkeypatch.setattr(streams, "CLAIM_AFTER_MS", 0)  # type: ignore[attr-defined]
    handled.broken = False
    await run_until(StreamConsumer(redis, ["s"], "alive", handled), lambda: handled.bodies)
    assert handled.bodies == [b"one"]


async def test_groups_are_made_anew_after_redis_lost_everything(redis: Redis) -> None:
    handled = Handled()
    consumer = StreamConsumer(redis, ["s"], "one", handled)

    async def lose() -> None:
        await asyncio.sleep(0.2)
        await redis.flushall()
        await redis.xadd("s", {b"b": b"after"})

    losing = asyncio.create_task(lose())
    await run_until(consumer, lambda: handled.bodies)
    await losing
    assert handled.bodies == [b"after"]


async def test_an_order_reaches_the_centres_inbox(redis: Redis) -> None:
    arrived: list[Arrival] = []

    async def receive(arrival: Arrival) -> None:
        arrived.append(arrival)

    await RedisInbox(redis).deliver("north", "W1", 2)
    await run_until(StreamConsumer(redis, [INBOX], "one", reader(receive)), lambda: arrived)
    assert arrived == [Arrival("north", "W1", 2)]
