"""Tables of the hotline's and the manager's desks: addresses, planned outages, sheets of days, saved views."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

from dispatch.adapters.sql.columns import DOCUMENT, document, instant, serial


class GazetteerRow(SQLModel, table=True):
    """One known address or place of the utility. `folded` is what is searched: both names, in one spelling."""

    __tablename__ = "gazetteer"
    id: int = serial()
    name: str
    name_zh: str
    folded: str = Field(sa_column=Column(Text, nullable=False))
    lat: float
    lon: float


class PlannedOutageRow(SQLModel, table=True):
    """An announced outage, and whom it concerns: a territory, a polygon of [lon, lat], addresses, or several of these."""

    __tablename__ = "planned_outages"
    id: str = Field(primary_key=True)
    starts_at: datetime = instant()
    ends_at: datetime = instant(index=True)
    reason: str = Field(sa_column=Column(Text, nullable=False))
    territory: str
    polygon: list[list[float]] = Field(sa_column=Column(DOCUMENT, nullable=False), default_factory=list)
    addresses: list[str] = Field(sa_column=Column(DOCUMENT, nullable=False), default_factory=list)
    called_off_at: datetime | None = instant(null=True)


class DaySheetRow(SQLModel, table=True):
    """The measured orders of one local day as columns (`core.sheet`); made anew from the orders at any time."""

    __tablename__ = "day_sheet"
    day: str = Field(primary_key=True)
    version: int
    orders: int
    running: int = Field(index=True)
    """Orders whose times still grow."""
    numbers: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    ids: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class SavedViewRow(SQLModel, table=True):
    """A filter of the manager's desk that somebody has given a name, and to whom its figures are sent, how often."""

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("username", "name"),)
    id: int = serial()
    username: str
    name: str
    query: dict[str, Any] = document()
    every: str
    """"" (never), "day" or "week" (on Mondays)."""
    hour: int
    channels: list[int] = Field(sa_column=Column(DOCUMENT, nullable=False), default_factory=list)
    sent_for: str
    """The local day for which it was sent last."""
