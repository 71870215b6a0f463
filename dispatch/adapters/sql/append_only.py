"""Tables that only grow: the database itself refuses to change or remove a row of them.

Triggers keep honest code honest; whoever may drop a trigger is found by the seals (`trail.py`).
"""

from __future__ import annotations

from sqlalchemy import Connection

TABLES = ("order_event", "decision", "audit", "seal", "process_adoption")

_FUNCTION = """
CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
"""


def guard(connection: Connection, *tables: str) -> None:
    """Let these tables only grow from now on."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_FUNCTION)
    for table in tables:
        for statement in _triggers(connection.dialect.name, table):
            connection.exec_driver_sql(statement)


def _triggers(dialect: str, table: str) -> list[str]:
    if dialect == "postgresql":
        return [
            f"CREATE OR REPLACE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION append_only()",
            f"CREATE OR REPLACE TRIGGER {table}_whole BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION append_only()",
        ]
    return [
        f"CREATE TRIGGER IF NOT EXISTS {table}_no_{act.lower()} BEFORE {act} ON {table}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for act in ("UPDATE", "DELETE")
    ]
