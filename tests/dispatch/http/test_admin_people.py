"""Who may sign in, whose password it is, and how the first administrator begins; on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from dispatch.adapters.http.access import COOKIE
from dispatch.adapters.sql.first_run import FirstRun, offer
from dispatch.adapters.sql.people import PERSON, SESSION, SqlPeople
from dispatch.core.errors import GuardRefused
from dispatch.services.people import LEAST_PASSWORD, Person
from tests.dispatch.http.conftest import City
from tests.dispatch.organisation import HASHER, PASSWORD


@pytest.fixture
def city(either_city: City) -> City:
    return either_city


async def put(city: City, path: str, body: Any) -> Any:
    return await (await city.person("ada")).put(path, json=body)


async def audit(city: City) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await city.get("ada", "/api/admin/audit")).json()
    return [row for row in rows if row["action"] != "sign_in"]


# People


PERSON_FACTS = {"name": "Dora", "role": "dispatcher", "centre_id": "east", "crew_id": "", "active": True}


async def test_a_person_is_changed_and_the_second_administrator_is_told(city: City) -> None:
    path = "/api/admin/people/dora"
    said = await put(city, path, PERSON_FACTS | {"centre_id": "west", "was": PERSON_FACTS})
    assert said.json()["centre_id"] == "west"
    late = await put(city, path, PERSON_FACTS | {"name": "D.", "was": PERSON_FACTS})
    assert (late.status_code, late.json()["error"]["facts"]["who"]) == (409, "ada")
    assert (await audit(city))[0]["data"] == {"centre_id": ["east", "west"]}


async def test_who_is_locked_out_may_be_let_in_again(city: City) -> None:
    client = await city.person("dora")
    await city.post("ada", "/api/admin/people/dora/disable")
    assert (await client.get("/api/session")).status_code == 401
    was = PERSON_FACTS | {"active": False}
    assert (await put(city, "/api/admin/people/dora", PERSON_FACTS | {"was": was})).status_code == 200
    sign_in = {"username": "dora", "password": PASSWORD}
    assert (await (await city.nobody()).post("/api/session", json=sign_in)).status_code == 200
    assert [r["action"] for r in await audit(city)] == ["enable_person", "disable_person"]


async def test_the_installation_always_has_an_administrator(city: City) -> None:
    ada = {"name": "Ada", "role": "admin", "centre_id": "", "crew_id": "", "active": True}
    answer = await put(city, "/api/admin/people/ada", ada | {"role": "manager", "was": ada})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "refused")
    assert (await city.post("ada", "/api/admin/people/ada/disable")).status_code == 409
    assert (await city.post("ada", "/api/admin/people/ada/password")).status_code == 409


async def test_two_administrators_cannot_lock_each_other_out_at_one_moment(city: City) -> None:
    new = {"username": "abe", "name": "Abe", "role": "admin", "password": PASSWORD}
    assert (await city.post("ada", "/api/admin/people", new)).status_code == 201
    people = SqlPeople(city.place.store, hasher=HASHER)
    ada, abe = (await people.person("ada"), await people.person("abe"))
    assert ada
    assert abe

    async def lock_out(person: Person, by: Person) -> bool:
        try:
            await people.change(replace(person, active=False), person, by=by)
        except GuardRefused:
            return False
        return True

    assert sorted(await asyncio.gather(lock_out(ada, abe), lock_out(abe, ada))) == [False, True]
    assert [p.username for p in await people.everybody() if p.role == "admin" and p.active] in (
        ["ada"],
        ["abe"],
    )


async def test_a_new_password_is_said_once_and_only_serves_to_choose_ones_own(city: City) -> None:
    before = await city.person("dora")
    said = (await city.post("ada", "/api/admin/people/dora/password")).json()
    assert (await before.get("/api/session")).status_code == 401, "open sessions end"
    client = await city.nobody()
    sign_in = {"username": "dora", "password": said["password"]}
    assert (await client.post("/api/session", json=sign_in)).json()["must_change"] is True
    refused = await client.get("/api/board")
    assert (refused.status_code, refused.json()["error"]["facts"]["why"]) == (403, "must_change")
    same = {"old": said["password"], "new": said["password"]}
    assert (await client.post("/api/session/password", json=same)).status_code == 400
    own = {"old": said["password"], "new": "lanterns over water"}
    assert (await client.post("/api/session/password", json=own)).json()["must_change"] is False
    assert (await client.get("/api/board")).status_code == 200
    rows = await audit(city)
    assert [(r["by_id"], r["action"]) for r in rows] == [("dora", "own_password"), ("ada", "reset_password")]
    assert said["password"] not in str(rows)


@pytest.mark.parametrize("new", ["short", "x" * (LEAST_PASSWORD - 1), "dora-dora-1"])
async def test_a_password_that_is_easily_guessed_is_refused(city: City, new: str) -> None:
    assert (
        await city.post("dora", "/api/session/password", {"old": PASSWORD, "new": new})
    ).status_code == 400


async def test_a_wrong_old_password_changes_nothing_and_counts(city: City) -> None:
    wrong = {"old": "not that one", "new": "lanterns over water"}
    answers = [(await city.post("dora", "/api/session/password", wrong)).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


async def test_a_new_person_without_a_password_is_given_a_new_one_each_time(city: City) -> None:
    new = {"username": "nina", "name": "Nina", "role": "hotline"}
    first = (await city.post("ada", "/api/admin/people", new)).json()["password"]
    second = (await city.post("ada", "/api/admin/people", new | {"username": "nils"})).json()["password"]
    assert len(first) == len(second) == 19
    assert first != second


# The first administrator


async def _emptied(city: City) -> str:
    """Nobody is left; the token of the next start."""
    store = city.place.store
    city.services.administration.first_run = FirstRun(store, HASHER)

    def work(connection: Any) -> str:
        connection.execute(SESSION.delete())
        connection.execute(PERSON.delete())
        return offer(connection)

    return str(await store.write(work))


FIRST = {"username": "boss", "name": "Boss", "password": "lanterns over water"}


async def test_the_first_administrator_begins_with_the_token_once(city: City) -> None:
    token = await _emptied(city)
    client = await city.nobody()
    assert (await client.get("/api/setup")).json() == {"waiting": True}
    wrong = await client.post("/api/setup", json=FIRST | {"token": "another"})
    assert (wrong.status_code, wrong.json()["error"]["facts"]["why"]) == (403, "token")
    weak = await client.post("/api/setup", json=FIRST | {"token": token, "password": "short"})
    assert weak.status_code == 400
    made = await client.post("/api/setup", json=FIRST | {"token": token})
    assert (made.json()["role"], COOKIE in client.cookies) == ("admin", True)
    assert (await client.get("/api/setup")).json() == {"waiting": False}
    again = await client.post("/api/setup", json=FIRST | {"token": token, "username": "second"})
    assert again.status_code in {403, 409}
    steps = (await client.get("/api/admin/checklist")).json()
    assert [one["step"] for one in steps["steps"] if not one["done"]] == [
        "hotline", "dispatcher", "crew_member", "channel"
    ]  # fmt: skip
    assert steps["ready"] is False


async def test_of_two_first_administrators_at_once_one_is_made(city: City) -> None:
    token = await _emptied(city)
    client = await city.nobody()
    bodies = [FIRST | {"token": token, "username": name} for name in ("boss", "chef")]
    answers = await asyncio.gather(*(client.post("/api/setup", json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers)[0] == 200
    assert sorted(answer.status_code for answer in answers)[1] in {403, 409}


async def test_a_token_is_not_guessed(city: City) -> None:
    token = await _emptied(city)
    client = await city.nobody()
    for _ in range(5):
        assert (await client.post("/api/setup", json=FIRST | {"token": "x"})).status_code == 403
    assert (await client.post("/api/setup", json=FIRST | {"token": token})).status_code == 429


async def test_where_there_are_people_no_token_works(city: City) -> None:
    assert await city.place.store.write(offer) == ""
    for token in ("", "x"):
        answer = await (await city.nobody()).post("/api/setup", json=FIRST | {"token": token})
        assert answer.status_code in {400, 403}
