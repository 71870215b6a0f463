"""A network without the world outside: every page works, asks nobody else, and may run nothing that is not ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, Route
from rich.progress import Progress

from dispatch.core.types import Actor, Point
from dispatch.services import hotline
from map_ui.app import PageServices, mount, same_host
from map_ui.basemap.build import make
from map_ui.basemap.chosen import FILE
from tests.browser.conftest import Visitor
from tests.browser.served import HOST, Served, served
from tests.browser.tile_server import tile_server
from tests.dispatch.organisation import EAST
from tests.map_ui.basemap.town import town

NO_PAGES = {"/", "/sw.js", "/crew.webmanifest", "/manager/report.html", "/basemap/{version}.pmtiles"}
PEOPLE = {
    "/crew": "carl",
    "/manager": "mona",
    "/admin": "ada",
    "/alerts": "ada",
    "/hotline": "holly",
    "/control-room": "dora",
}
DAYS = "?from=2026-03-01&to=2026-03-02"
BEIJING = ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657))
"""WGS-84 and GCJ-02 of one place, as the tests of the open-source converter eviltransform give them."""


def _pages() -> list[str]:
    """Every page that there is: a new one cannot be forgotten."""

    async def nobody(request: Any) -> None:
        return None

    async def none(order_id: str) -> bool:
        return False

    app, before = FastAPI(), {getattr(r, "path", "") for r in FastAPI().routes}
    mount(app, PageServices(person_of=nobody, live_origin=same_host(1), territories=dict, has_order=none))
    paths = {getattr(r, "path", "") for r in app.routes if getattr(r, "methods", None)}
    return sorted(paths - before - NO_PAGES)


class Watch:
    """Everything that a browser asks for; what does not come from us is refused, and noted."""

    def __init__(self, chromium: Browser, place: Served, more: str = "") -> None:
        self.foreign: list[str] = []
        self.problems: list[str] = []
        self._ours = {f"{HOST}:{place.port}", f"{HOST}:{place.line.port}", more}
        self.context = chromium.new_context(locale="en", viewport={"width": 1366, "height": 768})
        self.context.route("**/*", self._pass)
        self.page = self.context.new_page()
        self.page.on("websocket", lambda socket: self._note(socket.url))
        self.page.on("console", lambda m: self.problems.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.problems.append(str(e)))
        self.visitor = Visitor(self.page, place.address, self.problems)

    def _pass(self, route: Route) -> None:
        if self._note(route.request.url):
            route.fallback()
        else:
            route.abort()

    def _note(self, url: str) -> bool:
        ours = urlsplit(url).netloc in self._ours or url.startswith(("data:", "blob:"))
        if not ours:
            self.foreign.append(url)
        return ours

    def open(self, path: str) -> None:
        """A page, until it has come to rest; its policy is looked at."""
        answer = self.page.goto(self.visitor.address + path)
        assert answer is not None
        assert answer.status == 200, path
        assert urlsplit(self.page.url).path == urlsplit(path).path, f"{path} led to {self.page.url}"
        _strict(answer.headers["content-security-policy"], answer.text())
        self.page.wait_for_load_state("load")
        self.page.wait_for_timeout(700)


@contextmanager
def _watched(chromium: Browser, place: Served, more: str = "") -> Iterator[Watch]:
    watch = Watch(chromium, place, more)
    try:
        yield watch
    finally:
        watch.context.close()


def _strict(policy: str, text: str) -> None:
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == "'none'"
    nonce = re.fullmatch(r"'self' 'nonce-([\w-]{20,})'", parts["script-src"])
    assert nonce, parts["script-src"]
    assert "unsafe" not in policy
    assert "*" not in policy
    for tag in re.findall(r"<script[^>]*>", text):
        assert f'nonce="{nonce[1]}"' in tag or 'type="application/json"' in tag, tag


def test_every_page_works_with_all_foreign_requests_refused(chromium: Browser, tmp_path: Path) -> None:
    pages = _pages()
    assert len(pages) > 15
    with served(tmp_path) as place:
        order = place.do(_call(place)).order_id
        for who in sorted(set(PEOPLE.values())):
            with _watched(chromium, place) as watch:
                watch.open("/sign-in")
                watch.visitor.sign_in(who)
                for pattern in pages:
                    if _whose(pattern) != who:
                        continue
                    path = pattern.replace("{order_id}", order).replace("{device_id}", "t-E1")
                    watch.open(path + DAYS * (path == "/manager/orders"))
                    assert watch.page.locator("main").inner_text().strip(), pattern
                assert watch.foreign == []
                assert watch.problems == [], who
                seen = watch.page.evaluate("performance.getEntriesByType('resource').map((r) => r.name)")
                assert all(urlsplit(url).hostname == HOST for url in seen)


def test_the_watch_sees_a_foreign_request_and_the_policy_stops_a_foreign_script(
    chromium: Browser, tmp_path: Path
) -> None:
    with served(tmp_path) as place, _watched(chromium, place) as watch:
        watch.visitor.sign_in("dora")
        watch.page.evaluate("fetch('https://elsewhere.example/x').catch(() => null)")
        watch.page.evaluate("""() => {
            const inline = document.createElement('script'); inline.textContent = 'globalThis.ran = 1';
            document.body.append(inline); }""")
        assert watch.page.evaluate("globalThis.ran") is None
        assert sum("Content Security Policy" in one for one in watch.problems) >= 2, watch.problems
        watch.page.goto("about:blank")
        watch.page.evaluate("fetch('https://elsewhere.example/y').catch(() => null)")
        assert any("elsewhere" in one for one in watch.foreign)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_base_map_of_our_own_is_drawn(chromium: Browser, tmp_path: Path, theme: Any) -> None:
    make(town().write(tmp_path / "town.osm.pbf"), tmp_path / FILE, Progress(disable=True))
    with served(tmp_path, basemap=str(tmp_path / FILE)) as place, _watched(chromium, place) as watch:
        watch.page.emulate_media(color_scheme=theme)
        parts: list[int] = []
        watch.page.on("response", lambda r: parts.append(r.status) if r.url.endswith(".pmtiles") else None)
        asked: list[str] = []
        watch.page.on("request", lambda r: asked.append(urlsplit(r.url).path))
        watch.visitor.sign_in("dora")
        _until_drawn(watch.page, "--base-water")
        _until_drawn(watch.page, "--map-ground")
        assert parts
        assert set(parts) == {206}
        assert "/api/roads" not in asked, "its roads are enough"
        assert watch.page.locator(".base-credit").inner_text() == "© OpenStreetMap"
        watch.page.click("#theme")
        _until_drawn(watch.page, "--base-water")
        assert watch.foreign == watch.problems == []


def test_a_fix_lands_on_its_place_of_gcj02_tiles(chromium: Browser, tmp_path: Path) -> None:
    wgs84, gcj02 = BEIJING
    with ExitStack() as stack:
        tiles = stack.enter_context(tile_server())
        place = stack.enter_context(served(tmp_path, basemap=tiles.address, basemap_datum="gcj02"))
        watch = stack.enter_context(_watched(chromium, place, urlsplit(tiles.address).netloc))
        watch.visitor.sign_in("dora")
        watch.page.locator("#connection.good").wait_for()
        watch.page.evaluate(f"dispatch45Map.setView({list(wgs84)}, 17, {{animate: false}})")
        watch.page.wait_for_function(
            "() => document.querySelectorAll('.leaflet-tile-loaded[src*=\"/17/\"]').length > 8"
        )
        apart = watch.page.evaluate(
            """([fix, there]) => {
                const at = L.CRS.EPSG3857.latLngToPoint(L.latLng(there), 17);
                const [x, y] = [Math.floor(at.x / 256), Math.floor(at.y / 256)];
                const tile = document.querySelector(`.leaflet-tile[src$="/17/${x}/${y}.svg"]`).getBoundingClientRect();
                const box = dispatch45Map.getContainer().getBoundingClientRect();
                const drawn = dispatch45Map.latLngToContainerPoint(fix);
                const clicked = dispatch45Map.containerPointToLatLng(drawn);
                return [drawn.x + box.x - tile.x - (at.x % 256), drawn.y + box.y - tile.y - (at.y % 256),
                        clicked.lat - fix[0], clicked.lng - fix[1]];
            }""",
            [wgs84, gcj02],
        )
        assert max(map(abs, apart[:2])) < 2, apart
        assert max(map(abs, apart[2:])) < 2e-5, "a click is WGS-84"
        assert watch.foreign == watch.problems == []


def test_tiles_that_do_not_come_give_way_to_our_own_roads(chromium: Browser, tmp_path: Path) -> None:
    with tile_server() as tiles, served(tmp_path, basemap=tiles.address) as place:
        tiles.gone = True
        with _watched(chromium, place, urlsplit(tiles.address).netloc) as watch:
            with watch.page.expect_request("**/api/roads"):
                watch.visitor.sign_in("dora")
            credit = watch.page.locator(".base-credit")
            credit.filter(has_text="The roads are our own").wait_for()
            assert tiles.asked


def _until_drawn(page: Page, token: str) -> None:
    """Some pixel of the base map has the colour of the page."""
    page.wait_for_function(
        """(token) => {
            const sheet = document.createElement('canvas').getContext('2d');
            sheet.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(token).trim();
            sheet.fillRect(0, 0, 1, 1);
            const [r, g, b] = sheet.getImageData(0, 0, 1, 1).data;
            return [...document.querySelectorAll('canvas.leaflet-tile-loaded')].some((tile) => {
                if (!tile.width) return false;
                const seen = tile.getContext('2d').getImageData(0, 0, tile.width, tile.height).data;
                for (let i = 0; i < seen.length; i += 4) if (seen[i] === r && seen[i + 1] === g && seen[i + 2] === b) return true;
                return false;
            });
        }""",
        arg=token,
        timeout=60_000,
    )


def _whose(pattern: str) -> str:
    for start, who in PEOPLE.items():
        if pattern.startswith(start):
            return who
    return "ada"


async def _call(place: Served) -> Any:
    call = hotline.Call("phone", "12 Harbour Road", "meter", "lv", place=Point(*EAST))
    return await hotline.take_call(place.place.context, call, by=Actor("hotline", "holly"))
