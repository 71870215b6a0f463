"""Process definitions in SQL: every text that orders began under, and which one is the current one.

Whoever meets an order of a definition that it has not seen reads it here: an adoption reaches a worker with the
first order that begins under it, at the latest.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select

from dispatch.adapters.sql import tables as t
from dispatch.core.process import Process, parse
from dispatch.services.ports import Processes

PREFIX = "process/"
INSTALLATION: Table = t.InstallationRow.__table__  # type: ignore[attr-defined]
ADOPTION: Table = t.AdoptionRow.__table__  # type: ignore[attr-defined]


def kept_text(connection: Connection, process_id: str) -> str:
    """The text of a definition; empty where it is not kept."""
    query = select(INSTALLATION.c.value).where(INSTALLATION.c.name == PREFIX + process_id)
    return connection.execute(query).scalar() or ""


def kept_texts(connection: Connection) -> dict[str, str]:
    """Every definition that is kept, by its id."""
    rows = connection.execute(select(INSTALLATION).where(INSTALLATION.c.name.startswith(PREFIX)))
    return {row.name.removeprefix(PREFIX): row.value for row in rows}


def keep(connection: Connection, process: Process) -> None:
    """Keep a definition's text."""
    connection.execute(delete(INSTALLATION).where(INSTALLATION.c.name == PREFIX + process.id))
    connection.execute(insert(INSTALLATION), {"name": PREFIX + process.id, "value": process.text})


def adopted(connection: Connection) -> str:
    """The id of the definition that was adopted last; empty where none was."""
    query = select(ADOPTION.c.process).order_by(ADOPTION.c.id.desc()).limit(1)
    return connection.execute(query).scalar() or ""


def adoptions(connection: Connection) -> list[Any]:
    """Every adoption, the oldest first: process, at, by, difference."""
    return list(connection.execute(select(ADOPTION).order_by(ADOPTION.c.id)))


def adopt(connection: Connection, process_id: str, difference: str, *, by: str, at: datetime) -> None:
    """New orders begin under this definition from now on."""
    row = {"process": process_id, "at": at, "by": by, "difference": difference}
    connection.execute(insert(ADOPTION), row)


def definition(connection: Connection, processes: Processes, process_id: str) -> Process:
    """The definition that an order pins; read and kept in mind where this process has not seen it yet."""
    if (found := processes.by_id.get(process_id)) is None:
        found = parse(kept_text(connection, process_id), process_id)
        processes.learn(found)
    return found
