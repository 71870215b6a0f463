"""Every test of a database here runs on SQLite and on PostgreSQL."""

from tests.dispatch.databases import database, database_kind, postgres_server

__all__ = ["database", "database_kind", "postgres_server"]
