"""The clock loop sleeps until the next clock is due, wakes for an earlier one, and a lost wake-up costs POLL at most."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from dispatch.bootstrap import loops
from dispatch.bootstrap.loops import fire_clocks, for_ever
from dispatch.clock import SystemClock
from dispatch.core.errors import Unavailable
from tests.dispatch.databases import Database, database, database_kind, postgres_server
from tests.dispatch.services.engine import Engine

__all__ = ["database", "database_kind", "postgres_server"]
LONG = 30.0
"""Seconds that nobody waits in these tests."""


@asynccontextmanager
async def _looping(engine: Engine) -> AsyncIterator[asyncio.Event]:
    woken, worker = asyncio.Event(), engine.worker()
    task = asyncio.create_task(for_ever("clocks", lambda: fire_clocks(worker, woken)))
    await asyncio.sleep(0.2)
    try:
        yield woken
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _fired(engine: Engine, order_id: str) -> None:
    async with asyncio.timeout(LONG / 2):
        while order_id not in engine.rungs():
            await asyncio.sleep(0.05)


def _soon(seconds: float) -> object:
    return SystemClock().now() + timedelta(seconds=seconds - 1.0)  # number 1 is due a second after


async def test_it_wakes_at_the_instant_without_any_poll(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "POLL", LONG)
    engine = Engine(database, SystemClock())
    engine.seed(1, _soon(0.7))
    async with _looping(engine):
        assert not engine.rungs()
        await _fired(engine, "D1")


async def test_a_commit_that_arms_an_earlier_clock_wakes_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "POLL", LONG)
    engine = Engine(database, SystemClock())
    engine.seed(1, _soon(3600))
    async with _looping(engine) as woken:
        engine.seed(1, _soon(0.0), prefix="E")
        woken.set()
        await _fired(engine, "E1")


async def test_a_lost_wake_up_costs_no_more_than_the_poll(database: Database) -> None:
    engine = Engine(database, SystemClock())
    engine.seed(1, _soon(3600))
    async with _looping(engine):
        engine.seed(1, _soon(0.0), prefix="E")
        await _fired(engine, "E1")


async def test_a_database_that_is_away_is_asked_again_at_once(database: Database) -> None:
    engine = Engine(database, SystemClock())
    engine.seed(1, _soon(0.0))
    worker = engine.worker()
    decide_due, away = worker.store.decide_due, [Unavailable("no database")] * 2

    async def answering(*given: object) -> object:
        if away:
            raise away.pop()
        return await decide_due(*given)  # type: ignore[arg-type]

    worker.store.decide_due = answering  # type: ignore[method-assign,assignment]
    for _ in range(3):
        await fire_clocks(worker, asyncio.Event())
    assert engine.rungs() == {"D1": 1}
