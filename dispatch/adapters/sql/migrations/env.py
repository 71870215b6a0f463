"""Alembic's entry: runs on the connection that `migrate` hands over."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from dispatch.adapters.sql import tables

assert tables, "the tables register themselves with SQLModel"
connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=SQLModel.metadata, transactional_ddl=False, render_as_batch=True
)
context.run_migrations()
