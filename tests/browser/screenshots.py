"""`python -m tests.browser.screenshots http://127.0.0.1:8045 ./var`: the pictures of docs/images.

From a running demonstration (its address, its data folder): a busy moment of one repair centre is made through the
HTTP interface, then its control room is photographed.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from playwright.sync_api import APIRequestContext, Browser, Page, Playwright, ViewportSize, sync_playwright
from shapely import Point, STRtree
from shapely.geometry import shape

from tests.browser.conftest import CHROMIUM, FLAGS

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZE: ViewportSize = {"width": 1366, "height": 768}
LARGEST = 400_000
FIRST, SECOND = 4, 2
"""Calls that are under way in the picture, and calls that have just come."""
FAULTS = ("service_drop", "low_voltage_line", "meter", "transformer", "cable")
UNDER_WAY, FRESH = {"en_route"}, {"at_centre", "dispatched", "delivered", "acknowledged"}
PATIENCE_MS = 180_000


def main(address: str, data: Path) -> None:
    """Make the moment, take the picture."""
    people = json.loads((data / "demo.json").read_text(encoding="utf-8"))["people"]
    with sync_playwright() as playwright:
        hotline = _signed_in(playwright, address, _first(people, "hotline"))
        dispatcher = _signed_in(playwright, address, _first(people, "dispatcher"))
        places = _places(dispatcher, data / "city" / "gazetteer.csv")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = _control_room(browser, address, _first(people, "dispatcher"))
        for number in range(FIRST):
            _call(hotline, next(places), FAULTS[number % len(FAULTS)])
        _wait(page, dispatcher, UNDER_WAY, FIRST - 2)
        for number in range(SECOND):
            _call(hotline, next(places), FAULTS[number])
        _wait(page, dispatcher, FRESH, 1)
        _select(page, dispatcher)
        file = IMAGES / "control-room.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=file)
        browser.close()
    size = file.stat().st_size
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


def _control_room(browser: Browser, address: str, person: dict[str, Any]) -> Page:
    page = browser.new_context(viewport=SIZE, locale="en", color_scheme="light").new_page()
    page.goto(f"{address}/sign-in?lang=en")
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
    main(sys.argv[1].rstrip("/"), Path(sys.argv[2]))
