"""CSV lists of people and the organisation, out and in again, on both databases."""

from __future__ import annotations

from threading import Barrier
from typing import Any

import pytest

from dispatch.adapters.sql import lists
from dispatch.adapters.sql.lists import SqlLists
from tests.dispatch.http.conftest import City
from tests.dispatch.http.test_admin_desk import audit, entry, put
from tests.dispatch.organisation import HASHER


@pytest.fixture
def city(either_city: City) -> City:
    return either_city


async def take(city: City, kind: str, text: str, seen: str = "") -> dict[str, Any]:
    answer = await city.post("ada", f"/api/admin/lists/{kind}", {"text": text, "seen": seen})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.parametrize("kind", ["people", "departments", "crews", "vehicles", "phones"])
async def test_a_list_goes_out_and_comes_in_again_with_no_change(city: City, kind: str) -> None:
    answer = await city.get("ada", f"/api/admin/lists/{kind}.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    found = await take(city, kind, answer.text)
    assert (found["faults"], found["new"], found["changed"]) == ([], [], [])
    assert found["same"] > 1


async def test_an_import_is_rehearsed_and_then_done_whole(city: City) -> None:
    text = (await city.get("ada", "/api/admin/lists/crews.csv")).text
    text = text.replace("Crew E1", "Crew one") + text.splitlines()[1].replace("E1", "E3") + "\n"
    seen = await take(city, "crews", text)
    assert (seen["new"], seen["changed"], seen["done"]) == (["E3"], ["E1"], False)
    assert (await entry(city, "crews", "E1"))["name"] == "Crew E1", "a rehearsal changes nothing"
    assert await audit(city) == []
    done = await take(city, "crews", text, seen["seen"])
    assert done["done"] is True
    assert (await entry(city, "crews", "E1"))["name"] == "Crew one"
    assert (await entry(city, "crews", "E1"))["vehicle"]["device"] == "t-E1", (
        "what the list does not speak of stays"
    )
    assert (await audit(city))[0]["action"] == "import_crews"
    assert (await city.get("dora", "/api/board")).json()["crews"][-1]["id"] == "E3"


async def test_one_bad_line_imports_nothing(city: City) -> None:
    text = (await city.get("ada", "/api/admin/lists/crews.csv")).text.replace("Crew E1", "Crew one")
    bad = text + text.splitlines()[1].replace("E1", "E3").replace("d-east", "d-moon") + "\n"
    found = await take(city, "crews", bad)
    assert [(f["line"], f["column"], f["code"]) for f in found["faults"]] == [(5, 4, "reference")]
    again = await take(city, "crews", bad, found["seen"])
    assert (again["done"], len(again["faults"])) == (False, 1)
    assert (await entry(city, "crews", "E1"))["name"] == "Crew E1"


async def test_what_changed_since_the_rehearsal_is_looked_at_again(city: City) -> None:
    text = (await city.get("ada", "/api/admin/lists/crews.csv")).text.replace("Crew E1", "Crew one")
    seen = (await take(city, "crews", text))["seen"]
    was = await entry(city, "crews", "E1")
    await put(city, "/api/admin/entries/crews/E1", {"was": was, "entry": was | {"capacity": 4}})
    answer = await city.post("ada", "/api/admin/lists/crews", {"text": text, "seen": seen})
    assert (answer.status_code, answer.json()["error"]["facts"]["why"]) == (409, "looked")


async def test_new_people_of_a_list_get_passwords_that_are_said_once(city: City) -> None:
    text = "username,name,role,centre_id,crew_id\nnina,Nina,dispatcher,west,\nnils,Nils,crew,,E1\ndora,Dora B.,dispatcher,east,\n"
    seen = await take(city, "people", text)
    assert (seen["new"], seen["changed"]) == (["nina", "nils"], ["dora"])
    done = await take(city, "people", text, seen["seen"])
    assert sorted(done["passwords"]) == ["nils", "nina"]
    sign_in = {"username": "nina", "password": done["passwords"]["nina"]}
    assert (await (await city.nobody()).post("/api/session", json=sign_in)).json()["must_change"] is True
    assert {r["action"] for r in await audit(city)} == {"create_person", "change_person"}


async def test_who_was_locked_out_of_a_crew_that_is_no_more_comes_in_again_with_the_list(city: City) -> None:
    await city.post("ada", "/api/admin/people/cleo/disable")
    gone = await put(
        city, "/api/admin/entries/crews/E2", {"was": await entry(city, "crews", "E2"), "entry": None}
    )
    assert gone.status_code == 200, gone.text
    text = (await city.get("ada", "/api/admin/lists/people.csv")).text
    found = await take(city, "people", text)
    assert (found["faults"], found["new"], found["changed"]) == ([], [], [])
    awake = [line.replace(",no", ",yes") if line.startswith("cleo,") else line for line in text.splitlines()]
    (fault,) = (await take(city, "people", "\n".join(awake)))["faults"]
    assert (fault["name"], fault["code"]) == ("crew_id", "reference")


async def test_an_empty_cell_locks_nobody_out_and_lets_nobody_in(city: City) -> None:
    await city.post("ada", "/api/admin/people/wanda/disable")
    text = "username,name,role,centre_id,active\ndora,Dora B.,dispatcher,east,\nwanda,Wanda W.,dispatcher,west\nnina,Nina,hotline,,\n"
    seen = await take(city, "people", text)
    assert (seen["faults"], (await take(city, "people", text, seen["seen"]))["done"]) == ([], True)
    people = {p["username"]: p["active"] for p in (await city.get("ada", "/api/admin/people")).json()}
    assert (people["dora"], people["wanda"], people["nina"]) == (True, False, True)


async def test_the_passwords_of_new_people_are_hashed_several_at_once(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = Barrier(2)

    def slowly(password: str) -> str:
        together.wait(5)
        return HASHER.hash(password)

    monkeypatch.setattr(lists, "hash_password", slowly)
    people = "".join(f"new{n},New {n},hotline\n" for n in range(6))
    text = f"username,name,role\n{people}"
    done = await take(city, "people", text, (await take(city, "people", text))["seen"])
    assert len(set(done["passwords"].values())) == 6
    for name, password in done["passwords"].items():
        sign_in = {"username": name, "password": password}
        assert (await (await city.nobody()).post("/api/session", json=sign_in)).status_code == 200


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("nina,Nina,dispatcher,moon,", 4, "reference"), ("nina,Nina,king,,", 3, "choice"),
        ("ni na,Nina,hotline,,", 1, "form"), ("ada,Ada,manager,,", 0, "refused"),
    ],
)  # fmt: skip
async def test_a_list_of_people_with_a_fault_changes_nobody(
    city: City, row: str, column: int, code: str
) -> None:
    before = (await city.get("ada", "/api/admin/people")).json()
    text = f"username,name,role,centre_id,crew_id\nnew,New,hotline,,\n{row}\n"
    (fault,) = (await take(city, "people", text))["faults"]
    assert (fault["column"], fault["code"]) == (column, code)
    assert fault["line"] in {0, 3}
    assert (await city.get("ada", "/api/admin/people")).json() == before


def before_the_work(monkeypatch: pytest.MonkeyPatch, city: City, name: str, deed: Any) -> None:
    """`deed` is done after the look of an import and before its transaction."""
    of: SqlLists = city.services.administration.lists
    original = getattr(of, name)

    async def late(*args: Any, **how: Any) -> None:
        await deed()
        await original(*args, **how)

    monkeypatch.setattr(of, name, late)


async def test_what_changes_while_a_list_is_put_in_place_is_looked_at_again(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (await city.get("ada", "/api/admin/lists/crews.csv")).text.replace("Crew E1", "Crew one")
    seen = (await take(city, "crews", text))["seen"]
    was = await entry(city, "crews", "E1")

    async def meanwhile() -> None:
        await put(city, "/api/admin/entries/crews/E1", {"was": was, "entry": was | {"capacity": 4}})

    before_the_work(monkeypatch, city, "_import_document", meanwhile)
    answer = await city.post("ada", "/api/admin/lists/crews", {"text": text, "seen": seen})
    assert (answer.status_code, answer.json()["error"]["facts"]["why"]) == (409, "looked")
    assert await entry(city, "crews", "E1") == was | {"capacity": 4}


async def test_who_is_locked_out_while_people_are_imported_stays_locked_out(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "username,name,role,centre_id,crew_id,active\ndora,Dora B.,dispatcher,east,,yes\n"
    seen = (await take(city, "people", text))["seen"]

    async def meanwhile() -> None:
        await city.post("ada", "/api/admin/people/dora/disable")

    before_the_work(monkeypatch, city, "_people", meanwhile)
    answer = await city.post("ada", "/api/admin/lists/people", {"text": text, "seen": seen})
    assert (answer.status_code, answer.json()["error"]["facts"]["why"]) == (409, "looked")
    (dora,) = [p for p in (await city.get("ada", "/api/admin/people")).json() if p["username"] == "dora"]
    assert (dora["name"], dora["active"]) == ("Dora", False)
