"""Work orders folded from their rows: together or not at all, or each by itself where one that is spoilt must not
hide the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Select, Text, and_, bindparam, literal_column, select
from sqlalchemy.exc import DBAPIError, OperationalError

from dispatch.adapters.sql import armed
from dispatch.adapters.sql.armed import ORDER
from dispatch.adapters.sql.definitions import definition
from dispatch.adapters.sql.lines import EVENT
from dispatch.adapters.sql.rows import facts_from, history_from
from dispatch.core.work_order import WorkOrder, fold
from dispatch.services.ports import Processes

log = logging.getLogger(__name__)
NOT_FINAL = ~ORDER.c.is_final
"""Neither closed nor cancelled: few of all orders that ever were, and found by an index of their own."""
OPEN = and_(ORDER.c.is_open, NOT_FINAL)
"""Not restored either. What is open is not final: said, so that the same index serves."""
_EVENTS = {
    "postgresql": "CAST(json_agg(order_event ORDER BY order_event.seq) AS text)",
    "sqlite": "json_group_array(json_object('seq', seq, 'kind', kind, 'at', order_event.at || 'Z', 'recorded_at',"
    " recorded_at || 'Z', 'by_role', by_role, 'by_id', by_id, 'key', order_event.\"key\", 'data', data))",
}
"""The events of an order as one JSON text: the server makes it, and one decoder reads it. In SQLite a document is
text within it: read there, one that is spoilt would stop the whole query."""


def _events(dialect: str) -> Any:
    return literal_column(_EVENTS[dialect], Text())


def _with_events(query: Select[Any], dialect: str) -> Select[Any]:
    told = select(_events(dialect)).where(EVENT.c.order_id == ORDER.c.id).scalar_subquery()
    return query.add_columns(told.label("events"))


_ONE = {name: _with_events(select(ORDER).where(ORDER.c.id == bindparam("of_id")), name) for name in _EVENTS}


def load_order(connection: Connection, processes: Processes, order_id: str) -> WorkOrder | None:
    """One order, if there is one, with one query that was made once."""
    row = connection.execute(_ONE[connection.dialect.name], {"of_id": order_id}).first()
    return None if row is None else _folded(connection, row, row.events, processes)


def load_orders(connection: Connection, processes: Processes, query: Select[Any]) -> list[WorkOrder]:
    """The orders that `query` (over the work_order table) selects. Raises where one of them cannot be read."""
    rows = connection.execute(_with_events(query, connection.dialect.name)).all()
    return [_folded(connection, row, row.events, processes) for row in rows]


def readable_orders(connection: Connection, processes: Processes, query: Select[Any]) -> list[WorkOrder]:
    """The same without those that cannot be read, which are said in the log."""
    orders, failed = each_order(connection, processes, connection.execute(query).all())
    for order_id, error in failed.items():
        log.error("order %s cannot be read, the others go on: %r", order_id, error)
    return list(orders.values())


def each_order(
    connection: Connection,
    processes: Processes,
    rows: Sequence[Any],
    take_back: Callable[[], None] | None = None,
) -> tuple[dict[str, WorkOrder], dict[str, Exception]]:
    """The orders of these rows in their order, and those that cannot be read, with the reason.

    `take_back`: what to do after a statement that has failed. Not given: it is in a savepoint of its own (two more
    journeys to the server).
    """
    if take_back is None:
        with savepoint(connection) as own:
            return each_order(connection, processes, rows, own)
    orders, failed = dict[str, WorkOrder](), dict[str, Exception]()
    try:
        kept = _histories(connection, [row.id for row in rows]) if rows else {}
    except Exception as error:
        _mend(error, take_back)
        kept = {}  # one line of one history: each is read by itself
    for row in rows:
        try:
            events = kept.get(row.id) if kept else _histories(connection, [row.id]).get(row.id)
            orders[row.id] = _folded(connection, row, events, processes)
        except Exception as error:
            _mend(error, take_back)
            failed[row.id] = error
    return orders, failed


@contextmanager
def savepoint(connection: Connection) -> Iterator[Callable[[], None]]:
    """Gives what takes back all that was done since. It may be done more than once."""
    connection.exec_driver_sql("SAVEPOINT batch")

    def take_back() -> None:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT batch")

    yield take_back
    connection.exec_driver_sql("RELEASE SAVEPOINT batch")


class Spoilt(Exception):
    """A statement that reads several orders has failed."""


def give_up() -> None:
    """To be decided again, where a savepoint for the rare history that SQL cannot read would cost every decision."""
    raise Spoilt


def _mend(error: Exception, take_back: Callable[[], None]) -> None:
    """Go on after `error`, or raise it. After a statement that failed PostgreSQL takes no other before `take_back`."""
    if is_gone(error):
        raise error
    if isinstance(error, DBAPIError):
        take_back()


def _histories(connection: Connection, order_ids: Sequence[str]) -> dict[str, str]:
    """The events of each of these orders that has any, with one query."""
    query = select(EVENT.c.order_id, _events(connection.dialect.name)).group_by(EVENT.c.order_id)
    query = query.where(armed.among(connection, EVENT.c.order_id, list(order_ids)))
    return {row.order_id: row[1] for row in connection.execute(query)}


def _folded(connection: Connection, row: Any, events: str | None, processes: Processes) -> WorkOrder:
    return fold(facts_from(row), history_from(events), definition(connection, processes, row.process))


def is_gone(error: Exception) -> bool:
    """Whether it is the database that does not go on: no order is to blame, and nothing more can be asked."""
    return isinstance(error, OperationalError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )
