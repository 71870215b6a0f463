"""Where vehicles are and were, and who is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dispatch.adapters.sql import history
from dispatch.core.position import Fix
from dispatch.core.track import Kept
from tests.dispatch.http.conftest import City
from tests.dispatch.organisation import START

T0 = START.timestamp()
METRE = 1 / 111_195


def stamp(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


async def drive(city: City, crew: str = "E1") -> None:
    """Ten fixes, one every 10 s, 100 m apart; then one that jumped."""
    flags: list[Any] = ["ok"] * 10 + ["jump"]
    rows = [
        Kept(
            f"s {n}-0", 0, f"t-{crew}", Fix(30.0 + (100 * n if flag == "ok" else 90_000) * METRE, 120.05,
            T0 + 10 * n, T0 + 10 * n + 2), flag, T0 + 10 * n + 1, 100.0 * n, True,
            altitude_m=12.5, protocol="gt06", attributes={"battery": 80 + n},
        )
        for n, flag in enumerate(flags)
    ]  # fmt: skip
    await city.place.store.write(lambda c: history.store(c, rows))


async def test_the_position_at_a_time_says_how_it_is_known(city: City) -> None:
    await drive(city)
    found = (await city.get("dora", f"/api/devices/t-E1/position?at={stamp(25)}")).json()
    assert (found["device"], found["crew_id"], found["how"], found["age_s"]) == ("t-E1", "E1", "between", 5)
    assert found["lat"] == pytest.approx(30.0 + 250 * METRE, abs=1e-7)
    before = found["before"]
    assert [before[name] for name in ("fix_at", "device_at", "received_at")] == [
        stamp(20),
        stamp(21),
        stamp(22),
    ]
    assert (before["odometer_m"], before["moving"], before["flag"]) == (200, True, "ok")
    assert (before["altitude_m"], before["protocol"], before["attributes"]) == (12.5, "gt06", {"battery": 82})
    late = (await city.get("dora", f"/api/devices/t-E1/position?at={stamp(700)}")).json()
    assert (late["how"], late["age_s"], late["after"]) == ("last", 610, None)


async def test_without_a_time_it_is_the_position_now(city: City) -> None:
    await drive(city)
    city.place.clock.advance(95)
    found = (await city.get("dora", "/api/devices/t-E1/position")).json()
    assert (found["at"], found["how"], found["age_s"]) == (stamp(95), "last", 5)


async def test_a_track_comes_in_pages(city: City) -> None:
    await drive(city)
    path = f"/api/devices/t-E1/track?from={stamp(15)}&to={stamp(500)}"
    whole = (await city.get("dora", path)).json()
    assert [one["fix_at"] for one in whole["fixes"]] == [stamp(10 * n) for n in range(2, 10)]
    assert whole["next"] is None
    pages, after = [], ""
    while after is not None:
        client = await city.person("dora")
        page = (
            await client.get(path, params={"limit": 3, "after": after, "from": stamp(15), "to": stamp(500)})
        ).json()
        pages += page["fixes"]
        after = page["next"]
    assert pages == whole["fixes"]


async def test_the_nearest_now_are_fresh_and_the_nearest_first(city: City) -> None:
    city.place.put_fix("E1", 30.0, 120.05)
    city.place.clock.advance(200)
    city.place.put_fix("E2", 30.02, 120.05)
    city.place.put_fix("W1", 30.0, 120.04)
    path = "/api/positions/nearest?lat=30.0&lon=120.05&k=2"
    answer = (await city.get("dora", path)).json()
    assert answer["now"] == stamp(200)
    assert [(one["crew_id"], one["age_s"]) for one in answer["nearest"]] == [("E1", 200), ("E2", 0)]
    assert answer["nearest"][1]["distance_m"] == pytest.approx(2_224, abs=2)
    assert [one["crew_id"] for one in (await city.get("mona", path)).json()["nearest"]] == ["E1", "W1"]
    city.place.clock.advance(101)
    later = (await city.get("dora", path)).json()["nearest"]
    assert [(one["crew_id"], one["age_s"]) for one in later] == [("E2", 101)]


@pytest.mark.parametrize("path", ["position", f"track?from={stamp(0)}&to={stamp(60)}"])
async def test_a_device_is_shown_to_its_centre_only(city: City, path: str) -> None:
    await drive(city)
    for username, status in (
        ("dora", 200),
        ("mona", 200),
        ("ada", 200),
        ("wanda", 403),
        ("holly", 403),
        ("carl", 403),
    ):
        assert (await city.get(username, f"/api/devices/t-E1/{path}")).status_code == status, username
    assert (await (await city.nobody()).get(f"/api/devices/t-E1/{path}")).status_code == 401
    assert (await city.get("dora", f"/api/devices/nothing/{path}")).status_code == 404


async def test_other_roles_do_not_ask_who_is_near(city: City) -> None:
    for username, status in (("dora", 200), ("holly", 403), ("carl", 403)):
        path = "/api/positions/nearest?lat=30&lon=120"
        assert (await city.get(username, path)).status_code == status


@pytest.mark.parametrize(
    "path",
    [
        "/api/devices/t-E1/position?at=soon", "/api/devices/t-E1/position?at=2026-03-01T00:00:00",
        "/api/devices/t-E1/position?at=0001-01-01T00:00:00Z",
        f"/api/devices/t-E1/track?from={stamp(60)}&to={stamp(0)}",
        f"/api/devices/t-E1/track?from={stamp(0)}&to={stamp(32 * 86400)}",
        f"/api/devices/t-E1/track?from={stamp(0)}&to={stamp(9)}&after=x",
        f"/api/devices/t-E1/track?from={stamp(0)}&to={stamp(9)}&after=nan,0,1-1",
        f"/api/devices/t-E1/track?from={stamp(0)}&to={stamp(9)}&after=1.0,{10**30},1-1",
        f"/api/devices/t-E1/track?from={stamp(0)}&to={stamp(9)}&limit=0",
        "/api/devices/t-E1/track", "/api/positions/nearest?lat=91&lon=0", "/api/positions/nearest?lat=1&lon=0&k=0",
        "/api/positions/nearest?lat=nan&lon=0",
    ],
)  # fmt: skip
async def test_bad_questions_are_refused(city: City, path: str) -> None:
    assert (await city.get("dora", path)).status_code == 400


async def test_where_nothing_is_known_is_not_found(city: City) -> None:
    await drive(city)
    for seconds in (-1, 90_000):
        answer = await city.get("dora", f"/api/devices/t-E1/position?at={stamp(seconds)}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_an_orders_story_says_where_the_vehicle_was_at_each_event(city: City) -> None:
    await drive(city)
    order = await city.order("acknowledged")
    story = (await city.get("dora", f"/api/orders/{order}")).json()
    kinds = {e["seq"]: e["kind"] for e in story["events"]}
    assert {kinds[v["seq"]] for v in story["vehicle"]} == {"dispatch", "acknowledge"}
    last = story["vehicle"][-1]
    assert (last["device"], last["how"]) == ("t-E1", "fix")
    assert last["to_fault_m"] == pytest.approx(abs(30.05 - last["lat"]) / METRE, rel=0.01)


async def test_a_story_without_any_position_says_none(city: City) -> None:
    order = await city.order("acknowledged")
    assert (await city.get("dora", f"/api/orders/{order}")).json()["vehicle"] == []


async def test_after_a_recall_the_vehicle_is_nobodys_any_more(city: City) -> None:
    await drive(city)
    order = await city.order("dispatched")
    await city.post("dora", f"/api/orders/{order}/recall", {"reason": "nearer_crew"})
    city.place.clock.advance(5)
    await city.post("dora", f"/api/orders/{order}/accept")
    story = (await city.get("dora", f"/api/orders/{order}")).json()
    kinds = {e["seq"]: e["kind"] for e in story["events"]}
    assert [kinds[v["seq"]] for v in story["vehicle"]] == ["dispatch", "recall"]
