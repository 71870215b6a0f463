"""The drivers' store: what many use cases decide at the same moment is loaded, decided and committed together.

A thousand orders under way would otherwise be five thousand transactions of the drivers', which cost the machine more
than the workers that the run is about. Each use case decides as ever, on what those before it in the same transaction
have decided; what one of them refuses is its own. None returns before the commit.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from dispatch.adapters.sql import due, statements
from dispatch.adapters.sql.postgres import PostgresStore
from dispatch.adapters.sql.statements import SqlLoaded
from dispatch.clock import Clock
from dispatch.core.crew import Roster
from dispatch.core.errors import DispatchError, Unavailable
from dispatch.core.work_order import WorkOrder
from dispatch.services.ports import Changes, Decide, Processes

T = TypeVar("T")
AT_MOST = 60
"""Decisions of one transaction: its orders are kept from the workers until its commit."""
GATHER = 0.02
"""Real seconds in which decisions come together."""
about: ContextVar[str] = ContextVar("about", default="")
"""The order that the use case will ask for: those of one transaction are read with one query."""


@dataclass(frozen=True, slots=True)
class _Wish:
    decide: Decide[Any]
    order_id: str
    answer: asyncio.Future[Any]


class Together(PostgresStore):
    """`Store`, as far as the drivers' use cases need it."""

    def __init__(self, engine: AsyncEngine, processes: Processes, clock: Clock) -> None:
        super().__init__(engine, processes, clock)
        self._wishes: list[_Wish] = []
        self._writing: asyncio.Task[None] | None = None

    async def transact(self, decide: Decide[T], order_id: str = "") -> T:
        wish = _Wish(decide, about.get(), asyncio.get_running_loop().create_future())
        self._wishes.append(wish)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        answer: T = await wish.answer
        return answer

    async def _write_all(self) -> None:
        await asyncio.sleep(GATHER)
        while self._wishes:
            some = self._wishes[:AT_MOST]
            del self._wishes[:AT_MOST]
            await self._write(some)

    async def _write(self, wishes: list[_Wish]) -> None:
        """One transaction; where others keep changing one of its orders, each by itself."""
        try:
            said = await self.write(lambda c: self._decided(c, wishes), quiet=True)
        except Exception as error:
            if len(wishes) == 1 or isinstance(error, Unavailable):
                for wish in wishes:
                    wish.answer.set_exception(error)
            else:
                for wish in wishes:
                    await self._write([wish])
        else:
            for wish, (result, refusal) in zip(wishes, said, strict=True):
                if refusal is None:
                    wish.answer.set_result(result)
                else:
                    wish.answer.set_exception(refusal)

    def _decided(self, connection: Connection, wishes: list[_Wish]) -> list[tuple[Any, DispatchError | None]]:
        now = self._clock.now()
        loaded = SqlLoaded(connection, self._processes)
        loaded.fetch([wish.order_id for wish in wishes if wish.order_id])
        orders: dict[str, WorkOrder | None] = {}
        rosters: dict[tuple[str, str], Roster] = {}
        said: list[tuple[Any, DispatchError | None]] = []
        made: list[Changes[Any]] = []
        for wish in wishes:
            try:
                changes: Changes[Any] = wish.decide(loaded, now)
            except DispatchError as error:
                said.append((None, error))
                continue
            said.append((changes.result, None))
            made.append(changes)
            for order in changes.orders:
                orders.setdefault(order.id, loaded.orders.get(order.id))
                loaded.orders[order.id] = order
            for roster in changes.rosters:
                key = roster.centre_id, roster.trade
                rosters[key] = loaded.rosters[key] = roster
        self._commit(connection, loaded, made, orders, rosters, now)
        return said

    def _commit(
        self,
        connection: Connection,
        loaded: SqlLoaded,
        made: list[Changes[Any]],
        orders: dict[str, WorkOrder | None],
        rosters: dict[tuple[str, str], Roster],
        now: datetime,
    ) -> None:
        """Each order and roster once, as the last decision left it, over what was loaded."""
        after = tuple(loaded.orders[order_id] for order_id in orders)
        for order_id, before in orders.items():
            if before is None:
                del loaded.orders[order_id]
            else:
                loaded.orders[order_id] = before
        changes = replace(due.together(made), orders=after, rosters=tuple(rosters.values()))
        statements.write(connection, loaded, changes, self._processes, now)
