"""Services on both databases."""

from __future__ import annotations

from tests.dispatch.databases import database, database_kind, postgres_server

__all__ = ["database", "database_kind", "postgres_server"]
