"""Monday's review: a manager looks at the week, goes from a number to an order, keeps the view, takes a report along."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from dispatch.core.types import Point
from dispatch.core.work_order import WorkOrder
from map_ui.report import standalone
from map_ui.report_words import names
from tests.browser.conftest import Visit
from tests.browser.served import Served
from tests.dispatch.sql.test_day_sheets import keep, random_order

WEEK = "from=2026-02-24&to=2026-03-02"


@pytest.fixture
def week(centre: Served) -> Served:
    """A hundred and fifty orders, measured."""
    chance = Random(7)
    orders = [_placed(random_order(n, chance), chance) for n in range(150)]
    centre.do(keep(centre.place.store, *orders))
    centre.place.clock.advance(86_400)
    centre.measure()
    return centre


def _placed(order: WorkOrder, chance: Random) -> WorkOrder:
    place = Point(30.05 + chance.gauss(0, 0.02), 120.05 + chance.gauss(0, 0.03))
    return replace(order, facts=replace(order.facts, place=place))


def test_mondays_review(visit: Visit, week: Served) -> None:
    page = visit().sign_in("mona")
    page.goto(f"{week.address}/manager?{WEEK}")
    expect(page.locator("body[data-painted]")).to_be_attached()
    expect(page.locator("#freshness")).to_contain_text("judgeable")
    assert (
        page.locator("#chart-days canvas").evaluate(
            "c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
        )
        > 5
    )

    page.select_option("#range [name=centre]", "east")
    expect(page.locator("body[data-painted*='centre=east']")).to_be_attached()
    late = page.locator("#report tr", has_text="GH").locator("td.number a").last
    number = int(late.inner_text())
    assert number > 0
    late.click()
    expect(page.locator("#what")).to_contain_text("Orders over the limit of GH")
    expect(page.locator("#orders tbody tr")).to_have_count(number)
    page.locator("#orders tbody tr a").first.click()
    expect(page.locator(".intervals")).to_be_visible()
    page.go_back()
    expect(page.locator("#orders tbody tr")).to_have_count(number)
    page.locator("#back").click()
    expect(page.locator("#range [name=centre]")).to_have_value("east")

    page.locator("#views summary").click()
    page.fill("#views [name=name]", "East, every week")
    page.locator("#views [type=submit]").click()
    page.goto(f"{week.address}/manager?{WEEK}")
    page.get_by_role("button", name="East, every week", exact=True).click()
    expect(page.locator("body[data-painted*='centre=east']")).to_be_attached()

    page.locator(".late-places").scroll_into_view_if_needed()
    expect(page.locator("#late-map[data-points]")).to_be_attached()
    assert int(page.locator("#late-map").get_attribute("data-points") or 0) > 0
    for name in ("csv", "xlsx", "standalone"):
        with page.expect_download() as download:
            page.locator(f"#{name}").click()
        assert Path(download.value.path()).stat().st_size > 500
    page.goto(f"{week.address}/manager?from=2026-01-01&to=2026-01-02")
    expect(page.locator("#report")).to_contain_text("No orders were reported")
    expect(page.locator("#late-places")).to_be_hidden()
    page.set_viewport_size({"width": 1200, "height": 700})
    page.wait_for_timeout(600)  # Leaflet hears of it after 200 ms: nothing fails
    page.goto(f"{week.address}/manager?{WEEK}")
    expect(page.locator("body[data-painted]")).to_be_attached()
    page.emulate_media(media="print")
    expect(page.locator(".exports")).to_be_hidden()
    expect(page.locator("#chart-days")).to_be_visible()


def test_a_report_of_ten_thousand_late_places_opens_from_a_disk_with_no_network(
    chromium: Browser, week: Served, tmp_path: Path
) -> None:
    found, chance = week.do(_reviewed(week)), Random(1)
    points = [
        (
            round(chance.gauss(30.05, 0.05), 5),
            round(chance.gauss(120.05, 0.05), 5),
            round(chance.uniform(0, 90), 1),
        )
        for _ in range(10_000)
    ]
    for language, shown in (("en", points), ("zh-CN", points[:1])):  # one place alone has a map as well
        file = tmp_path / f"report-{language}.html"
        text = standalone(found, shown, week.place.context, language, _streets())
        file.write_text(text, encoding="utf-8")
        assert len(gzip.compress(file.read_bytes())) <= 1_000_000
        context = chromium.new_context(offline=True)
        page = context.new_page()
        asked: list[str] = []
        said: list[str] = []
        _listen(page, asked, said)
        page.goto(file.as_uri())
        expect(page.locator("canvas.leaflet-heatmap-layer")).to_be_visible()
        page.wait_for_timeout(300)
        painted = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0)"
        assert page.locator("canvas.leaflet-heatmap-layer").evaluate(painted)
        assert page.locator(".leaflet-overlay-pane > canvas:not(.leaflet-heatmap-layer)").evaluate(painted)
        expect(page.locator(".land-name")).to_have_text(["east-land", "west-land"])
        assert (asked, said) == ([file.as_uri()], [])
        _says_what_people_say(page, language)
        context.close()
    assert "W0" not in text
    named = names(week.place.context, "zh-CN")
    wanted = (
        ("watch", "crew", "班组看守"),
        ("hour", "07", "07 时"),
        ("crew", "E1", "E1班"),
        ("fault", "own", "own"),
    )
    assert [named(kind, code) for kind, code, _ in wanted] == [said for _, _, said in wanted]


def _streets() -> dict[str, Any]:
    """A grid of 20,000 pieces of streets, every tenth street a major one: as many as a city has."""
    lines = [
        (n % 10 == 0, [[119.9 + a * 0.002, 29.95 + n * 0.002], [119.9 + (a + 1) * 0.002, 29.95 + n * 0.002]])
        for n in range(100)
        for a in range(200)
    ]
    return {"features": [
        {"properties": {"speed_kmh": 60.0 if major else 40.0}, "geometry": {"type": "LineString", "coordinates": line}}
        for major, line in lines
    ]}  # fmt: skip


def _says_what_people_say(page: Page, language: str) -> None:
    """What has no centre, crew or cause yet says so, and no code stands where there is a word for it."""
    first = page.locator("tbody td:first-child").all_inner_texts()
    assert {"", "–", "centre", "crew", "hotline", "hand", "0", "00"} & set(first) == set()
    wanted = {"en": ("Not recorded", "No crew yet"), "zh-CN": ("未填写", "尚无班组")}[language]
    assert set(wanted) <= set(first)
    said = page.locator("p.soft").first.inner_text()
    assert {"en": "Repair centre: East", "zh-CN": "报修中心"}[language] in said


def _listen(page: Page, asked: list[str], said: list[str]) -> None:
    """Every request, and every complaint."""
    page.on("request", lambda r: asked.append(r.url))
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: said.append(str(e)))


async def _reviewed(week: Served) -> Any:
    from dispatch.adapters.sql.histories import SqlHistories
    from dispatch.adapters.sql.shortages import SqlShortages
    from dispatch.services.review import Period, review

    context, store = week.place.context, week.place.store
    today = context.clock.now().date()
    period = Period(today - timedelta(days=7), today, {"centre": "east"})
    return await review(context, SqlHistories(store, context), SqlShortages(store), period)
