"""What columns are made of: instants, documents and serial numbers, the same on every database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, DateTime, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime on every database (SQLite keeps none)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive datetime reached the database: {value}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


DOCUMENT = JSON().with_variant(JSONB(), "postgresql")
SERIAL = BigInteger().with_variant(Integer(), "sqlite")


def instant(*, null: bool = False, index: bool = False) -> Any:
    """A column of aware UTC instants."""
    return Field(sa_column=Column(Instant(), nullable=null, index=index), default=None)


def document() -> Any:
    """A column of JSON objects, empty where nothing is given."""
    return Field(sa_column=Column(DOCUMENT, nullable=False), default_factory=dict)


def serial() -> Any:
    """A primary key that counts up."""
    return Field(sa_column=Column(SERIAL, primary_key=True, autoincrement=True), default=None)
