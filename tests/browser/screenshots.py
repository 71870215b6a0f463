"""`python -m tests.browser.screenshots`: the pictures of docs/images, and of every page for who looks at them all.

    python -m tests.browser.screenshots                     the hotline, a crew and a manager on a busy evening
    python -m tests.browser.screenshots every FOLDER        every page, in both languages, sizes and themes
    python -m tests.browser.screenshots demo ADDRESS DATA   the control room of a running demonstration, its data folder

The evening is that of `busy_evening`; in the demonstration a busy moment of one repair centre is made through the
HTTP interface.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import APIRequestContext, Browser, Page, Playwright, ViewportSize, sync_playwright
from shapely import Point, STRtree
from shapely.geometry import shape

from tests.browser.busy_evening import PAGES, WEEK, Evening, busy_evening
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.dispatch.organisation import PASSWORD

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZE: ViewportSize = {"width": 1366, "height": 768}
PHONE: ViewportSize = {"width": 360, "height": 740}
WALL: ViewportSize = {"width": 3840, "height": 2160}
LANGUAGES = ("en", "zh-CN")
LARGEST, QUALITY = 150_000, 80
SETTLED_MS = 1500
FIRST, SECOND = 4, 2
"""Calls that are under way in the picture, and calls that have just come."""
FAULTS = ("service_drop", "low_voltage_line", "meter", "transformer", "cable")
UNDER_WAY, FRESH = {"en_route"}, {"at_centre", "dispatched", "delivered", "acknowledged"}
PATIENCE_MS = 180_000


def of_the_evening() -> None:
    """The hotline, a crew and a manager, for docs/images."""
    with (
        TemporaryDirectory() as folder,
        busy_evening(Path(folder)) as evening,
        sync_playwright() as playwright,
    ):
        browser = _browser(playwright)
        for language in LANGUAGES:
            for username, path, size in (
                ("holly", "/hotline", SIZE), ("carl", "/crew", PHONE), ("mona", f"/manager?{WEEK}", SIZE),
            ):  # fmt: skip
                page = _person(browser, evening, username, size, locale=language, color_scheme="light")
                page.goto(f"{evening.centre.address}{path}")
                page.wait_for_timeout(SETTLED_MS)
                if username == "holly":
                    page.locator("[data-pile=running]").click()
                _keep(page, f"{_name(path)}-{language}")
        browser.close()


def every(folder: Path) -> None:
    """Each page as a file named by path, language, width and theme; those that are wider than their screen are told."""
    folder.mkdir(parents=True, exist_ok=True)
    looks = [(size, theme) for size in (SIZE, PHONE) for theme in ("light", "dark")] + [(WALL, "dark")]
    with TemporaryDirectory() as data, busy_evening(Path(data)) as evening, sync_playwright() as playwright:
        browser = _browser(playwright)
        for language in LANGUAGES:
            for size, theme in looks:
                for username in PAGES:
                    page = _person(browser, evening, username, size, locale=language, color_scheme=theme)
                    for path in (path for who, path in evening.pages() if who == username):
                        page.goto(f"{evening.centre.address}{path}")
                        page.wait_for_timeout(SETTLED_MS)
                        file = f"{_name(path)}-{username}-{language}-{size['width']}-{theme}.png"
                        page.screenshot(path=folder / file, full_page=True)
                        if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
                            sys.stdout.write(f"{file}: wider than the screen\n")
                    page.context.close()
        browser.close()


def of_the_demonstration(address: str, data: Path) -> None:
    """Make the moment, take the picture."""
    people = json.loads((data / "demo.json").read_text(encoding="utf-8"))["people"]
    with sync_playwright() as playwright:
        hotline = _signed_in(playwright, address, _first(people, "hotline"))
        dispatcher = _signed_in(playwright, address, _first(people, "dispatcher"))
        places = _places(dispatcher, data / "city" / "gazetteer.csv")
        browser = _browser(playwright)
        pages = {one: _control_room(browser, address, _first(people, "dispatcher"), one) for one in LANGUAGES}
        for number in range(FIRST):
            _call(hotline, next(places), FAULTS[number % len(FAULTS)])
        _wait(pages["en"], dispatcher, UNDER_WAY, FIRST - 2)
        for number in range(SECOND):
            _call(hotline, next(places), FAULTS[number])
        _wait(pages["en"], dispatcher, FRESH, 1)
        for language, page in pages.items():
            _select(page, dispatcher)
            _keep(page, f"control-room-{language}")
        browser.close()


def _browser(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


def _person(browser: Browser, evening: Evening, username: str, size: ViewportSize, **look: Any) -> Page:
    context = browser.new_context(viewport=size, **look)
    if username:
        body = {"username": username, "password": PASSWORD}
        assert context.request.post(f"{evening.centre.address}/api/session", data=body).ok
    return context.new_page()


def _name(path: str) -> str:
    return re.sub(r"W\d+-\w+", "order", path.partition("?")[0]).strip("/").replace("/", "-")


def _keep(page: Page, name: str) -> None:
    """As WebP, which Chromium itself makes: less than half of a PNG."""
    file = IMAGES / f"{name}.webp"
    file.parent.mkdir(parents=True, exist_ok=True)
    chromium = page.context.new_cdp_session(page)
    shot = chromium.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    size = file.write_bytes(b64decode(shot["data"]))
    sys.stdout.write(f"{file}: {size} bytes\n")
    if size > LARGEST:
        raise SystemExit(f"larger than {LARGEST} bytes")


def _first(people: list[dict[str, Any]], role: str) -> dict[str, Any]:
    return next(one for one in people if one["role"] == role)


def _signed_in(playwright: Playwright, address: str, person: dict[str, Any]) -> APIRequestContext:
    api = playwright.request.new_context(base_url=address)
    body = {name: person[name] for name in ("username", "password")}
    assert api.post("/api/session", data=body).ok, f"{person['username']} cannot sign in"
    return api


def _places(dispatcher: APIRequestContext, gazetteer: Path) -> Iterator[dict[str, str]]:
    """Addresses of the dispatcher's own territories."""
    features = dispatcher.get("/api/territories").json()["features"]
    own = STRtree([shape(one["geometry"]) for one in features if one["properties"]["own"]])
    with gazetteer.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    Random(45).shuffle(rows)
    return (
        row for row in rows if len(own.query(Point(float(row["lon"]), float(row["lat"])), predicate="within"))
    )


def _call(hotline: APIRequestContext, place: dict[str, str], fault: str) -> None:
    voltage = "lv" if fault in {"service_drop", "meter", "low_voltage_line"} else "10kv"
    body = {
        "channel": "phone", "address": place["address"], "lat": float(place["lat"]), "lon": float(place["lon"]),
        "fault_type": fault, "voltage": voltage, "customer_name": "Chen Lan 陈岚", "customer_phone": "861055600000",
        "description": "the whole house is dark",
    }  # fmt: skip
    answer = hotline.post("/api/calls", data=body)
    assert answer.ok, answer.text()
    hotline.post(f"/api/orders/{answer.json()['order_id']}/send", data={})


def _control_room(browser: Browser, address: str, person: dict[str, Any], language: str) -> Page:
    page = browser.new_context(viewport=SIZE, locale=language, color_scheme="light").new_page()
    page.goto(f"{address}/sign-in")
    page.fill("#username", person["username"])
    page.fill("#password", person["password"])
    page.press("#password", "Enter")
    page.wait_for_url("**/control-room")
    return page


def _wait(page: Page, dispatcher: APIRequestContext, states: set[str], least: int) -> None:
    for _ in range(PATIENCE_MS // 500):
        if sum(one["state"] in states for one in _board(dispatcher)["orders"]) >= least:
            return
        page.wait_for_timeout(500)
    raise SystemExit(f"no {least} orders in {sorted(states)}: is the demonstration running?")


def _board(dispatcher: APIRequestContext) -> dict[str, Any]:
    found: dict[str, Any] = dispatcher.get("/api/board").json()
    return found


def _select(page: Page, dispatcher: APIRequestContext) -> None:
    """An order whose crew is under way, without alerts in the way."""
    board = _board(dispatcher)
    for alert in board["alerts"]:
        if not alert["acknowledged_at"]:
            dispatcher.post(f"/api/alerts/{alert['id']}/acknowledge", data={})
    moving = {f"row-{one['id']}" for one in board["orders"] if one["state"] in UNDER_WAY}
    rows: list[str] = page.locator(".row").evaluate_all("rows => rows.map(row => row.id)")
    page.locator(f"#{next((row for row in rows if row in moving), rows[0])}").click()
    page.locator("#board").evaluate("board => board.scrollTo(0, 0)")
    page.wait_for_timeout(1500)


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            of_the_evening()
        case ["every", folder]:
            every(Path(folder))
        case ["demo", address, data]:
            of_the_demonstration(address.rstrip("/"), Path(data))
        case _:
            raise SystemExit(__doc__)
