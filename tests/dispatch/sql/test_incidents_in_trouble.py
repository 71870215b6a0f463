"""Incidents on both databases where something is wrong: an order that cannot be read, another sequence on the vehicle."""

from __future__ import annotations

import asyncio
from datetime import datetime
from itertools import cycle

import pytest
import pytest_asyncio
from sqlalchemy import insert

from dispatch.adapters.sql.rows import event_row
from dispatch.adapters.sql.statements import EVENT
from dispatch.core.escalation import clocks, open_watches
from dispatch.core.segments import timeline
from dispatch.core.types import SYSTEM
from dispatch.core.work_order import Event, WorkOrder
from dispatch.services import hotline, incidents, stacks
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Loaded
from dispatch.services.steps import Draft
from tests.dispatch.databases import Database
from tests.dispatch.sql.desk import CREW_STEPS, DORA, HOLLY, Place


@pytest_asyncio.fixture
async def place(database: Database) -> Place:
    return await Place(database).open()


async def _spoil(place: Place, order_id: str) -> None:
    """A line that cannot be folded."""
    seq, now = (await place.order(order_id)).version + 1, place.clock.now()
    wrong = Event(seq, "expedite", now, now, SYSTEM, "", {"priority": "much"})
    place.database.at_once(lambda c: c.execute(insert(EVENT), event_row(order_id, wrong)) and None)


async def _running(place: Place, order_id: str) -> str:
    order = await place.order(order_id)
    return timeline(order, place.context.processes.of(order), place.clock.now()).running


async def test_a_follower_that_cannot_be_read_holds_nobody_up(place: Place) -> None:
    a = await place.at_centre("1 Lane", 0)
    b = await place.at_centre("2 Lane", 200)
    c = await place.at_centre("3 Lane", 400)
    await incidents.group(place.context, [a, b, c], by=DORA)
    await place.dispatch(a)
    await _spoil(place, b)
    await place.works(a, "acknowledge")
    for order_id in (a, c):
        order = await place.order(order_id)
        assert order.state == "acknowledged"
        assert not open_watches(order, place.context.processes.of(order)), "nobody is rung for it any more"


async def test_a_lead_that_cannot_be_read_keeps_no_other_from_its_centre_and_its_end(place: Place) -> None:
    a = await place.at_centre("1 Lane", 0)
    b = await place.call("2 Lane", 200)
    await hotline.send(place.context, b, by=HOLLY)
    c = await place.at_centre("3 Lane", 400, "+861033333")
    await incidents.group(place.context, [a, b, c], by=DORA)
    await _spoil(place, a)
    await place.received(b)
    assert (await place.order(b)).state == "at_centre"
    for order_id in (b, c):
        parted = await incidents.part(place.context, order_id, by=DORA)
        assert parted.incident_id == "", "it can be worked on by itself"
        await place.dispatch(order_id, "E2")


async def test_whoever_follows_a_lead_that_cannot_be_read_is_called_back_and_closed(place: Place) -> None:
    a = await place.at_centre("1 Lane", 0)
    b = await place.at_centre("2 Lane", 200, "+861022222")
    await incidents.group(place.context, [a, b], by=DORA)
    await place.dispatch(a)
    await place.works(a, *CREW_STEPS)
    await _spoil(place, a)
    await hotline.call_back(place.context, b, satisfied=True, by=HOLLY)
    assert (await hotline.close(place.context, b, by=HOLLY)).state == "closed"


async def test_the_crew_of_a_large_incident_acknowledges_while_its_orders_are_written_to(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rungs and attempts write a line to one order after the other: they do not push the acknowledgement aside."""
    orders = [await place.at_centre(f"{n} Lane", 55.0 * n) for n in range(60)]
    lead = (await incidents.group(place.context, orders, by=DORA)).id
    await place.dispatch(lead)
    other, acknowledged = await place.context_of_a_worker(), False

    async def lines() -> None:
        for order_id in cycle(one for one in orders if one != lead):
            if acknowledged:
                return
            await other.store.transact(lambda loaded, now, i=order_id: _line(other, loaded, now, i))  # type: ignore[misc]

    led, decided = Draft._led, list[str]()

    def counted(draft: Draft, one: WorkOrder) -> None:
        decided.append(one.id)
        led(draft, one)

    monkeypatch.setattr(Draft, "_led", counted)
    writing = [asyncio.create_task(lines()) for _ in range(3)]
    try:
        await place.works(lead, "acknowledge")
    finally:
        acknowledged = True
        await asyncio.gather(*writing)
    assert {(await place.order(one)).state for one in orders} == {"acknowledged"}
    assert len(decided) <= 2, "it was decided again and again"


def _line(context: Context, loaded: Loaded, now: datetime, order_id: str) -> Changes[None]:
    draft = Draft(context, loaded, now)
    draft.remark(order_id, "attempt", data={"channel": "phone", "to": "crew_duty", "state": "ringing"})
    return draft.changes(None)


@pytest.mark.parametrize("joins", ["before", "after"])
async def test_another_sequence_of_the_vehicle_moves_those_that_follow_too(place: Place, joins: str) -> None:
    other = await place.at_centre("9 Lane", 900)
    await place.dispatch(other)
    a = await place.at_centre("1 Lane", 0)
    b = await place.at_centre("2 Lane", 200)
    if joins == "before":
        await incidents.group(place.context, [a, b], by=DORA)
    await place.dispatch(a)
    await place.works(a, "acknowledge")
    crew = place.context.directory.crews["E1"]
    await stacks.reorder(place.context, crew, [a, other], by=DORA)
    if joins == "after":
        await incidents.group(place.context, [a, b], by=DORA)
    assert [await _running(place, one) for one in (a, b)] == ["FG", "FG"], (
        "its crew is free for it: turnout runs"
    )
    follower = await place.order(b)
    armed = {c.name for c in clocks(follower, place.context.processes.of(follower))}
    assert "segment:FG" in armed, "and its overrun is announced"
    await stacks.reorder(place.context, crew, [other, a], by=DORA)
    assert [await _running(place, one) for one in (a, b)] == ["stacked", "stacked"]
