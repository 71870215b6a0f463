from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from dispatch.adapters.redis.server import running


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server of the Redis protocol, for all tests of this folder."""
    folder: Path = tmp_path_factory.mktemp("redis")
    with running(folder, "no") as address:
        yield address


@pytest.fixture
async def redis(url: str) -> AsyncIterator[Redis]:
    """A client of an empty server."""
    client: Redis = Redis.from_url(url)
    await client.flushall()
    yield client
    await client.aclose()
