"""Planned outages at the administrator's desk, on both databases; the hotline's desk shows what is true at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.dispatch.http.conftest import City, call
from tests.dispatch.http.test_admin_desk import audit

PATH = "/api/admin/planned-outages"
LIST = "/api/admin/lists/planned-outages"
HEAD = "id,from,to,reason,territory,polygon,addresses\n"
ENTRY = {
    "id": "PO-1", "from": "", "to": "", "reason": "line work", "territory": "east-land", "polygon": "", "addresses": "",
}  # fmt: skip


@pytest.fixture
def city(either_city: City) -> City:
    return either_city


def _entry(city: City, begins: float = -1, lasts: float = 2, **more: str) -> dict[str, str]:
    """An outage that begins so many hours from now."""
    at = city.place.clock.now().astimezone(city.place.context.zone) + timedelta(hours=begins)
    times = {"from": at, "to": at + timedelta(hours=lasts)}
    return {**ENTRY, **{k: v.strftime("%Y-%m-%d %H:%M") for k, v in times.items()}, **more}


async def _put(city: City, was: Any, entry: dict[str, str], by: str = "ada") -> Any:
    return await (await city.person(by)).put(PATH, json={"was": was, "entry": entry})


async def _add(city: City, begins: float = -1, lasts: float = 2, **more: str) -> dict[str, Any]:
    answer = await _put(city, None, _entry(city, begins, lasts, **more))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def _look(city: City, query: str = "") -> list[tuple[str, str]]:
    found = (await city.get("ada", f"{PATH}?{query}")).json()["outages"]
    return [(one["id"], one["state"]) for one in found]


async def _at_the_hotline(city: City) -> list[tuple[str, str]]:
    found = (await city.get("holly", "/api/planned-outages")).json()["outages"]
    return [(one["id"], one["reason"]) for one in found]


async def test_an_outage_is_planned_changed_extended_and_called_off_and_the_hotline_sees_it(
    city: City,
) -> None:
    made = await _add(city)
    assert (made["state"], made["id"]) == ("under_way", "PO-1")
    assert await _at_the_hotline(city) == [("PO-1", "line work")]
    assert (await city.post("holly", "/api/calls", call())).status_code == 409
    longer = made["entry"] | {"to": _entry(city, lasts=5)["to"], "reason": "a new cable"}
    del longer["called_off"]
    changed = (await _put(city, made["entry"], longer)).json()
    assert await _at_the_hotline(city) == [("PO-1", "a new cable")]
    off = (await city.post("ada", f"{PATH}/call-off", {"was": changed["entry"]})).json()
    assert off["state"] == "called_off"
    assert await _at_the_hotline(city) == []
    assert (await city.post("holly", "/api/calls", call())).status_code == 201, (
        "the place is not dark by plan"
    )
    rows = await audit(city)
    assert [(r["by_id"], r["action"], r["subject"]) for r in rows[:3]] == [
        ("ada", "call_off_planned_outages", "PO-1"), ("ada", "change_planned_outages", "PO-1"), ("ada", "add_planned_outages", "PO-1"),
    ]  # fmt: skip
    assert rows[1]["data"]["reason"] == ["line work", "a new cable"]
    again = await _put(city, off["entry"], longer)
    assert (again.status_code, again.json()["error"]["facts"]["why"]) == (409, "outage_called_off")


async def test_one_that_ends_early_answers_no_call_any_more(city: City) -> None:
    made = await _add(city)
    answer = await city.post("ada", f"{PATH}/end", {"was": made["entry"]})
    assert answer.json()["state"] == "over"
    assert await _at_the_hotline(city) == []
    again = await city.post("ada", f"{PATH}/end", {"was": answer.json()["entry"]})
    assert (again.status_code, again.json()["error"]["facts"]["why"]) == (409, "not_under_way")


async def test_one_with_as_many_addresses_as_a_list_may_have_can_be_ended(city: City) -> None:
    """A page shows them with blanks between: longer than they came."""
    entry = _entry(city)
    row = ["PO-9", entry["from"], entry["to"], "r", "", "", "|".join(f"{n} Long Lane" for n in range(1_380))]
    assert 19_000 < len(row[-1]) <= 20_000
    seen = (await city.post("ada", LIST, {"text": HEAD + ",".join(row) + "\n"})).json()
    assert seen["faults"] == []
    await city.post("ada", LIST, {"text": HEAD + ",".join(row) + "\n", "seen": seen["seen"]})
    (shown,) = (await city.get("ada", PATH)).json()["outages"]
    longer = {k: v for k, v in shown["entry"].items() if k != "called_off"} | {
        "to": _entry(city, lasts=5)["to"]
    }
    shown = (await _put(city, shown["entry"], longer)).json()
    exported = (await city.get("ada", f"{LIST}.csv")).content.decode("utf-8-sig")
    again = (await city.post("ada", LIST, {"text": exported})).json()
    assert (again["faults"], again["same"]) == ([], 1)
    assert (await city.post("ada", f"{PATH}/end", {"was": shown["entry"]})).json()["state"] == "over"
    row[-1] *= 2
    fault = (await city.post("ada", LIST, {"text": HEAD + ",".join(row) + "\n"})).json()["faults"][0]
    assert (fault["line"], fault["column"], fault["name"]) == (2, 7, "addresses")


async def test_of_two_administrators_at_one_outage_the_second_learns_who_was_first(city: City) -> None:
    made = await _add(city)
    taken = await _put(city, None, _entry(city))
    assert (taken.status_code, taken.json()["error"]["facts"]) == (409, {"why": "taken", "id": "PO-1"})
    entries = [_entry(city, reason=f"reason {n}") for n in range(2)]
    both = await asyncio.gather(*(_put(city, made["entry"], one) for one in entries))
    assert sorted(one.status_code for one in both) == [200, 409]
    lost = next(one for one in both if one.status_code == 409).json()["error"]
    assert (lost["code"], lost["facts"]["who"]) == ("conflict", "ada")
    late = await city.post("ada", f"{PATH}/call-off", {"was": made["entry"]})
    assert late.status_code == 409, "nobody calls off what has become another one"
    gone = await city.post("ada", f"{PATH}/end", {"was": made["entry"] | {"id": "PO-9"}})
    assert gone.status_code == 409


@pytest.mark.parametrize(
    ("wrong", "field", "why"),
    [
        ({"from": "noon"}, "from", "instant"), ({"to": "2026-03-01 08:00"}, "to", "ends_first"), ({"reason": " "}, "reason", "required"),
        ({"territory": "moon"}, "territory", "reference"), ({"territory": ""}, "territory", "where"), ({"polygon": "1 2 3"}, "polygon", "polygon"),
        ({"from": "2020-01-01 00:00", "to": "2020-01-02 00:00"}, "to", "ends_past"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_by_its_field(
    city: City, wrong: dict[str, str], field: str, why: str
) -> None:
    answer = await _put(city, None, {**_entry(city), **wrong})
    assert answer.status_code == 400
    facts = answer.json()["error"]["facts"]
    assert (facts["field"], facts["why"]) == (field, why)
    assert await _look(city, "state=all") == []


async def test_outages_are_looked_through_by_state_and_by_words(city: City) -> None:
    for begins, outage_id in ((-9, "over"), (-1, "running"), (5, "coming"), (6, "off")):
        lasts = 2 if begins > -9 else 9.5
        made = await _add(city, begins, lasts, id=outage_id, addresses=f"{outage_id} 港口路12号")
        if outage_id == "over":
            await city.post("ada", f"{PATH}/end", {"was": made["entry"]})
        if outage_id == "off":
            await city.post("ada", f"{PATH}/call-off", {"was": made["entry"]})
    assert await _look(city) == [("running", "under_way"), ("coming", "coming")]
    city.place.clock.advance(1)
    assert await _look(city, "state=over") == [("over", "over")]
    assert await _look(city, "state=called_off") == [("off", "called_off")]
    assert [one for one, _ in await _look(city, "state=all")] == ["off", "coming", "running", "over"]
    assert await _look(city, "state=all&q=COMING 路１２") == [("coming", "coming")]
    assert await _look(city, "state=all&q=nowhere") == []
    city.place.clock.advance(5 * 3600)
    assert await _look(city) == [("coming", "under_way")]


async def test_a_list_goes_out_and_in_with_faults_by_line_and_column(city: City) -> None:
    made = await _add(city, id="PO-1")
    await _add(city, 5, id="PO-2", addresses="=3 Hill Lane")
    text = (await city.get("ada", f"{LIST}.csv")).content.decode("utf-8-sig")
    assert "'=3 Hill Lane" in text
    same = (await city.post("ada", LIST, {"text": f"\ufeff{text}"})).json()
    assert (same["faults"], same["new"], same["changed"], same["same"]) == ([], [], [], 2)
    bad = text + "PO-3,2026-03-02 09:00,2026-03-02 08:00,r,east-land,,\nPO-4,noon,2026-03-02 08:00,r,moon,,\n"
    found = (await city.post("ada", LIST, {"text": bad})).json()["faults"]
    assert [(f["line"], f["column"], f["name"], f["code"], f["value"]) for f in found] == [
        (4, 3, "to", "ends_first", "2026-03-02 08:00"), (5, 2, "from", "instant", "noon"), (5, 5, "territory", "reference", "moon"),
    ]  # fmt: skip
    other = (
        text.replace("line work", "new cable", 1) + "PO-3,2026-03-09 08:00,2026-03-09 09:00,r,east-land,,\n"
    )
    seen = (await city.post("ada", LIST, {"text": other})).json()
    assert (seen["new"], seen["changed"], seen["done"]) == (["PO-3"], ["PO-1"], False)
    assert len(await _look(city)) == 2, "a rehearsal changes nothing"
    done = (await city.post("ada", LIST, {"text": other, "seen": seen["seen"]})).json()
    assert done["done"] is True
    assert ("PO-1", "new cable") in await _at_the_hotline(city)
    rows = await audit(city)
    assert [(r["action"], r["subject"]) for r in rows[:3]] == [
        ("add_planned_outages", "PO-3"), ("change_planned_outages", "PO-1"), ("import_planned_outages", ""),
    ]  # fmt: skip
    late = await _put(city, made["entry"], _entry(city))
    assert late.json()["error"]["facts"]["who"] == "ada", "also where a list was first"


async def test_a_list_that_somebody_else_was_quicker_than_is_looked_at_again(city: City) -> None:
    made = await _add(city)
    text = (await city.get("ada", f"{LIST}.csv")).content.decode("utf-8-sig").replace("line work", "cable")
    seen = (await city.post("ada", LIST, {"text": text})).json()["seen"]
    await city.post("ada", f"{PATH}/call-off", {"was": made["entry"]})
    answer = await city.post("ada", LIST, {"text": text, "seen": seen})
    found = answer.json()["faults"]
    assert [(f["line"], f["column"], f["code"]) for f in found] == [(2, 1, "outage_called_off")]
    missing = (await city.post("ada", LIST, {"text": "id,from\n"})).json()["faults"]
    assert [(f["line"], f["name"], f["code"]) for f in missing] == [(1, "to", "missing_column")]
    await _add(city, 5, id="PO-2")
    text = (await city.get("ada", f"{LIST}.csv")).content.decode("utf-8-sig").replace("line work", "cable")
    seen = (await city.post("ada", LIST, {"text": text})).json()["seen"]
    other = (await city.get("ada", PATH)).json()["outages"][0]["entry"]
    await _put(city, other, _entry(city, 5, id="PO-2", reason="mast"))
    answer = await city.post("ada", LIST, {"text": text, "seen": seen})
    assert (answer.status_code, answer.json()["error"]["facts"]["why"]) == (409, "looked")


@pytest.mark.parametrize("who", ["holly", "dora", "mona", "carl"])
async def test_planned_outages_are_changed_by_administrators_alone(city: City, who: str) -> None:
    made = await _add(city)
    was = {"was": made["entry"]}
    answers = [
        await _put(city, made["entry"], _entry(city), by=who), await city.get(who, PATH), await city.get(who, f"{LIST}.csv"),
        *[await city.post(who, path, body) for path, body in ((f"{PATH}/end", was), (f"{PATH}/call-off", was), (LIST, {"text": ""}))],
    ]  # fmt: skip
    assert [one.status_code for one in answers] == [403] * 6
