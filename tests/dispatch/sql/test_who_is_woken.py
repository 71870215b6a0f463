"""Commits wake those who wait for work; the outbox's own bookkeeping does not wake the outbox."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from dispatch.clock import VirtualClock
from dispatch.core.outgoing import Outgoing
from dispatch.services.ports import Changes
from tests.dispatch.centre import PROCESSES
from tests.dispatch.databases import Database

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


async def test_only_decisions_wake(database: Database) -> None:
    woken: list[int] = []
    store = database.store(PROCESSES, VirtualClock(NOW), lambda: woken.append(1))
    for _ in range(3):
        await store.lease(NOW, NOW + timedelta(seconds=30), 10)
        await store.settle([], NOW)
        await store.transact(lambda loaded, now: Changes(loaded.removing()))
        assert (await store.decide_due(lambda *_: Changes(False), 10)).orders == 0
    await asyncio.sleep(0.05)
    assert woken == []  # else a worker without work would never rest
    told = Outgoing("k", "centre", "north", NOW)
    await store.transact(lambda loaded, now: Changes(None, outgoing=(told,)))
    for _ in range(200):  # the writer tells after it has answered
        if woken:
            break
        await asyncio.sleep(0.01)
    assert woken == [1]
