"""The manager's figures: of local days, the same in every form."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dispatch.adapters.sql.day_sheets import DaySheets
from dispatch.adapters.sql.shortages import SqlShortages
from dispatch.core.saved_view import SavedView
from dispatch.core.shortage import NO_FREE_CREW, Occasion, Scope, open_report
from dispatch.core.types import SYSTEM
from dispatch.services.clocks import fire_due
from dispatch.services.ports import Changes, Loaded
from dispatch.services.steps import Draft
from tests.dispatch.http.conftest import City
from tests.dispatch.organisation import EAST, WEST

DAY = "from=2026-03-02&to=2026-03-02"


async def catch_up(city: City) -> None:
    """What the worker does all the time."""
    await DaySheets(city.place.store, city.place.context).catch_up()


async def test_figures_of_a_day(city: City) -> None:
    await city.order("restored")
    late = await city.order("dispatched", (30.08, 120.08))
    await city.order("at_centre", WEST)
    city.place.clock.advance(46 * 60)
    for _ in range(3):
        await fire_due(city.place.context)
    await catch_up(city)
    found = (await city.get("mona", f"/api/manager/compliance?{DAY}")).json()
    assert (found["orders"], found["arrived"], found["within"]) == (3, 1, 1)
    assert found["within_pct"] == 33.3
    assert [(r["name"], r["orders"], r["within_pct"]) for r in found["by"]["centre"]] == [
        ("east", 2, 50.0), ("west", 1, 0.0)
    ]  # fmt: skip
    assert [s["name"] for s in found["segments"]] == ["AB", "BC", "CD", "DE", "EF", "FG", "GH"]
    gh = found["segments"][-1]
    assert (gh["n"], gh["p50"], gh["median_plus_1min"], gh["limit_s"]) == (1, None, None, 1680.0)
    assert found["total"]["n"] == 1
    owners = {row["owner"]: row for row in found["late_by_owner"]}
    assert owners["repair_centre"]["seconds"] > 0
    assert ("crew", 1) in [(e["watch"], e["rung"]) for e in found["escalations"]]
    rows = (await city.get("mona", f"/api/manager/orders?{DAY}")).json()["orders"]
    assert [r["within"] for r in rows] == [False, False, True]
    assert rows[1]["id"] == late


async def test_days_are_local_days(city: City) -> None:
    city.place.context.zone = ZoneInfo("Asia/Shanghai")
    city.place.clock.advance(14 * 3600 + 600)  # ten past midnight in Shanghai, still the 2nd in UTC
    await city.order("received")
    await catch_up(city)
    assert (await city.get("mona", f"/api/manager/compliance?{DAY}")).json()["orders"] == 0
    found = (await city.get("mona", "/api/manager/compliance?from=2026-03-03&to=2026-03-03")).json()
    assert [row["name"] for row in found["by"]["day"]] == ["2026-03-03"]


async def test_nothing_reported_is_nothing_measured(city: City) -> None:
    found = (await city.get("mona", "/api/manager/compliance?from=2026-01-01&to=2026-01-31")).json()
    assert (found["orders"], found["within_pct"], found["total"]["p50"]) == (0, None, None)


@pytest.mark.parametrize(
    "period",
    ["from=2026-03-02", "from=2026-03-03&to=2026-03-02", "from=x&to=y", "from=2020-01-01&to=2026-01-01"],
)
async def test_a_period_that_is_none_is_refused(city: City, period: str) -> None:
    assert (await city.get("mona", f"/api/manager/compliance?{period}")).status_code == 400


async def test_the_rows_as_csv_are_no_formulas(city: City) -> None:
    await city.order("restored", address="=HYPERLINK(1)")
    await catch_up(city)
    answer = await city.get("mona", f"/api/manager/compliance.csv?{DAY}")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "compliance_2026-03-02_2026-03-02.csv" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0]["address"] == "'=HYPERLINK(1)"
    assert (rows[0]["within"], rows[0]["GH_s"]) == ("true", "30.0")
    assert "over_limits" in rows[0]


async def test_every_number_is_a_list_and_a_filter_narrows_it(city: City) -> None:
    kept = [await city.order("restored"), await city.order("at_centre", WEST)]
    await catch_up(city)
    for more, ids in (
        ("of=within", kept[:1]), ("of=arrived&centre=east", kept[:1]), ("of=arrived&centre=west", []),
        ("crew=", kept[1:]), ("crew=E1", kept[:1]), ("fault=meter&of=all", kept[::-1]), ("of=passed:GH", kept[:1]),
        ("fault=%27%20OR%201=1--", []), ("of=all&offset=1", kept[:1]),
    ):  # fmt: skip
        found = (await city.get("mona", f"/api/manager/orders?{DAY}&{more}")).json()
        assert [row["id"] for row in found["orders"]] == ids, more
    figures = (await city.get("mona", f"/api/manager/compliance?{DAY}&centre=west")).json()
    assert (figures["orders"], figures["wanted"], figures["as_of"] is None) == (1, {"centre": "west"}, False)
    for wrong in ("of=nothing", "hour=x", "day=never", "offset=-1"):
        assert (await city.get("mona", f"/api/manager/orders?{DAY}&{wrong}")).status_code == 400, wrong


async def test_every_hour_without_a_free_crew_opens_its_own_orders_also_under_a_filter(city: City) -> None:
    made = [await city.order("at_centre", place=place, apart=True) for place in (EAST, WEST, EAST)]
    crossed = [await city.order("dispatched", address="2 Lane", apart=True)]
    context = city.place.context

    def nobody(loaded: Loaded, now: datetime) -> Changes[None]:
        draft = Draft(context, loaded, now)
        for order_id in (*made, *crossed):
            centre = draft.order(order_id).centre_id
            scope = Scope(centre, "service").key
            draft.remark(order_id, NO_FREE_CREW, data={"scope": scope}, key=f"{order_id}/{now}")
        return draft.changes(None)

    await context.store.transact(nobody)
    city.place.clock.advance(3600)
    del made[2:]
    await context.store.transact(nobody)
    await fire_due(context)
    await catch_up(city)
    for more in ("", "&centre=east", "&crew=E1", "&crew=", "&area=rural", "&trade=service&centre=west"):
        found = (await city.get("mona", f"/api/manager/compliance?{DAY}{more}")).json()["short_hours"]
        for hour in (2, 3, 4):
            (said,) = [s for s in found if s["hour"] == hour] or [{"orders": 0, "missed": 0}]
            for of, number in ((f"short:{hour}", "orders"), (f"short:{hour}:missed", "missed")):
                listed = (await city.get("mona", f"/api/manager/orders?{DAY}{more}&of={of}")).json()
                assert len(listed["orders"]) == listed["number"] == said[number], (more, of)
        every = (await city.get("mona", f"/api/manager/orders?{DAY}{more}&of=short")).json()["orders"]
        assert max((s["orders"] for s in found), default=0) == len(every), more
    both = (await city.get("mona", f"/api/manager/compliance?{DAY}")).json()["short_hours"]
    assert [(s["hour"], s["orders"]) for s in both] == [(2, 4), (3, 3)]
    assert both[1]["missed"] > 0
    for wrong in ("short:x", "short:3:late", "short:3:missed:x", "shorts"):
        assert (await city.get("mona", f"/api/manager/orders?{DAY}&of={wrong}")).status_code == 400, wrong


async def test_before_the_first_pass_nothing_is_shown_as_measured(city: City) -> None:
    await city.order("restored")
    found = (await city.get("mona", f"/api/manager/compliance?{DAY}")).json()
    assert (found["orders"], found["as_of"]) == (0, None)


async def test_the_workbook_has_the_same_figures_and_no_formula(city: City) -> None:
    await city.order("restored", address="=HYPERLINK(1)")
    await catch_up(city)
    answer = await city.get("mona", f"/api/manager/compliance.xlsx?{DAY}")
    assert "compliance_2026-03-02_2026-03-02.xlsx" in answer.headers["content-disposition"]
    parts = zipfile.ZipFile(io.BytesIO(answer.content))
    sheets = [name for name in parts.namelist() if name.startswith("xl/worksheets/sheet")]
    assert len(sheets) == 16
    text = "".join(parts.read(name).decode() for name in parts.namelist())
    assert "=HYPERLINK(1)" in text
    assert "<f>" not in text
    assert "seconds over segment limits" in text


async def test_late_places_have_minutes_and_nobodys_address(city: City) -> None:
    await city.order("dispatched")
    city.place.clock.advance(50 * 60)
    await catch_up(city)
    ((lat, lon, over),) = (await city.get("mona", f"/api/manager/late?{DAY}")).json()["points"]
    assert (lat, lon) == (30.05, 120.05)
    assert over == pytest.approx(6.0, abs=0.1)


async def test_views_are_ones_own(city: City) -> None:
    view = {"name": "East, a week", "query": {"days": "7", "centre": "east"}}
    made = (await city.post("mona", "/api/manager/views", view)).json()
    again = (await city.post("mona", "/api/manager/views", {**view, "query": {"days": "30"}})).json()
    assert (again["id"], again["query"]) == (made["id"], {"days": "30"})
    (shown,) = (await city.get("mona", "/api/manager/views")).json()["views"]
    assert (shown["name"], shown["every"]) == ("East, a week", "")
    assert (await city.get("ada", "/api/manager/views")).json()["views"] == []
    ada, mona = await city.person("ada"), await city.person("mona")
    assert (await ada.delete(f"/api/manager/views/{made['id']}")).status_code == 404
    assert (await mona.delete(f"/api/manager/views/{made['id']}")).status_code == 200
    for wrong in (
        {"query": {"password": "x"}},
        {"every": "day"},
        {"every": "hour"},
        {"hour": 24},
        {"name": ""},
    ):
        assert (await city.post("mona", "/api/manager/views", view | wrong)).status_code == 400, wrong
    for other in ("dora", "holly", "carl"):
        assert (await city.get(other, "/api/manager/views")).status_code == 403


async def test_a_view_says_that_its_letters_reach_nobody(city: City) -> None:
    await city.services.saved.save(SavedView(0, "mona", "East", {}, "day", 7, (9,), "2026-03-01"))
    await city.services.saved.save(SavedView(0, "mona", "West", {}))
    views = (await city.get("mona", "/api/manager/views")).json()["views"]
    assert [(one["name"], one["to_nobody"]) for one in views] == [("East", True), ("West", False)]


async def test_a_shortage_report_is_followed_up_on_the_managers_desk(city: City) -> None:
    scope, now = Scope("east", "service", "d-east"), city.place.clock.now()
    evidence = (Occasion(scope, "W1", now, missed=True),)
    made = await SqlShortages(city.place.store).save(open_report(scope, evidence, SYSTEM, now))
    path = f"/api/manager/shortages/{made.id}"
    (shown,) = (await city.get("mona", "/api/manager/shortages")).json()["reports"]
    assert shown["leaders"] == [{"name": "Leader", "phone": "+861000002"}]
    assert shown["evidence"][0]["order_id"] == "W1"
    assert (await city.post("mona", f"{path}/close", {"text": "done"})).status_code == 409
    until = (now + timedelta(days=3)).isoformat()
    assert (await city.post("mona", f"{path}/take-up", {"text": "hire", "until": "soon"})).status_code == 400
    taken = (await city.post("mona", f"{path}/take-up", {"text": "hire", "until": until})).json()
    assert (taken["state"], taken["steps"][-1]["by"]["id"]) == ("taken_up", "mona")
    assert (await city.post("mona", f"{path}/note", {"text": "two applied"})).status_code == 200
    assert (await city.post("mona", f"{path}/close", {"text": "hired"})).json()["state"] == "closed"
    assert (await city.post("mona", "/api/manager/shortages/none/note", {"text": "x"})).status_code == 404
    for other in ("dora", "holly", "carl"):
        assert (await city.get(other, "/api/manager/shortages")).status_code == 403
    noted = [row["subject"] for row in (await city.get("ada", "/api/admin/audit")).json()]
    assert noted.count(made.id) == 4
