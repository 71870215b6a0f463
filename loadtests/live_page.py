"""A real browser on the control room, and what it does there: the steps that loadtests.live_map measures."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from playwright.sync_api import Browser, CDPSession, Page, ViewportSize, expect, sync_playwright

from loadtests.live_town import LAT, LON, PASSWORD

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
SIZE: ViewportSize = {"width": 1366, "height": 768}
PROBE = (Path(__file__).parent / "live_probe.js").read_text(encoding="utf-8")
CITY, STREET = 10.5, 15
"""Zooms: the whole town, and a few streets."""
TILES = "L.tileLayer('/tiles/{z}/{x}/{y}').addTo(dispatch45Map)"
EMPTY = "<!doctype html><title>empty</title>"
RUN_ON = """(texts) => {
  let n = 0;
  const all = Array.from({ length: texts }, () => document.body.appendChild(document.createElement('p')).appendChild(new Text('0')));
  setInterval(() => { n++; for (const one of all) one.data = String(n); }, 1000);
}"""
PATIENCE_MS = 60_000
DRAG_RADIUS = 120
MB = 1_000_000.0
HEAP_LOOKS = 5


class Measured(msgspec.Struct):
    """What the probe saw; times in milliseconds."""

    seconds: float
    frames: list[float]
    long: list[float]
    latencies: list[float]
    paints: int
    pictures: int
    positions: int
    """Bytes of positions, with the heads of their frames;"""
    vehicles: int
    """of so many vehicles."""
    other: int
    ticks: list[tuple[float, float]]
    screens_differ: bool = False


@contextmanager
def town(vehicles: int) -> Iterator[str]:
    """The address of a server of the run's own."""
    command = [sys.executable, "-m", "loadtests.live_town", str(vehicles)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            address = process.stdout.readline().strip()
            if not address:
                raise RuntimeError("the town did not start")
            yield address
        finally:
            process.stdin.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, headless and without a GPU."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise RuntimeError("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Screen:
    """A dispatcher's control room."""

    def __init__(self, browser: Browser, address: str, username: str) -> None:
        self._context = browser.new_context(viewport=SIZE, locale="en")
        self.page: Page = self._context.new_page()
        self.page.add_init_script(PROBE)
        self.page.goto(f"{address}/sign-in?lang=en")
        self.page.fill("#username", username)
        self.page.fill("#password", PASSWORD)
        self.page.press("#password", "Enter")
        self.page.wait_for_url("**/control-room")
        expect(self.page.locator("#connection")).to_contain_text("Live", timeout=PATIENCE_MS)
        expect(self.page.locator(".row").first).to_be_visible(timeout=PATIENCE_MS)
        self.page.evaluate(TILES)
        self._devtools: CDPSession = self._context.new_cdp_session(self.page)
        self._devtools.send("Performance.enable")

    def close(self) -> None:
        """It goes away."""
        self._context.close()

    def look(self, zoom: float) -> None:
        """At the middle of the town, until what moves there is drawn."""
        self.page.evaluate(f"dispatch45Map.setView([{LAT}, {LON}], {zoom}, {{animate: false}})")
        self.page.wait_for_timeout(3_000)

    def watch(self, seconds: float) -> Measured:
        """Let it run, and see that the screen really changes."""
        before = self._shot()
        self.page.wait_for_timeout(500)
        self.page.evaluate("probe.start()")
        self.page.wait_for_timeout(seconds * 1000)
        return self._stop(before)

    def drag(self, seconds: float) -> Measured:
        """Hold the map and move it in circles, all the time."""
        box = self.page.locator(".map-pane").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        before = self._shot()
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + DRAG_RADIUS, y)
        self.page.evaluate("probe.start()")
        turn, began = 0, self._now()
        while (now := self._now()) < began + seconds * 1000:
            angle = (now - began) / 1000 * math.tau / 3
            mouse.move(x + DRAG_RADIUS * math.cos(angle), y + DRAG_RADIUS * math.sin(angle))
            turn += 1
        measured = self._stop(before)
        mouse.up()
        return measured

    def first_row(self) -> str:
        """What the board's first row says, its running figures among it."""
        return self.page.locator(".row").first.inner_text()

    def heap(self) -> float:
        """Megabytes of JavaScript objects that are reachable: after a forced collection, the least of some, because what the
        page makes between that and the look is counted, too."""
        return min(self._used() for _ in range(HEAP_LOOKS))

    def _used(self) -> float:
        self._devtools.send("HeapProfiler.collectGarbage")
        found: dict[str, Any] = self._devtools.send("Runtime.getHeapUsage")
        return float(found["usedSize"]) / MB

    def _now(self) -> float:
        return float(self.page.evaluate("performance.now()"))

    def _shot(self) -> bytes:
        return self.page.locator(".map-pane").screenshot()

    def _stop(self, before: bytes) -> Measured:
        measured = msgspec.convert(self.page.evaluate("probe.stop()"), Measured)
        measured.screens_differ = self._shot() != before
        return measured


def empty_page(browser: Browser, seconds: float, texts: int = 0) -> Measured:
    """The ceiling: what this machine's browser gives a page with nothing in it but `texts` numbers that run on each second."""
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    page.set_content(EMPTY)
    page.evaluate(PROBE)
    page.evaluate(RUN_ON, texts)
    page.evaluate("probe.start()")
    page.wait_for_timeout(seconds * 1000)
    measured = msgspec.convert(page.evaluate("probe.stop()"), Measured)
    context.close()
    return measured
