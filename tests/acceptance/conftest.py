"""Every story is told on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.dispatch.centre import Centre
from tests.dispatch.databases import Database, database, database_kind, postgres_server

__all__ = ["centre", "database", "database_kind", "postgres_server"]


@pytest_asyncio.fixture
async def centre(database: Database) -> AsyncIterator[Centre]:
    """A centre with three crews, nothing reported yet."""
    yield Centre(database)
