"""Work orders folded from their rows: together or not at all, or each by itself where one that is spoilt must not
hide the others."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, select
from sqlalchemy.exc import DBAPIError, OperationalError

from dispatch.adapters.sql import armed
from dispatch.adapters.sql import tables as t
from dispatch.adapters.sql.definitions import definition
from dispatch.adapters.sql.rows import event_from, facts_from
from dispatch.core.work_order import Event, WorkOrder, fold
from dispatch.services.ports import Processes

log = logging.getLogger(__name__)
EVENT: Table = t.OrderEventRow.__table__  # type: ignore[attr-defined]


def load_orders(connection: Connection, processes: Processes, query: Select[Any]) -> list[WorkOrder]:
    """The orders that `query` (over the work_order table) selects. Raises where one of them cannot be read."""
    rows = connection.execute(query).all()
    if not rows:
        return []
    kept = _histories(connection, [row.id for row in rows])
    return [_folded(connection, row, kept[row.id], processes) for row in rows]


def readable_orders(connection: Connection, processes: Processes, query: Select[Any]) -> list[WorkOrder]:
    """The same without those that cannot be read, which are said in the log."""
    orders, failed = each_order(connection, processes, connection.execute(query).all())
    for order_id, error in failed.items():
        log.error("order %s cannot be read, the others go on: %r", order_id, error)
    return list(orders.values())


def each_order(
    connection: Connection, processes: Processes, rows: Sequence[Any]
) -> tuple[dict[str, WorkOrder], dict[str, Exception]]:
    """The orders of these rows in their order, and those that cannot be read, with the reason."""
    orders, failed = dict[str, WorkOrder](), dict[str, Exception]()
    try:
        kept = _histories(connection, [row.id for row in rows]) if rows else {}
    except Exception as error:
        if is_gone(error):
            raise
        kept = {}  # one line of one history: each is read by itself
    for row in rows:
        try:
            history = kept[row.id] if kept else _histories(connection, [row.id])[row.id]
            orders[row.id] = _folded(connection, row, history, processes)
        except Exception as error:
            if is_gone(error):
                raise
            failed[row.id] = error
    return orders, failed


def _histories(connection: Connection, order_ids: Sequence[str]) -> dict[str, list[Event]]:
    """The events of each of these orders, with one query."""
    kept: dict[str, list[Event]] = {order_id: [] for order_id in order_ids}
    events = connection.execute(
        select(EVENT)
        .where(armed.among(connection, EVENT.c.order_id, list(kept)))
        .order_by(EVENT.c.order_id, EVENT.c.seq)
    ).all()
    for e in events:
        kept[e.order_id].append(event_from(e))
    return kept


def _folded(connection: Connection, row: Any, history: Sequence[Event], processes: Processes) -> WorkOrder:
    return fold(facts_from(row), history, definition(connection, processes, row.process))


def is_gone(error: Exception) -> bool:
    """Whether it is the database that does not go on: no order is to blame, and nothing more can be asked."""
    return isinstance(error, OperationalError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )
