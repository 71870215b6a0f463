"""What both stores offer to whoever reads and administers beside the state changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Database(Protocol):
    """SqliteStore and PostgresStore, without their decisions."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one look at the database. Raises Unavailable."""
        ...

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction. Raises Unavailable."""
        ...
