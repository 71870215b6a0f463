"""What the hotline and the dispatchers decide, from what their screens show. Pure: the same sight, the same duties."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from simulators.actors.scenario import Shares
from simulators.actors.seen import Alert, Board, Desk, Order
from simulators.people import People

Deed = Literal["send", "route", "call_back", "close", "accept", "dispatch", "recall", "alert"]

WAITING = ("sent", "at_centre")
CALLED_BACK_TO_CLOSED = 40.0
"""Seconds that the hotline needs to close an order."""


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that a person is going to do with an order or an alert."""

    deed: Deed
    due: datetime
    order: Order | None = None
    alert: Alert | None = None

    @property
    def key(self) -> str:
        """Makes a resend harmless."""
        return f"demo-{self.deed}-{self.order.generation if self.order else ''}"


@dataclass
class Desks:
    """Judges what is due. It remembers only when it first noticed something."""

    people: People
    shares: Shares
    _noticed: dict[str, datetime] = field(default_factory=dict)

    def of_hotline(self, desk: Desk, now: datetime) -> list[Duty]:
        """What the hotline is going to do, the soonest first."""
        duties = [self._send(order, now) for order in desk.to_send]
        duties += [
            Duty(
                "route",
                self._after(order.reported_at, self.people.delay("unroutable_decision", order.story)),
                order,
            )
            for order in desk.unroutable
        ]
        for order in desk.call_backs:
            if order.recorded:
                noticed = self._since(f"{order.id}/recorded", now)
                delay = self.people.delay("call_back", order.story)
                duties.append(Duty("call_back", self._after(noticed, delay), order))
        for order in desk.to_close:
            noticed = self._since(f"{order.id}/to_close", now)
            duties.append(Duty("close", self._after(noticed, CALLED_BACK_TO_CLOSED), order))
        return sorted(duties, key=lambda duty: duty.due)

    def of_centre(self, board: Board, now: datetime) -> list[Duty]:
        """What a dispatcher is going to do, the soonest first."""
        duties = [duty for order in board.orders for duty in self._order(order, board.policy, now)]
        for alert in board.alerts:
            if alert.acknowledged_at is None and self._share("alert_seen", str(alert.id)):
                delay = 3 * self.people.delay("centre_decision", f"alert/{alert.id}")
                duties.append(Duty("alert", self._after(alert.raised_at, delay), alert=alert))
        return sorted(duties, key=lambda duty: duty.due)

    def _send(self, order: Order, now: datetime) -> Duty:
        """An order that came back is sent again as soon as somebody has looked at it."""
        began = order.reported_at if order.state == "received" else self._since(f"{order.id}/returned", now)
        return Duty("send", self._after(began, self.people.delay("hotline_handling", order.story)), order)

    def _order(self, order: Order, policy: str, now: datetime) -> list[Duty]:
        if order.state in WAITING:
            noticed = self._since(f"{order.id}/{order.generation}/waits", now)
            due = self._after(noticed, self.people.delay("centre_decision", order.story))
            if policy == "manual" and order.centre_id:
                return [Duty("dispatch", due, order)]
            watched = order.watch is not None and order.watch.name == "centre"
            return [Duty("accept", due, order)] if watched and self._share("accept", order.story) else []
        if order.state in {"delivered", "acknowledged"} and self._share("recall", order.story):
            sent = order.points.get("D", now)
            return [
                Duty(
                    "recall", self._after(sent, 2 * self.people.delay("centre_decision", order.story)), order
                )
            ]
        return []

    def _share(self, name: str, whose: str) -> bool:
        share: float = getattr(self.shares, name)
        return Random(f"{self.people.seed}:{name}:{whose}").random() < share

    def _since(self, what: str, now: datetime) -> datetime:
        return self._noticed.setdefault(what, now)

    @staticmethod
    def _after(instant: datetime, seconds: float) -> datetime:
        return instant + timedelta(seconds=seconds)
