"""Deciding what is due, many orders in one transaction.

The orders are claimed and their histories read with two queries, each is decided by itself, and all that follows
is written with one statement (on SQLite one a kind). What cannot be decided or written is left out and named; it takes nobody along.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from dispatch.adapters.sql import armed, statements
from dispatch.adapters.sql.order_rows import each_order, is_gone, savepoint
from dispatch.adapters.sql.statements import CLOCK, OUTBOX, SqlLoaded
from dispatch.core.escalation import clocks
from dispatch.services.ports import Changes, Decided, DecideOrder, Processes

Made = dict[str, Changes[bool]]


def decide(
    connection: Connection,
    processes: Processes,
    now: datetime,
    limit: int,
    aside: Collection[str],
    decide_order: DecideOrder,
) -> Decided:
    """Decide at most `limit` due orders, the oldest first, except those `aside`."""
    rows = connection.execute(armed.claim(connection, now, limit, aside)).all()
    loaded = SqlLoaded(connection, processes)
    made: Made = {}
    failed: dict[str, Exception] = {}
    if rows:
        with savepoint(connection) as take_back:
            loaded.take_back = take_back
            loaded.orders, failed = each_order(connection, processes, rows, take_back)
            failed |= _decide(loaded, made, decide_order, now, take_back)
            failed |= _write(loaded, made, now, take_back)
        failed |= _put_right(connection, loaded, made, processes, now)
    orders = sum(changes.result for order_id, changes in made.items() if order_id not in failed)
    full = len(rows) >= limit
    return Decided(orders, failed, full, None if full else armed.following(connection, now))


def _decide(
    loaded: SqlLoaded, made: Made, decide_order: DecideOrder, now: datetime, take_back: Callable[[], None]
) -> dict[str, Exception]:
    """Nothing is written yet: what one order's failed statement takes back is no other's decision."""
    failed: dict[str, Exception] = {}
    for order_id in list(loaded.orders):
        try:
            made[order_id] = decide_order(order_id, loaded, now)
        except Exception as error:
            if isinstance(error, DBAPIError):
                if error.connection_invalidated:
                    raise
                take_back()
            failed[order_id] = error
            del loaded.orders[order_id]
    return failed


def _write(
    loaded: SqlLoaded, made: Made, now: datetime, take_back: Callable[[], None]
) -> dict[str, Exception]:
    """All at once, or, where that is refused, each by itself: what did not go."""

    def put(changes: Changes[bool]) -> None:
        part = _without(loaded, made, changes)
        statements.write(loaded.connection, part, changes, loaded.processes, now)

    changed = {order_id: changes for order_id, changes in made.items() if changes.result}
    try:
        if changed:
            put(together(list(changed.values())))
        return {}
    except Exception as error:
        if is_gone(error):
            raise
        take_back()
    failed: dict[str, Exception] = {}
    for order_id, changes in changed.items():
        with savepoint(loaded.connection) as leave_out:
            try:
                put(changes)
            except Exception as error:
                if is_gone(error):
                    raise
                leave_out()
                failed[order_id] = error
    return failed


def _without(loaded: SqlLoaded, made: Made, changes: Changes[bool]) -> SqlLoaded:
    """Less the claimed orders that these changes do not concern: nobody else can change them meanwhile."""
    part = SqlLoaded(loaded.connection, loaded.processes)
    part.rosters = loaded.rosters
    concerned = {order.id for order in changes.orders}
    part.orders = {i: order for i, order in loaded.orders.items() if i in concerned or i not in made}
    return part


def together(made: list[Changes[bool]]) -> Changes[bool]:
    """Decisions about different orders as one."""
    return Changes(
        True,
        orders=tuple(o for one in made for o in one.orders),
        rosters=tuple(r for one in made for r in one.rosters),
        outgoing=tuple(o for one in made for o in one.outgoing),
        contacts=tuple(c for one in made for c in one.contacts),
        decisions=tuple(d for one in made for d in one.decisions),
        settled=tuple(s for one in made for s in one.settled),
        dialled={number: call for one in made for number, call in one.dialled.items()},
        undialled={number: at for one in made for number, at in one.undialled.items()},
    )


def _put_right(
    connection: Connection, loaded: SqlLoaded, made: Made, processes: Processes, now: datetime
) -> dict[str, Exception]:
    """Orders on which nothing was due: a table that differs from the core is made anew.

    Most were decided by another worker between our look and our lock. Where the table does not differ, a due clock
    decides nothing: that is said, or it would be asked for ever.
    """
    failed: dict[str, Exception] = {}
    idle = [order_id for order_id, changes in made.items() if not changes.result]
    kept = armed.kept(connection, idle) if idle else {}
    for order_id in idle:
        order = loaded.orders[order_id]
        right = clocks(order, processes.of(order))
        if set(right) != kept.get(order_id, set()):
            armed.put_right(connection, order_id, right)
        if any(clock.due <= now for clock in right):
            failed[order_id] = Undecided(order_id)
    return failed


class Undecided(Exception):
    """A clock is due, and nothing follows from it."""


EARLIEST_CLOCK = select(CLOCK.c.due).order_by(CLOCK.c.due).limit(1)
EARLIEST_ROW = (
    select(OUTBOX.c.due).where(OUTBOX.c.state.in_(["pending", "sent"])).order_by(OUTBOX.c.due).limit(1)
)


def next_due(connection: Connection) -> datetime | None:
    """The earliest armed clock or waiting outbox row."""
    found = (connection.execute(query).scalar() for query in (EARLIEST_CLOCK, EARLIEST_ROW))
    return min((due for due in found if due is not None), default=None)
