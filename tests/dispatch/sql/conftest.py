"""One suite over both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.dispatch.databases import Database, database, database_kind, postgres_server
from tests.dispatch.sql.two import Two

__all__ = ["database", "database_kind", "postgres_server", "two"]


@pytest_asyncio.fixture
async def two(database: Database) -> AsyncIterator[Two]:
    """Two workers on one database."""
    yield Two(database)
