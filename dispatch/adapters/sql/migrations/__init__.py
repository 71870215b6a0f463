"""Schema migrations (Alembic): one file a change in `versions/`, and in `positions/` for the position history.

The history stands in a file of its own on SQLite, and beside the orders on PostgreSQL: it counts its versions apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent


def migrate(connection: Connection) -> None:
    """Bring the schema to the newest version, inside the caller's transaction."""
    _migrate(connection, "versions", "alembic_version")


def migrate_positions(connection: Connection) -> None:
    """The same for the position history."""
    _migrate(connection, "positions", "position_version")


def _migrate(connection: Connection, versions: str, table: str) -> None:
    if _is_newest(connection, versions, table):
        return  # Alembic itself takes half a second to import
    from alembic import command

    command.upgrade(_config(connection, versions, table), "head")


def _is_newest(connection: Connection, versions: str, table: str) -> bool:
    if not inspect(connection).has_table(table):
        return False
    newest = max(file.stem.partition("_")[0] for file in (FOLDER / versions).glob("[0-9]*.py"))
    there = connection.execute(text(f"SELECT version_num FROM {table}"))  # noqa: S608
    return there.scalars().all() == [newest]


def _config(connection: Connection, versions: str, table: str) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "newline")  # a folder's name may have blanks
    config.set_main_option("version_locations", str(FOLDER / versions))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = table
    return config
