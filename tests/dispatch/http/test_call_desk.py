"""The hotline's desk and incidents through their interface."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dispatch.adapters.sql import outages
from dispatch.core.outage import PlannedOutage
from tests.dispatch.http.conftest import City, call
from tests.dispatch.organisation import EAST, WEST

NORTH = (EAST[0] + 200 / 111_320, EAST[1])


async def _plan(city: City, **area: Any) -> None:
    now = city.place.clock.now()
    one = PlannedOutage("PO-1", now - timedelta(hours=1), now + timedelta(hours=1), "line work", **area)
    await city.place.store.write(lambda c: outages.put(c, [one]))


async def test_a_look_says_what_is_known_before_the_call_is_taken(city: City) -> None:
    order_id = await city.order("at_centre")
    await _plan(city, addresses=("3 Hill Lane",))
    said = {"phone": "1012345", "address": "3 Hill Lane", "lat": NORTH[0], "lon": NORTH[1]}
    found = (await city.post("holly", "/api/calls/look", said)).json()
    assert [(r["order"]["id"], r["why"], r["is_open"]) for r in found["repeats"]] == [
        (order_id, ["same_phone", "near"], True)
    ]
    assert [one["id"] for one in found["outages"]] == ["PO-1"]
    assert found["land"] == {"centre_id": "east", "area_class": "urban"}
    nowhere = (await city.post("holly", "/api/calls/look", {"lat": 0.0, "lon": 0.0})).json()
    assert nowhere["land"] == {"centre_id": "", "area_class": ""}
    empty = (await city.post("holly", "/api/calls/look", {})).json()
    assert (empty["repeats"], empty["outages"], empty["land"]) == ([], [], None)
    assert (await city.post("dora", "/api/calls/look", said)).status_code == 403


async def test_a_call_in_an_outage_is_refused_with_what_the_page_needs(city: City) -> None:
    await _plan(city, territory="east-land")
    refused = await city.post("holly", "/api/calls", call())
    assert refused.status_code == 409
    assert refused.json()["error"]["facts"]["why"] == "planned_outage"
    told = await city.post("holly", "/api/calls", call(outage="PO-1"))
    assert told.json()["outcome"] == "planned_outage"
    desk = (await city.get("holly", "/api/hotline/desk")).json()
    assert [(c["outcome"], c["order_id"]) for c in desk["contacts"]] == [("planned_outage", "")]
    assert (await city.post("holly", "/api/calls", call(insists=True))).json()["outcome"] == "new"
    listed = (await city.get("dora", "/api/planned-outages")).json()["outages"]
    assert [one["reason"] for one in listed] == ["line work"]


async def test_who_insists_after_a_lost_answer_is_not_answered_as_told(city: City) -> None:
    await _plan(city, territory="east-land")
    told = call(outage="PO-1")
    assert (await city.post("holly", "/api/calls", told, **{"Idempotency-Key": "one-call"})).json()[
        "outcome"
    ] == "planned_outage"
    assert (await city.post("holly", "/api/calls", told, **{"Idempotency-Key": "one-call"})).json()[
        "outcome"
    ] == "planned_outage"
    insists = call(insists=True, description="a wire is down")
    refused = await city.post("holly", "/api/calls", insists, **{"Idempotency-Key": "one-call"})
    assert (refused.status_code, refused.json()["error"]["facts"]) == (
        409,
        {"order": "", "why": "key_reused"},
    )
    assert (await city.post("holly", "/api/calls", insists, **{"Idempotency-Key": "another"})).json()[
        "outcome"
    ] == "new"


async def test_only_an_outage_of_this_place_and_hour_answers_a_call(city: City) -> None:
    await _plan(city, territory="west-land")
    for told in (call(outage="PO-1"), call(outage="never-planned")):
        refused = await city.post("holly", "/api/calls", told)
        assert (refused.status_code, refused.json()["error"]["facts"]["why"]) == (409, "no_outage")
    await _plan(city, territory="east-land")
    city.place.clock.advance(7200)
    refused = await city.post("holly", "/api/calls", call(outage="PO-1"))
    assert refused.json()["error"]["facts"]["why"] == "no_outage"
    assert (await city.post("holly", "/api/calls", call())).json()["outcome"] == "new"
    assert (await city.get("holly", "/api/hotline/desk")).json()["contacts"][-1]["outcome"] == "new"


async def test_a_number_that_is_withheld_is_said_everywhere(city: City) -> None:
    order_id = await city.order("restored", customer_phone="", phone_withheld=True)
    story = (await city.get("holly", f"/api/orders/{order_id}")).json()
    assert story["order"]["withheld"] is True
    desk = (await city.get("holly", "/api/hotline/desk")).json()
    assert [c["phone"] for c in desk["callers"][order_id]] == [""]
    ended = await city.post("holly", f"/api/orders/{order_id}/not-reached", {"given_up": True})
    assert ended.status_code == 200
    assert (await city.get("holly", "/api/hotline/desk")).json()["call_backs"] == []


async def test_each_caller_stays_on_the_list_until_called_back(city: City) -> None:
    order_id = await city.order("at_centre")
    await city.post("holly", "/api/calls", call(customer_phone="13800001111", join=order_id))
    for state in ("dispatched", "acknowledged", "en_route", "on_scene", "restored"):
        await city._bring(order_id, state)
    desk = (await city.get("holly", "/api/hotline/desk")).json()
    assert [c["phone"] for c in desk["callers"][order_id]] == ["+861012345", "13800001111"]
    path = f"/api/orders/{order_id}"
    await city.post("holly", f"{path}/call-back", {"satisfied": True, "phone": "+861012345"})
    again = (city.place.clock.now() + timedelta(hours=1)).isoformat()
    await city.post("holly", f"{path}/not-reached", {"phone": "13800001111", "again_at": again})
    left = (await city.get("holly", "/api/hotline/desk")).json()["callers"][order_id]
    assert [(c["outcome"], c["tries"]) for c in left] == [("satisfied", 0), ("waiting", 1)]
    assert (await city.post("holly", f"{path}/progress", {"text": "asked"})).status_code == 200


async def test_a_dispatcher_groups_and_parts_its_own_orders_only(city: City) -> None:
    a = await city.order("at_centre")
    b = await city.order("at_centre", place=NORTH, address="2 Lane", apart=True)
    west = await city.order("at_centre", place=WEST, address="W")
    found = (await city.get("dora", f"/api/orders/{a}/incident")).json()
    assert [(s["order_id"], s["order"]["id"]) for s in found["suggestions"]] == [(b, b)]
    assert (await city.post("dora", "/api/incidents", {"order_ids": [a, west]})).status_code == 403
    assert (await city.post("holly", "/api/incidents", {"order_ids": [a, b]})).status_code == 403
    lead = (await city.post("dora", "/api/incidents", {"order_ids": [a, b]})).json()
    assert lead["id"] == lead["incident_id"] == a
    refused = await city.post("dora", f"/api/orders/{b}/dispatch", {"crew_id": "E1"})
    assert refused.json()["error"]["facts"] == {"guard": "incident", "why": "follows", "lead": a}
    members = (await city.get("holly", f"/api/orders/{b}/incident")).json()["members"]
    assert [one["id"] for one in members] == [a, b]
    board = (await city.get("dora", "/api/board")).json()["orders"]
    assert {one["id"]: one["incident_id"] for one in board} == {a: a, b: a}
    assert (await city.post("wanda", f"/api/orders/{b}/part")).status_code == 403
    assert (await city.post("dora", f"/api/orders/{b}/part")).json()["incident_id"] == ""
