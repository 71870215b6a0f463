"""The administrator's desk, on both databases: single entries, territories, the process."""

from __future__ import annotations

import asyncio
from threading import current_thread
from typing import Any

import pytest

from dispatch.adapters.http import admin
from dispatch.adapters.sql import administration
from dispatch.adapters.sql.day_sheets import DaySheets
from dispatch.adapters.sql.organisation import load_directory
from dispatch.core.territory import Territories, territories_from_geojson
from dispatch.messages import code_for
from tests.dispatch.http.conftest import SECRET, City
from tests.dispatch.organisation import TERRITORIES


@pytest.fixture
def city(either_city: City) -> City:
    return either_city


async def put(city: City, path: str, body: Any) -> Any:
    return await (await city.person("ada")).put(path, json=body)


async def entry(city: City, kind: str, entry_id: str) -> dict[str, Any]:
    document = (await city.get("ada", "/api/admin/organisation")).json()
    return next(one for one in document[kind] if one["id"] == entry_id)


async def audit(city: City) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await city.get("ada", "/api/admin/audit")).json()
    return [row for row in rows if row["action"] != "sign_in"]


# Single entries


async def test_an_entry_is_added_changed_and_removed_and_each_time_noted(city: City) -> None:
    centre = {"name": "North", "name_zh": "北", "duty_phone": "+861000003", "lat": 31.0, "lon": 120.0}
    path = "/api/admin/entries/centres/north"
    assert (await put(city, path, {"was": None, "entry": centre})).status_code == 200
    was = await entry(city, "centres", "north")
    assert (await put(city, path, {"was": was, "entry": was | {"name": "Far north"}})).status_code == 200
    now = await entry(city, "centres", "north")
    assert now["name"] == "Far north"
    assert (await put(city, path, {"was": now, "entry": None})).status_code == 200
    rows = await audit(city)
    assert [(r["by_id"], r["action"], r["subject"]) for r in rows[:3]] == [
        ("ada", "remove_centres", "north"), ("ada", "change_centres", "north"), ("ada", "add_centres", "north"),
    ]  # fmt: skip
    assert rows[1]["data"] == {"name": ["North", "Far north"]}
    assert rows[2]["data"]["duty_phone"] == [None, "…0003"], "the trail keeps no whole telephone number"


async def test_of_two_administrators_the_second_learns_who_was_first(city: City) -> None:
    was = await entry(city, "crews", "E1")
    path = "/api/admin/entries/crews/E1"
    assert (await put(city, path, {"was": was, "entry": was | {"capacity": 3}})).status_code == 200
    late = await put(city, path, {"was": was, "entry": was | {"name": "Mine"}})
    assert (late.status_code, late.json()["error"]["code"]) == (409, "conflict")
    assert late.json()["error"]["facts"]["who"] == "ada"
    assert (await entry(city, "crews", "E1"))["capacity"] == 3
    other = await entry(city, "crews", "E2")
    assert (await put(city, "/api/admin/entries/crews/E2", {"was": other, "entry": other})).status_code == 200


async def test_of_two_at_the_very_same_moment_one_wins(city: City) -> None:
    was = await entry(city, "crews", "E1")
    bodies = [{"was": was, "entry": was | {"capacity": n}} for n in (3, 4)]
    answers = await asyncio.gather(*(put(city, "/api/admin/entries/crews/E1", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_what_is_there_is_not_added_again(city: City) -> None:
    new = await entry(city, "crews", "E1")
    answer = await put(city, "/api/admin/entries/crews/E1", {"was": None, "entry": new})
    assert (answer.status_code, answer.json()["error"]["facts"]["why"]) == (409, "taken")


@pytest.mark.parametrize(
    ("kind", "entry_id", "code", "why"),
    [
        ("departments", "d-east", 400, None), ("centres", "east", 409, "people"), ("crews", "E1", 409, "people"),
    ],
)  # fmt: skip
async def test_what_others_need_is_not_removed(
    city: City, kind: str, entry_id: str, code: int, why: str | None
) -> None:
    was = await entry(city, kind, entry_id)
    answer = await put(city, f"/api/admin/entries/{kind}/{entry_id}", {"was": was, "entry": None})
    assert (answer.status_code, answer.json()["error"]["facts"].get("why")) == (code, why)
    assert await entry(city, kind, entry_id) == was


async def test_a_crew_with_an_order_is_not_removed(city: City) -> None:
    await city.order("dispatched")
    await city.post("ada", "/api/admin/people/carl/disable")
    was = await entry(city, "crews", "E1")
    answer = await put(city, "/api/admin/entries/crews/E1", {"was": was, "entry": None})
    assert (answer.status_code, answer.json()["error"]["facts"]["why"]) == (409, "holds_orders")


@pytest.mark.parametrize(
    "wrong",
    [
        {"leader1": {"name": "L", "phone": ""}}, {"leader2": {}}, {"centre_id": "nowhere"}, {"trade": ""},
        {"name": " "}, {"leader1": 7},
    ],
)  # fmt: skip
async def test_a_department_that_cannot_be_changes_nothing(city: City, wrong: dict[str, Any]) -> None:
    was = await entry(city, "departments", "d-east")
    path = "/api/admin/entries/departments/d-east"
    assert (await put(city, path, {"was": was, "entry": was | wrong})).status_code == 400
    assert await entry(city, "departments", "d-east") == was


async def test_a_vehicle_goes_from_one_crew_to_another(city: City) -> None:
    was = {"id": "t-E1", "kind": "terminal", "label": "P-E1", "protocol": "jt808", "crew_id": "E1"}
    path = "/api/admin/entries/devices/t-E1"
    taken = await put(city, path, {"was": was, "entry": was | {"crew_id": "E2"}})
    assert (taken.status_code, taken.json()["error"]["facts"]["why"]) == (400, "has_device")
    other = {"id": "t-E2", "kind": "terminal", "label": "P-E2", "protocol": "jt808", "crew_id": "E2"}
    assert (
        await put(city, "/api/admin/entries/devices/t-E2", {"was": other, "entry": None})
    ).status_code == 200
    assert (await put(city, path, {"was": was, "entry": was | {"crew_id": "E2"}})).status_code == 200
    assert "vehicle" not in await entry(city, "crews", "E1")
    assert (await entry(city, "crews", "E2"))["vehicle"]["device"] == "t-E1"


async def test_a_device_has_its_code_and_who_looks_is_noted(city: City) -> None:
    said = (await city.post("ada", "/api/admin/devices/t-E1/code")).json()
    assert said["code"] == code_for(SECRET, "t-E1")
    assert (await audit(city))[0]["action"] == "device_code_shown"
    assert said["code"] not in str(await audit(city))
    assert (await city.post("ada", "/api/admin/devices/t-none/code")).status_code == 404


async def test_a_duty_is_added_and_removed(city: City) -> None:
    duty = {
        "unit": "east",
        "name": "Nan",
        "phone": "+8650001",
        "start": "18:00",
        "end": "08:00",
        "days": [1, 2],
    }
    added = await put(city, "/api/admin/entries/on_call/1", {"was": None, "entry": duty})
    (kept,) = added.json()["on_call"]
    assert (kept["name"], kept["days"]) == ("Nan", [1, 2])
    wrong = await put(city, "/api/admin/entries/on_call/1", {"was": kept, "entry": kept | {"unit": "moon"}})
    assert wrong.status_code == 400
    gone = await put(city, "/api/admin/entries/on_call/1", {"was": kept, "entry": None})
    assert gone.json()["on_call"] == []


# Territories


async def test_land_is_read_and_checked_beside_the_event_loop(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = []

    def noted(data: Any) -> Territories:
        where.append(current_thread())
        return territories_from_geojson(data)

    for module in (admin, administration):
        monkeypatch.setattr(module, "territories_from_geojson", noted)
    land = (await city.get("ada", "/api/admin/territories")).json()["territories"]
    assert (await city.post("ada", "/api/admin/territories/check", land)).status_code == 200
    assert (await put(city, "/api/admin/territories", land)).status_code == 200
    assert len(where) >= 2
    assert current_thread() not in where[:2]


async def test_territories_of_an_older_version_are_not_put_in_place(city: City) -> None:
    read = (await city.get("ada", "/api/admin/territories")).json()
    land = read["territories"]
    land["features"][0]["properties"]["name"] = "Harbour"
    path = f"/api/admin/territories?version={read['version']}"
    assert (await put(city, path, land)).status_code == 200
    late = await put(city, path, TERRITORIES)
    assert (late.status_code, late.json()["error"]["facts"]["who"]) == (409, "ada")
    assert (await audit(city))[0]["data"] == {"ids": ["east-land"]}


async def test_territories_are_kept_as_they_were_checked(city: City) -> None:
    land = (await city.get("ada", "/api/admin/territories")).json()["territories"]
    land["features"][0]["properties"] |= {"centre_id": " east ", "note": "ours"}
    assert (await put(city, "/api/admin/territories", land)).status_code == 200
    kept = (await city.place.store.read(load_directory)).territories
    assert kept
    assert kept == (await city.get("ada", "/api/admin/territories")).json()["territories"]
    assert kept["features"][0]["properties"]["centre_id"] == "east"
    centres = (await city.get("ada", "/api/admin/organisation")).json()["centres"]
    gone = await put(city, "/api/admin/entries/centres/east", {"was": centres[0], "entry": None})
    assert gone.status_code >= 400, "its land is still there"


async def test_a_centre_that_another_process_removed_gets_no_land(city: City) -> None:
    """This process still has it in memory; what is asked is the database."""
    north = {"name": "North", "name_zh": "", "duty_phone": "+861000003", "lat": 31.0, "lon": 120.0}
    await put(city, "/api/admin/entries/centres/north", {"was": None, "entry": north})
    stale = city.place.context.directory
    was = await entry(city, "centres", "north")
    await put(city, "/api/admin/entries/centres/north", {"was": was, "entry": None})
    city.place.context.directory = stale
    land = (await city.get("ada", "/api/admin/territories")).json()["territories"]
    land["features"][0]["properties"]["centre_id"] = "north"
    refused = await put(city, "/api/admin/territories", land)
    assert (refused.status_code, refused.json()["error"]["facts"]["field"]) == (400, "centre_id")


async def test_overlaps_are_told_before_anything_is_saved(city: City) -> None:
    land = (await city.get("ada", "/api/admin/territories")).json()["territories"]
    land["features"][0]["geometry"] = land["features"][1]["geometry"]
    (found,) = (await city.post("ada", "/api/admin/territories/check", land)).json()["findings"]
    assert (found["kind"], found["ids"]) == ("overlap", ["east-land", "west-land"])
    assert found["area_m2"] > 1e8
    assert (await audit(city)) == []


# The process


async def test_a_definition_is_weighed_and_put_in_force(city: City) -> None:
    await city.order("on_scene")
    await DaySheets(city.place.store, city.place.context).catch_up()
    now = (await city.get("ada", "/api/admin/process")).json()
    text = now["text"].replace("version = 2", "version = 99").replace('limit = "28m"', 'limit = "27m"')
    assert text != now["text"]
    found = (await city.post("ada", "/api/admin/process/check", {"text": text})).json()
    assert (found["before"], found["same"]) == (now["current"], False)
    assert "segment GH: limit 28 min becomes 27 min" in found["lines"]
    assert any(line.startswith('+limit = "27m"') for line in found["diff"])
    (travel,) = [one for one in found["limits"] if one["segment"] == "GH"]
    assert (travel["before_s"], travel["limit_s"], travel["n"]) == (28 * 60, 27 * 60, 1)
    assert travel["median_plus_1min"] is None, "one order says nothing of the others"
    body = {"text": text, "before": found["before"]}
    after = (await city.post("ada", "/api/admin/process/adopt", body)).json()
    assert after["current"] == found["process"]
    assert (after["adoptions"][0]["by"], (await audit(city))[0]["action"]) == ("ada", "adopt_process")
    again = await city.post(
        "ada", "/api/admin/process/adopt", {"text": now["text"], "before": found["before"]}
    )
    assert again.status_code == 409, "another one holds by now"


async def test_of_two_definitions_of_one_moment_one_is_put_in_force(city: City) -> None:
    now = (await city.get("ada", "/api/admin/process")).json()
    texts = [
        now["text"].replace("version = 2", f"version = {n}").replace('limit = "28m"', f'limit = "{n}m"')
        for n in (26, 27)
    ]
    await city.person("ada")

    async def adopt(text: str) -> int:
        body = {"text": text, "before": now["current"]}
        return int((await city.post("ada", "/api/admin/process/adopt", body)).status_code)

    assert sorted(await asyncio.gather(*map(adopt, texts))) == [200, 409]
    after = (await city.get("ada", "/api/admin/process")).json()
    assert len(after["adoptions"]) == 1 + len(now["adoptions"])


@pytest.mark.parametrize("after", ["limit = 28 minutes", 'limit = "28 minutes"', "limit = 28"])
async def test_a_fault_of_a_definition_has_line_and_column(city: City, after: str) -> None:
    before = 'limit = "28m"'
    text = (await city.get("ada", "/api/admin/process")).json()["text"]
    number = text[: text.index(before)].count("\n") + 1
    body = {"text": text.replace(before, after, 1).replace("version = 2", "version = 9")}
    answer = await city.post("ada", "/api/admin/process/check", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "process_invalid")
    facts = answer.json()["error"]["facts"]
    assert (facts["line"], facts["column"] >= 1) == (number, True)


async def test_a_version_that_orders_pin_is_not_taken_by_another_content(city: City) -> None:
    text = (
        (await city.get("ada", "/api/admin/process")).json()["text"].replace('limit = "28m"', 'limit = "27m"')
    )
    answer = await city.post("ada", "/api/admin/process/check", {"text": text})
    assert (answer.status_code, answer.json()["error"]["facts"]["field"]) == (400, "version")


# Nobody else


CLOSED: tuple[tuple[str, str, Any], ...] = (
    ("PUT", "/api/admin/entries/crews/E1", {"was": None, "entry": {}}), ("POST", "/api/admin/devices/t-E1/code", None),
    ("GET", "/api/admin/territories", None), ("POST", "/api/admin/territories/check", {}),
    ("PUT", "/api/admin/people/mona", {"was": None}),
    ("POST", "/api/admin/people/ada/password", None), ("GET", "/api/admin/lists/people.csv", None),
    ("POST", "/api/admin/lists/people", {"text": ""}), ("GET", "/api/admin/process", None),
    ("GET", "/api/admin/process/x/text", None), ("POST", "/api/admin/process/check", {"text": ""}),
    ("POST", "/api/admin/process/adopt", {"text": "", "before": "x"}), ("GET", "/api/admin/checklist", None),
)  # fmt: skip


@pytest.mark.parametrize("username", ["holly", "dora", "carl", "mona"])
async def test_only_administrators_get_in(city: City, username: str) -> None:
    client = await city.person(username)
    for method, path, body in CLOSED:
        assert (await client.request(method, path, json=body)).status_code == 403, path
