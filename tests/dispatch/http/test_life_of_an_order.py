"""One order from the call to its end, through the interface only; and what each screen shows of it."""

from __future__ import annotations

import pytest

from tests.dispatch.http.conftest import City


async def test_an_order_runs_from_the_call_to_its_end(city: City) -> None:
    order = await city.order("restored")
    record = {"generation": 1, "cause": "loose clamp", "work_done": "tightened it"}
    assert (await city.post("carl", f"/api/crew/orders/{order}/record", record)).json()["recorded"] is True
    back = {"satisfied": True, "text": "thanks"}
    assert (await city.post("holly", f"/api/orders/{order}/call-back", back)).json()["satisfied"] is True
    assert (await city.post("holly", f"/api/orders/{order}/close")).json()["state"] == "closed"
    story = (await city.get("dora", f"/api/orders/{order}")).json()
    kinds = [e["kind"] for e in story["events"]]
    assert kinds[0] == "take_call"
    assert kinds[-1] == "close"
    assert set(story["order"]["points"]) == set("ABCDFGH"), "nobody sent a receipt of the crew"
    assert [c["outcome"] for c in story["contacts"]] == ["call_back", "new"]
    assert story["decisions"][0]["crew_id"] == "E1"


@pytest.mark.parametrize("pile", ["to_send", "running", "call_backs", "to_close"])
async def test_the_desk_sorts_orders_by_what_is_to_be_done(city: City, pile: str) -> None:
    until = {"to_send": "received", "running": "dispatched", "call_backs": "restored", "to_close": "restored"}
    order = await city.order(until[pile])
    if pile == "to_close":
        record = {"generation": 1, "cause": "loose clamp", "work_done": "tightened it"}
        await city.post("carl", f"/api/crew/orders/{order}/record", record)
        await city.post("holly", f"/api/orders/{order}/call-back", {"satisfied": False})
    desk = (await city.get("holly", "/api/hotline/desk")).json()
    piles = ("to_send", "unroutable", "running", "call_backs", "to_close")
    assert [p for p in piles if order in [o["id"] for o in desk[p]]] == [pile]
