"""A call about a place whose order ends at that very moment."""

from __future__ import annotations

import pytest
import pytest_asyncio
from sqlalchemy import insert

from dispatch.adapters.sql.rows import event_row
from dispatch.adapters.sql.statements import EVENT
from dispatch.core.escalation import open_watches
from dispatch.core.types import SYSTEM
from dispatch.core.work_order import Event
from dispatch.services import hotline
from tests.dispatch.databases import Database
from tests.dispatch.sql.desk import HOLLY, Place


@pytest_asyncio.fixture
async def place(database: Database) -> Place:
    return await Place(database).open()


@pytest.mark.parametrize("how", ["cancel", "restore"])
async def test_a_call_that_crosses_the_end_of_its_order_becomes_one_of_its_own(
    place: Place, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order was open when the look around the place found it, and has ended when it is read."""
    a = await place.at_centre("1 Lane", 0, "+861011111")
    if how == "restore":
        await place.dispatch(a)
        await place.works(a, "acknowledge", "depart", "arrive", "restore")
    else:
        await hotline.cancel(place.context, a, reason="customer_withdrew", by=HOLLY)
    facts = (await place.order(a)).facts
    assert facts.place is not None
    seen = [(a, facts.place, facts.address)]
    monkeypatch.setattr("dispatch.adapters.sql.statements.SqlLoaded.open_near", lambda *_: seen)
    b = await place.call("1 Lane", 0, "+861022222")
    assert b != a, "nobody works on that one any more"
    order = await place.order(b)
    assert open_watches(order, place.context.processes.of(order))


async def test_a_call_beside_an_order_that_cannot_be_read_becomes_one_of_its_own(place: Place) -> None:
    a = await place.at_centre("1 Lane", 0, "+861011111")
    now = place.clock.now()
    wrong = Event((await place.order(a)).version + 1, "expedite", now, now, SYSTEM, "", {"priority": "much"})
    place.database.at_once(lambda c: c.execute(insert(EVENT), event_row(a, wrong)) and None)
    assert await place.call("1 Lane", 0, "+861022222") != a
