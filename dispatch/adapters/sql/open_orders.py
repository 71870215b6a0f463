"""The open orders as a look finds them: only what has changed since the look before is read and folded again.

Arrivals are looked for twice a second and shortages four times a minute, over every open order: in a storm of
ten thousand, folding them all each time would keep the clocks waiting for seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from dispatch.adapters.sql import armed
from dispatch.adapters.sql.armed import ORDER
from dispatch.adapters.sql.order_rows import OPEN, readable_orders
from dispatch.core.work_order import WorkOrder
from dispatch.services.ports import Processes

AT_ONCE = 500
"""Orders whose histories one query reads."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An order as a look found it. `mark`: its version, and when that was written (a backup put back counts anew)."""

    order: WorkOrder
    mark: tuple[int, datetime]


NOTHING: Mapping[str, Seen] = {}


def look(
    connection: Connection, processes: Processes, states: Sequence[str], known: Mapping[str, Seen] = NOTHING
) -> dict[str, Seen]:
    """Orders that are not restored yet, of these states (none named: all), the oldest first.

    Without one that cannot be read, which is said. `known`: what the look before found.
    """
    query = select(ORDER.c.id, ORDER.c.version, ORDER.c.changed_at).where(OPEN)
    query = query.order_by(ORDER.c.reported_at, ORDER.c.id)
    rows = connection.execute(query.where(ORDER.c.state.in_(list(states))) if states else query).all()
    marks = {row.id: (row.version, row.changed_at) for row in rows}
    found = {i: known[i] for i, mark in marks.items() if i in known and known[i].mark == mark}
    changed = [order_id for order_id in marks if order_id not in found]
    for start in range(0, len(changed), AT_ONCE):
        some = armed.among(connection, ORDER.c.id, changed[start : start + AT_ONCE])
        for order in readable_orders(connection, processes, select(ORDER).where(some)):
            found[order.id] = Seen(order, marks[order.id])
    return {order_id: found[order_id] for order_id in marks if order_id in found}
