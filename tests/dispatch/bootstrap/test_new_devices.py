"""A device that an administrator has just entered is known to the gateways soon, in the embedded installation too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from dispatch.adapters.redis.server import running
from dispatch.adapters.sql.administration import SqlAdministration
from dispatch.bootstrap import prepare, processes
from dispatch.bootstrap.build import Built, build
from dispatch.messages import desired_key
from dispatch.services.people import Person
from dispatch.settings import Settings
from tests.dispatch.centre import organisation

BOSS = Person("boss", "Boss", "admin")


@pytest.fixture
async def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Built]:
    monkeypatch.setenv("DISPATCH45_ADMIN", "boss:a long password")
    settings = prepare(Settings(data=tmp_path), speed=1, empty=True)
    with running(tmp_path, "no") as url:
        parts = await build(replace(settings, redis_url=url))
        yield parts
        await parts.close()


async def test_a_new_terminal_gets_its_desired_state(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOOK_EVERY", 0.05)
    keeping = asyncio.create_task(processes._keep_directory(built))
    await asyncio.sleep(0)
    await SqlAdministration(built.store, built.context).replace(organisation(), by=BOSS)
    try:
        async with asyncio.timeout(5):
            while not await built.redis.exists(desired_key("t-N1")):
                await asyncio.sleep(0.02)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
