"""The place of an order, given or corrected until somebody has arrived: accepted, refused, twice, raced, and whom it reaches."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from dispatch.adapters.sql.statements import OUTBOX
from dispatch.messages import Position, Press, Receipt
from dispatch.services import crew
from dispatch.services.delivery import desired_state
from dispatch.services.tracking import Tracking, device_event
from tests.dispatch.http.conftest import City, call
from tests.dispatch.organisation import EAST, WEST

NEW = (30.061, 120.063)
NOWHERE = (35.0, 110.0)
ADDRESS = "7 Station Square"


def body(place: tuple[float, float] = NEW, address: str = ADDRESS, **more: Any) -> dict[str, Any]:
    return {"lat": place[0], "lon": place[1], "address": address, **more}


async def unplaced(city: City) -> str:
    """A call whose address nobody knows: nobody is responsible."""
    taken = (await city.post("holly", "/api/calls", call(None))).json()
    assert taken["unroutable"]
    order_id: str = taken["order_id"]
    return order_id


async def story(city: City, order_id: str) -> dict[str, Any]:
    answer = await city.get("dora", f"/api/orders/{order_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_an_order_without_a_place_is_routed_by_the_place_that_it_gets(either_city: City) -> None:
    city = either_city
    order_id = await unplaced(city)
    assert (await city.post("holly", f"/api/orders/{order_id}/send")).status_code == 200
    answer = await city.post("holly", f"/api/orders/{order_id}/place", body())
    assert answer.status_code == 200, answer.text
    order, land = answer.json()["order"], answer.json()["land"]
    assert (order["address"], order["lat"], order["lon"]) == (ADDRESS, *NEW)
    assert land["centre_id"] == order["centre_id"] == "east"
    told = await story(city, order_id)
    located, routed = told["events"][-2:]
    assert (located["kind"], located["by"]) == ("locate", {"role": "hotline", "id": "holly"})
    assert located["data"] == {
        "address": ADDRESS, "lat": NEW[0], "lon": NEW[1],
        "was": {"address": "12 Harbour Road", "lat": None, "lon": None},
    }  # fmt: skip
    assert (routed["kind"], routed["by"]["role"], routed["data"]["trade"]) == ("route", "system", "service")
    query = select(func.count()).where(OUTBOX.c.order_id == order_id, OUTBOX.c.kind == "centre")
    assert await city.services.views.look(lambda c: c.execute(query).scalar()) == 1, (
        "it was sent: it goes there"
    )
    desk = (await city.get("holly", "/api/hotline/desk")).json()
    assert order_id not in [o["id"] for o in desk["unroutable"]]


async def test_a_place_on_nobodys_land_waits_for_a_person_as_before(city: City) -> None:
    order_id = await unplaced(city)
    answer = (await city.post("holly", f"/api/orders/{order_id}/place", body(NOWHERE))).json()
    assert answer["land"] == {"centre_id": "", "area_class": ""}
    assert (answer["order"]["centre_id"], answer["order"]["lat"]) == ("", NOWHERE[0])
    desk = (await city.get("holly", "/api/hotline/desk")).json()
    assert [o["id"] for o in desk["unroutable"]] == [order_id]


async def test_what_a_centre_has_stays_there_and_whose_land_it_is_is_said(city: City) -> None:
    order_id = await city.order("at_centre")
    before = (await story(city, order_id))["order"]
    answer = (await city.post("dora", f"/api/orders/{order_id}/place", body(WEST))).json()
    assert answer["land"]["centre_id"] == "west"
    after = answer["order"]
    assert (after["centre_id"], after["lat"]) == ("east", WEST[0])
    promised = ("deadline", "area_class", "state", "generation", "points")
    assert [after[name] for name in promised] == [before[name] for name in promised]
    assert [e["kind"] for e in (await story(city, order_id))["events"]].count("route") == 0


async def test_crew_and_terminal_read_the_new_place(either_city: City) -> None:
    city = either_city
    order_id = await city.order("acknowledged")
    before = await desired_state(city.place.context, "t-E1")
    await city.post("holly", f"/api/orders/{order_id}/place", body())
    (mine,) = (await city.get("carl", "/api/crew/stack")).json()["orders"]
    assert (mine["address"], mine["lat"], mine["lon"], mine["state"]) == (ADDRESS, *NEW, "acknowledged")
    after = await desired_state(city.place.context, "t-E1")
    assert before is not None
    assert after is not None
    (was,), (now,) = before.orders, after.orders
    assert after.revision == before.revision + 1
    assert (was.version, now.version, now.acknowledged) == (1, 2, True)
    assert ADDRESS in now.text
    assert ADDRESS not in was.text
    key = f"desired/t-E1/{after.revision}"
    query = select(func.count()).where(OUTBOX.c.key == key)
    assert await city.services.views.look(lambda c: c.execute(query).scalar()) == 1, "the terminal is told"
    alerts = (await city.get("carl", "/api/alerts")).json()["alerts"]
    assert [(a["code"], a["order_id"]) for a in alerts] == [("order_located", order_id)]


@pytest.mark.parametrize("edition", [1, 2])
async def test_a_press_on_either_text_names_the_same_dispatch(city: City, edition: int) -> None:
    order_id = await city.order("dispatched")
    await city.post("holly", f"/api/orders/{order_id}/place", body())
    at = city.place.clock.now().timestamp()
    for version in (1, 2):
        await device_event(city.place.context, Receipt("t-E1", order_id, version, "delivered", at))
    await device_event(city.place.context, Press("t-E1", order_id, "acknowledge", at, "p1", edition))
    told = await story(city, order_id)
    assert told["order"]["state"] == "acknowledged"
    kinds = [(e["kind"], e["data"].get("corrected", False)) for e in told["events"] if "recei" in e["kind"]]
    assert kinds[-2:] == [("receipt", False), ("also_received", True)]
    await city.post("dora", f"/api/orders/{order_id}/recall", {"reason": "other"})
    again = await city.post("dora", f"/api/orders/{order_id}/dispatch", {"crew_id": "E1"})
    assert again.json()["generation"] == 2
    desired = await desired_state(city.place.context, "t-E1")
    assert desired is not None
    assert [o.version for o in desired.orders] == [3]
    await device_event(city.place.context, Press("t-E1", order_id, "acknowledge", at, "p2", edition))
    assert (await story(city, order_id))["order"]["state"] == "dispatched", "a button of the dispatch before"


async def test_a_terminal_that_does_not_confirm_the_correction_is_told_of(city: City) -> None:
    order_id = await city.order("acknowledged")
    await city.post("holly", f"/api/orders/{order_id}/place", body())
    at = city.place.clock.now().timestamp()
    for version in (1, 2, 2):
        await device_event(city.place.context, Receipt("t-E1", order_id, version, "unreceipted", at))
    alerts = (await city.get("dora", "/api/board")).json()["alerts"]
    assert [a["code"] for a in alerts].count("unreceipted") == 1, "of the text that stands, once"


async def test_one_text_that_is_gone_from_a_terminal_proves_no_recall_of_the_other(city: City) -> None:
    order_id = await city.order("acknowledged")
    await city.post("holly", f"/api/orders/{order_id}/place", body())
    context, at = city.place.context, city.place.clock.now().timestamp()
    await device_event(context, Receipt("t-E1", order_id, 1, "recall_unreceipted", at))
    await city.post("dora", f"/api/orders/{order_id}/recall", {"reason": "other"})
    for gone in (1, 2):
        await device_event(context, Receipt("t-E1", order_id, gone, "removed", at))
        assert (await story(city, order_id))["order"]["removing"] == ["t-E1"], "the other may be there still"
    await device_event(context, Receipt("t-E1", order_id, 1, "recall_unreceipted", at))
    alerts = (await city.get("dora", "/api/board")).json()["alerts"]
    assert [a["code"] for a in alerts if a["order_id"] == order_id] == ["recall_unreceipted"]
    desired = await desired_state(context, "t-E1")
    assert desired is not None
    await device_event(context, Receipt("t-E1", "", desired.revision, "settled", at))
    assert (await story(city, order_id))["order"]["removing"] == []
    assert (await city.get("dora", "/api/board")).json()["alerts"] == []


async def test_who_arrived_beneath_the_old_text_has_not_answered_for_the_new_one(city: City) -> None:
    order_id = await city.order("en_route")
    await city.post("holly", f"/api/orders/{order_id}/place", body())
    context, at = city.place.context, city.place.clock.now().timestamp()
    await device_event(context, Receipt("t-E1", order_id, 2, "unreceipted", at))
    await device_event(context, Press("t-E1", order_id, "arrive", at, "p1", 1))
    told = await story(city, order_id)
    assert told["order"]["state"] == "on_scene"
    (alert,) = [a for a in told["alerts"] if a["code"] == "unreceipted"]
    assert alert["acknowledged_at"] is None, "it stands where the order was before"
    await device_event(context, Receipt("t-E1", order_id, 2, "delivered", at))
    (alert,) = [a for a in (await story(city, order_id))["alerts"] if a["code"] == "unreceipted"]
    assert alert["settled"] == "also_received"


async def test_the_same_again_changes_nothing_and_another_with_the_key_is_refused(either_city: City) -> None:
    city = either_city
    order_id = await city.order("at_centre")
    url, key = f"/api/orders/{order_id}/place", {"Idempotency-Key": "k1"}
    one = await city.post("holly", url, body(), **key)
    two = await city.post("holly", url, body(), **key)
    assert one.json()["order"]["version"] == two.json()["order"]["version"]
    other = await city.post("holly", url, body(EAST), **key)
    assert (other.status_code, other.json()["error"]["facts"]["why"]) == (409, "key_reused")
    same = await city.post("dora", url, body())
    assert same.json()["order"]["version"] == one.json()["order"]["version"], "it is there already"


async def test_of_two_who_saw_the_same_the_second_is_told(either_city: City) -> None:
    city = either_city
    order_id = await city.order("at_centre")
    seen = {"address": "12 Harbour Road", "lat": EAST[0], "lon": EAST[1]}
    url = f"/api/orders/{order_id}/place"
    answers = await asyncio.gather(
        city.post("holly", url, body(seen=seen)), city.post("dora", url, body((30.07, 120.07), seen=seen))
    )
    assert sorted(a.status_code for a in answers) == [200, 409]
    lost = next(a for a in answers if a.status_code == 409).json()["error"]
    assert (lost["code"], lost["facts"]["why"], lost["facts"]["step"]) == ("conflict", "decided", "locate")
    assert lost["facts"]["by"] in {"hotline:holly", "dispatcher:dora"}
    assert [e["kind"] for e in (await story(city, order_id))["events"]].count("locate") == 1


async def test_once_somebody_has_arrived_the_place_stands(city: City) -> None:
    order_id = await city.order("on_scene")
    late = await city.post("holly", f"/api/orders/{order_id}/place", body())
    assert (late.status_code, late.json()["error"]["facts"]["why"]) == (409, "arrived")
    assert (await story(city, order_id))["order"]["lat"] == EAST[0]
    rejected = {"generation": 1, "reason": "other"}
    assert (await city.post("carl", f"/api/crew/orders/{order_id}/reject", rejected)).status_code == 200
    again = await city.post("holly", f"/api/orders/{order_id}/place", body())
    assert again.status_code == 200, "the crew was there, and is not any more"


async def test_an_ended_order_a_strange_place_and_strangers_are_refused(city: City) -> None:
    order_id = await city.order("at_centre")
    url = f"/api/orders/{order_id}/place"
    for wrong in ({"lat": 91}, {"lon": -181}, {"lat": None}, {"extra": 1}, {"address": "x" * 201}):
        refused = await city.post("holly", url, {**body(), **wrong})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "bad_input")
    assert (await city.post("wanda", url, body())).status_code == 403
    assert (await city.post("carl", url, body())).status_code == 403
    assert (await city.post("holly", "/api/orders/W-none/place", body())).status_code == 404
    await city.post("holly", f"/api/orders/{order_id}/cancel", {"reason": "other"})
    ended = await city.post("holly", url, body())
    assert (ended.status_code, ended.json()["error"]["facts"]["why"]) == (409, "ended")


async def test_the_next_caller_from_there_joins_it_and_the_one_from_before_does_not(
    either_city: City,
) -> None:
    city = either_city
    order_id = await city.order("at_centre")
    await city.post("holly", f"/api/orders/{order_id}/place", body())
    there = (await city.post("holly", "/api/calls", call(NEW))).json()
    assert (there["outcome"], there["order_id"]) == ("joined", order_id)
    assert (await city.post("holly", "/api/calls", call(EAST))).json()["outcome"] == "new"


async def test_arrival_is_seen_at_the_new_place_and_never_decided_from_the_old_one(city: City) -> None:
    order_id = await city.order("en_route")
    tracking = Tracking(city.place.context)
    await tracking.look_again()
    await city.post("holly", f"/api/orders/{order_id}/place", body(WEST))
    await tracking.look_again()
    await _stay(city, tracking, EAST)
    assert (await story(city, order_id))["order"]["state"] == "en_route", "not where it was before"
    await city.post("holly", f"/api/orders/{order_id}/place", body())
    await _stay(city, tracking, WEST)
    assert (await story(city, order_id))["order"]["state"] == "en_route", "before the next look at the orders"
    await tracking.look_again()
    await _stay(city, tracking, NEW)
    assert (await story(city, order_id))["order"]["state"] == "on_scene"


async def test_a_place_that_changes_while_an_arrival_is_decided_is_not_reached_by_it(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await city.order("acknowledged")
    tracking = Tracking(city.place.context)
    await tracking.look_again()
    step = crew.step

    async def meanwhile(context: Any, of: str, name: str, **how: Any) -> Any:
        done = await step(context, of, name, **how)
        if name == "depart":
            await city.post("holly", f"/api/orders/{order_id}/place", body())
            await tracking.look_again()
        return done

    monkeypatch.setattr(crew, "step", meanwhile)
    await _stay(city, tracking, EAST)
    assert (await story(city, order_id))["order"]["state"] == "en_route"


async def _stay(city: City, tracking: Tracking, place: tuple[float, float]) -> None:
    """The vehicle drives there, and stands for two minutes."""
    city.place.clock.advance(300)
    for _ in range(6):
        city.place.clock.advance(20)
        at = city.place.clock.now().timestamp()
        judged = tracking.classify([Position("t-E1", at, at, *place, speed_mps=0.0)])
        tracking.believe(judged)
        await tracking.follow(judged.seen)


async def test_crews_for_an_order_without_a_place_are_shown_by_load_and_it_is_dispatched(city: City) -> None:
    city.place.put_fix("E1", *NEW)
    busy = await city.order("dispatched")
    order_id = await unplaced(city)
    await city.post("holly", f"/api/orders/{order_id}/send")
    routed = {"centre_id": "east", "trade": "service", "area_class": "urban"}
    await city.post("holly", f"/api/orders/{order_id}/route", routed)
    found = (await city.get("dora", f"/api/orders/{order_id}/candidates")).json()
    assert found["ranked"] == []
    assert [(one["crew_id"], one["behind"]) for one in found["able"]] == [("E2", 0), ("E1", 1)], (
        "E2: no position"
    )
    seen = (await city.post("dora", "/api/crews/E1/preview", {"orders": [order_id, busy]})).json()
    new, aboard = seen["orders"]
    assert (new["after"], new["why"]) == (None, "no_place")
    assert aboard["before"] is not None
    assert (aboard["after"], aboard["why"]) == (None, "no_place"), "behind one of which nothing can be said"
    assert (await city.post("dora", "/api/crews/E2/preview", {"orders": [order_id]})).json()[
        "against"
    ] is None
    answer = await city.post("dora", f"/api/orders/{order_id}/dispatch", {"crew_id": "E2", "generation": 0})
    assert answer.json()["state"] == "dispatched"
    await city.post("dora", f"/api/orders/{order_id}/place", body())
    again = (await city.post("dora", "/api/crews/E1/preview", {"orders": [busy, order_id]})).json()
    assert {o["order_id"]: o["why"] for o in again["orders"]} == {order_id: "", busy: ""}
