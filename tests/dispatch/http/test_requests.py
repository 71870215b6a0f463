"""What is refused and why, and what a resend does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dispatch.core.errors import Contended, Unavailable
from dispatch.services.clocks import fire_due
from tests.dispatch.http.conftest import City, call
from tests.dispatch.organisation import NOWHERE, WEST

STEP = {"generation": 1}
RECORD = {"generation": 1, "cause": "loose clamp", "work_done": "tightened it"}


async def test_broken_json_says_where(city: City) -> None:
    client = await city.person("holly")
    answer = await client.post(
        "/api/calls", content='{"channel": "phone",\n "lat": oops}', headers={"Content-Type": "application/json"}
    )  # fmt: skip
    assert answer.status_code == 400
    assert answer.json()["error"]["facts"]["errors"][0]["field"] == "body, line 2, column 9"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"lat": 91}, "lat"), ({"lat": "north"}, "lat"), ({"lat": None}, "lat"), ({"surprise": 1}, "surprise"),
        ({"address": ""}, "address"), ({"address": "x" * 201}, "address"), ({"address": "a\0b"}, "address"),
        ({"ended_at": "2026-03-02T02:00:00"}, "ended_at"), ({"fault_type": "magic"}, "fault_type"),
        ({"channel": "pigeon"}, "channel"), ({"ended_at": "2020-01-01T00:00:00Z"}, "ended_at"),
        ({"address": "lone \ud800"}, "address"), ({"description": "x" * 3000}, "description"),
    ],
)  # fmt: skip
async def test_a_call_that_cannot_be_used_names_the_field(
    city: City, change: dict[str, Any], field: str
) -> None:
    client = await city.person("holly")
    answer = await client.post(
        "/api/calls",
        content=json.dumps(call() | change),
        headers={"Content-Type": "application/json"},
    )
    problem = answer.json()["error"]
    assert (answer.status_code, problem["code"]) == (400, "bad_input")
    assert field in problem["message"] or problem["facts"]["field"] == field


async def test_only_json_of_a_bounded_size_is_taken(city: City) -> None:
    client = await city.person("holly")
    form = await client.post("/api/calls", data={"channel": "phone"})
    assert (form.status_code, form.json()["error"]["code"]) == (400, "bad_input")
    large = await client.post("/api/calls", json=call(description="x" * 300_000))
    assert large.status_code == 413

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(400):
            yield b" " * 1024

    chunked = await client.post("/api/calls", content=endless(), headers={"Content-Type": "application/json"})
    assert chunked.status_code == 413


async def test_a_large_file_is_read_of_an_administrator_only(city: City) -> None:
    asked = 0

    async def large() -> AsyncIterator[bytes]:
        nonlocal asked
        for part in (b'{"type": "', *[b"x" * 1024] * 1024, b'"}'):
            asked += 1
            yield part

    path, kind = "/api/admin/territories/check", {"Content-Type": "application/json"}
    length = {**kind, "Content-Length": str(12 + 1024 * 1024)}
    for client, status in ((await city.nobody(), 401), (await city.person("mona"), 403)):
        for headers in (length, kind):
            answer = await client.post(path, content=large(), headers=headers)
            assert (answer.status_code, asked) == (status, 0)
    answer = await (await city.person("ada")).post(path, content=large(), headers=length)
    assert answer.status_code == 400
    assert asked == 1026  # read, and no territories


async def test_who_sends_a_large_file_while_the_database_is_away_is_told_to_come_again(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await city.person("ada")

    async def away(token: str) -> None:
        raise Unavailable("the database does not answer")

    monkeypatch.setattr(city.services.people, "signed_in", away)
    body = {"type": "FeatureCollection", "features": [], "note": "x" * 300_000}
    answer = await ada.post("/api/admin/territories/check", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")


async def test_a_password_is_never_repeated_in_an_error(city: City) -> None:
    answer = await (await city.nobody()).post(
        "/api/session", json={"username": "dora", "password": "hunter2" * 100}
    )
    assert answer.status_code == 400
    assert "hunter2" not in answer.text


@pytest.mark.parametrize("path", ["/api/nothing", "/api/orders/W0000-NOBODY", "/api/orders/%00"])
async def test_what_is_not_there(city: City, path: str) -> None:
    answer = await city.get("mona", path)
    assert answer.status_code in {404, 400}
    assert answer.json()["error"]["code"] in {"not_found", "bad_input"}


async def test_a_resent_call_is_one_order(city: City) -> None:
    key = {"Idempotency-Key": "call-1"}
    first = await city.post("holly", "/api/calls", call(), **key)
    again = await city.post("holly", "/api/calls", call(), **key)
    joined = await city.post("holly", "/api/calls", call())
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json() == {
        "order_id": first.json()["order_id"], "outcome": "new", "unroutable": ""
    }  # fmt: skip
    assert (joined.json()["order_id"], joined.json()["outcome"]) == (first.json()["order_id"], "joined")
    assert (await city.post("holly", "/api/calls", call(), **key)).json()["outcome"] == "new"


@pytest.mark.parametrize(
    ("username", "until", "path", "body"),
    [
        ("holly", "received", "/api/orders/{}/send", None),
        ("holly", "at_centre", "/api/orders/{}/expedite", {"text": "hurry"}),
        ("mona", "en_route", "/api/orders/{}/supervise", {"text": "hospital"}),
        ("holly", "at_centre", "/api/orders/{}/cancel", {"reason": "customer_withdrew"}),
        ("holly", "restored", "/api/orders/{}/call-back", {"satisfied": False}),
        ("holly", "received", "/api/orders/{}/route", {"centre_id": "west", "trade": "service", "area_class": "urban"}),
        ("dora", "at_centre", "/api/orders/{}/route", {"centre_id": "west", "trade": "service", "area_class": "urban"}),
        ("dora", "at_centre", "/api/orders/{}/accept", None),
        ("dora", "at_centre", "/api/orders/{}/return", {"reason": "misrouted"}),
        ("dora", "at_centre", "/api/orders/{}/dispatch", {"crew_id": "E1"}),
        ("dora", "acknowledged", "/api/orders/{}/recall", {"reason": "nearer_crew"}),
        ("dora", "acknowledged", "/api/orders/{}/reassign", {"crew_id": "E2", "reason": "nearer_crew"}),
        ("carl", "dispatched", "/api/crew/orders/{}/receipt", STEP),
        ("carl", "dispatched", "/api/crew/orders/{}/acknowledge", STEP),
        ("carl", "acknowledged", "/api/crew/orders/{}/reject", {**STEP, "reason": "wrong_trade"}),
        ("carl", "acknowledged", "/api/crew/orders/{}/depart", STEP),
        ("carl", "en_route", "/api/crew/orders/{}/arrive", STEP),
        ("carl", "on_scene", "/api/crew/orders/{}/restore", STEP),
        ("carl", "restored", "/api/crew/orders/{}/record", RECORD),
    ],
)  # fmt: skip
async def test_the_same_key_again_changes_nothing(
    city: City, username: str, until: str, path: str, body: dict[str, Any] | None
) -> None:
    order = await city.order(until)
    first = await city.post(username, path.format(order), body, **{"Idempotency-Key": "k-1"})
    assert first.status_code == 200, first.text
    again = await city.post(username, path.format(order), body, **{"Idempotency-Key": "k-1"})
    assert again.status_code == 200, again.text
    assert again.json() == first.json()


async def test_one_key_of_two_people_is_two_calls(city: City) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = (await city.post("holly", "/api/calls", call(), **key)).json()
    other = (await city.post("ada", "/api/calls", call(WEST), **key)).json()
    assert (other["outcome"], other["order_id"] != first["order_id"]) == ("new", True)


@pytest.mark.parametrize("until", ["new", "joined"])
async def test_a_key_that_comes_again_with_another_call_is_refused(city: City, until: str) -> None:
    if until == "joined":
        await city.order("received")
    key = {"Idempotency-Key": "k-1"}
    first = await city.post("holly", "/api/calls", call(), **key)
    assert first.json()["outcome"] == until
    again = await city.post("holly", "/api/calls", call(address="99 Hill Road"), **key)
    assert again.status_code == 409
    assert again.json()["error"]["facts"] == {"order": first.json()["order_id"], "why": "key_reused"}
    assert (await city.post("holly", "/api/calls", call(), **key)).json() == first.json()


async def test_a_key_that_comes_again_with_another_step_or_content_is_refused(city: City) -> None:
    order = await city.order("at_centre")
    key = {"Idempotency-Key": "k-1"}
    assert (await city.post("dora", f"/api/orders/{order}/accept", {}, **key)).status_code == 200
    body = {"crew_id": "E1"}
    again = await city.post("dora", f"/api/orders/{order}/dispatch", body, **key)
    assert (again.status_code, again.json()["error"]["facts"]["why"]) == (409, "key_reused")
    assert (await city.post("mona", f"/api/orders/{order}/dispatch", body, **key)).status_code == 200


@pytest.mark.parametrize(
    ("username", "until", "path", "body", "code"),
    [
        ("holly", "at_centre", "/api/orders/{}/send", None, "illegal_step"),
        ("holly", "received", "/api/orders/{}/close", None, "illegal_step"),
        ("holly", "restored", "/api/orders/{}/cancel", {"reason": "duplicate"}, "illegal_step"),
        ("holly", "received", "/api/orders/{}/call-back", {"satisfied": True}, "illegal_step"),
        ("dora", "dispatched", "/api/orders/{}/dispatch", {"crew_id": "E2"}, "conflict"),
        ("dora", "dispatched", "/api/orders/{}/reassign", {"crew_id": "E1", "reason": "other"}, "refused"),
        ("dora", "at_centre", "/api/orders/{}/recall", {"reason": "other"}, "illegal_step"),
        ("dora", "received", "/api/orders/{}/accept", None, "illegal_step"),
        ("carl", "acknowledged", "/api/crew/orders/{}/acknowledge", STEP, "conflict"),
        ("carl", "dispatched", "/api/crew/orders/{}/acknowledge", {"generation": 2}, "conflict"),
        ("carl", "dispatched", "/api/crew/orders/{}/depart", STEP, "illegal_step"),
    ],
)  # fmt: skip
async def test_what_cannot_be_done_now_is_a_conflict_with_its_reason(
    city: City, username: str, until: str, path: str, body: Any, code: str
) -> None:
    order = await city.order(until)
    before = (await city.get("mona", f"/api/orders/{order}")).json()["events"]
    answer = await city.post(username, path.format(order), body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, code)
    assert answer.json()["error"]["message"]
    assert (await city.get("mona", f"/api/orders/{order}")).json()["events"] == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/orders/{}/cancel", {"reason": "because"}), ("/api/orders/{}/cancel", {}),
        ("/api/orders/{}/call-back", {"satisfied": "yes"}),
        ("/api/orders/{}/route", {"centre_id": "north", "trade": "service", "area_class": "urban"}),
        ("/api/orders/{}/route", {"centre_id": "east", "trade": "service", "area_class": "moon"}),
    ],
)  # fmt: skip
async def test_bad_values_are_refused(city: City, path: str, body: Any) -> None:
    order = await city.order("received")
    assert (await city.post("holly", path.format(order), body)).status_code == 400


async def test_a_closed_order_is_neither_routed_nor_chased(city: City) -> None:
    order = await city.order("received")
    await city.post("holly", f"/api/orders/{order}/cancel", {"reason": "duplicate"})
    body = {"centre_id": "west", "trade": "service", "area_class": "urban"}
    assert (await city.post("holly", f"/api/orders/{order}/route", body)).status_code == 409
    assert (await city.post("holly", f"/api/orders/{order}/expedite", {})).status_code == 409
    assert (await city.post("mona", f"/api/orders/{order}/supervise", {})).status_code == 409


async def test_a_superior_watches_an_order_and_its_story_says_so(city: City) -> None:
    order = await city.order("en_route")
    assert (await city.post("holly", f"/api/orders/{order}/supervise", {})).status_code == 403
    seen = (await city.post("mona", f"/api/orders/{order}/supervise", {"text": "hospital"})).json()
    assert seen["priority"] == 2
    story = (await city.get("mona", f"/api/orders/{order}")).json()
    (noted,) = [e for e in story["events"] if e["kind"] == "supervise"]
    assert (noted["by"], noted["data"]["text"]) == ({"role": "manager", "id": "mona"}, "hospital")
    assert [a["role"] for a in story["alerts"] if a["code"] == "supervised"] == ["crew", "dispatcher"]
    calls = [(a["to"], a["state"]) for a in story["attempts"] if a["kind"] == "attempt"]
    assert calls[0] == ("crew_duty", "queued"), "nobody has rung yet in this test"


async def test_a_place_of_nobody_goes_to_a_person_who_routes_it(city: City) -> None:
    taken = (await city.post("holly", "/api/calls", call(NOWHERE))).json()
    order = taken["order_id"]
    assert taken["unroutable"]
    desk = (await city.get("holly", "/api/hotline/desk")).json()
    assert [o["id"] for o in desk["unroutable"]] == [order]
    assert [a["code"] for a in desk["alerts"]] == ["unroutable"]
    body = {"centre_id": "east", "trade": "service", "area_class": "rural"}
    routed = (await city.post("holly", f"/api/orders/{order}/route", body)).json()
    assert (routed["centre_id"], routed["area_class"]) == ("east", "rural")
    assert (await city.get("holly", "/api/hotline/desk")).json()["unroutable"] == []


async def test_away_is_refused_where_cover_would_be_lost_and_says_when(city: City) -> None:
    away = await city.post("carl", "/api/crew/away", {"minutes": 30, "reason": "meal"})
    assert (away.json()["status"], away.json()["presence"]) == ("away", "away")
    refused = await city.post("cleo", "/api/crew/away", {"minutes": 30})
    assert refused.status_code == 409
    assert refused.json()["error"]["facts"]["possible_from"] == "2026-03-02T02:30:00+00:00"
    assert (await city.post("dora", "/api/crews/E1/standby")).json()["status"] == "standby"
    assert (await city.post("dora", "/api/crews/E2/away", {"minutes": 5})).json()["status"] == "away"
    assert (await city.post("cleo", "/api/crew/standby")).json()["status"] == "standby"
    assert (await city.post("carl", "/api/crew/away", {"minutes": 0})).status_code == 400


async def test_a_receipt_is_the_phones_and_of_a_dispatch_that_there_was(city: City) -> None:
    order = await city.order("dispatched")
    path = f"/api/crew/orders/{order}/receipt"
    assert (await city.post("carl", path, {"generation": 7})).status_code == 400
    shown = (await city.post("carl", path, STEP)).json()
    assert shown["state"] == "delivered"
    assert "E" in shown["points"]
    story = (await city.get("dora", f"/api/orders/{order}")).json()
    assert story["events"][-1]["by"] == {"role": "device", "id": "p-E1"}
    assert story["events"][-1]["data"]["via"] == "carl"


async def test_candidates_explain_themselves(city: City) -> None:
    order = await city.order()
    city.place.put_fix("E1", 30.06, 120.06)
    found = (await city.get("dora", f"/api/orders/{order}/candidates")).json()
    assert [c["crew_id"] for c in found["ranked"]] == ["E1"]
    assert found["ranked"][0]["eta_seconds"] > 0
    assert [c["crew_id"] for c in found["excluded"]] == ["E2"]
    assert found["travel_source"] == "straight_line"


async def test_an_alert_is_acknowledged_once_by_its_own_role(city: City) -> None:
    order = await city.order("dispatched")
    city.place.clock.advance(300)
    await fire_due(city.place.context)
    alerts = (await city.get("dora", "/api/board")).json()["alerts"]
    alert = next(a for a in alerts if a["code"] == "unanswered_crew")
    assert alert["order_id"] == order
    path = f"/api/alerts/{alert['id']}/acknowledge"
    for username in ("wanda", "holly", "carl", "mona", "ada"):
        assert (await city.post(username, path)).status_code == 403
    first = (await city.post("dora", path)).json()
    assert first["acknowledged_by"] == "dora"
    assert (await city.post("dora", path)).json() == first
    assert (await city.post("dora", "/api/alerts/999999/acknowledge")).status_code == 404
    left = (await city.get("dora", "/api/board")).json()["alerts"]
    assert alert["id"] not in [a["id"] for a in left]


async def test_addresses_hold_every_word_in_either_language(city: City) -> None:
    found = (await city.get("holly", "/api/addresses?q=harbour 12")).json()
    assert [a["address"] for a in found] == ["12 Harbour Road"]
    assert len((await city.get("holly", "/api/addresses?q=港口")).json()) == 2
    assert (await city.get("holly", "/api/addresses?q=")).status_code == 400


async def test_the_vocabulary_names_everything_in_both_languages(city: City) -> None:
    words = (await city.get("carl", "/api/vocabulary")).json()
    assert words["states"]["on_scene"] == {"zh": "在场", "en": "On scene"}
    for kind in (
        "states",
        "steps",
        "trades",
        "fault_types",
        "voltages",
        "reasons",
        "channels",
        "owners",
        "centres",
    ):
        assert words[kind], kind
        assert all(set(titles) == {"zh", "en"} for titles in words[kind].values()), kind
    untitled = [
        c for k in ("states", "steps", "trades", "channels") for c, t in words[k].items() if t["zh"] == c
    ]
    assert untitled == []
    assert [s["name"] for s in words["segments"]] == ["AB", "BC", "CD", "DE", "EF", "FG", "GH"]


async def test_health_and_clock_are_open(city: City) -> None:
    client = await city.nobody()
    assert (await client.get("/healthz")).json()["status"] == "ok"
    assert (await client.get("/api/clock")).json()["speed"] == 1.0


async def test_a_database_that_does_not_answer_is_503(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    await city.person("dora")

    async def broken(work: object) -> None:
        raise Unavailable("the database does not answer")

    monkeypatch.setattr(city.place.store, "read", broken)
    answer = await city.get("dora", "/api/board")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")


async def test_an_unknown_failure_says_nothing_of_its_inside(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    await city.person("dora")

    async def broken(work: object) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr(city.place.store, "read", broken)
    answer = await city.get("dora", "/api/board")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "inside" not in answer.text


async def test_a_press_that_met_others_at_the_same_order_is_to_be_sent_again(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await city.order("dispatched")
    await city.person("carl")

    async def contended(work: object, *, quiet: bool = False) -> None:
        raise Contended("others keep changing the same order: try again")

    path = f"/api/crew/orders/{order_id}/acknowledge"
    with monkeypatch.context() as busy:
        busy.setattr(city.place.store, "write", contended)
        answer = await city.post("carl", path, STEP)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "contended")
    assert (await city.post("carl", path, STEP)).status_code == 200
