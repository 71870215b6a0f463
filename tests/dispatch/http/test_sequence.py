"""Which crew, at which place, with what that does to whom: previewed, decided, refused; and who was first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from dispatch.adapters.sql.statements import OUTBOX
from dispatch.services.delivery import desired_state
from tests.dispatch.http.conftest import City

NEAR, FAR = (30.051, 120.052), (30.08, 120.09)
THIRD, FOURTH = (30.02, 120.02), (30.06, 120.01)


async def preview(city: City, crew: str, *orders: str, by: str = "dora") -> dict[str, Any]:
    answer = await city.post(by, f"/api/crews/{crew}/preview", {"orders": list(orders)})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def two_aboard(city: City) -> tuple[str, str]:
    for crew in ("E1", "E2"):
        city.place.put_fix(crew, 30.05, 120.05)
    first, second = await city.order("dispatched", NEAR), await city.order("at_centre", FAR)
    await city.post("dora", f"/api/orders/{second}/dispatch", {"crew_id": "E1"})
    return first, second


async def stack(city: City, crew: str = "E1") -> list[str]:
    crews = (await city.get("dora", "/api/board")).json()["crews"]
    return [s["order_id"] for c in crews if c["id"] == crew for s in c["stack"]]


async def test_a_preview_says_when_each_order_is_reached_and_decides_nothing(city: City) -> None:
    city.place.put_fix("E1", 30.05, 120.05)
    first, second = await city.order("dispatched", NEAR), await city.order("at_centre", FAR)
    found = await preview(city, "E1", second, first)
    new, aboard = found["orders"]
    assert (new["order_id"], new["role"], new["before"]) == (second, "new", None)
    assert (aboard["order_id"], aboard["role"]) == (first, "aboard")
    assert aboard["after"]["margin_s"] < aboard["before"]["margin_s"], "it waits for the other now"
    assert found["refused"] is None
    assert await stack(city) == [first]
    last = (await preview(city, "E1", first, second))["orders"]
    assert last[0]["before"] == last[0]["after"], "an order put last moves none ahead of it"


async def test_a_preview_tells_of_orders_that_lose_their_nearest_crew(city: City) -> None:
    city.place.put_fix("E1", *NEAR)
    given, other = await city.order("at_centre", FAR), await city.order("at_centre", NEAR)
    found = {o["order_id"]: o for o in (await preview(city, "E1", given))["orders"]}
    assert found[other]["role"] == "waiting"
    assert found[other]["before"]["crew_id"] == "E1"
    assert found[other]["after"]["margin_s"] < found[other]["before"]["margin_s"]


async def test_a_preview_of_a_reassignment_tells_of_the_crew_that_loses_it(city: City) -> None:
    first, second = await two_aboard(city)
    found = {o["order_id"]: o for o in (await preview(city, "E2", first))["orders"]}
    assert found[first]["before"]["crew_id"] == "E1"
    assert found[first]["after"]["crew_id"] == "E2"
    assert found[second]["role"] == "left"
    assert found[second]["after"]["margin_s"] > found[second]["before"]["margin_s"]


async def test_a_preview_says_which_rule_stands_against_it(city: City) -> None:
    first, second = await two_aboard(city)
    third = await city.order("at_centre", THIRD)
    found = await preview(city, "E1", first, second, third)
    assert (found["refused"]["code"], found["refused"]["facts"]["why"]) == ("refused", "full")
    await city.post("carl", f"/api/crew/orders/{first}/acknowledge", {"generation": 1})
    await city.post("carl", f"/api/crew/orders/{first}/depart", {"generation": 1})
    assert (await preview(city, "E1", second, first))["refused"]["facts"]["why"] == "under_way"
    city.place.clock.advance(400)
    assert (await preview(city, "E2", third))["against"]["code"] == "stale", "a warning, no refusal"


async def test_a_preview_is_refused_to_others_and_of_what_is_not_there(city: City) -> None:
    first, _ = await two_aboard(city)
    west = await city.post("wanda", "/api/crews/E1/preview", {"orders": [first]})
    assert west.status_code == 403
    assert (await city.post("carl", "/api/crews/E1/preview", {"orders": [first]})).status_code == 403
    assert (await city.post("dora", "/api/crews/E1/preview", {"orders": ["W-none"]})).status_code == 404
    assert (await city.post("dora", "/api/crews/E1/preview", {"orders": [first, first]})).status_code == 400
    two = [await city.order("at_centre", THIRD), await city.order("at_centre", FOURTH)]
    assert (await city.post("dora", "/api/crews/E2/preview", {"orders": two})).status_code == 400


async def test_a_new_sequence_reaches_phone_and_terminal_and_each_history(city: City) -> None:
    first, second = await two_aboard(city)
    for order in (first, second):
        await city.post("carl", f"/api/crew/orders/{order}/acknowledge", {"generation": 1})
    before = await desired_state(city.place.context, "t-E1")
    answer = await city.post("dora", "/api/crews/E1/sequence", {"orders": [second, first]})
    assert [s["order_id"] for s in answer.json()["stack"]] == [second, first]
    phone = (await city.get("carl", "/api/crew/stack")).json()
    assert [o["id"] for o in phone["orders"]] == [second, first]
    assert [o["behind"] for o in phone["orders"]] == [False, True]
    after = await desired_state(city.place.context, "t-E1")
    assert before is not None
    assert after is not None
    assert (after.revision, [o.order_id for o in after.orders]) == (before.revision + 1, [second, first])
    key = f"desired/t-E1/{after.revision}"
    query = select(func.count()).where(OUTBOX.c.key == key)
    assert await city.services.views.look(lambda c: c.execute(query).scalar()) == 1, "the terminal is told"
    for order, place in ((second, 1), (first, 2)):
        line = (await city.get("dora", f"/api/orders/{order}")).json()["events"][-1]
        assert (line["kind"], line["by"], line["data"]["place"]) == (
            "reordered", {"role": "dispatcher", "id": "dora"}, place
        )  # fmt: skip


async def test_a_sequence_of_a_stack_that_has_changed_is_a_conflict(city: City) -> None:
    first, second = await two_aboard(city)
    await city.post("dora", f"/api/orders/{second}/recall", {"reason": "other"})
    late = await city.post("dora", "/api/crews/E1/sequence", {"orders": [second, first]})
    assert (late.status_code, late.json()["error"]["facts"]["why"]) == (409, "stack_changed")
    assert await stack(city) == [first]


async def test_an_order_is_dispatched_to_a_place_in_the_sequence(city: City) -> None:
    first, second = await city.order("dispatched", NEAR), await city.order("at_centre", FAR)
    answer = await city.post("dora", f"/api/orders/{second}/dispatch", {"crew_id": "E1", "place": 1})
    assert (answer.status_code, answer.json()["behind"]) == (200, False)
    assert await stack(city) == [second, first]


async def test_of_two_dispatchers_the_second_is_told_who_what_and_when(city: City) -> None:
    order = await city.order("at_centre")
    seen = {"crew_id": "E2", "generation": 0}
    won = await city.post("dora", f"/api/orders/{order}/dispatch", {"crew_id": "E1", "generation": 0})
    lost = await city.post("ada", f"/api/orders/{order}/dispatch", seen)
    assert lost.status_code == 409
    facts = lost.json()["error"]["facts"]
    assert facts["why"] == "decided"
    assert (facts["step"], facts["by"], facts["crew_id"]) == ("dispatch", "dispatcher:dora", "E1")
    assert facts["at"] == won.json()["points"]["D"].replace("Z", "+00:00")
    assert won.json()["last"]["id"] == "dora"
    assert await stack(city, "E2") == []


async def test_a_recall_means_the_dispatch_that_was_seen(city: City) -> None:
    order = await city.order("dispatched")
    await city.post(
        "dora", f"/api/orders/{order}/reassign", {"crew_id": "E2", "reason": "nearer_crew", "generation": 1}
    )
    late = await city.post("ada", f"/api/orders/{order}/recall", {"reason": "other", "generation": 1})
    assert (late.status_code, late.json()["error"]["facts"]["crew_id"]) == (409, "E2")
    assert await stack(city, "E2") == [order]
    meant = await city.post("ada", f"/api/orders/{order}/recall", {"reason": "other", "generation": 2})
    assert meant.status_code == 200


async def test_a_crew_asks_to_be_away_and_the_centre_answers(city: City) -> None:
    assert (await city.post("cleo", "/api/crew/away", {"minutes": 20, "reason": "meal"})).status_code == 200
    refused = await city.post("carl", "/api/crew/away", {"minutes": 20, "reason": "fuel"})
    assert refused.status_code == 409
    asked = await city.post("carl", "/api/crew/away", {"minutes": 20, "reason": "fuel", "ask": True})
    assert (asked.status_code, asked.json()["presence"], asked.json()["asked"]["reason"]) == (
        200,
        "standby",
        "fuel",
    )
    codes = [a["code"] for a in (await city.get("dora", "/api/alerts")).json()["alerts"]]
    assert codes == ["away_asked"]
    assert (await city.post("wanda", "/api/crews/E1/away/grant")).status_code == 403
    no = await city.post("dora", "/api/crews/E1/away/refuse")
    assert (no.status_code, no.json()["asked"]) == (200, None)
    assert (await city.post("dora", "/api/crews/E1/away/grant")).status_code == 409, "it asks no more"
    told = [a["code"] for a in (await city.get("carl", "/api/crew/stack")).json()["alerts"]]
    assert told == ["away_refused"]
    await city.post("carl", "/api/crew/away", {"minutes": 20, "reason": "fuel", "ask": True})
    yes = await city.post("dora", "/api/crews/E1/away/grant")
    assert yes.status_code == 200, yes.text
    assert (yes.json()["presence"], yes.json()["asked"]) == ("away", None)
    told = [a["code"] for a in (await city.get("carl", "/api/crew/stack")).json()["alerts"]]
    assert told == ["away_granted"], "it has asked again: the refusal is over"
