"""What screens read: boards, desks, stacks and stories, each in one look at the database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, case, false, func, select, true, tuple_, union_all

from dispatch.adapters.sql import phone_rows
from dispatch.adapters.sql.order_rows import NOT_FINAL, OPEN, load_orders, readable_orders
from dispatch.adapters.sql.outbox import outbox_rows
from dispatch.adapters.sql.statements import (
    ALERT,
    CONTACT,
    DECISION,
    EVENT,
    ORDER,
    OUTBOX,
    ROSTER,
    roster_from,
)
from dispatch.adapters.sql.store import SqlStore
from dispatch.core import call_back
from dispatch.core.alert_codes import CODES as ALERT_CODES
from dispatch.core.alert_codes import UNANSWERED, code_of
from dispatch.core.crew import CrewDuty
from dispatch.core.errors import NotFound
from dispatch.core.process import Process
from dispatch.core.work_order import WorkOrder
from dispatch.services import views as shown
from dispatch.services.context import Context
from dispatch.services.messages import CODES
from dispatch.services.people import Scope
from dispatch.services.photos import of as photos_of
from dispatch.services.views import AlertView, CrewView, OrderView, crew_view, order_view

T = TypeVar("T")
ALERTS_SHOWN = 200
CONTACTS_SHOWN = 50


class Board(msgspec.Struct, frozen=True):
    """All that one screen shows, as of `seq` (the last committed event that it contains)."""

    now: datetime
    seq: int
    travel_source: str
    policy: str
    centre_id: str
    orders: Sequence[OrderView]
    crews: Sequence[CrewView]
    alerts: Sequence[AlertView]


class Views:
    """The read models, for screens of any role."""

    def __init__(self, database: SqlStore, context: Context) -> None:
        self._database = database
        self._context = context

    async def look(self, work: Callable[[Connection], T]) -> T:
        """Run several reads in one look."""
        return await self._database.read(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run a change of what people administer, in one transaction."""
        return await self._database.write(work)

    async def board(self, scope: Scope) -> Board:
        """Open orders, crews and unacknowledged alerts of a scope."""
        return await self.look(lambda c: self.board_of(c, scope))

    def board_of(self, connection: Connection, scope: Scope) -> Board:
        """The same over a connection."""
        context, now = self._context, self._context.clock.now()
        query = select(ORDER).where(on_board(scope)).order_by(ORDER.c.reported_at)
        return Board(
            now, last_seq(connection), context.travel.source, context.policy, scope.centre_id,
            self._shown(readable_orders(connection, context.processes, query), now),
            [c for c in self.crews_of(connection) if scope.sees_crew(context.directory.crews[c.id])],
            alerts_of(connection, scope),
        )  # fmt: skip

    async def order(self, order_id: str) -> WorkOrder:
        """An order with its whole history, or NotFound."""
        return await self.look(lambda c: self._order(c, order_id))

    async def has_order(self, order_id: str) -> bool:
        """Whether there is such an order."""
        query = select(ORDER.c.id).where(ORDER.c.id == order_id)
        return await self.look(lambda c: c.execute(query).first() is not None)

    def show(self, order: WorkOrder) -> OrderView:
        """An order as screens show it now."""
        return order_view(order, self._context.processes.of(order), self._context.clock.now())

    async def story(self, order_id: str) -> dict[str, Any]:
        """Everything about one order."""
        order, alerts, contacts = await self.look(
            lambda c: (
                self._order(c, order_id),
                [_alert(row) for row in c.execute(select(ALERT).where(ALERT.c.order_id == order_id))],
                _contacts(c, CONTACT.c.order_id == order_id),
            )
        )
        calls = await self.look(lambda c: outbox_rows(c, phone_rows.unfinished([order_id])))
        decisions = await self.look(lambda c: _decisions(c, order_id))
        process, now = self._context.processes.of(order), self._context.clock.now()
        return {
            "order": order_view(order, process, now), "events": shown.history(order),
            "intervals": shown.intervals(order, process, now),
            "overruns": shown.overrun_rows(order, process, now), "decisions": decisions,
            "attempts": shown.attempts(order, calls), "alerts": alerts, "contacts": contacts,
        }  # fmt: skip

    async def desk(self, scope: Scope) -> dict[str, Any]:
        """The hotline's desk. `to_send` and `unroutable` overlap: such an order may be sent before it is routed."""
        now = self._context.clock.now()
        query = select(ORDER).where(NOT_FINAL).order_by(ORDER.c.reported_at)
        orders, alerts, contacts = await self.look(
            lambda c: (
                readable_orders(c, self._context.processes, query), alerts_of(c, scope), _contacts(c, true())
            )
        )  # fmt: skip
        piles = _piles(orders)
        callers = {order.id: call_back.callers(order) for order in piles["call_backs"]}
        return {
            "now": now,
            **{name: self._shown(pile, now) for name, pile in piles.items()},
            "callers": callers,
            "contacts": contacts,
            "alerts": alerts,
        }

    async def incident(self, incident_id: str) -> list[OrderView]:
        """The orders of an incident, the leading one first."""
        query = (
            select(ORDER).where(ORDER.c.incident_id == incident_id).order_by(ORDER.c.reported_at, ORDER.c.id)
        )
        orders = await self.look(lambda c: readable_orders(c, self._context.processes, query))
        return self._shown(sorted(orders, key=lambda o: o.follows), self._context.clock.now())

    async def stack(self, crew_id: str, scope: Scope) -> dict[str, Any]:
        """What a crew's phone shows."""
        query = select(ORDER).where(ORDER.c.crew_id == crew_id, NOT_FINAL)
        crew, orders, alerts, duty = await self.look(
            lambda c: (
                self.crew_of(c, crew_id), readable_orders(c, self._context.processes, query),
                alerts_of(c, scope), _duties(c).get(crew_id, CrewDuty(crew_id)),
            )
        )  # fmt: skip
        now = self._context.clock.now()
        place = {aboard.order_id: n for n, aboard in enumerate(duty.stack)}
        aboard = sorted((o for o in orders if o.id in place), key=lambda o: place[o.id])
        to_record = [o for o in orders if o.id not in place and o.record is None and o.last("restore")]
        phone = next((d.id for d in crew.devices if d.kind == "phone"), "")
        return {
            "now": now, "crew": crew, "orders": self._shown(aboard, now),
            "to_record": self._shown(to_record, now), "presence": duty.presence,
            "away_until": duty.away_until, "phone_device": phone, "alerts": alerts,
            "photos": {o.id: len(photos_of(o)) for o in (*aboard, *to_record)},
        }  # fmt: skip

    async def crew(self, crew_id: str) -> CrewView:
        """One crew, or NotFound."""
        return await self.look(lambda c: self.crew_of(c, crew_id))

    def crew_of(self, connection: Connection, crew_id: str) -> CrewView:
        """The same over a connection."""
        found = next((c for c in self.crews_of(connection) if c.id == crew_id), None)
        if found is None:
            raise NotFound(f"no crew {crew_id!r}", crew=crew_id)
        return found

    def crews_of(
        self, connection: Connection, rosters: Collection[tuple[str, str]] | None = None
    ) -> list[CrewView]:
        """Every crew, numbered in the order of ids; or only those of these rosters (centre, trade)."""
        context, now = self._context, self._context.clock.now()
        duties = _duties(connection, rosters)
        states = _states(connection, [s.order_id for d in duties.values() for s in d.stack])
        return [
            crew_view(context, crew, duties.get(crew.id, CrewDuty(crew.id)), states, number, now)
            for number, (_, crew) in enumerate(sorted(context.directory.crews.items()), 1)
            if rosters is None or (crew.centre_id, crew.trade) in rosters
        ]

    async def alert(self, alert_id: int) -> AlertView:
        """One alert, or NotFound."""
        query = select(ALERT).where(ALERT.c.id == alert_id)
        row = await self.look(lambda c: c.execute(query).first())
        if row is None:
            raise NotFound(f"no alert {alert_id}", alert=alert_id)
        return _alert(row)

    async def messages(self, crew_id: str, limit: int) -> list[AlertView]:
        """The last messages between a crew and its centre, the oldest first."""
        of_crew = and_(ALERT.c.code.in_(CODES), ALERT.c.facts["crew_id"].as_string() == crew_id)
        query = select(ALERT).where(of_crew).order_by(ALERT.c.id.desc()).limit(limit)
        rows = await self.look(lambda c: c.execute(query).all())
        return [_alert(row) for row in reversed(rows)]

    async def raised(self, key: str) -> bool:
        """Whether an alert of this key was raised, or waits to be."""
        keys = union_all(select(ALERT.c.key), select(OUTBOX.c.key)).subquery()
        query = select(keys.c.key).where(keys.c.key == key).limit(1)
        return await self.look(lambda c: c.execute(query).first()) is not None

    async def acknowledge_alert(self, alert_id: int, by: str) -> AlertView:
        """It has been seen; whoever was first stays."""
        now = self._context.clock.now()
        first = ALERT.update().where(ALERT.c.id == alert_id, ALERT.c.acknowledged_at.is_(None))
        await self._database.write(lambda c: c.execute(first.values(acknowledged_at=now, acknowledged_by=by)))
        return await self.alert(alert_id)

    def _shown(self, orders: Iterable[WorkOrder], now: datetime) -> list[OrderView]:
        return [order_view(order, self._context.processes.of(order), now) for order in orders]

    def _order(self, connection: Connection, order_id: str) -> WorkOrder:
        found = load_orders(connection, self._context.processes, select(ORDER).where(ORDER.c.id == order_id))
        if not found:
            raise NotFound(f"no order {order_id!r}", order=order_id)
        return found[0]


def on_board(scope: Scope) -> ColumnElement[bool]:
    """Which orders a scope's screen holds: a centre's from being sent until restored; the hotline's until closed."""
    if scope.role == "hotline":
        return NOT_FINAL
    if scope.everywhere:
        return OPEN
    if scope.role == "dispatcher":
        aboard = and_(OPEN, ORDER.c.sent_at.is_not(None))
        return and_(aboard, ORDER.c.centre_id == scope.centre_id) if scope.centre_id else false()
    return and_(NOT_FINAL, ORDER.c.crew_id == scope.crew_id) if scope.crew_id else false()


def holds(scope: Scope, order: WorkOrder, process: Process, sent: bool) -> bool:
    """The same as `on_board`, of one order that is at hand; `sent`: whether it has its point B."""
    is_open = order.state not in process.final and order.last("restore") is None
    if not scope.sees_order(order.centre_id, order.crew_id):
        return False
    if scope.everywhere:
        return is_open
    return is_open and sent if scope.role == "dispatcher" else order.state not in process.final


def last_seq(connection: Connection) -> int:
    """The newest committed event."""
    return connection.execute(select(func.max(EVENT.c.id))).scalar() or 0


def alerts_of(connection: Connection, scope: Scope) -> list[AlertView]:
    """The unacknowledged alerts of a scope, the oldest first. Where there are too many: the most urgent, and of those that
    are alike the newest."""
    mine = and_(ALERT.c.acknowledged_at.is_(None), _alerts_for(scope))
    newest = select(ALERT).where(mine).order_by(ALERT.c.id.desc()).limit(ALERTS_SHOWN)
    rows = connection.execute(newest).all()
    if len(rows) == ALERTS_SHOWN:  # sorted without their facts: a storm leaves tens of thousands
        first = select(ALERT.c.id).where(mine).order_by(_URGENCY, ALERT.c.id.desc()).limit(ALERTS_SHOWN)
        rows = connection.execute(select(ALERT).where(ALERT.c.id.in_(first))).all()
    found = [_alert(row) for row in sorted(rows, key=lambda row: row.id)]
    return [a for a in found if scope.sees_alert(a.role, a.centre_id, str(a.facts.get("crew_id", "")))]


_URGENCY = case(
    (ALERT.c.code.startswith(UNANSWERED, autoescape=True), int(code_of(UNANSWERED).rank)),
    *(
        (ALERT.c.code.in_([code for code, one in ALERT_CODES.items() if one.rank is rank]), int(rank))
        for rank in sorted({one.rank for one in ALERT_CODES.values()})
    ),
    else_=int(code_of("").rank),
)
"""`alert_codes.Rank` of a row."""


def alerts_by_id(connection: Connection, ids: Sequence[int]) -> list[AlertView]:
    """These alerts, the oldest first."""
    query = select(ALERT).where(ALERT.c.id.in_(ids)).order_by(ALERT.c.id)
    return [_alert(row) for row in connection.execute(query)]


def _alerts_for(scope: Scope) -> ColumnElement[bool]:
    if scope.everywhere:
        return ALERT.c.role == "manager"
    mine = ALERT.c.role == scope.role
    if scope.role == "dispatcher":
        return and_(mine, ALERT.c.centre_id == scope.centre_id)
    return and_(mine, ALERT.c.facts["crew_id"].as_string() == scope.crew_id) if scope.crew_id else mine


def _piles(orders: Sequence[WorkOrder]) -> dict[str, list[WorkOrder]]:
    """What the hotline has to do with each order that is not finished."""
    piles: dict[str, list[WorkOrder]] = {
        "to_send": [], "unroutable": [], "running": [], "call_backs": [], "to_close": []
    }  # fmt: skip
    for order in orders:
        restored = order.last("restore") is not None
        if order.state in {"received", "returned"}:
            piles["to_send"].append(order)
        elif restored and call_back.unended(order):
            piles["call_backs"].append(order)
        elif restored and order.record is not None:
            piles["to_close"].append(order)
        else:
            piles["running"].append(order)
        if not (order.centre_id and order.trade):
            piles["unroutable"].append(order)
    return piles


def _duties(
    connection: Connection, rosters: Collection[tuple[str, str]] | None = None
) -> dict[str, CrewDuty]:
    query = select(ROSTER)
    if rosters is not None:
        query = query.where(tuple_(ROSTER.c.centre_id, ROSTER.c.trade).in_(list(rosters)))
    found = (roster_from(r.doc, r.version) for r in connection.execute(query))
    return {duty.crew_id: duty for roster in found for duty in roster.crews}


def _states(connection: Connection, ids: Sequence[str]) -> Mapping[str, str]:
    if not ids:
        return {}
    rows = connection.execute(select(ORDER.c.id, ORDER.c.state).where(ORDER.c.id.in_(ids)))
    return {row.id: row.state for row in rows}


def _alert(row: Any) -> AlertView:
    return AlertView(
        row.id, row.code, row.role, row.centre_id, row.order_id, row.facts, row.raised_at,
        row.acknowledged_at, row.acknowledged_by, row.settled, code_of(row.code).rank,
    )  # fmt: skip


def _contacts(connection: Connection, which: ColumnElement[bool]) -> list[dict[str, Any]]:
    query = select(CONTACT).where(which).order_by(CONTACT.c.at.desc(), CONTACT.c.id).limit(CONTACTS_SHOWN)
    return [dict(row._mapping) for row in connection.execute(query)]


def _decisions(connection: Connection, order_id: str) -> list[dict[str, Any]]:
    query = select(DECISION).where(DECISION.c.order_id == order_id).order_by(DECISION.c.generation)
    return [dict(row._mapping) for row in connection.execute(query)]
