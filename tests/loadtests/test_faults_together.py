"""What the drivers decide at one moment is one transaction, and each of them is answered for itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from dispatch.adapters.sql.postgres import open_engine
from dispatch.adapters.sql.statements import CONTACT
from dispatch.core.crew import Stacked, stack
from dispatch.core.errors import GuardRefused
from dispatch.services.ports import Changes, Contact, Decide, Loaded
from loadtests.fault_together import Together, about
from tests.dispatch.centre import PROCESSES, START
from tests.dispatch.databases import Database, aside, database, postgres_server
from tests.dispatch.sql.two import Two, note, touch_order

__all__ = ["database", "postgres_server"]


@pytest.fixture
def database_kind() -> str:
    return "postgresql"


@pytest_asyncio.fixture
async def two(database: Database) -> AsyncIterator[Two]:
    yield Two(database)


@pytest_asyncio.fixture
async def together(two: Two) -> AsyncIterator[Together]:
    store = Together(open_engine(two.database.settings.database_url), PROCESSES, two.clock)
    yield store
    await store.close()


def _deciding(n: int) -> Decide[int]:
    """The third one refuses; each other one notes, logs a contact and puts something on one vehicle."""

    def decide(loaded: Loaded, now: datetime) -> Changes[int]:
        if n == 2:
            raise GuardRefused("not this one")
        order_id = "W1" if n < 3 else "W2"
        contact = Contact(f"C{n}", START, "phone", "1", "Ann", "dark", order_id, "new", "hotline:holly")
        roster = stack(loaded.roster("north", "service"), "N1", Stacked(f"X{n}", 1, ""))
        noted = note(loaded.order(order_id), now, n=n)
        return Changes(n, orders=(noted,), rosters=(roster,), contacts=(contact,))

    return decide


async def _at_once(together: Together, *numbers: int) -> list[Any]:
    async def one(n: int) -> int:
        about.set("W1")
        return await together.transact(_deciding(n))

    return await asyncio.gather(*map(one, numbers), return_exceptions=True)


async def test_each_decides_on_what_those_before_it_have_decided(two: Two, together: Together) -> None:
    await two.new()
    await two.new("W2")
    before = (await two.second.rosters())[0].version
    said = await _at_once(together, 0, 1, 2, 3)
    assert [type(one) if isinstance(one, Exception) else one for one in said] == [0, 1, GuardRefused, 3]
    order = await two.order()
    assert [e.data["n"] for e in order.history if e.kind == "attempt"] == [0, 1]
    (north, _) = await two.second.rosters()
    assert [s.order_id for s in north.crew("N1").stack] == ["X0", "X1", "X3"]
    assert north.version == before + 1, "written once"
    contacts = await two.first.read(lambda c: c.execute(select(CONTACT.c.id)).scalars().all())
    assert sorted(contacts) == ["C0", "C1", "C3"]


async def test_a_worker_that_was_first_loses_nobodys_decision(two: Two, together: Together) -> None:
    await two.new()
    await two.new("W2")
    decide, first = _deciding(0), True

    def late(loaded: Loaded, now: datetime) -> Changes[int]:
        nonlocal first
        changes = decide(loaded, now)
        if first:
            first = False
            aside(lambda: asyncio.run(touch_order(two)))
        return changes

    async def one(which: Decide[int]) -> int:
        about.set("W1")
        return await together.transact(which)

    assert await asyncio.gather(one(late), one(_deciding(3))) == [0, 3]  # type: ignore[comparison-overlap]
    order = await two.order()
    assert [e.data.get("n") for e in order.history if e.kind == "attempt"] == [None, 0]
    assert (await two.order("W2")).version == 3
