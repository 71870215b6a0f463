"""Many orders with a due clock, and workers that decide them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from dispatch.adapters.sql import order_rows
from dispatch.adapters.sql.organisation import load_directory
from dispatch.adapters.sql.statements import EVENT
from dispatch.clock import Clock, VirtualClock
from dispatch.core.responsibility import Rules
from dispatch.core.territory import Territories
from dispatch.services.context import Context
from loadtests.clock_seed import PROCESSES, Family, organise
from tests.dispatch.centre import CountedIds
from tests.dispatch.databases import AnyStore, Database
from tests.dispatch.outside import START


class Engine:
    """D1, D2, ... are due a second apart from START on; the clock stands at START."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self.database = database
        self.clock = VirtualClock(START)
        self.used: Clock = clock or self.clock
        database.at_once(organise)
        self.directory = database.at_once(load_directory)

    def seed(self, count: int, start: Any = START, gap: float = 1.0, prefix: str = "D") -> None:
        family = Family(prefix, start, gap, count)
        self.database.at_once(lambda c: family.write(c, 1, count))

    def worker(self, store: AnyStore | None = None) -> Context:
        """Of its own, on PostgreSQL; SQLite has one writer."""
        return Context(
            store=store or self.database.store(PROCESSES, self.used), clock=self.used, processes=PROCESSES,
            directory=self.directory, territories=Territories([]), rules=Rules(()),
            travel=None, ids=CountedIds(), policy="manual", language="en",  # type: ignore[arg-type]
        )  # fmt: skip

    def overdue(self, count: int) -> None:
        """So many orders, and the instant at which all of them are due."""
        self.seed(count)
        self.all_due(count)

    def all_due(self, count: int) -> None:
        self.clock.advance_to(START + timedelta(seconds=count))

    def rungs(self) -> Counter[str]:
        """How many rungs each order has."""
        query = select(EVENT.c.order_id).where(EVENT.c.kind == "rung").order_by(EVENT.c.id)
        found: list[str] = self.database.at_once(lambda c: list(c.execute(query).scalars()))
        return Counter(found)


def names(first: int, last: int) -> set[str]:
    return {f"D{n}" for n in range(first, last + 1)}


def unreadable(monkeypatch: pytest.MonkeyPatch, order_id: str) -> None:
    """The server cannot read its events, as where a page of the disk is damaged."""
    histories = order_rows._histories

    def read(connection: Any, order_ids: Any) -> Any:
        if order_id in order_ids:
            connection.execute(text("SELECT * FROM damaged"))
        return histories(connection, order_ids)

    monkeypatch.setattr(order_rows, "_histories", read)
