"""Steps of single orders that come at the same moment, committed together.

A transaction costs the server and this process more than the step that it carries. A step that comes alone has one of
its own at once; those that come while `LANES` transactions are under way wait for the next one, which takes them all:
their orders are read with two queries and written with one statement (as the SQLite store's only writer does, D13).
Nobody waits for others to come. Each step is decided by itself on what those before it in the same transaction have
decided, what one of them refuses is its own, and none returns before the commit. An order has one step a transaction
at most. What does not go with others is decided by itself, as if there had been no others: a step that changes other
orders, too, or belongs to an incident, whose orders are locked with it; one whose order somebody else has locked; and
all of them where their transaction cannot be made. A step that waits for such a lock holds up others for SLOW at most.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, select

from dispatch.adapters.sql import armed, statements
from dispatch.adapters.sql.due import together
from dispatch.adapters.sql.order_rows import each_order, give_up
from dispatch.clock import Clock
from dispatch.core.errors import DispatchError, Unavailable
from dispatch.core.work_order import WorkOrder
from dispatch.services.ports import Changes, Decide, Processes

log = logging.getLogger(__name__)
T = TypeVar("T")
LANES = 1
"""Transactions at a time, as far as none of them is SLOW."""
SLOW = 0.25
"""Real seconds after which one waits for somebody else: those that come then do not wait for it."""
AT_MOST = 40
"""Steps of one transaction: its rows are kept from everybody else until the commit."""


FEW = 6
"""Steps at a time that are decided by themselves after others could not take them along: a look or a step that comes
meanwhile finds a connection (postgres.py)."""
TAKEN = 2
"""Attempts where a key is taken: a moment earlier it was by somebody else, the second time one of the steps is wrong."""


class Store(Protocol):
    """What a crowd needs of its store."""

    async def write(self, work: Callable[[Connection], T], *, quiet: bool = False, taken: int = ...) -> T:
        """`work` in one transaction, again from the start where somebody else was first."""
        ...


@dataclass(slots=True)
class _Wish:
    decide: Decide[Any]
    order_id: str
    answer: asyncio.Future[Any]


@dataclass(slots=True)
class _Said:
    """What became of one wish; `alone`: it is to be decided by itself."""

    result: Any = None
    refusal: BaseException | None = None
    alone: bool = False


class Crowd:
    """`alone` decides and commits one step by itself; `announce` is called after each other commit."""

    def __init__(
        self,
        store: Store,
        processes: Processes,
        clock: Clock,
        *,
        alone: Callable[[Decide[Any]], Awaitable[Any]],
        announce: Callable[[], None],
    ) -> None:
        self._store = store
        self._processes = processes
        self._clock = clock
        self._alone = alone
        self._announce = announce
        self._waiting: list[_Wish] = []
        self._busy: set[str] = set()
        """Orders whose step is under way: another one would only meet it."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._lanes: set[asyncio.Task[None]] = set()
        self._few = asyncio.Semaphore(FEW)
        self._closed = False

    async def transact(self, decide: Decide[T], order_id: str) -> T:
        """As `Store.transact`, for a step of one order."""
        if self._closed:
            raise Unavailable("the database is closed")
        wish = _Wish(decide, order_id, asyncio.get_running_loop().create_future())
        self._waiting.append(wish)
        self._go_on()
        answer: T = await wish.answer
        return answer

    async def close(self) -> None:
        """Take no more, and wait for what was taken, also where nobody waits for its answer any more."""
        self._closed = True
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _go_on(self) -> None:
        while len(self._lanes) < LANES and (wishes := self._next()):
            work = self._together(wishes) if len(wishes) > 1 else self._by_itself(wishes[0])
            lane = self._begin(work, wishes)
            self._lanes.add(lane)
            asyncio.get_running_loop().call_later(SLOW, self._wait_no_longer, lane)

    def _begin(self, work: Coroutine[Any, Any, None], wishes: list[_Wish]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, wishes=wishes))
        return task

    def _ended(self, task: asyncio.Task[None], wishes: list[_Wish]) -> None:
        self._tasks.discard(task)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:  # it never began, or fell over something of our own: nobody is left waiting
            log.error("steps were left unanswered: %s", [wish.order_id for wish in wishes], exc_info=error)
            for wish in wishes:
                self._tell(wish, error)
        self._wait_no_longer(task)

    def _wait_no_longer(self, lane: asyncio.Task[None]) -> None:
        self._lanes.discard(lane)
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

    async def _by_itself(self, wish: _Wish) -> None:
        try:
            result = await self._alone(wish.decide)
        except (Exception, asyncio.CancelledError) as error:
            self._tell(wish, error)
        else:
            self._tell(wish, None, result)

    async def _after_others(self, wish: _Wish) -> None:
        async with self._few:
            await self._by_itself(wish)

    async def _together(self, wishes: list[_Wish]) -> None:
        try:
            said, changed = await self._store.write(
                lambda c: self._decided(c, wishes), quiet=True, taken=TAKEN
            )
        except (Unavailable, asyncio.CancelledError) as error:
            said, changed = [_Said(refusal=error)] * len(wishes), False
        except Exception:  # whose it is, shows where each is decided by itself
            said, changed = [_Said(alone=True)] * len(wishes), False
        if changed:
            self._announce()
        for wish, one in zip(wishes, said, strict=True):
            if one.alone:
                self._begin(self._after_others(wish), [wish])
            else:
                self._tell(wish, one.refusal, one.result)

    def _tell(self, wish: _Wish, error: BaseException | None, result: Any = None) -> None:
        """What became of it, unless that was said already or nobody asks any more."""
        self._busy.discard(wish.order_id)
        if wish.answer.done():
            return
        if isinstance(error, asyncio.CancelledError):
            wish.answer.cancel()
        elif error is not None:
            wish.answer.set_exception(error)
        else:
            wish.answer.set_result(result)

    def _decided(self, connection: Connection, wishes: list[_Wish]) -> tuple[list[_Said], bool]:
        now = self._clock.now()
        loaded = _claimed(connection, self._processes, [wish.order_id for wish in wishes])
        held = frozenset(loaded.orders)
        before = dict[str, WorkOrder]()
        said, made = list[_Said](), list[Changes[Any]]()
        for wish in wishes:
            order = loaded.orders.get(wish.order_id)
            if order is None or order.incident_id:
                said.append(_Said(alone=True))
                continue
            orders, rosters = dict(loaded.orders), dict(loaded.rosters)
            one = _decide(wish, loaded, now)
            if isinstance(one, Changes):
                said.append(_Said(one.result))
                made.append(one)
                _show(loaded, one, before)
            else:  # nor is what it looked at held against the others
                said.append(one)
                loaded.orders, loaded.rosters = orders, rosters
        if made:  # what nobody else can change meanwhile is not looked at again
            loaded.orders = {i: order for i, order in loaded.orders.items() if i not in held} | before
            self._put(connection, loaded, made, now)
        return said, any(map(statements.writes, made))

    def _put(
        self,
        connection: Connection,
        loaded: statements.SqlLoaded,
        made: list[Changes[Any]],
        now: datetime,
    ) -> None:
        """Every order and roster once, as the last step left it, over what was loaded."""
        changes = together(made)
        rosters = {(r.centre_id, r.trade): r for r in changes.rosters}
        changes = replace(changes, rosters=tuple(rosters.values()))
        statements.write(connection, loaded, changes, self._processes, now)


def _decide(wish: _Wish, loaded: statements.SqlLoaded, now: datetime) -> Changes[Any] | _Said:
    """What follows from it; or that it is refused, or changes other orders, too."""
    try:
        changes: Changes[Any] = wish.decide(loaded, now)
    except DispatchError as error:
        return _Said(refusal=error)
    return _Said(alone=True) if any(order.id != wish.order_id for order in changes.orders) else changes


def _claimed(connection: Connection, processes: Processes, order_ids: list[str]) -> statements.SqlLoaded:
    """These orders, kept from everybody else until the commit, without those that somebody else has locked."""
    loaded = statements.SqlLoaded(connection, processes, give_up)
    query = select(armed.ORDER).where(armed.among(connection, armed.ORDER.c.id, order_ids))
    rows = connection.execute(query.with_for_update(key_share=True, skip_locked=True)).all()
    loaded.orders, _ = each_order(connection, processes, rows, give_up)
    return loaded


def _show(loaded: statements.SqlLoaded, changes: Changes[Any], before: dict[str, WorkOrder]) -> None:
    """What the next step in the same transaction finds."""
    for order in changes.orders:
        before[order.id] = loaded.orders[order.id]
        loaded.orders[order.id] = order
    for roster in changes.rosters:
        loaded.rosters[roster.centre_id, roster.trade] = roster
