"""Who gets in, and who may do and see what."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from urllib.parse import quote

import pytest
from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from dispatch.adapters.http.access import COOKIE, PAGE_OF, Anyone, Rule, SignedIn
from dispatch.adapters.http.callbacks import Signed, SignedByProvider
from dispatch.adapters.http.sign_in import PER_ADDRESS, PER_NAME, WINDOW, Attempts
from dispatch.adapters.sql.passwords import HASHER as HASHER_IN_USE
from dispatch.adapters.sql.passwords import hash_password
from dispatch.adapters.sql.people import SqlPeople
from dispatch.clock import VirtualClock
from dispatch.core.types import Actor
from dispatch.core.work_order import WorkOrder
from dispatch.services.hotline import route as route_to
from tests.dispatch.http.conftest import City
from tests.dispatch.organisation import HASHER, PASSWORD, START, WEST, Installation

OPEN = {"GET /api/setup", "POST /api/setup", "POST /api/session", "GET /healthz", "GET /api/clock"}
BODIES = {
    "return": {"reason": "misrouted"}, "dispatch": {"crew_id": "E1"}, "recall": {"reason": "nearer_crew"},
    "reassign": {"crew_id": "E2", "reason": "nearer_crew"},
    "route": {"centre_id": "east", "trade": "service", "area_class": "urban"},
}  # fmt: skip
STEP = {"generation": 1}


def _rules(dependant: Dependant) -> Iterator[Rule]:
    if isinstance(dependant.call, Rule):
        yield dependant.call
    for one in dependant.dependencies:
        yield from _rules(one)


async def test_every_route_has_one_authentication_rule(city: City) -> None:
    routes = [route for route in _routes(city.app.routes) if isinstance(route, APIRoute)]
    assert len(routes) > 40
    open_ones, signed = set(), set()
    for route in routes:
        rules = list(_rules(route.dependant))
        name = f"{', '.join(sorted(route.methods))} {route.path}"
        assert len(rules) == 1, f"{name} has {len(rules)} rules"
        if isinstance(rules[0], Anyone):
            open_ones.add(name)
        elif isinstance(rules[0], Signed | SignedByProvider):
            signed.add(name)
        else:
            assert isinstance(rules[0], SignedIn)
    assert open_ones == OPEN
    assert signed == {
        "POST /callbacks/phone", "POST /callbacks/twilio/say", "POST /callbacks/twilio/keys",
        "POST /callbacks/twilio/status",
    }  # fmt: skip


def _routes(routes: Iterable[object]) -> Iterator[object]:
    """All routes; the framework keeps an included router as it is."""
    for route in routes:
        inner = getattr(route, "original_router", route)
        if isinstance(inner, APIRouter):
            yield from _routes(inner.routes)
        else:
            yield route


async def test_signing_in_and_out(city: City) -> None:
    client = await city.nobody()
    answer = await client.post("/api/session", json={"username": "dora", "password": PASSWORD})
    assert answer.json() == {
        "username": "dora", "name": "Dora", "role": "dispatcher", "centre_id": "east", "crew_id": "",
        "must_change": False,
    }  # fmt: skip
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    assert (await client.get("/api/session")).json()["role"] == "dispatcher"
    token = client.cookies[COOKIE]
    assert (await client.delete("/api/session")).status_code == 200
    assert COOKIE not in client.cookies
    again = await client.get("/api/session", headers={"Cookie": f"{COOKIE}={token}"})
    assert again.status_code == 401
    assert again.json()["error"]["code"] == "unauthenticated"


async def test_over_https_the_cookie_is_secure(city: City) -> None:
    client = await city.nobody()
    answer = await client.post(
        "https://centre.test/api/session", json={"username": "dora", "password": PASSWORD}
    )
    assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize(("username", "password"), [("dora", "wrong"), ("nobody", PASSWORD)])
async def test_a_wrong_name_and_a_wrong_password_are_answered_alike(
    city: City, username: str, password: str
) -> None:
    answer = await (await city.nobody()).post(
        "/api/session", json={"username": username, "password": password}
    )
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        401, "the name or the password is not right"
    )  # fmt: skip


async def test_an_unknown_name_costs_a_whole_hash_too(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []
    people = SqlPeople(place.store, hasher=HASHER)
    monkeypatch.setattr(people, "_fits", lambda known, password: checked.append(known[:9]))
    for name in ("dora", "nobody"):
        await people.verify(name, "x")
    assert checked == ["$argon2id", "$argon2id"]


async def test_after_five_wrong_passwords_even_the_right_one_has_to_wait(city: City) -> None:
    client = await city.nobody()
    for _ in range(PER_NAME):
        wrong = await client.post("/api/session", json={"username": "dora", "password": "wrong"})
        assert wrong.status_code == 401
    answer = await client.post("/api/session", json={"username": "Dora", "password": PASSWORD})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many")
    assert 0 < int(answer.headers["Retry-After"]) <= WINDOW + 1
    other = await client.post("/api/session", json={"username": "holly", "password": PASSWORD})
    assert other.status_code == 200


async def test_tries_at_once_count_like_tries_in_turn(city: City) -> None:
    client = await city.nobody()
    wrong = {"username": "dora", "password": "wrong"}
    answers = await asyncio.gather(*(client.post("/api/session", json=wrong) for _ in range(8)))
    assert sorted(a.status_code for a in answers) == [401] * PER_NAME + [429] * (8 - PER_NAME)


async def test_many_sign_in_at_once_under_one_name(city: City) -> None:
    client = await city.nobody()
    right = {"username": "dora", "password": PASSWORD}
    answers = await asyncio.gather(*(client.post("/api/session", json=right) for _ in range(12)))
    assert {a.status_code for a in answers} == {200}


def test_an_address_that_tries_many_names_has_to_wait() -> None:
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    for n in range(PER_ADDRESS):
        assert attempts.wait(f"name{n}", "10.0.0.1") == 0
        attempts.failed(f"name{n}", "10.0.0.1")
    assert attempts.wait("another", "10.0.0.1") > 0
    assert attempts.wait("another", "10.0.0.2") == 0
    now[0] = WINDOW + 1
    assert attempts.wait("another", "10.0.0.1") == 0


async def test_a_session_ends_after_twelve_real_hours(place: Installation) -> None:
    clock = VirtualClock(START)
    people = SqlPeople(place.store, clock, HASHER)
    person = await people.verify("dora", PASSWORD)
    assert person is not None
    token = await people.sign_in(person)
    clock.advance(timedelta(hours=12).total_seconds() - 1)
    assert await people.signed_in(token) == person
    clock.advance(2)
    assert await people.signed_in(token) is None


async def test_a_page_does_nothing_under_the_name_of_who_signed_in_beside_it(city: City) -> None:
    client = await city.person("holly")
    own, page = {PAGE_OF: "holly"}, {PAGE_OF: quote("dora 朵拉")}
    assert (await client.get("/api/hotline/desk", headers=own)).status_code == 200
    for method in ("GET", "DELETE"):
        answer = await client.request(method, "/api/session", headers=page)
        assert answer.status_code == 401
        assert answer.json()["error"]["facts"] == {"why": "another_person", "person": "Holly"}
    assert (await client.get("/api/session")).json()["username"] == "holly", "and she is still signed in"
    nobody = await (await city.nobody()).get("/api/session", headers=page)
    assert nobody.json()["error"]["facts"] == {"why": "signed_out"}


async def test_a_disabled_person_is_out_at_once(city: City) -> None:
    await city.person("dora")
    assert (await city.post("ada", "/api/admin/people/dora/disable")).json()["active"] is False
    assert (await city.get("dora", "/api/board")).status_code == 401
    answer = await (await city.nobody()).post("/api/session", json={"username": "dora", "password": PASSWORD})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "path",
    ["/api/session", "/api/board", "/api/hotline/desk", "/api/crew/stack", "/api/admin/people", "/api/vocabulary"],
)  # fmt: skip
async def test_nobody_sees_anything_without_signing_in(city: City, path: str) -> None:
    assert (await (await city.nobody()).get(path)).status_code == 401


@pytest.mark.parametrize(
    ("username", "path"),
    [
        ("dora", "/api/hotline/desk"), ("carl", "/api/hotline/desk"), ("mona", "/api/hotline/desk"),
        ("holly", "/api/board"), ("carl", "/api/board"), ("carl", "/api/addresses?q=x"),
        ("holly", "/api/crew/stack"), ("dora", "/api/crew/stack"), ("ada", "/api/crew/stack"),
        ("dora", "/api/manager/compliance?from=2026-03-01&to=2026-03-02"),
        ("holly", "/api/manager/compliance.csv?from=2026-03-01&to=2026-03-02"),
        ("mona", "/api/admin/people"), ("dora", "/api/admin/organisation"), ("carl", "/api/territories"),
    ],
)  # fmt: skip
async def test_other_roles_are_refused(city: City, username: str, path: str) -> None:
    answer = await city.get(username, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "step", ["accept", "return", "dispatch", "recall", "reassign", "route", "candidates", ""]
)
async def test_a_dispatcher_cannot_touch_or_see_another_centres_order(city: City, step: str) -> None:
    order = await city.order("dispatched" if step in {"recall", "reassign"} else "at_centre")
    path = f"/api/orders/{order}/{step}".rstrip("/")
    answer = (
        await city.get("wanda", path)
        if step in {"candidates", ""}
        else await city.post("wanda", path, BODIES.get(step))
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("step", ["accept", "return", "dispatch", "recall", "reassign", "route"])
async def test_an_order_that_leaves_between_the_look_and_the_decision_is_not_touched(
    city: City, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await city.order("at_centre")
    await city.person("dora")
    look = city.services.views.order
    route = partial(route_to, city.place.context, centre_id="west", trade="service", area_class="urban")

    async def then_it_leaves(order_id: str) -> WorkOrder:
        seen = await look(order_id)
        await route(order_id, by=Actor("hotline", "holly"))
        return seen

    monkeypatch.setattr(city.services.views, "order", then_it_leaves)
    answer = await city.post("dora", f"/api/orders/{order}/{step}", BODIES.get(step))
    assert answer.status_code == 403
    assert [e.kind for e in (await look(order)).history][-1] == "route"


async def test_a_dispatcher_cannot_send_an_order_to_another_centres_crew(city: City) -> None:
    order = await city.order()
    assert (await city.post("dora", f"/api/orders/{order}/dispatch", {"crew_id": "W1"})).status_code == 403
    assert (await city.post("dora", "/api/crews/W1/away", {"minutes": 30})).status_code == 403
    assert (await city.post("dora", "/api/crews/W1/standby")).status_code == 403
    assert (await city.post("dora", "/api/crews/X9/standby")).status_code == 404


async def test_boards_hold_ones_own_centre_only(city: City) -> None:
    east, west = await city.order(), await city.order("at_centre", WEST)
    for username, orders, crews in (
        ("dora", {east}, {"E1", "E2"}), ("wanda", {west}, {"W1"}),
        ("mona", {east, west}, {"E1", "E2", "W1"}), ("ada", {east, west}, {"E1", "E2", "W1"}),
    ):  # fmt: skip
        board = (await city.get(username, "/api/board")).json()
        assert ({o["id"] for o in board["orders"]}, {c["id"] for c in board["crews"]}) == (orders, crews)


@pytest.mark.parametrize("step", ["acknowledge", "depart", "arrive", "restore", "reject", "receipt"])
async def test_a_crew_cannot_touch_another_crews_order(city: City, step: str) -> None:
    order = await city.order("dispatched")
    body = {**STEP, "reason": "wrong_trade"} if step == "reject" else STEP
    assert (await city.post("cleo", f"/api/crew/orders/{order}/{step}", body)).status_code == 403
    assert (await city.post("dora", f"/api/crew/orders/{order}/{step}", body)).status_code == 403


async def test_a_crew_whose_order_was_taken_away_is_told_so(city: City) -> None:
    order = await city.order("dispatched")
    await city.post("dora", f"/api/orders/{order}/recall", {"reason": "nearer_crew"})
    answer = await city.post("carl", f"/api/crew/orders/{order}/acknowledge", STEP)
    assert (answer.status_code, answer.json()["error"]["facts"]["why"]) == (409, "not_yours")


@pytest.mark.parametrize("step", ["receipt", "acknowledge"])
async def test_a_former_crew_is_told_so_and_reads_nothing_more(city: City, step: str) -> None:
    order = await city.order("dispatched")
    path, key = f"/api/crew/orders/{order}/{step}", {"Idempotency-Key": "k-1"}
    assert (await city.post("carl", path, STEP, **key)).status_code == 200
    await city.post("dora", f"/api/orders/{order}/reassign", {"crew_id": "E2", "reason": "nearer_crew"})
    answer = await city.post("carl", path, STEP, **key)
    assert (answer.status_code, answer.json()["error"]["facts"]["why"]) == (409, "not_yours")
    for private in ("Li", "+861012345", "E2", "Harbour"):
        assert private not in answer.text


async def test_a_late_receipt_of_a_former_crew_is_kept_all_the_same(city: City) -> None:
    order = await city.order("dispatched")
    await city.post("dora", f"/api/orders/{order}/reassign", {"crew_id": "E2", "reason": "nearer_crew"})
    assert (await city.post("carl", f"/api/crew/orders/{order}/receipt", STEP)).status_code == 409
    events = (await city.get("dora", f"/api/orders/{order}")).json()["events"]
    assert (events[-1]["kind"], events[-1]["data"]["generation"]) == ("late_receipt", 1)


@pytest.mark.parametrize("step", ["receipt", "acknowledge"])
async def test_no_dispatch_has_a_number_below_one(city: City, step: str) -> None:
    order = await city.order("dispatched")
    path = f"/api/crew/orders/{order}/{step}"
    assert (await city.post("carl", path, {"generation": 0})).status_code == 400


async def test_a_manager_dispatches_as_a_dispatcher_by_name(city: City) -> None:
    order = await city.order()
    assert (await city.post("mona", f"/api/orders/{order}/dispatch", {"crew_id": "E2"})).status_code == 200
    story = (await city.get("mona", f"/api/orders/{order}")).json()
    assert story["events"][-1]["by"] == {"role": "dispatcher", "id": "mona"}


@pytest.mark.parametrize(
    "origin", ["https://elsewhere.test", "null", "http://centre.test.evil.test", "http://centre.test:81"]
)
async def test_another_origin_changes_nothing(city: City, origin: str) -> None:
    answer = await city.post("dora", "/api/live-ticket", {}, Origin=origin)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert (await city.post("dora", "/api/live-ticket", {}, Origin="http://centre.test")).status_code == 200


async def test_every_answer_carries_the_security_headers(city: City) -> None:
    client = await city.nobody()
    for path in ("/healthz", "/api/board", "/api/nothing", "/callbacks/phone"):
        answer = await client.get(path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_hash_costs_what_owasp_asks_for_at_least_and_no_more() -> None:
    assert hash_password("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert SqlPeople(None)._hasher is HASHER_IN_USE  # type: ignore[arg-type]
