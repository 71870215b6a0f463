"""What has changed since the last look: events by their ids, rosters by their versions, alerts by their answers.

PostgreSQL commits do not come in the order of ids: an id that is missing between two that are there may still
come. Such gaps are remembered and asked for again, until they are surely a transaction that was given up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection, or_, select

from dispatch.adapters.sql.order_rows import readable_orders
from dispatch.adapters.sql.statements import ALERT, EVENT, ORDER, ROSTER
from dispatch.adapters.sql.views import Views, alerts_by_id, last_seq
from dispatch.clock import SystemClock
from dispatch.core.work_order import WorkOrder
from dispatch.services.context import Context
from dispatch.services.views import AlertView, CrewView, carried_on

AT_ONCE = 5_000
"""Events that one look takes; more come with the next."""
LOOK_BACK = 1_000
"""Ids before the start in which a transaction may still be under way."""
GAPS = 10_000
"""Missing ids that are asked for again at most, the newest of them; no statement has room for many more (32,766)."""
GAP_ENDS = 30.0
"""Real seconds after which a missing id does not come any more."""
ALERTS_WATCHED = 1_000
"""The newest alerts, in which an acknowledgement is noticed."""
OLDER_WATCHED = 2_000
"""The newest of those before them that nobody has acknowledged: they sound still, and an answer has to end that."""
REVIEW = 5.0
"""Real seconds between two looks at what time alone changes of crews: shifts begin and end by themselves."""
FIX_AGES = 60.0
"""Seconds by which a fix on the screens may fall behind: what is in view of a map moves by its own frames."""
FIXES_AT_ONCE = 100
"""Crews that one review tells anew only because of where they are: a large fleet goes round."""
Roster = tuple[str, str]
"""Of which centre, and of which trade."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed; `renewed` says that the organisation did, so that boards are needed anew."""

    seq: int
    orders: Sequence[WorkOrder]
    crews: Sequence[CrewView]
    alerts: Sequence[AlertView]
    renewed: bool
    more: bool


class Follower:
    """Reads what is new, in one look at the database each time."""

    def __init__(
        self, views: Views, context: Context, monotonic: Callable[[], float] = SystemClock.monotonic
    ) -> None:
        self._views = views
        self._context = context
        self._monotonic = monotonic
        self.seq = 0
        self.crews: dict[str, CrewView] = {}
        """As they were told last; another dict only where one is shown otherwise: the fleet's columns are made of it."""
        self._gaps: dict[int, float] = {}
        self._rosters: dict[Roster, int] = {}
        self._alerts: dict[int, datetime | None] = {}
        self._directory = context.directory
        self._reviewed = 0.0

    def begin(self, connection: Connection) -> None:
        """Stand at the newest event; what came before it is on the boards."""
        self.seq = last_seq(connection)
        ids = connection.execute(select(EVENT.c.id).where(EVENT.c.id > self.seq - LOOK_BACK)).scalars()
        self._remember_gaps(max(0, self.seq - LOOK_BACK), set(ids))
        self._alerts = _alert_states(connection, _unacknowledged(connection))
        self._crews(connection, None)

    def read(self, connection: Connection) -> Changes:
        """Everything that was committed since; a look that fails is as if it had not been: the next one tells it."""
        before = vars(self).copy()
        try:
            return self._read(connection)
        except BaseException:
            vars(self).update(before)
            raise

    def _read(self, connection: Connection) -> Changes:
        """Replaces what is remembered, and alters nothing of it."""
        renewed = self._context.directory is not self._directory
        self._directory = self._context.directory
        ids, changed = self._events(connection)
        orders = self._orders(connection, changed)
        crews = self._crews(connection, None if renewed else orders)
        return Changes(self.seq, orders, crews, self._new_alerts(connection), renewed, ids >= AT_ONCE)

    def _events(self, connection: Connection) -> tuple[int, list[str]]:
        """How many events came, and of which orders."""
        now = self._monotonic()
        self._gaps = {gap: until for gap, until in self._gaps.items() if until > now}
        query = select(EVENT.c.id, EVENT.c.order_id)
        query = query.where(or_(EVENT.c.id > self.seq, EVENT.c.id.in_(list(self._gaps))))
        rows = connection.execute(query.order_by(EVENT.c.id).limit(AT_ONCE)).all()
        ids = {row.id for row in rows}
        for late in ids & self._gaps.keys():
            del self._gaps[late]
        before, self.seq = self.seq, max(self.seq, *ids) if ids else self.seq
        self._remember_gaps(before, ids)
        return len(rows), list(dict.fromkeys(row.order_id for row in rows))

    def _remember_gaps(self, after: int, ids: set[int]) -> None:
        until = self._monotonic() + GAP_ENDS
        wide = range(max(after, self.seq - GAPS) + 1, self.seq)
        self._gaps |= {number: until for number in wide if number not in ids}
        if len(self._gaps) > GAPS:
            self._gaps = {number: self._gaps[number] for number in sorted(self._gaps)[-GAPS:]}

    def _orders(self, connection: Connection, ids: Sequence[str]) -> list[WorkOrder]:
        if not ids:
            return []
        return readable_orders(connection, self._context.processes, select(ORDER).where(ORDER.c.id.in_(ids)))

    def _crews(self, connection: Connection, orders: Sequence[WorkOrder] | None) -> list[CrewView]:
        """The crews that are to be shown otherwise than before.

        Only those of rosters that changed, or whose orders did, are read; all of them where it is not known which orders
        changed. What time alone changes is looked for now and then.
        """
        touched, before = self._touched(connection, orders), self.crews
        found = self._views.crews_of(connection, touched) if touched is None or touched else []
        told = {c.id: c for c in found if c.id not in before or _still(c) != _still(before[c.id])}
        if touched is None:
            self.crews = {c.id: told.get(c.id, before.get(c.id, c)) for c in found}
        elif told:
            self.crews = before | told
        if self._monotonic() >= self._reviewed + REVIEW:
            self._reviewed = self._monotonic()
            if later := self._carried_on():
                told |= later
                self.crews = self.crews | later
        return list(told.values())

    def _touched(
        self, connection: Connection, orders: Sequence[WorkOrder] | None
    ) -> Collection[Roster] | None:
        query = select(ROSTER.c.centre_id, ROSTER.c.trade, ROSTER.c.version)
        versions = {(r.centre_id, r.trade): r.version for r in connection.execute(query)}
        touched = {roster for roster, version in versions.items() if self._rosters.get(roster) != version}
        self._rosters = versions
        if orders is None:
            return None
        crews = self._context.directory.crews
        return touched | {(c.centre_id, c.trade) for o in orders if (c := crews.get(o.crew_id))}

    def _carried_on(self) -> dict[str, CrewView]:
        """What time alone changed of crews, and some of those that drove on: the longest behind first."""
        context, now = self._context, self._context.clock.now()
        crews = context.directory.crews
        looked = [
            found
            for shown in self.crews.values()
            if shown.id in crews and (found := carried_on(context, crews[shown.id], shown, now, FIX_AGES))
        ]
        drove = sorted((one for one in looked if one[1]), key=lambda one: -one[1])[:FIXES_AT_ONCE]
        return {crew.id: crew for crew, _ in [*(one for one in looked if not one[1]), *drove]}

    def _new_alerts(self, connection: Connection) -> list[AlertView]:
        states = _alert_states(connection, [i for i, at in self._alerts.items() if at is None])
        changed = [i for i, at in states.items() if i not in self._alerts or self._alerts[i] != at]
        self._alerts = states
        return alerts_by_id(connection, changed) if changed else []


def _still(crew: CrewView) -> CrewView:
    """A crew without what its fix says."""
    return msgspec.structs.replace(crew, fix=None)


def _alert_states(connection: Connection, unacknowledged: Sequence[int]) -> dict[int, datetime | None]:
    """When the newest alerts were acknowledged, and those of `unacknowledged` (the newest first) that are older."""
    query = select(ALERT.c.id, ALERT.c.acknowledged_at)
    rows = connection.execute(query.order_by(ALERT.c.id.desc()).limit(ALERTS_WATCHED))
    states: dict[int, datetime | None] = {row.id: row.acknowledged_at for row in rows}
    older = [i for i in unacknowledged if i not in states][:OLDER_WATCHED]
    if older:
        rows = connection.execute(query.where(ALERT.c.id.in_(older)).order_by(ALERT.c.id.desc()))
        states |= {row.id: row.acknowledged_at for row in rows}
    return states


def _unacknowledged(connection: Connection) -> Sequence[int]:
    """Of all alerts, as the boards show them; no index leads there, so it is looked for once."""
    query = select(ALERT.c.id).where(ALERT.c.acknowledged_at.is_(None)).order_by(ALERT.c.id.desc())
    return connection.execute(query.limit(ALERTS_WATCHED + OLDER_WATCHED)).scalars().all()
