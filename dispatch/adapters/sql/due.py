"""Deciding what is due, many orders in one transaction.

The orders are claimed and their histories read with two queries, each is decided by itself, and all that follows
is written with one statement (on SQLite one a kind). What cannot be decided or written is left out and named; it takes nobody along.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select

from dispatch.adapters.sql import armed, statements
from dispatch.adapters.sql.order_rows import each_order, is_gone
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
    loaded.orders, failed = each_order(connection, processes, rows)
    made: Made = {}
    for order_id in list(loaded.orders):
        try:
            made[order_id] = decide_order(order_id, loaded, now)
        except Exception as error:
            if is_gone(error):
                raise
            failed[order_id] = error
            del loaded.orders[order_id]
    failed |= _write(connection, loaded, made, processes, now)
    failed |= _put_right(connection, loaded, made, processes, now)
    orders = sum(changes.result for order_id, changes in made.items() if order_id not in failed)
    full = len(rows) >= limit
    return Decided(orders, failed, full, None if full else armed.following(connection, now))


def _write(
    connection: Connection, loaded: SqlLoaded, made: Made, processes: Processes, now: datetime
) -> dict[str, Exception]:
    """All at once, or, where that is refused, each by itself: what did not go."""

    def attempt(changes: Changes[bool]) -> Exception | None:
        connection.exec_driver_sql("SAVEPOINT batch")
        try:
            statements.write(connection, _without(loaded, made, changes), changes, processes, now)
        except Exception as error:
            if is_gone(error):
                raise
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT batch")
            return error
        connection.exec_driver_sql("RELEASE SAVEPOINT batch")
        return None

    changed = {order_id: changes for order_id, changes in made.items() if changes.result}
    if not changed or attempt(together(list(changed.values()))) is None:
        return {}
    errors = {order_id: attempt(changes) for order_id, changes in changed.items()}
    return {order_id: error for order_id, error in errors.items() if error is not None}


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
