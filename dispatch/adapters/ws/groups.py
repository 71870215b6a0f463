"""Screens that may see the same: what is for them is chosen and encoded once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from dispatch.adapters.sql.views import Board, holds
from dispatch.adapters.ws.follow import Changes
from dispatch.adapters.ws.positions import Fleet, Frame
from dispatch.adapters.ws.viewer import Viewer
from dispatch.services.context import Context
from dispatch.services.people import Scope
from dispatch.services.ports import Crew
from dispatch.services.views import OrderView

_encode = msgspec.json.Encoder().encode


class Group:
    """`seq` is that of the last frame that these screens were told of."""

    def __init__(self, scope: Scope, seq: int) -> None:
        self.scope = scope
        self.seq = seq
        self.viewers: set[Viewer] = set()
        self._fleet = Fleet({}, {})
        self._seen = self._fleet.seen_by(scope.sees_crew)
        self._on_screen: set[str] = set()
        """Orders that at least one of these screens may show."""

    def tell(self, changes: Changes, shown: Mapping[str, OrderView], context: Context, now: datetime) -> None:
        """One frame of what these screens may see, where there is something."""
        here = {
            o.id
            for o in changes.orders
            if holds(self.scope, o, context.processes.of(o), "B" in shown[o.id].points)
        }
        gone = [o.id for o in changes.orders if o.id not in here and o.id in self._on_screen]
        crews = [c for c in changes.crews if self._sees_crew(context.directory.crews.get(c.id))]
        alerts = [a for a in changes.alerts if self._sees_alert(a.role, a.centre_id, a.facts)]
        self._on_screen = (self._on_screen | here) - set(gone)
        if not (here or gone or crews or alerts):
            return
        frame = {
            "type": "changes", "seq": changes.seq, "prev": self.seq, "now": now,
            "orders": [view for order_id, view in shown.items() if order_id in here], "gone": gone,
            "crews": crews, "alerts": alerts,
        }  # fmt: skip
        self.seq = changes.seq
        encoded = _encode(frame)
        for viewer in self.viewers:
            viewer.offer(encoded)

    def board(self, board: Board) -> bytes:
        """A board as these screens' next frame follows it; it may be newer than its `seq`, never older."""
        self._on_screen |= {order.id for order in board.orders}
        fields = {name: getattr(board, name) for name in board.__struct_fields__}
        return _encode({"type": "board", **fields, "seq": self.seq})

    def tick(self, now: datetime) -> None:
        """A sign of life."""
        frame = _encode({"type": "tick", "seq": self.seq, "now": now})
        for viewer in self.viewers:
            viewer.tick(frame)

    def positions(self, fleet: Fleet, frame: Frame) -> None:
        """The vehicles of one second, to each screen those of its view."""
        for viewer in self.viewers:
            self.show(viewer, fleet, frame)

    def show(self, viewer: Viewer, fleet: Fleet, frame: Frame) -> None:
        """The same to one screen."""
        if self._fleet is not fleet:
            self._fleet, self._seen = fleet, fleet.seen_by(self.scope.sees_crew)
        viewer.positions(frame.cut(self._seen, viewer.view), frame.now)

    def _sees_crew(self, crew: Crew | None) -> bool:
        return crew is not None and self.scope.sees_crew(crew)

    def _sees_alert(self, role: str, centre_id: str, facts: Mapping[str, Any]) -> bool:
        return self.scope.sees_alert(role, centre_id, str(facts.get("crew_id", "")))
