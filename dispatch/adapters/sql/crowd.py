"""Steps of single orders that come at the same moment, committed together.

A transaction costs the server and this process more than the step that it carries. A step that comes alone has one of
its own at once; those that come while `LANES` transactions are under way wait for the next one, which takes them all:
their orders are read with one query and written with one statement (as the SQLite store's only writer does, D13).
Nobody waits for others to come. Each step is decided by itself on what those before it in the same transaction have
decided, what one of them refuses is its own, and none returns before the commit. An order has one step a transaction
at most; a step that changes other orders, too, is decided again by itself, on what is committed then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection

from dispatch.adapters.sql import statements
from dispatch.adapters.sql.due import together
from dispatch.adapters.sql.store import SqlStore
from dispatch.clock import Clock
from dispatch.core.errors import DispatchError, Unavailable
from dispatch.core.work_order import WorkOrder
from dispatch.services.ports import Changes, Decide, Processes

T = TypeVar("T")
LANES = 2
"""Transactions at a time: one that waits for a row does not hold up all others."""
AT_MOST = 40
"""Steps of one transaction: its rows are kept from everybody else until the commit."""


@dataclass(slots=True)
class _Wish:
    decide: Decide[Any]
    order_id: str
    answer: asyncio.Future[Any]
    context: Context = field(default_factory=copy_context)


@dataclass(slots=True)
class _Said:
    """What became of one wish; `alone`: it is to be decided by itself."""

    result: Any = None
    refusal: DispatchError | None = None
    alone: bool = False


class Crowd:
    """`announce` is called after each commit that changed something."""

    def __init__(
        self, store: SqlStore, processes: Processes, clock: Clock, announce: Callable[[], None]
    ) -> None:
        self._store = store
        self._processes = processes
        self._clock = clock
        self._announce = announce
        self._waiting: list[_Wish] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: set[str] = set()
        """Orders whose step is under way: another one would only meet it."""

    async def transact(self, decide: Decide[T], order_id: str) -> T:
        """As `Store.transact`, for a step of one order."""
        wish = _Wish(decide, order_id, asyncio.get_running_loop().create_future())
        self._waiting.append(wish)
        self._go_on()
        answer: T = await wish.answer
        return answer

    async def close(self) -> None:
        """Wait for what is under way, also where nobody waits for its answer any more."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _go_on(self) -> None:
        while len(self._tasks) < LANES and (wishes := self._next()):
            task = asyncio.get_running_loop().create_task(self._carry(wishes), context=wishes[0].context)
            self._tasks.add(task)
            task.add_done_callback(self._carried)

    def _carried(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._go_on()

    def _next(self) -> list[_Wish]:
        """Those that wait longest, one of each order; who has given up is forgotten."""
        some: dict[str, _Wish] = {}
        later: list[_Wish] = []
        for wish in self._waiting:
            if wish.answer.done():
                continue
            if len(some) == AT_MOST or wish.order_id in some or wish.order_id in self._busy:
                later.append(wish)
            else:
                some[wish.order_id] = wish
        self._waiting = later
        self._busy |= some.keys()
        return list(some.values())

    async def _carry(self, wishes: list[_Wish]) -> None:
        try:
            await self._commit(wishes)
        finally:
            for wish in wishes:
                wish.answer.cancel()  # where it has none: this task was cancelled
            self._busy.difference_update(wish.order_id for wish in wishes)

    async def _commit(self, wishes: list[_Wish]) -> None:
        """One transaction; where it cannot be made, each by itself, so that one spoils none of the others."""
        try:
            said, changed = await self._store.write(lambda c: self._decided(c, wishes), quiet=True)
        except Exception as error:
            if len(wishes) == 1 or isinstance(error, Unavailable):
                for wish in wishes:
                    _tell(wish, error)
                return
            said, changed = [_Said(alone=True)] * len(wishes), False
        if changed:
            self._announce()
        for wish, one in zip(wishes, said, strict=True):
            if one.alone:
                await self._commit([wish])
            else:
                _tell(wish, one.refusal, one.result)

    def _decided(self, connection: Connection, wishes: list[_Wish]) -> tuple[list[_Said], bool]:
        now = self._clock.now()
        loaded = statements.SqlLoaded(connection, self._processes)
        if len(wishes) > 1:
            loaded.fetch([wish.order_id for wish in wishes])
        said, made = [], list[Changes[Any]]()
        before: dict[str, WorkOrder] = {}
        for wish in wishes:
            try:
                changes: Changes[Any] = wish.decide(loaded, now)
            except DispatchError as error:
                said.append(_Said(refusal=error))
                continue
            alone = len(wishes) > 1 and any(order.id != wish.order_id for order in changes.orders)
            said.append(_Said(changes.result, alone=alone))
            if not alone:
                made.append(changes)
                _seen_by_the_next(loaded, changes, before)
        self._put(connection, loaded, made, before, now)
        return said, any(map(statements.writes, made))

    def _put(
        self,
        connection: Connection,
        loaded: statements.SqlLoaded,
        made: list[Changes[Any]],
        before: dict[str, WorkOrder],
        now: datetime,
    ) -> None:
        """Every order and roster once, as the last step left it, over what was loaded."""
        if not made:
            return
        loaded.orders |= before
        all_of_it = together(made)
        rosters = {(r.centre_id, r.trade): r for r in all_of_it.rosters}
        statements.write(
            connection, loaded, replace(all_of_it, rosters=tuple(rosters.values())), self._processes, now
        )


def _seen_by_the_next(
    loaded: statements.SqlLoaded, changes: Changes[Any], before: dict[str, WorkOrder]
) -> None:
    for order in changes.orders:
        before[order.id] = loaded.orders[order.id]
        loaded.orders[order.id] = order
    for roster in changes.rosters:
        loaded.rosters[roster.centre_id, roster.trade] = roster


def _tell(wish: _Wish, error: BaseException | None, result: Any = None) -> None:
    if wish.answer.done():
        return
    if error is not None:
        wish.answer.set_exception(error)
    else:
        wish.answer.set_result(result)
