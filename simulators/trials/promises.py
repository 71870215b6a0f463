"""What must hold at every commit of a trial, and at its end. Each broken promise is a line that says which and where."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select

from dispatch.adapters.sql.order_rows import load_orders
from dispatch.adapters.sql.statements import (
    CLOCK,
    CONTACT,
    EVENT,
    ORDER,
    OUTBOX,
    ROSTER,
    roster_from,
)
from dispatch.core.escalation import RUNG, clocks, open_watches
from dispatch.core.segments import timeline
from dispatch.core.work_order import WorkOrder, fold
from dispatch.services.ports import Processes
from simulators.exchange import CallRequest
from simulators.trials.machine import START

APART = timedelta(seconds=60)
"""Between two calls to one number."""
LATE = 10.0
"""Seconds after which a rung is late where the database was there and a worker lived."""
UNANSWERED = ("received", "returned", "sent", "at_centre", "dispatched", "delivered")
EVENTS_SINCE = select(EVENT.c.id, EVENT.c.order_id).where(EVENT.c.id > bindparam("seen")).order_by(EVENT.c.id)
ROSTERS = select(ROSTER)


class Promises:
    """Looks at everything that a commit changed. `broken`: what was found, the first first."""

    def __init__(self, processes: Processes, excused: Callable[[float, float], bool]) -> None:
        """`excused`: whether nothing could be decided between two moments of the day."""
        self._processes, self._excused = processes, excused
        self._seen = 0
        self._versions: dict[tuple[str, str], int] = {}
        self._dialled: dict[str, datetime] = {}
        self.broken: list[str] = []
        self.rungs = self.events = 0

    def say(self, what: str) -> None:
        """A promise was broken."""
        self.broken.append(what)

    def watch(self, connection: Connection, now: datetime) -> None:
        """After each commit."""
        rows = connection.execute(EVENTS_SINCE, {"seen": self._seen}).all()
        if rows:
            self._seen, self.events = rows[-1].id, self.events + len(rows)
            changed = list(dict.fromkeys(row.order_id for row in rows))
            chosen = select(ORDER).where(ORDER.c.id.in_(changed))
            fresh = {name: sum(row.order_id == name for row in rows) for name in changed}
            for order in load_orders(connection, self._processes, chosen):
                self._order(connection, order, fresh[order.id])
        self._rosters(connection)

    def _order(self, connection: Connection, order: WorkOrder, fresh: int) -> None:
        process = self._processes.of(order)
        line = timeline(order, process, order.history[-1].at)
        if sum((i.duration for i in line.intervals), timedelta()) != line.total:
            self.say(f"{order.id}: its segments do not sum to {line.total}")
        armed = sorted((c.name, c.generation, c.rung, c.due) for c in clocks(order, process))
        query = select(CLOCK.c.name, CLOCK.c.generation, CLOCK.c.rung, CLOCK.c.due).where(
            CLOCK.c.order_id == order.id
        )
        kept = sorted(tuple(row) for row in connection.execute(query))
        if armed != kept:
            self.say(f"{order.id}: armed are {kept}, its history says {armed}")
        watches = [name for name, *_ in armed if name.startswith("watch:")]
        if len(watches) != (order.state in UNANSWERED):
            self.say(f"{order.id} ({order.state}): {len(watches)} rungs are armed: {watches}")
        for at in range(order.version - fresh, order.version):
            if order.history[at].kind == RUNG:
                self._rung(order, at)

    def _rung(self, order: WorkOrder, at: int) -> None:
        """Whoever is rung had not answered by then."""
        self.rungs += 1
        process, event = self._processes.of(order), order.history[at]
        before = fold(order.facts, order.history[:at], process)
        if not any(
            w.watch.name == event.data["watch"] and w.generation == event.data["generation"]
            for w in open_watches(before, process)
        ):
            self.say(f"{order.id}: rung {event.data['rung']} of {event.data['watch']} after it was answered")
        due = (datetime.fromisoformat(event.data["due"]) - START).total_seconds()
        fired = (event.recorded_at - START).total_seconds()
        if fired - due > LATE and not self._excused(due - LATE, fired):
            self.say(
                f"{order.id}: rung {event.data['rung']} of {event.data['watch']} {fired - due:.0f} s late"
            )

    def _rosters(self, connection: Connection) -> None:
        for row in connection.execute(ROSTERS):
            key = (row.centre_id, row.trade)
            if self._versions.get(key) == row.version:
                continue
            self._versions[key] = row.version
            roster = roster_from(row.doc, row.version)
            away = [c.crew_id for c in roster.crews if c.presence == "away"]
            if len(away) > roster.max_away or len(roster.crews) - len(away) < roster.min_cover:
                self.say(f"{key}: {away} are away at once")
            for one in roster.crews:
                if len(one.stack) > one.capacity or (one.presence == "away" and one.stack):
                    self.say(f"{one.crew_id}: {len(one.stack)} orders aboard, {one.presence}")

    def dialled(self, request: CallRequest, now: datetime) -> None:
        """A telephone begins to ring."""
        last = self._dialled.get(request.number)
        if last is not None and now - last < APART - timedelta(seconds=5):
            self.say(f"{request.number} was rung twice within {now - last}")
        self._dialled[request.number] = now

    def at_the_end(self, connection: Connection, now: datetime, contacts: set[str]) -> None:
        """When all is calm: everything has come to its end, nothing was lost."""
        for order in load_orders(connection, self._processes, select(ORDER)):
            if order.state not in self._processes.of(order).final:
                self.say(f"{order.id} ended as {order.state}")
            if order.removing:
                self.say(f"{order.id} is still on {sorted(order.removing)}")
        kept = {row.id: row.order_id for row in connection.execute(select(CONTACT.c.id, CONTACT.c.order_id))}
        for contact in sorted(contacts):
            if not kept.get(contact):
                self.say(f"{contact} leads nowhere")
        late = connection.execute(select(CLOCK).where(CLOCK.c.due < now - timedelta(minutes=1))).all()
        self.broken += [f"{row.order_id}: {row.name} is overdue since {row.due}" for row in late]
        stuck = select(OUTBOX).where(
            OUTBOX.c.state.in_(["pending", "sent"]), OUTBOX.c.due < now - timedelta(minutes=5)
        )
        self.broken += [f"outbox {row.key} is stuck as {row.state}" for row in connection.execute(stuck)]
