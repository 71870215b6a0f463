"""The schema (SQLModel). State changes go through `statements.py` in SQLAlchemy Core, never through the ORM."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from dispatch.adapters.sql import desk_tables as desk_tables  # noqa: PLC0414  # part of the same schema
from dispatch.adapters.sql.columns import DOCUMENT, SERIAL, document, instant, serial


class WorkOrderRow(SQLModel, table=True):
    """An order's facts, and what is asked for most, projected from its history.

    Each step writes a row here, and again into each of its indexes: what is open, or being taken back, is few.
    """

    __tablename__ = "work_order"
    __table_args__ = (
        Index("work_order_open_place", "is_open", "lat"),
        Index(
            "work_order_removing",
            "id",
            sqlite_where=text("is_removing = 1"),  # as a condition on it is written there
            postgresql_where=text("is_removing"),
        ),
        Index(
            "work_order_unfinished",
            "reported_at",
            sqlite_where=text("is_final = 0"),
            postgresql_where=text("NOT is_final"),
        ),
    )
    id: str = Field(primary_key=True)
    version: int
    process: str
    state: str
    centre_id: str
    trade: str
    area_class: str
    crew_id: str = Field(index=True)
    generation: int
    priority: int
    channel: str
    address: str
    lat: float | None
    lon: float | None
    fault_type: str
    voltage: str
    customer_name: str
    customer_phone: str = Field(index=True)
    description: str = Field(sa_column=Column(Text, nullable=False))
    incident_id: str = Field(index=True)
    reported_at: datetime = instant(index=True)
    deadline: datetime = instant()
    sent_at: datetime | None = instant(null=True)
    dispatched_at: datetime | None = instant(null=True)
    acknowledged_at: datetime | None = instant(null=True)
    arrived_at: datetime | None = instant(null=True)
    changed_at: datetime = instant(index=True)
    is_open: bool
    is_final: bool
    """Closed or cancelled: in a final state of its own process."""
    is_removing: bool
    """Some device has not yet confirmed a recall."""


class OrderEventRow(SQLModel, table=True):
    """The history. `id` grows with every commit of this database and is what live pages follow."""

    __tablename__ = "order_event"
    __table_args__ = (
        UniqueConstraint("order_id", "seq"),
        Index(
            "order_event_key",
            "order_id",
            "key",
            unique=True,
            sqlite_where=Column("key") != "",
            postgresql_where=Column("key") != "",
        ),
    )
    id: int = serial()
    order_id: str
    seq: int
    kind: str = Field(index=True)
    at: datetime = instant()
    recorded_at: datetime = instant()
    by_role: str
    by_id: str
    key: str
    data: dict[str, Any] = document()


class ClockRow(SQLModel, table=True):
    """What `core.escalation.clocks` says of the order, as an index on due time."""

    __tablename__ = "clock"
    order_id: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    generation: int
    rung: int
    due: datetime = instant(index=True)


TO_RING = {"kind": "phone", "state": "pending", "call_id": ""}
"""Outbox rows that wait for a telephone call."""
_TO_RING = text(" AND ".join(f"{name} = '{value}'" for name, value in TO_RING.items()))


class OutboxRowTable(SQLModel, table=True):
    """Effects of committed decisions. `state`: pending, sent (waiting for a report), done, dead."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_waiting", "state", "due"),
        Index(
            "outbox_to_ring", "centre_id", "target", "id", sqlite_where=_TO_RING, postgresql_where=_TO_RING
        ),
    )
    id: int = serial()
    key: str = Field(unique=True)
    kind: str
    target: str
    order_id: str = Field(index=True)
    centre_id: str
    data: dict[str, Any] = document()
    state: str
    due: datetime = instant()
    tries: int
    outcome: str
    call_id: str = Field(index=True)
    first_due: datetime = instant()
    """When it was to be carried out, however often it was put off since."""
    settled_at: datetime | None = instant(null=True)


class DialRow(SQLModel, table=True):
    """When a telephone number was last rung, and by which call."""

    __tablename__ = "dial"
    number: str = Field(primary_key=True)
    at: datetime = instant()
    call_id: str


class RosterRow(SQLModel, table=True):
    """One roster aggregate, as JSON."""

    __tablename__ = "roster"
    centre_id: str = Field(primary_key=True)
    trade: str = Field(primary_key=True)
    version: int
    doc: dict[str, Any] = document()


_UNSEEN = text("acknowledged_at IS NULL")


class AlertRow(SQLModel, table=True):
    """An in-app alert; it sounds until someone of its role acknowledges it, or its cause has ended."""

    __tablename__ = "alert"
    __table_args__ = (
        Index("alert_code_id", "code", "id"),
        Index("alert_unacknowledged", "id", sqlite_where=_UNSEEN, postgresql_where=_UNSEEN),
        Index("alert_open_cause", "cause", sqlite_where=_UNSEEN, postgresql_where=_UNSEEN),
    )
    id: int = serial()
    key: str = Field(unique=True)
    role: str = Field(index=True)
    centre_id: str
    order_id: str = Field(index=True)
    code: str
    facts: dict[str, Any] = document()
    raised_at: datetime = instant(index=True)
    acknowledged_at: datetime | None = instant(null=True)
    acknowledged_by: str = ""
    cause: str = ""
    """What has to hold as long as it is true (`core/alert_codes.py`); empty: it stays until somebody acknowledges it."""
    settled: str = ""
    """The step that ended the cause, where nobody had acknowledged it before; `acknowledged_by` took it."""


class RecipientRow(SQLModel, table=True):
    """Who is told outside the pages: a person (`username`), or a role, of one centre where `centre_id` says which."""

    __tablename__ = "alert_recipient"
    id: int = serial()
    name: str
    username: str
    role: str
    centre_id: str
    language: str


class ChannelRow(SQLModel, table=True):
    """One way to a recipient. `url` holds secrets: it is never logged, nor sent whole to a browser."""

    __tablename__ = "alert_channel"
    id: int = serial()
    recipient_id: int = Field(
        sa_column=Column(
            SERIAL, ForeignKey("alert_recipient.id", ondelete="CASCADE"), nullable=False, index=True
        )
    )
    position: int
    label: str
    url: str = Field(sa_column=Column(Text, nullable=False))
    minimum: str
    codes: list[str] = Field(sa_column=Column(DOCUMENT, nullable=False), default_factory=list)
    quiet_from: str
    quiet_to: str


class ContactRow(SQLModel, table=True):
    """One contact with a customer."""

    __tablename__ = "contact"
    id: str = Field(primary_key=True)
    at: datetime = instant(index=True)
    channel: str
    phone: str = Field(index=True)
    name: str
    text: str = Field(sa_column=Column(Text, nullable=False))
    order_id: str = Field(index=True)
    outcome: str
    by: str


class DecisionRow(SQLModel, table=True):
    """Why this crew."""

    __tablename__ = "decision"
    order_id: str = Field(primary_key=True)
    generation: int = Field(primary_key=True)
    at: datetime = instant()
    crew_id: str
    by: str
    explanation: dict[str, Any] = document()


class CentreRow(SQLModel, table=True):
    __tablename__ = "centre"
    id: str = Field(primary_key=True)
    name: str
    name_zh: str
    duty_phone: str
    lat: float
    lon: float


class DepartmentRow(SQLModel, table=True):
    """Both leaders are required: saving a department without their numbers is refused."""

    __tablename__ = "department"
    id: str = Field(primary_key=True)
    name: str
    name_zh: str
    kind: str
    centre_id: str
    trade: str
    leader1_name: str
    leader1_phone: str
    leader2_name: str
    leader2_phone: str


class CrewRow(SQLModel, table=True):
    __tablename__ = "crew"
    id: str = Field(primary_key=True)
    name: str
    name_zh: str
    department_id: str
    centre_id: str
    trade: str
    duty_phone: str
    capacity: int
    shift_start: str
    shift_end: str
    base_lat: float
    base_lon: float
    same_office: bool


class DeviceRow(SQLModel, table=True):
    __tablename__ = "device"
    id: str = Field(primary_key=True)
    crew_id: str = Field(index=True)
    kind: str
    label: str
    protocol: str


class OnCallRow(SQLModel, table=True):
    """One duty of the schedule, in local wall time; `days` are ISO weekdays such as "12345", dates may be empty."""

    __tablename__ = "on_call"
    id: int = Field(primary_key=True)
    unit: str
    name: str
    phone: str
    start: str
    end: str
    days: str
    first_day: str
    last_day: str


class AdoptionRow(SQLModel, table=True):
    """Each time that a process definition became the current one; only added to, the last one holds."""

    __tablename__ = "process_adoption"
    id: int = serial()
    process: str
    at: datetime = instant()
    by: str
    difference: str = Field(sa_column=Column(Text, nullable=False))


class PersonRow(SQLModel, table=True):
    """Someone who signs in. `password` is an Argon2 hash."""

    __tablename__ = "person"
    username: str = Field(primary_key=True)
    name: str
    role: str
    centre_id: str = ""
    crew_id: str = ""
    password: str
    active: bool = True
    must_change: bool = False
    """The password is somebody else's: nothing is done with it but to choose one's own."""


class SessionRow(SQLModel, table=True):
    """A signed-in browser; the token itself is never stored, only its SHA-256."""

    __tablename__ = "session"
    token_hash: str = Field(primary_key=True)
    username: str = Field(index=True)
    expires_at: datetime = instant()


class InstallationRow(SQLModel, table=True):
    """Single facts of the installation: the scaled clock, the epoch of desired states, territories."""

    __tablename__ = "installation"
    name: str = Field(primary_key=True)
    value: str = Field(sa_column=Column(Text, nullable=False))


class ShortageRow(SQLModel, table=True):
    """A shortage report, as JSON. `open_scope`: whose it is, until it is closed."""

    __tablename__ = "shortage"
    id: str = Field(primary_key=True)
    version: int
    opened_at: datetime = instant(index=True)
    open_scope: str | None = Field(default=None, unique=True)
    doc: dict[str, Any] = document()


class AuditRow(SQLModel, table=True):
    """Who changed what outside the orders, whose own history says it: people, organisation, settings, sign-ins."""

    __tablename__ = "audit"
    id: int = serial()
    at: datetime = instant()
    by_role: str
    by_id: str
    action: str = Field(index=True)
    subject: str
    data: dict[str, Any] = document()


class SealRow(SQLModel, table=True):
    """One batch of the audit trail. `hash` covers the seal before it; `leaves` has id and digest of every row."""

    __tablename__ = "seal"
    id: int = Field(sa_column=Column(SERIAL, primary_key=True, autoincrement=False))
    source: str
    first_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    leaves: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    at: datetime = instant()
    previous: str
    hash: str
