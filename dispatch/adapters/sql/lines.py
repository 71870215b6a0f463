"""What a decision adds and changes, as rows, and the writing of them.

On PostgreSQL all of it is one statement: each kind of row is one parameter, a JSON array, so that the statement is
planned once and a decision costs one journey to the server, however many rows it has. SQLite has no journeys and no
data-changing WITH: a statement for each kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, String, Table, and_, bindparam, insert, or_, update
from sqlalchemy.dialects.postgresql import dialect

from dispatch.adapters.sql import tables as t
from dispatch.adapters.sql.armed import ARM, CLOCK, DISARM, ORDER

Row = dict[str, Any]
EVENT: Table = t.OrderEventRow.__table__  # type: ignore[attr-defined]
ALERT: Table = t.AlertRow.__table__  # type: ignore[attr-defined]
OUTBOX: Table = t.OutboxRowTable.__table__  # type: ignore[attr-defined]
ROSTER: Table = t.RosterRow.__table__  # type: ignore[attr-defined]
_FACTS = frozenset(
    {
        "id", "process", "channel", "fault_type", "voltage", "customer_name", "customer_phone", "description",
        "reported_at",
    }
)  # fmt: skip
"""Columns of an order that are written once."""
MOVING = tuple(c.name for c in ORDER.columns if c.name not in _FACTS)
"""Those that follow its history."""


class Stale(Exception):
    """A row has another version than the one that was decided on: decide again."""


@dataclass
class Lines:
    """Rows by what happens to them. `changed` and `rosters` say in `of_version` what they were decided on."""

    new: list[Row] = field(default_factory=list)
    changed: list[Row] = field(default_factory=list)
    rosters: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    gone: list[Row] = field(default_factory=list)
    """Clocks that are cancelled."""
    armed: list[Row] = field(default_factory=list)
    ended: list[Row] = field(default_factory=list)
    """Causes of alerts that hold no more; of alerts that were there before this decision."""
    alerts: list[Row] = field(default_factory=list)
    outbox: list[Row] = field(default_factory=list)

    def write(self, connection: Connection) -> None:
        """All of them. Raises Stale where an order or a roster has changed since."""
        if self.new:
            connection.execute(insert(ORDER), self.new)
        if connection.dialect.name == "postgresql":
            self._at_once(connection)
        else:
            self._one_kind_after_the_other(connection)

    def _at_once(self, connection: Connection) -> None:
        kinds = tuple(name for name in _KINDS if getattr(self, name))
        if not kinds:
            return
        said = [msgspec.json.encode(getattr(self, name)).decode() for name in kinds]
        written = connection.exec_driver_sql(statement(kinds), tuple(said)).one()
        if tuple(written) != (len(self.changed), len(self.rosters)):
            raise Stale(_named([*self.changed, *self.rosters]))

    def _one_kind_after_the_other(self, connection: Connection) -> None:
        for change, rows in ((_CHANGE_ORDER, self.changed), (_CHANGE_ROSTER, self.rosters)):
            if rows and connection.execute(change, rows).rowcount != len(rows):
                raise Stale(_named(rows))
        for statement, rows in (
            (insert(EVENT), self.events), (DISARM, self.gone), (ARM["sqlite"], self.armed),
            (_SETTLE, self.ended), (insert(ALERT), self.alerts), (insert(OUTBOX), self.outbox),
        ):  # fmt: skip
            if rows:
                connection.execute(statement, rows)


def _named(rows: Iterable[Row]) -> str:
    return ", ".join(row.get("of_id") or f"{row['of_centre']}/{row['of_trade']}" for row in rows)


_CHANGE_ORDER = update(ORDER).where(
    ORDER.c.id == bindparam("of_id"), ORDER.c.version == bindparam("of_version")
)
_CHANGE_ROSTER = update(ROSTER).where(
    and_(
        ROSTER.c.centre_id == bindparam("of_centre"),
        ROSTER.c.trade == bindparam("of_trade"),
        ROSTER.c.version == bindparam("of_version"),
    )
)
_SETTLE = (
    update(ALERT)
    .where(
        ALERT.c.cause == bindparam("of_cause"),
        ALERT.c.acknowledged_at.is_(None),
        or_(bindparam("of_role", type_=String) == "", ALERT.c.role == bindparam("of_role", type_=String)),
    )
    .values(acknowledged_at=bindparam("at"), acknowledged_by=bindparam("by"), settled=bindparam("step"))
)


def _typed(columns: Iterable[Column[Any]]) -> str:
    known = dialect()  # type: ignore[no-untyped-call]
    return ", ".join(f'"{c.name}" {c.type.compile(known)}' for c in columns)


def _set(names: Iterable[str], row: str) -> str:
    return ", ".join(f'"{name}" = {row}."{name}"' for name in names)


_GIVEN = "CAST(CAST(@rows AS text) AS json)"


def _rows(columns: str) -> str:
    """The rows of a parameter, in the order in which they were given."""
    return f"json_to_recordset({_GIVEN}) AS r({columns})"


def _few(columns: str) -> str:
    """The same, to be looked up by their keys. The limit, which is their number, is for the planner: it would expect
    a hundred and read a whole table for one. As a query of its own it does not vary with the parameter: one plan is kept."""
    return f"(SELECT * FROM {_rows(columns)} LIMIT (SELECT json_array_length({_GIVEN}))) r"  # noqa: S608


def _insert(table: Table) -> str:
    columns = [c for c in table.columns if c.name not in {"id", "settled_at", "acknowledged_at"}]
    names = ", ".join(f'"{c.name}"' for c in columns)
    return f'INSERT INTO "{table.name}" ({names}) SELECT {names} FROM {_rows(_typed(columns))}'  # noqa: S608


_KINDS = {
    "changed": f"""UPDATE work_order o SET {_set(MOVING, "r")}
  FROM {_few("of_id text, of_version int, " + _typed(ORDER.c[name] for name in MOVING))}
  WHERE o.id = r.of_id AND o.version = r.of_version RETURNING 1""",  # noqa: S608
    "rosters": f"""UPDATE roster o SET {_set(("version", "doc"), "r")}
  FROM {_few("of_centre text, of_trade text, of_version int, version int, doc jsonb")}
  WHERE o.centre_id = r.of_centre AND o.trade = r.of_trade AND o.version = r.of_version RETURNING 1""",  # noqa: S608
    "events": _insert(EVENT),
    "gone": f"""DELETE FROM clock o USING {_few("of_id text, of_name text")}
  WHERE o.order_id = r.of_id AND o.name = r.of_name""",  # noqa: S608
    "armed": f"""{_insert(CLOCK)}
  ON CONFLICT (order_id, name) DO UPDATE SET {_set(("generation", "rung", "due"), "excluded")}""",
    "ended": f"""UPDATE alert o SET acknowledged_at = r.at, acknowledged_by = r.by, settled = r.step
  FROM {_few('of_cause text, of_role text, at timestamptz, "by" text, step text')}
  WHERE o.cause = r.of_cause AND o.acknowledged_at IS NULL AND r.of_role IN ('', o.role)""",  # noqa: S608
    "alerts": _insert(ALERT),
    "outbox": _insert(OUTBOX),
}
"""Made of our own names only; whatever comes from outside is in the parameters."""


@cache
def statement(kinds: tuple[str, ...]) -> str:
    """One statement that writes rows of these kinds and counts the orders and rosters that it changed."""
    parts = (f"{name} AS ({_KINDS[name].replace('@rows', f'${n}')})" for n, name in enumerate(kinds, 1))
    counted = ("changed", "rosters")
    counts = (f"(SELECT count(*) FROM {n})" if n in kinds else "0" for n in counted)  # noqa: S608
    return f"WITH {', '.join(parts)} SELECT {', '.join(counts)}"
