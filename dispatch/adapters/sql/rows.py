"""Values as rows of a table, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

import msgspec

from dispatch.core.alert_codes import Ended, cause_of
from dispatch.core.outgoing import Outgoing
from dispatch.core.types import Actor, Point
from dispatch.core.work_order import Event, Facts


def facts_from(row: Any) -> Facts:
    """What is known of an order beside its history, from its work_order row."""
    place = None if row.lat is None else Point(row.lat, row.lon)
    return Facts(
        id=row.id, process=row.process, reported_at=row.reported_at, channel=row.channel, address=row.address,
        place=place, fault_type=row.fault_type, voltage=row.voltage, customer_name=row.customer_name,
        customer_phone=row.customer_phone, description=row.description,
    )  # fmt: skip


class _Line(msgspec.Struct, gc=False):
    """A row of order_event as a database makes JSON of it."""

    seq: int
    kind: str
    at: datetime
    recorded_at: datetime
    by_role: Any
    by_id: str
    key: str
    data: dict[str, Any] | str


_LINES = msgspec.json.Decoder(list[_Line])
_DOCUMENT = msgspec.json.Decoder(dict[str, Any])


def history_from(events: str | None) -> list[Event]:
    """A history, from the JSON of its order_event rows. Raises msgspec.DecodeError where a row is spoilt."""
    return [
        Event(
            e.seq, e.kind, e.at.astimezone(UTC), e.recorded_at.astimezone(UTC),
            Actor(e.by_role, e.by_id), e.key, _DOCUMENT.decode(e.data) if isinstance(e.data, str) else e.data,
        )
        for e in sorted(_LINES.decode(events or "[]"), key=attrgetter("seq"))
    ]  # fmt: skip


def event_row(order_id: str, e: Event) -> dict[str, Any]:
    """A line of a history as it is kept."""
    return {
        "order_id": order_id, "seq": e.seq, "kind": e.kind, "at": e.at, "recorded_at": e.recorded_at,
        "by_role": e.by.role, "by_id": e.by.id, "key": e.key, "data": msgspec.to_builtins(dict(e.data)),
    }  # fmt: skip


def outbox_row(row: Outgoing, now: datetime) -> dict[str, Any]:
    """An effect that waits."""
    return {
        "key": row.key, "kind": row.kind, "target": row.target, "order_id": row.order_id,
        "centre_id": row.centre_id, "data": msgspec.to_builtins(dict(row.data)), "state": "pending",
        "due": row.due, "tries": 0, "outcome": "", "call_id": "", "first_due": row.due,
    }  # fmt: skip


def alert_row(row: Outgoing, now: datetime) -> dict[str, Any]:
    """An alert as the pages show it."""
    data = msgspec.to_builtins(dict(row.data))
    return {
        "key": row.key, "role": row.target, "centre_id": row.centre_id, "order_id": row.order_id,
        "code": data["code"], "facts": data, "raised_at": now, "acknowledged_by": "",
        "cause": cause_of(data["code"], row.order_id, data), "settled": "",
    }  # fmt: skip


def ended_row(one: Ended) -> dict[str, Any]:
    """What settles the alerts of a cause that holds no more."""
    by = "system" if one.by.role == "system" else one.by.id
    return {"of_cause": one.cause, "of_role": one.role, "at": one.at, "by": by, "step": one.step}
