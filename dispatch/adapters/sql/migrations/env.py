"""Alembic's entry: runs on the connection that `migrate` hands over."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from dispatch.adapters.sql import tables

assert tables, "the tables register themselves with SQLModel"
attributes = context.config.attributes
context.configure(
    connection=attributes["connection"], version_table=attributes["version_table"],
    target_metadata=SQLModel.metadata, transactional_ddl=False, render_as_batch=True,
)  # fmt: skip
context.run_migrations()
