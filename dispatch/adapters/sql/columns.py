"""What columns are made of: instants, documents and serial numbers, the same on every database."""

from __future__ import annotations

from collections.abc import Callable
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

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        """SQLite's text at once: an order's row has a dozen of them, and they are most of what writing it costs."""
        return _text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"a naive datetime reached the database: {value}")
    return value.astimezone(UTC)


def _text(value: datetime | None) -> str | None:
    """As SQLAlchemy's own type writes it: "2026-03-02 10:00:00.000000"."""
    return None if value is None else _utc(value).isoformat(" ", "microseconds")[:26]


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
