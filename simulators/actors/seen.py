"""What the actors read from the HTTP interface: of each shape only the fields that they need."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class Watch(msgspec.Struct, frozen=True):
    """An acknowledgement watch that nobody has answered."""

    name: str
    since: datetime
    fired: int


class Order(msgspec.Struct, frozen=True):
    """Some of OrderView."""

    id: str
    state: str
    generation: int
    address: str
    customer_phone: str
    fault_type: str
    voltage: str
    reported_at: datetime
    points: dict[str, datetime]
    lat: float | None = None
    lon: float | None = None
    centre_id: str = ""
    trade: str = ""
    crew_id: str = ""
    watch: Watch | None = None
    recorded: bool = False

    @property
    def story(self) -> str:
        """Names this order in seeded draws: the caller's number, which the seed gives, and not its random id."""
        return f"{self.customer_phone or self.id}/{self.generation}"


class Fix(msgspec.Struct, frozen=True):
    """Where a crew was last known to be."""

    lat: float
    lon: float


class Crew(msgspec.Struct, frozen=True):
    """Some of CrewView."""

    id: str
    fix: Fix | None = None


class Stack(msgspec.Struct, frozen=True):
    """`GET /api/crew/stack`."""

    crew: Crew
    orders: list[Order]
    to_record: list[Order]
    presence: str
    away_until: datetime | None = None


class Desk(msgspec.Struct, frozen=True):
    """`GET /api/hotline/desk`."""

    to_send: list[Order]
    unroutable: list[Order]
    call_backs: list[Order]
    to_close: list[Order]
    contacts: list[dict[str, Any]]


class Alert(msgspec.Struct, frozen=True):
    """Some of AlertView."""

    id: int
    code: str
    order_id: str
    raised_at: datetime
    acknowledged_at: datetime | None = None


class Board(msgspec.Struct, frozen=True):
    """Some of `GET /api/board`."""

    policy: str
    orders: list[Order]
    alerts: list[Alert]


class Ranked(msgspec.Struct, frozen=True):
    """A crew that could take an order."""

    crew_id: str


class Candidates(msgspec.Struct, frozen=True):
    """Some of `GET /api/orders/{id}/candidates`."""

    ranked: list[Ranked]


class Taken(msgspec.Struct, frozen=True):
    """`POST /api/calls`."""

    order_id: str
    outcome: str
    unroutable: str = ""
