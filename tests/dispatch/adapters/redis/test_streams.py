"""What a consumer has not finished is read again; what it has finished is not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from redis.asyncio import Redis

from dispatch.adapters.redis import shares
from dispatch.adapters.redis.inbox import INBOX, Arrival, RedisInbox, reader
from dispatch.adapters.redis.shares import Shares
from dispatch.adapters.redis.streams import SET_ASIDE, Entry, StreamConsumer
from dispatch.core.errors import Unavailable


class Handled:
    """Collects bodies; breaks while `broken`."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.broken = False

    async def __call__(self, entries: Sequence[Entry]) -> None:
        if self.broken:
            raise Unavailable("the handler breaks")
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


async def test_what_a_dead_consumer_had_read_is_taken_over_before_anything_newer(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "LEASE_MS", 300)
    for body in (b"acknowledge", b"second"):
        await redis.xadd("s", {b"b": body})
    handled = Handled()
    handled.broken = True
    await run_until(StreamConsumer(redis, ["s"], "dead", handled), lambda: False)
    await redis.xadd("s", {b"b": b"depart"})
    handled.broken = False
    await run_until(StreamConsumer(redis, ["s"], "alive", handled), lambda: len(handled.bodies) == 3)
    assert handled.bodies == [b"acknowledge", b"second", b"depart"]


async def test_the_next_one_of_the_same_name_need_not_wait(redis: Redis) -> None:
    await redis.xadd("s", {b"b": b"acknowledge"})
    handled = Handled()
    handled.broken = True
    await run_until(StreamConsumer(redis, ["s"], "centre", handled), lambda: False)
    await redis.xadd("s", {b"b": b"depart"})
    handled.broken = False
    async with asyncio.timeout(1):
        await run_until(StreamConsumer(redis, ["s"], "centre", handled), lambda: len(handled.bodies) == 2)
    assert handled.bodies == [b"acknowledge", b"depart"]


async def test_no_second_reader_overtakes_a_slow_one(redis: Redis) -> None:
    """Two workers, one stream: what comes later waits for who has what came before."""
    seen: list[bytes] = []

    async def slow(entries: Sequence[Entry]) -> None:
        await asyncio.sleep(0.3)
        seen.extend(body for *_, body in entries)

    async def quick(entries: Sequence[Entry]) -> None:
        seen.extend(body for *_, body in entries)

    await redis.xadd("s", {b"b": b"acknowledge"})
    first = asyncio.create_task(StreamConsumer(redis, ["s"], "a", slow).run())
    await asyncio.sleep(0.1)
    second = asyncio.create_task(StreamConsumer(redis, ["s"], "b", quick).run())
    await asyncio.sleep(0.05)
    await redis.xadd("s", {b"b": b"depart"})
    async with asyncio.timeout(5):
        while len(seen) < 2:
            await asyncio.sleep(0.01)
    for task in (first, second):
        task.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert seen == [b"acknowledge", b"depart"]


async def test_readers_share_the_streams_and_give_back_what_is_more_than_their_part(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "RENEW_EVERY", 0.0)
    streams = [f"s{n}" for n in range(5)]
    one, two = Shares(redis, streams, "one"), Shares(redis, streams, "two")
    assert await one.hold() == (streams, streams)
    assert await two.hold() == ([], []), "each has one reader at a time"
    assert len((await one.hold())[0]) == 3
    held, new = await two.hold()
    assert held == new
    assert sorted((await one.hold())[0] + held) == streams
    assert await two.hold() == (held, [])


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

    await RedisInbox(redis).deliver("north", "W1", 2, 3)
    await run_until(StreamConsumer(redis, [INBOX], "one", reader(receive)), lambda: arrived)
    assert arrived == [Arrival("north", "W1", 2, 3)]


async def test_an_entry_that_nobody_can_read_is_set_aside_and_the_others_are_handled(redis: Redis) -> None:
    seen: list[bytes] = []

    async def handle(entries: Sequence[Entry]) -> None:
        if any(body == b"poison" for _, _, body in entries):
            raise ValueError("no such thing")
        seen.extend(body for _, _, body in entries)

    for body in (b"one", b"poison", b"two"):
        await redis.xadd("s", {b"b": body})
    task = asyncio.create_task(StreamConsumer(redis, ["s"], "one", handle).run())
    async with asyncio.timeout(5):
        while seen[-1:] != [b"two"] or (await redis.xpending("s", "centre"))["pending"]:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert seen == [b"one", b"two"]
    ((_, kept),) = await redis.xrange(SET_ASIDE)
    assert (kept[b"stream"], kept[b"b"]) == (b"s", b"poison")
    assert (await redis.xpending("s", "centre"))["pending"] == 0


async def test_nothing_is_set_aside_because_a_part_is_away(redis: Redis) -> None:
    handled, tries = Handled(), 0

    async def handle(entries: Sequence[Entry]) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise Unavailable("the database does not answer")
        await handled(entries)

    await redis.xadd("s", {b"b": b"press"})
    consumer = StreamConsumer(redis, ["s"], "one", handle)
    for _ in range(3):
        await run_until(consumer, lambda: handled.bodies)
    assert handled.bodies == [b"press"]
    assert not await redis.exists(SET_ASIDE)
