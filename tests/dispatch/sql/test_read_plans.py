"""What screens ask for every few seconds is found by an index, however many orders ended before: on both databases."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, event, insert, select, text
from sqlalchemy.engine import Engine

from dispatch.adapters.sql.call_desk import SqlDesk
from dispatch.adapters.sql.lines import ALERT
from dispatch.adapters.sql.statements import CONTACT, EVENT, ORDER
from dispatch.adapters.sql.views import Views
from dispatch.services import clocks
from dispatch.services import crew as crews
from dispatch.services.people import Scope
from tests.dispatch.databases import Database
from tests.dispatch.organisation import START
from tests.dispatch.sql.desk import Place

ENDED = 4000
SHORT = ("work_order_unfinished", "alert_unacknowledged", "ix_contact_at")
"""Indexes that SQLite may SCAN: two hold little, and of the contacts the newest fifty are taken."""
SCREENS = (Scope("hotline"), Scope("dispatcher", "east"), Scope("crew", crew_id="E1"))


def _years(connection: Connection, order_id: str) -> None:
    """Orders like this one that are closed, each with an event, a contact and an alert that was acknowledged."""
    row = dict(connection.execute(select(ORDER).where(ORDER.c.id == order_id)).one()._mapping)
    contact = dict(connection.execute(select(CONTACT)).first()._mapping)  # type: ignore[union-attr]
    ended = {"state": "closed", "is_open": False, "is_final": True}
    alert = {"role": "hotline", "centre_id": "", "code": "overdue", "facts": {}, "raised_at": START}
    seen = {"acknowledged_at": START, "acknowledged_by": "holly"}
    orders = [{**row, **ended, "id": f"X{n}"} for n in range(ENDED)]
    connection.execute(insert(ORDER), orders)
    step = dict(connection.execute(select(EVENT)).first()._mapping)  # type: ignore[union-attr]
    del step["id"]
    connection.execute(insert(EVENT), [{**step, "order_id": f"X{n}"} for n in range(ENDED)])
    contacts = [
        {**contact, "id": f"c{n}", "order_id": f"X{n}", "at": START - timedelta(hours=n)}
        for n in range(ENDED)
    ]
    connection.execute(insert(CONTACT), contacts)
    connection.execute(
        insert(ALERT), [{**alert, **seen, "key": f"a{n}", "order_id": f"X{n}"} for n in range(ENDED)]
    )
    connection.execute(text("ANALYZE"))


async def _plans(place: Place, *reads: Awaitable[Any], which: str = "SELECT") -> list[str]:
    """How the database goes about each statement that these reads run and that begins so, or holds so."""
    ran: list[tuple[str, Any]] = []

    def hear(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        ran.append((statement, parameters[0] if many else parameters))

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        for one in reads:
            await one
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    explain = "EXPLAIN QUERY PLAN " if place.database.kind == "sqlite" else "EXPLAIN "

    def look(connection: Connection) -> list[str]:
        return [
            "\n".join(str(row) for row in connection.exec_driver_sql(explain + one, parameters))
            for one, parameters in ran
            if one.startswith(which) or (which != "SELECT" and which in one)
        ]

    return await place.store.read(look)


def _read_whole(plan: str) -> bool:
    """Whether one of the long tables is gone through from end to end."""
    lines = [one for one in plan.splitlines() if "SCAN" in one or "Seq Scan" in one]
    long = [
        one for one in lines if any(name in one for name in ("work_order", "order_event", "contact", "alert"))
    ]
    return any(not any(name in one for name in SHORT) for one in long)


async def test_no_screen_reads_all_orders_that_ever_were(database: Database) -> None:
    place = await Place(database).open()
    order_id = await place.at_centre("1 Lane", phone="13800001111")
    await place.dispatch(order_id)
    await place.store.write(lambda c: _years(c, order_id))
    views = Views(place.store, place.context)
    desk = await views.desk(SCREENS[0])
    assert [o.id for o in desk["running"]] == [order_id]
    assert [one.order_id for one in await SqlDesk(place.store).running()] == [order_id]
    plans = await _plans(
        place, *(views.board(scope) for scope in SCREENS), views.desk(SCREENS[0]), views.stack("E1", SCREENS[2]),
        SqlDesk(place.store).running(), place.store.open_orders(), place.store.open_orders(["dispatched"]),
    )  # fmt: skip
    assert len(plans) > 10
    assert sum("work_order_unfinished" in plan for plan in plans) >= 4
    assert not [plan for plan in plans if _read_whole(plan)]


async def test_an_alert_that_is_over_is_found_among_those_that_are_not(database: Database) -> None:
    place = await Place(database).open()
    order_id = await place.at_centre("1 Lane", phone="13800001111")
    await place.dispatch(order_id)
    await place.store.write(lambda c: _years(c, order_id))
    place.clock.advance(600)
    await clocks.fire_due(place.context)
    crew = place.context.directory.crews["E1"]
    (plan,) = await _plans(
        place, crews.step(place.context, order_id, "acknowledge", crew=crew), which="UPDATE alert"
    )
    assert "alert_open_cause" in plan
    assert not _read_whole(plan)
