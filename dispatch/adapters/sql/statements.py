"""Loading and writing aggregates on one database connection: the same statements for SQLite and PostgreSQL.

Written for SQLAlchemy's synchronous connection. SQLite runs it in its single writer thread, PostgreSQL under
`run_sync`. Every write is guarded by the version that was loaded; `Stale` means that somebody else was first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from math import cos, radians
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, and_, insert, select, update
from sqlmodel import SQLModel

from dispatch.adapters.sql import armed, lines, outages, outbox, phone_rows
from dispatch.adapters.sql import tables as t
from dispatch.adapters.sql.alert_book import LoadedAlerts
from dispatch.adapters.sql.lines import MOVING, Lines, Stale
from dispatch.adapters.sql.neighbourhood import one_at_a_time
from dispatch.adapters.sql.order_rows import each_order, load_order
from dispatch.adapters.sql.rows import ended_row, event_row
from dispatch.core.alert_codes import ended, roster_ended
from dispatch.core.crew import Roster
from dispatch.core.errors import NotFound
from dispatch.core.escalation import clocks
from dispatch.core.outage import PlannedOutage
from dispatch.core.segments import deadline, points
from dispatch.core.types import Point
from dispatch.core.work_order import WorkOrder
from dispatch.services.ports import Changes, Dial, OutboxRow, Processes


def table(model: type[SQLModel]) -> Table:
    """The SQLAlchemy table of a SQLModel class."""
    found: Table = model.__table__  # type: ignore[attr-defined]
    return found


ORDER = armed.ORDER
EVENT = lines.EVENT
CLOCK = armed.CLOCK
OUTBOX = lines.OUTBOX
ROSTER = lines.ROSTER
ALERT = lines.ALERT
CONTACT = table(t.ContactRow)
DECISION = table(t.DecisionRow)
DIAL = table(t.DialRow)

METRES_A_DEGREE = 111_320.0


class SqlLoaded(LoadedAlerts):
    """`Loaded` over one connection; remembers every version that a decision looked at."""

    def __init__(
        self, connection: Connection, processes: Processes, take_back: Callable[[], None] | None = None
    ) -> None:
        """`take_back`: see `each_order`."""
        super().__init__(connection)
        self.processes = processes
        self.take_back = take_back
        self.orders: dict[str, WorkOrder] = {}
        self.rosters: dict[tuple[str, str], Roster] = {}
        self.dials: dict[str, Dial | None] = {}

    def order(self, order_id: str) -> WorkOrder:
        if order_id not in self.orders:
            found = load_order(self.connection, self.processes, order_id)
            if found is None:
                raise NotFound(f"no order {order_id!r}", order=order_id)
            self.orders[order_id] = found
        return self.orders[order_id]

    def roster(self, centre_id: str, trade: str) -> Roster:
        key = (centre_id, trade)
        if key not in self.rosters:
            row = self.connection.execute(
                select(ROSTER.c.version, ROSTER.c.doc).where(
                    ROSTER.c.centre_id == centre_id, ROSTER.c.trade == trade
                )
            ).first()
            if row is None:
                raise NotFound(
                    f"{centre_id} has no crews of the trade {trade!r}", centre=centre_id, trade=trade
                )
            self.rosters[key] = roster_from(row.doc, row.version)
        return self.rosters[key]

    def open_near(self, place: Point, metres: float) -> Sequence[tuple[str, Point, str]]:
        dlat = metres / METRES_A_DEGREE
        dlon = dlat / max(cos(radians(place.lat)), 0.01)
        if self.connection.dialect.name == "postgresql":
            one_at_a_time(self.connection, place, dlat, dlon)
        rows = self.connection.execute(
            select(ORDER.c.id, ORDER.c.lat, ORDER.c.lon, ORDER.c.address)
            .where(ORDER.c.is_open, ORDER.c.lat.between(place.lat - dlat, place.lat + dlat))
            .where(ORDER.c.lon.between(place.lon - dlon, place.lon + dlon))
            .order_by(ORDER.c.reported_at)
        )
        return [(r.id, Point(r.lat, r.lon), r.address) for r in rows]

    def contact_order(self, contact_id: str) -> str | None:
        query = select(CONTACT.c.order_id).where(CONTACT.c.id == contact_id)
        return self.connection.execute(query).scalar()

    def planned_outages(self, now: datetime) -> Sequence[PlannedOutage]:
        return outages.running(self.connection, now)

    def incident(self, incident_id: str) -> Sequence[str]:
        query = select(ORDER.c.id).where(ORDER.c.incident_id == incident_id, ORDER.c.id != incident_id)
        if self.connection.dialect.name == "postgresql":
            # Who writes to any of them waits until our commit: lines of hundreds of orders, one after the other, would
            # push a step of all of them aside again and again.
            query = query.order_by(ORDER.c.id.collate("C")).with_for_update(key_share=True)
        return sorted(self.connection.execute(query).scalars())

    def removing(self) -> Sequence[str]:
        query = select(ORDER.c.id).where(ORDER.c.is_removing).order_by(ORDER.c.id)
        return list(self.connection.execute(query).scalars())

    def last_dial(self, number: str) -> Dial | None:
        if number not in self.dials:
            query = select(DIAL.c.at, DIAL.c.call_id).where(DIAL.c.number == number)
            row = self.connection.execute(query).first()
            self.dials[number] = Dial(row.at, row.call_id) if row else None
        return self.dials[number]

    def calls(self, call_id: str, after: int = 0, limit: int | None = None) -> Sequence[OutboxRow]:
        return outbox.outbox_rows(self.connection, phone_rows.carried(call_id, after, limit))

    def waiting_calls(
        self,
        ids: Sequence[int],
        targets: Sequence[str],
        centres: Sequence[str],
        now: datetime,
        limit: int,
        after: int = 0,
    ) -> Sequence[OutboxRow]:
        query = phone_rows.waiting(ids, targets, centres, now, limit, after)
        return outbox.outbox_rows(self.connection, query)

    def fetch(self, order_ids: Sequence[str]) -> Mapping[str, Exception]:
        missing = sorted(set(order_ids) - set(self.orders))
        failed: dict[str, Exception] = {i: NotFound(f"no order {i!r}", order=i) for i in missing}
        for start in range(0, len(missing), 500):
            query = select(ORDER).where(ORDER.c.id.in_(missing[start : start + 500]))
            rows = self.connection.execute(query).all()
            found, spoilt = each_order(self.connection, self.processes, rows, self.take_back)
            self.orders |= found
            failed |= spoilt
        return {order_id: error for order_id, error in failed.items() if order_id not in self.orders}

    def live_calls(self, order_ids: Sequence[str]) -> Sequence[OutboxRow]:
        return outbox.outbox_rows(self.connection, phone_rows.live(order_ids))


def roster_from(doc: Any, version: int) -> Roster:
    """A roster as it was stored."""
    return msgspec.convert({**doc, "version": version}, Roster)


def write(
    connection: Connection, loaded: SqlLoaded, changes: Changes[Any], processes: Processes, now: datetime
) -> None:
    """All of `changes`, or Stale. Rows are named in one order everywhere; writers that lock each other out are told
    so by the database, and decide again."""
    told = Lines()
    _add_orders(told, loaded, changes.orders, processes, now)
    for roster in sorted(changes.rosters, key=lambda r: (r.centre_id, r.trade)):
        told.rosters.append(_roster_row(roster))
        if (before := loaded.rosters.get((roster.centre_id, roster.trade))) is not None:
            told.ended += map(ended_row, roster_ended(before, roster, now))
    outbox.add_outgoing(told, changes.outgoing, now)
    told.write(connection)
    _check_untouched(connection, loaded, changes)
    if changes.contacts:
        connection.execute(insert(CONTACT), [_fields(contact) for contact in changes.contacts])
    if changes.decisions:
        connection.execute(insert(DECISION), [_fields(decision) for decision in changes.decisions])
    for number in sorted(changes.dialled):
        _write_dial(connection, number, loaded.last_dial(number), Dial(now, changes.dialled[number]))
    for number in sorted(changes.undialled):
        _write_dial(connection, number, loaded.last_dial(number), Dial(changes.undialled[number]))
    outbox.settle(connection, changes.settled, now)


def _write_dial(connection: Connection, number: str, before: Dial | None, dial: Dial) -> None:
    """Two that look at the same number at the same time must not both ring it: the second one looks again."""
    if before is None:
        connection.execute(insert(DIAL), {"number": number, **_fields(dial)})
        return
    known = (DIAL.c.number == number, DIAL.c.at == before.at, DIAL.c.call_id == before.call_id)
    if connection.execute(update(DIAL).where(*known).values(**_fields(dial))).rowcount != 1:
        raise Stale(number)


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _add_orders(
    told: Lines, loaded: SqlLoaded, orders: Sequence[WorkOrder], processes: Processes, now: datetime
) -> None:
    for order in sorted(orders, key=lambda o: o.id):
        before = loaded.orders.get(order.id)
        known = before.version if before else 0
        if before is not None and known == order.version:
            continue
        values = projection(order, processes, now)
        if before is None:
            told.new.append(values)
        else:
            moved = {name: values[name] for name in MOVING}
            told.changed.append({**moved, "of_id": order.id, "of_version": known})
        told.events += [event_row(order.id, event) for event in order.history[known:]]
        process = processes.of(order)
        gone, new = armed.rearmed(order.id, clocks(before, process) if before else (), clocks(order, process))
        told.gone += gone
        told.armed += new
        if before is not None:
            told.ended += map(ended_row, ended(before, order, process))


def projection(order: WorkOrder, processes: Processes, now: datetime) -> dict[str, Any]:
    """The work_order row of an order."""
    process = processes.of(order)
    facts = order.facts
    reached = points(order, process)
    return {
        "id": order.id, "version": order.version, "process": facts.process, "state": order.state,
        "centre_id": order.centre_id, "trade": order.trade, "area_class": order.area_class,
        "crew_id": order.crew_id, "generation": order.generation, "priority": order.priority,
        "channel": facts.channel, "address": facts.address,
        "lat": facts.place.lat if facts.place else None, "lon": facts.place.lon if facts.place else None,
        "fault_type": facts.fault_type, "voltage": facts.voltage, "customer_name": facts.customer_name,
        "customer_phone": facts.customer_phone, "description": facts.description,
        "incident_id": order.incident_id, "reported_at": facts.reported_at,
        "deadline": deadline(order, process), "sent_at": reached.get("B"), "dispatched_at": reached.get("D"),
        "acknowledged_at": reached.get("F"), "arrived_at": reached.get("H"), "changed_at": now,
        "is_open": order.state not in process.final and order.last("restore") is None,
        "is_final": order.state in process.final, "is_removing": bool(order.removing),
    }  # fmt: skip


def _roster_row(roster: Roster) -> dict[str, Any]:
    doc = msgspec.to_builtins(roster)
    doc.pop("version")
    return {
        "of_centre": roster.centre_id, "of_trade": roster.trade, "of_version": roster.version,
        "version": roster.version + 1, "doc": doc,
    }  # fmt: skip


def _check_untouched(connection: Connection, loaded: SqlLoaded, changes: Changes[Any]) -> None:
    """What was only looked at must still be what it was (SQLite's single writer cannot change it meanwhile)."""
    if connection.dialect.name == "sqlite" or not writes(changes):
        return
    changed = {o.id for o in changes.orders}
    for order_id in sorted(set(loaded.orders) - changed):
        query = select(ORDER.c.version).where(ORDER.c.id == order_id).with_for_update(read=True)
        if connection.execute(query).scalar() != loaded.orders[order_id].version:
            raise Stale(order_id)
    kept = set(loaded.rosters) - {(r.centre_id, r.trade) for r in changes.rosters}
    for centre_id, trade in sorted(kept):
        query = (
            select(ROSTER.c.version)
            .where(and_(ROSTER.c.centre_id == centre_id, ROSTER.c.trade == trade))
            .with_for_update(read=True)
        )
        if connection.execute(query).scalar() != loaded.rosters[centre_id, trade].version:
            raise Stale(f"{centre_id}/{trade}")


def writes(changes: Changes[Any]) -> bool:
    """Whether a decision changes anything."""
    return bool(changes.orders or changes.rosters or changes.outgoing or changes.settled or changes.contacts)


def rosters(connection: Connection) -> list[Roster]:
    """Every roster."""
    rows = connection.execute(
        select(ROSTER.c.version, ROSTER.c.doc).order_by(ROSTER.c.centre_id, ROSTER.c.trade)
    )
    return [roster_from(row.doc, row.version) for row in rows]
