"""What administrators may change, and what is refused."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from sqlalchemy import update

from dispatch.adapters.sql.organisation import CREW
from dispatch.services.delivery import all_desired
from tests.dispatch.http.conftest import City, call
from tests.dispatch.organisation import NOWHERE, ORGANISATION, TERRITORIES


async def test_administrators_make_people(city: City) -> None:
    new = {
        "username": "nina",
        "name": "Nina",
        "role": "dispatcher",
        "centre_id": "west",
        "password": "long enough",
    }
    assert (await city.post("ada", "/api/admin/people", new)).status_code == 201
    assert (await city.post("ada", "/api/admin/people", new)).status_code == 409
    for wrong in (
        {"centre_id": "north"},
        {"role": "king"},
        {"password": "short"},
        {"crew_id": "E1"},
        {"username": "a b"},
    ):
        answer = await city.post("ada", "/api/admin/people", new | {"username": "other"} | wrong)
        assert answer.status_code == 400, wrong
    client = await city.nobody()
    sign_in = {"username": "nina", "password": "long enough"}
    assert (await client.post("/api/session", json=sign_in)).json()["centre_id"] == "west"
    people = (await city.get("ada", "/api/admin/people")).json()
    assert "nina" in [p["username"] for p in people]
    assert "password" not in str(people)
    assert (await city.post("ada", "/api/admin/people/ada/disable")).status_code == 409
    assert (await city.post("ada", "/api/admin/people/nobody/disable")).status_code == 404


async def _put(city: City, path: str, body: Any) -> Any:
    return await (await city.person("ada")).put(path, json=body)


async def test_the_organisation_goes_out_and_in_again(city: City) -> None:
    document = (await city.get("ada", "/api/admin/organisation")).json()
    assert (await _put(city, "/api/admin/organisation", document)).json() == document
    document["crews"][0]["capacity"] = 5
    await _put(city, "/api/admin/organisation", document)
    assert (await city.get("dora", "/api/board")).json()["crews"][0]["capacity"] == 5


ON_CALL = {"unit": "east", "name": "Nan", "phone": "+8650001", "start": "18:00", "end": "08:00"}


async def test_who_is_on_call_goes_out_and_in_again_and_is_kept_where_nobody_speaks_of_it(city: City) -> None:
    document = (await city.get("ada", "/api/admin/organisation")).json()
    assert document["on_call"] == []
    document["on_call"] = [ON_CALL, {"unit": "hotline", "name": "Hu", "phone": "+8650002", "days": [6, 7]}]
    saved = (await _put(city, "/api/admin/organisation", document)).json()["on_call"]
    assert [(d["unit"], d["start"], d["end"], d["days"]) for d in saved] == [
        ("east", "18:00", "08:00", [1, 2, 3, 4, 5, 6, 7]), ("hotline", "00:00", "00:00", [6, 7]),
    ]  # fmt: skip
    del document["on_call"]
    assert (await _put(city, "/api/admin/organisation", document)).json()["on_call"] == saved


@pytest.mark.parametrize(
    "wrong",
    [
        {"unit": "moon"}, {"phone": ""}, {"name": " "}, {"start": "8"}, {"end": "25:00"}, {"days": []},
        {"days": [8]}, {"first_day": "soon"}, {"first_day": "2026-03-02", "last_day": "2026-03-01"},
    ],
)  # fmt: skip
async def test_a_duty_that_cannot_be_is_refused_and_the_schedule_stays(
    city: City, wrong: dict[str, Any]
) -> None:
    document = (await city.get("ada", "/api/admin/organisation")).json()
    await _put(city, "/api/admin/organisation", document | {"on_call": [ON_CALL]})
    answer = await _put(city, "/api/admin/organisation", document | {"on_call": [ON_CALL | wrong]})
    assert answer.status_code == 400
    assert "on_call 1" in answer.json()["error"]["message"]
    assert len((await city.get("ada", "/api/admin/organisation")).json()["on_call"]) == 1


@pytest.mark.parametrize("leader", ["leader1", "leader2"])
async def test_a_department_without_a_leaders_number_is_refused(city: City, leader: str) -> None:
    document = json.loads(json.dumps(ORGANISATION))
    document["departments"][0][leader]["phone"] = ""
    answer = await _put(city, "/api/admin/organisation", document)
    assert answer.status_code == 400
    assert leader in answer.json()["error"]["message"]


@pytest.mark.parametrize("number", ["ask at the gate", "+86 (0)10 6655", "8", "010/6655", "+8610#1"])
@pytest.mark.parametrize("of", ["centres", "leader1", "leader2", "crews", "on_call"])
async def test_a_number_that_no_telephone_can_dial_is_refused_by_name(
    city: City, of: str, number: str
) -> None:
    document = json.loads(json.dumps(ORGANISATION)) | {"on_call": [dict(ON_CALL)]}
    field = _put_number(document, of, number)
    answer = await _put(city, "/api/admin/organisation", document)
    facts = answer.json()["error"]["facts"]
    assert (answer.status_code, facts["why"], facts["field"]) == (400, "number", field)
    assert number in answer.json()["error"]["message"]


@pytest.mark.parametrize("of", ["centres", "leader1", "leader2", "crews", "on_call"])
async def test_a_number_is_kept_as_it_is_dialled(city: City, of: str) -> None:
    document = json.loads(json.dumps(ORGANISATION)) | {"on_call": [dict(ON_CALL)]}
    _put_number(document, of, " +86 (10) 66-55\u00a0４４ ")
    saved = (await _put(city, "/api/admin/organisation", document)).json()
    one = saved["departments" if of.startswith("leader") else of][0]
    assert (
        one[of]["phone"] if of.startswith("leader") else one.get("duty_phone", one.get("phone"))
    ) == "+8610665544"


async def test_a_number_of_before_keeps_nobody_from_changing_another_entry(city: City) -> None:
    await city.place.store.write(lambda c: c.execute(update(CREW).values(duty_phone="ask at the gate")))
    document = (await city.get("ada", "/api/admin/organisation")).json()
    document["centres"][0]["name"] = "Renamed"
    assert (await _put(city, "/api/admin/organisation", document)).status_code == 200
    document["crews"][0]["duty_phone"] = "ask at the door"
    assert (await _put(city, "/api/admin/organisation", document)).status_code == 400


def _put_number(document: dict[str, Any], of: str, number: str) -> str:
    """Into the first entry; the field that an error has to name."""
    if of.startswith("leader"):
        document["departments"][0][of]["phone"] = number
        return of
    field = "phone" if of == "on_call" else "duty_phone"
    document[of][0][field] = number
    return field


@pytest.mark.parametrize("document", [{}, {"centres": 1, "departments": [], "crews": []}])
async def test_what_is_no_organisation_changes_nothing(city: City, document: Any) -> None:
    assert (await _put(city, "/api/admin/organisation", document)).status_code == 400
    assert len((await city.get("mona", "/api/board")).json()["crews"]) == 3


async def test_a_crew_that_holds_orders_is_not_removed(city: City) -> None:
    await city.order("dispatched")
    document = json.loads(json.dumps(ORGANISATION))
    document["crews"] = document["crews"][1:]
    assert (await _put(city, "/api/admin/organisation", document)).status_code == 409


def _without_east() -> dict[str, Any]:
    document = json.loads(json.dumps(ORGANISATION))
    for name, key in (("centres", "id"), ("departments", "centre_id"), ("crews", "centre_id")):
        document[name] = [one for one in document[name] if one[key] != "east"]
    return cast("dict[str, Any]", document)


async def _land_to(city: City, centre: str) -> None:
    land = json.loads(json.dumps(TERRITORIES))
    land["features"][0]["properties"]["centre_id"] = centre
    assert (await _put(city, "/api/admin/territories", land)).status_code == 200


@pytest.mark.parametrize("kind", ["crews", "departments"])
async def test_a_centre_that_is_not_there_has_neither_crews_nor_departments(city: City, kind: str) -> None:
    document = json.loads(json.dumps(ORGANISATION))
    document[kind][0]["centre_id"] = "nowhere"
    answer = await _put(city, "/api/admin/organisation", document)
    assert answer.status_code == 400
    assert "no centre 'nowhere'" in answer.json()["error"]["message"]
    assert (await city.get("ada", "/api/admin/organisation")).json()["crews"][0]["centre_id"] == "east"


async def test_a_centre_with_land_is_not_removed(city: City) -> None:
    answer = await _put(city, "/api/admin/organisation", _without_east())
    assert answer.status_code == 400
    assert "territory east-land is centre 'east''s" in answer.json()["error"]["message"]
    await _land_to(city, "west")
    assert (await _put(city, "/api/admin/organisation", _without_east())).status_code == 200


@pytest.mark.parametrize("until", ["received", "at_centre", "restored"])
async def test_a_centre_with_unfinished_orders_is_not_removed(city: City, until: str) -> None:
    order = await city.order(until)
    await _land_to(city, "west")
    answer = await _put(city, "/api/admin/organisation", _without_east())
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "refused")
    assert f"centre east is still needed for {order}" in answer.json()["error"]["message"]
    body = {"centre_id": "west", "trade": "service", "area_class": "urban"}
    if until == "restored":
        await _record(city, order)
    else:
        assert (await city.post("holly", f"/api/orders/{order}/route", body)).status_code == 200
    assert (await _put(city, "/api/admin/organisation", _without_east())).status_code == 200


async def test_a_crew_that_has_still_to_write_its_record_is_not_removed(city: City) -> None:
    order = await city.order("restored")
    document = json.loads(json.dumps(ORGANISATION))
    document["crews"] = document["crews"][1:]
    answer = await _put(city, "/api/admin/organisation", document)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "refused")
    assert f"crew E1 is still needed for {order}" in answer.json()["error"]["message"]
    await _record(city, order)
    assert (await _put(city, "/api/admin/organisation", document)).status_code == 200
    assert (
        await city.post("holly", f"/api/orders/{order}/call-back", {"satisfied": True})
    ).status_code == 200
    assert (await city.post("holly", f"/api/orders/{order}/close")).json()["state"] == "closed"


async def _record(city: City, order: str) -> None:
    record = {"generation": 1, "cause": "worn fuse", "work_done": "new fuse"}
    assert (await city.post("carl", f"/api/crew/orders/{order}/record", record)).status_code == 200


async def test_territories_are_replaced_and_decide_at_once(city: City) -> None:
    wider = json.loads(json.dumps(TERRITORIES))
    wider["features"][0]["geometry"]["coordinates"] = [
        [[120.5, 30.5], [122, 30.5], [122, 32], [120.5, 32], [120.5, 30.5]]
    ]
    assert (await _put(city, "/api/admin/territories", wider)).status_code == 200
    assert (await city.post("holly", "/api/calls", call(NOWHERE))).json()["unroutable"] == ""
    shown = (await city.get("dora", "/api/territories")).json()["features"]
    assert [f["properties"]["own"] for f in shown] == [True, False]
    wider["features"][0]["properties"]["centre_id"] = "north"
    assert (await _put(city, "/api/admin/territories", wider)).status_code == 400
    assert (await _put(city, "/api/admin/territories", {"type": "x"})).status_code == 400


@pytest.mark.parametrize(("given", "bound"), [("GT06", "gt06"), ("", ""), (None, ""), ("jt808", "jt808")])
async def test_a_terminal_is_registered_with_its_protocol(city: City, given: str | None, bound: str) -> None:
    document = (await city.get("ada", "/api/admin/organisation")).json()
    vehicle = document["crews"][0]["vehicle"]
    vehicle["protocol"] = given
    if given is None:
        del vehicle["protocol"]
    said = (await _put(city, "/api/admin/organisation", document)).json()
    assert said["crews"][0]["vehicle"]["protocol"] == bound
    desired = {one.device: one.protocol for one in await all_desired(city.place.context)}
    assert desired[vehicle["device"]] == bound
    assert desired[document["crews"][0]["phone_device"]] == "osmand"


async def test_what_is_no_protocol_is_refused(city: City) -> None:
    document = (await city.get("ada", "/api/admin/organisation")).json()
    document["crews"][0]["vehicle"]["protocol"] = "JT/T 808"
    answer = await _put(city, "/api/admin/organisation", document)
    assert answer.status_code == 400
    assert "vehicle.protocol 'jt/t 808'" in answer.text


async def test_what_administrators_do_is_kept_with_who_did_it(city: City) -> None:
    new = {"username": "nina", "name": "Nina", "role": "hotline", "password": "long enough"}
    await city.post("ada", "/api/admin/people", new)
    await city.post("ada", "/api/admin/people/nina/disable")
    client = await city.person("ada")
    document = (await city.get("ada", "/api/admin/organisation")).json()
    document["crews"][0]["capacity"] = 3
    assert (await client.put("/api/admin/organisation", json=document)).status_code == 200
    kept = (await city.get("ada", "/api/admin/audit")).json()
    done = [(row["by_id"], row["action"], row["subject"]) for row in kept]
    assert done[:4] == [
        ("ada", "replace_organisation", ""),
        ("ada", "disable_person", "nina"),
        ("ada", "create_person", "nina"),
        ("ada", "sign_in", "127.0.0.1"),
    ]
    assert kept[0]["data"]["crews"] == [document["crews"][0]["id"]]
    assert "long enough" not in json.dumps(kept)
    older = (await city.get("ada", f"/api/admin/audit?before={kept[2]['id']}")).json()
    assert [row["id"] for row in older] == [row["id"] for row in kept[3:]]


async def test_a_refused_change_leaves_no_note(city: City) -> None:
    before = len((await city.get("ada", "/api/admin/audit")).json())
    client = await city.person("ada")
    assert (await client.put("/api/admin/organisation", json={"centres": 1})).status_code == 400
    assert len((await city.get("ada", "/api/admin/audit")).json()) == before
    assert (await city.get("mona", "/api/admin/audit")).status_code == 403
