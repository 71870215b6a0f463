"""A store in memory for the model test: the same decisions, nothing else. Single-threaded, so never stale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from dispatch.core.alerting import Channel, Told
from dispatch.core.crew import CrewDuty, Roster
from dispatch.core.errors import NotFound
from dispatch.core.outage import PlannedOutage
from dispatch.core.outgoing import Outgoing
from dispatch.core.types import Point
from dispatch.core.work_order import WorkOrder
from dispatch.services.ports import Changes, Dial, OutboxRow, T


class Remembered:
    """`Loaded` over dictionaries, and the commit."""

    def __init__(self, *crews: str) -> None:
        self.orders: dict[str, WorkOrder] = {}
        self.duties = Roster("north", "service", tuple(CrewDuty(c) for c in crews))
        self.outbox: dict[str, Outgoing] = {}

    def commit(self, changes: Changes[T]) -> T:
        """Keep it all; a key that is there already is a mistake of the decision."""
        for order in changes.orders:
            known = self.orders.get(order.id)
            assert known is None or order.history[: known.version] == known.history, "the past changed"
            self.orders[order.id] = order
        for roster in changes.rosters:
            assert roster.version == self.duties.version
            self.duties = replace(roster, version=roster.version + 1)
        for row in changes.outgoing:
            assert row.key not in self.outbox, f"{row.key} stands twice"
            self.outbox[row.key] = row
        return changes.result

    def order(self, order_id: str) -> WorkOrder:
        if order_id not in self.orders:
            raise NotFound(order_id)
        return self.orders[order_id]

    def roster(self, centre_id: str, trade: str) -> Roster:
        return self.duties

    def open_near(self, place: Point, metres: float) -> Sequence[tuple[str, Point, str]]:
        return []

    def contact_order(self, contact_id: str) -> str | None:
        return None

    def planned_outages(self, now: datetime) -> Sequence[PlannedOutage]:
        return []

    def incident(self, incident_id: str) -> Sequence[str]:
        return [o.id for o in self.orders.values() if o.follows and o.incident_id == incident_id]

    def removing(self) -> Sequence[str]:
        return [o.id for o in self.orders.values() if o.removing]

    def last_dial(self, number: str) -> Dial | None:
        return None

    def calls(self, call_id: str, after: int = 0, limit: int | None = None) -> Sequence[OutboxRow]:
        return []

    def live_calls(self, order_ids: Sequence[str]) -> Sequence[OutboxRow]:
        return []

    def waiting(self, row_ids: Sequence[int]) -> frozenset[int]:
        return frozenset(row_ids)

    def sent(self, keys: Sequence[str]) -> frozenset[str]:
        return frozenset()

    def alerts(self, keys: Sequence[str]) -> dict[str, Told]:
        return {}

    def channels(self) -> Sequence[Channel]:
        return []
