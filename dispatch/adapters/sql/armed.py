"""The clock table: what is armed for an order, and what is due. What should be armed the core says."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, String, Table, any_, bindparam, delete, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from dispatch.adapters.sql import tables as t
from dispatch.core.escalation import Clock

CLOCK: Table = t.ClockRow.__table__  # type: ignore[attr-defined]
ORDER: Table = t.WorkOrderRow.__table__  # type: ignore[attr-defined]
Row = dict[str, Any]
WINDOW = 8
"""Claims of workers that look at the same moment: past so many of theirs one finds rows of its own."""


def _arming(kind: Any) -> Any:
    made = kind(CLOCK)
    values = {name: made.excluded[name] for name in ("generation", "rung", "due")}
    return made.on_conflict_do_update(index_elements=["order_id", "name"], set_=values)


ARM = {"sqlite": _arming(sqlite.insert), "postgresql": _arming(postgresql.insert)}
FOLLOWING = select(CLOCK.c.due).where(CLOCK.c.due > bindparam("now")).order_by(CLOCK.c.due).limit(1)
DISARM = delete(CLOCK).where(CLOCK.c.order_id == bindparam("of_id"), CLOCK.c.name == bindparam("of_name"))


def rearmed(order_id: str, before: Sequence[Clock], after: Sequence[Clock]) -> tuple[list[Row], list[Row]]:
    """The rows to cancel and the rows to arm, where an order's clocks differ: one that goes on costs nothing."""
    names = {clock.name for clock in after}
    gone = [{"of_id": order_id, "of_name": c.name} for c in before if c.name not in names]
    return gone, [row(order_id, clock) for clock in after if clock not in before]


def row(order_id: str, clock: Clock) -> Row:
    """One armed clock as it is kept."""
    return {
        "order_id": order_id, "name": clock.name, "generation": clock.generation, "rung": clock.rung,
        "due": clock.due,
    }  # fmt: skip


def kept(connection: Connection, order_ids: Sequence[str]) -> dict[str, set[Clock]]:
    """The armed clocks of these orders, as far as they have any."""
    found: dict[str, set[Clock]] = {}
    for one in connection.execute(select(CLOCK).where(among(connection, CLOCK.c.order_id, order_ids))):
        clock = Clock(one.name, one.generation, one.rung, one.due)
        found.setdefault(one.order_id, set()).add(clock)
    return found


def put_right(connection: Connection, order_id: str, clocks: Sequence[Clock]) -> None:
    """Whatever is kept for this order, these are its clocks."""
    connection.execute(delete(CLOCK).where(CLOCK.c.order_id == order_id))
    if clocks:
        connection.execute(ARM[connection.dialect.name], [row(order_id, clock) for clock in clocks])


def claim(connection: Connection, now: datetime, limit: int, aside: Collection[str]) -> Select[Any]:
    """The query for orders with a due clock, the oldest first (one with several due clocks comes several times).

    On PostgreSQL their rows are locked until the commit and those that somebody else has locked are left to him:
    an order is never decided twice, no worker waits for another, and one that dies lets go of all. An
    acknowledgement that holds its order makes us leave it; one that comes later waits and meets a newer version.
    """
    due = select(CLOCK.c.order_id, CLOCK.c.due).where(CLOCK.c.due <= now)
    if aside:
        due = due.where(~among(connection, CLOCK.c.order_id, list(aside)))
    window = due.order_by(CLOCK.c.due).limit(limit * WINDOW).subquery()
    query = select(ORDER).join(window, ORDER.c.id == window.c.order_id)
    return query.order_by(window.c.due).limit(limit).with_for_update(of=ORDER, skip_locked=True)


def following(connection: Connection, now: datetime) -> datetime | None:
    """When the next clock after `now` is due."""
    found: datetime | None = connection.execute(FOLLOWING, {"now": now}).scalar()
    return found


def among(connection: Connection, column: Any, values: Sequence[str]) -> ColumnElement[bool]:
    """`column` is one of `values`; on PostgreSQL as one parameter, so that the statement is prepared once."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(list(values), postgresql.ARRAY(String)))  # type: ignore[no-any-return]
    return column.in_(list(values))  # type: ignore[no-any-return]
