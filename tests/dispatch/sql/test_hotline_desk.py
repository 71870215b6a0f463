"""What a call is compared with, on both databases: addresses, orders, planned outages."""

from __future__ import annotations

from datetime import timedelta
from time import perf_counter

import pytest
import pytest_asyncio

from dispatch.adapters.sql import outages
from dispatch.adapters.sql.call_desk import SqlDesk
from dispatch.adapters.sql.gazetteer import SqlGazetteer, replace_gazetteer
from dispatch.core.errors import BadInput, GuardRefused, IllegalStep
from dispatch.core.gazetteer import Entry
from dispatch.core.outage import PlannedOutage
from dispatch.core.types import Point
from dispatch.services import hotline
from dispatch.services.call_desk import not_reached, repeats, told_progress
from tests.dispatch.databases import Database
from tests.dispatch.organisation import EAST
from tests.dispatch.sql.desk import CREW_STEPS, HOLLY, Place


@pytest_asyncio.fixture
async def place(database: Database) -> Place:
    return await Place(database).open()


def _call(address: str = "12 Harbour Road", **more: object) -> hotline.Call:
    return hotline.Call("phone", address, "no_supply", "lv", place=Point(*EAST), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("12 har", "12 Harbour Road"), ("HARBOUR  LANE", "3 Harbour Lane"), ("road 12", "12 Harbour Road"), ("港口", "3 Harbour Lane"),
        ("路１２", "12 Harbour Road"), ("口巷", "3 Harbour Lane"), ("50%_", ""), ("", ""), ("nowhere", ""), ("%", ""),
    ],
)  # fmt: skip
async def test_addresses_are_found_by_words_parts_and_chinese(place: Place, said: str, first: str) -> None:
    found = await SqlGazetteer(place.store).find(said, 12)
    assert (found[0].name if found else "") == first


async def test_fifty_thousand_addresses_answer_while_one_types(place: Place) -> None:
    many = [
        Entry(f"{n % 400} Street {n // 400}", f"街道{n // 400}第{n % 400}号", 30.0, 120.0)
        for n in range(50_000)
    ]
    await place.store.write(
        lambda c: replace_gazetteer(c, [*many, Entry("7 Only Way", "独路7号", 30.0, 120.0)])
    )
    gazetteer, took = SqlGazetteer(place.store), []
    for said in ("7 on", "独路", "str 12", "399 street 12", "1", "没有"):
        begun = perf_counter()
        found = await gazetteer.find(said, 12)
        took.append(perf_counter() - begun)
        assert found or said == "没有"
    assert (await gazetteer.find("独路", 12))[0].name == "7 Only Way"
    assert sorted(took)[len(took) // 2] < 0.5, took  # some 20 ms on a quiet machine


async def test_a_caller_is_known_by_the_telephone_whichever_way_it_is_written(place: Place) -> None:
    order_id = await place.call("12 Harbour Road", phone="+86 10 1234 5678")
    await place.call("12 Harbour Road", 5, phone="13800001111")
    desk = SqlDesk(place.store)
    running = await desk.running()
    for phone in ("+861012345678", "1012345678", "138-0000-1111"):
        assert [r.order_id for r in repeats(running, phone, "", None, 50, 300)] == [order_id], phone
    assert repeats(running, "5678", "", None, 50, 300) == [], "a few digits are nobody"
    near = repeats(running, "", "another", Point(EAST[0] + 200 / 111_320, EAST[1]), 50, 300)
    assert [(r.order_id, r.why) for r in near] == [(order_id, ("near",))]
    assert repeats(running, "", "", Point(31, 121), 50, 300) == []


async def test_a_call_joins_the_order_that_the_call_taker_names_or_none(place: Place) -> None:
    first = await place.call("1 Lane")
    joined = await hotline.take_call(place.context, _call("8 Lane", join=first), by=HOLLY)
    assert (joined.order_id, joined.outcome) == (first, "joined")
    apart = await hotline.take_call(place.context, _call("1 Lane", apart=True), by=HOLLY)
    assert apart.outcome == "new"
    await hotline.cancel(place.context, first, reason="duplicate", by=HOLLY)
    with pytest.raises(IllegalStep):
        await hotline.take_call(place.context, _call(join=first), by=HOLLY)


async def test_a_repaired_order_takes_no_more_calls(place: Place) -> None:
    first = await place.at_centre("1 Lane")
    await place.dispatch(first)
    await place.works(first, *CREW_STEPS)
    with pytest.raises(IllegalStep, match="new fault"):
        await hotline.take_call(place.context, _call(join=first), by=HOLLY)


async def _plan(place: Place, *, hours: float = 1, **area: object) -> None:
    now = place.clock.now()
    one = PlannedOutage("PO-1", now - timedelta(hours=1), now + timedelta(hours=hours), "line work", **area)  # type: ignore[arg-type]
    await place.store.write(lambda c: outages.put(c, [one]))


async def test_a_call_in_a_planned_outage_makes_an_order_only_for_who_insists(place: Place) -> None:
    await _plan(place, territory="east-land")
    with pytest.raises(GuardRefused, match="PO-1") as refused:
        await hotline.take_call(place.context, _call(id="k1"), by=HOLLY)
    assert refused.value.facts["outage"] == "PO-1"
    told = await hotline.take_call(place.context, _call(id="k1", outage="PO-1"), by=HOLLY)
    assert (told.order_id, told.outcome) == ("", "planned_outage")
    assert await hotline.take_call(place.context, _call(id="k1", outage="PO-1"), by=HOLLY) == told, "a resend"
    made = await hotline.take_call(place.context, _call(id="k2", insists=True), by=HOLLY)
    assert made.outcome == "new"
    assert (await place.order(made.order_id)).history[0].data["insists"] is True
    assert (await hotline.take_call(place.context, _call(id="k3"), by=HOLLY)).outcome == "joined"


async def test_an_outage_that_is_over_or_elsewhere_warns_nobody(place: Place) -> None:
    await _plan(place, addresses=("3 Hill Lane",))
    assert (await hotline.take_call(place.context, _call(), by=HOLLY)).outcome == "new"
    with pytest.raises(GuardRefused):
        await hotline.take_call(place.context, _call("3 hill lane, flat 2", apart=True), by=HOLLY)
    place.clock.advance(3601)
    assert (
        await hotline.take_call(place.context, _call("3 Hill Lane", apart=True), by=HOLLY)
    ).outcome == "new"


async def test_an_outage_of_a_known_id_is_replaced(place: Place) -> None:
    await _plan(place, territory="east-land")
    await _plan(place, hours=5, polygon=(Point(30, 120), Point(30, 120.1), Point(30.1, 120.1)))
    now = place.clock.now()
    (one,) = await SqlDesk(place.store).outages(now, now)
    assert (one.territory, len(one.polygon), one.ends_at - now) == ("", 3, timedelta(hours=5))


async def test_who_was_told_and_who_was_not_reached_is_kept(place: Place) -> None:
    order_id = await place.at_centre("1 Lane", phone="+861011111")
    await told_progress(place.context, order_id, by=HOLLY, key="t1")
    await told_progress(place.context, order_id, by=HOLLY, key="t1")
    with pytest.raises(IllegalStep):
        await not_reached(place.context, order_id, by=HOLLY)
    await place.dispatch(order_id)
    await place.works(order_id, *CREW_STEPS)
    with pytest.raises(BadInput):
        await not_reached(
            place.context, order_id, again_at=place.clock.now() - timedelta(minutes=1), by=HOLLY
        )
    await not_reached(place.context, order_id, by=HOLLY, key="n1")
    await not_reached(place.context, order_id, by=HOLLY, key="n1")
    outcomes = await place.store.read(
        lambda c: [row[0] for row in c.exec_driver_sql("SELECT outcome FROM contact ORDER BY at, outcome")]
    )
    assert outcomes == ["new", "progress", "not_reached"]
