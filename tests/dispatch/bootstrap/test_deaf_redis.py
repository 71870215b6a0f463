"""A Redis that takes connections and never answers is away: nobody waits for it for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from dispatch.bootstrap import prepare
from dispatch.bootstrap.build import build
from dispatch.core.errors import Unavailable
from dispatch.settings import Settings


async def test_every_command_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCH45_ADMIN", "boss:a long password")
    settings = prepare(Settings(data=tmp_path, redis_url="redis://127.0.0.1:1"), speed=1, empty=True)
    built = await build(settings)
    limit = built.redis.connection_pool.connection_kwargs["socket_timeout"]

    async def fails() -> None:
        raise ConnectionError

    monkeypatch.setattr(built.redis, "aclose", fails)
    with pytest.raises(ConnectionError):
        await built.close()
    with pytest.raises(Unavailable, match="closed"):  # all the same
        await built.store.write(lambda connection: None)
    assert 0.5 < limit < 10, "longer than a consumer's blocking read, shorter than an effect may take"
