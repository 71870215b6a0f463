"""Chromium, where it is installed, on a running installation. No request leaves it; each that wants to is noted."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from tests.browser.served import HOST, Served, served
from tests.dispatch.organisation import PASSWORD

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--process-per-site",
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {HOST}",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Visitor:
    """One person with a browser."""

    def __init__(self, page: Page, address: str, problems: list[str]) -> None:
        self.page = page
        self.address = address
        self.problems = problems

    def sign_in(self, username: str) -> Page:
        """Through the form, to the page of one's role."""
        self.page.goto(f"{self.address}/")
        self.page.fill("#username", username)
        self.page.fill("#password", PASSWORD)
        self.page.click("#sign-in [type=submit]")
        self.page.wait_for_url(lambda url: "/sign-in" not in url)
        return self.page


Visit = Callable[..., Visitor]
Look = tuple[Any, ...]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser of the system. No longer than a module: Playwright's event loop would be in the way of others."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: the package chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def door() -> Iterator[socket.socket]:
    """Where all installations of a module answer, one after the other."""
    with socket.create_server((HOST, 0)) as found:
        yield found


@pytest.fixture
def centre(chromium: Browser, tmp_path: Path, door: socket.socket) -> Iterator[Served]:
    """A running installation, nothing reported yet."""
    with served(tmp_path, door) as found:
        yield found


def stay(context: BrowserContext, address: str) -> Page:
    """A page without any script, that stays open: with it the process that has run our scripts before stays too
    (`--process-per-site`), and its cache. A cold browser costs twice as much."""
    page = context.new_page()
    page.goto(f"{address}/sw.js")
    return page


def forget(stays: Page, address: str) -> None:
    """Close all other pages of its browser; it knows nobody and nothing any more."""
    context = stays.context
    for page in context.pages:
        if page != stays:
            page.close()
    context.clear_cookies()
    devtools = context.new_cdp_session(stays)
    devtools.send("Storage.clearDataForOrigin", {"origin": address, "storageTypes": "all"})
    devtools.detach()


class Browsers:
    """Browsers that know nothing and nobody, but are warm: whoever has gone leaves it to the next of its look."""

    def __init__(self, chromium: Browser, address: str) -> None:
        self.foreign: list[str] = []
        """What was asked of other hosts."""
        self._chromium, self._address = chromium, address
        self._free: dict[Look, list[Page]] = {}
        self._taken: list[tuple[Look, Page]] = []

    def take(self, *look: Any) -> BrowserContext:
        """One that nobody uses, with this language, width, height and touch."""
        free = self._free.setdefault(look, [])
        stays = free.pop() if free else self._new(*look)
        self._taken.append((look, stays))
        return stays.context

    def give_back(self) -> None:
        """All that are taken; what their pages kept is forgotten."""
        for look, stays in self._taken:
            stays.context.set_offline(False)
            forget(stays, self._address)
            self._free[look].append(stays)
        self._taken.clear()
        self.foreign.clear()

    def _new(self, language: str, width: int, height: int, touch: bool) -> Page:
        context = self._chromium.new_context(
            locale=language, viewport={"width": width, "height": height}, has_touch=touch
        )
        context.on("request", self._asked)
        return stay(context, self._address)

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).hostname != HOST:
            self.foreign.append(request.url)


@pytest.fixture(scope="module")
def browsers(chromium: Browser, door: socket.socket) -> Browsers:
    """Those of a module."""
    return Browsers(chromium, f"http://{HOST}:{door.getsockname()[1]}")


@pytest.fixture
def visit(browsers: Browsers, centre: Served) -> Iterator[Visit]:
    """Opens browsers; at the end none may have complained or asked another host."""
    problems: list[str] = []

    def open_browser(
        language: str = "en", width: int = 1366, height: int = 768, touch: bool = False
    ) -> Visitor:
        page = browsers.take(language, width, height, touch).new_page()
        page.on("console", lambda m: _complain(m, problems))
        page.on("pageerror", lambda e: problems.append(f"error: {e}"))
        return Visitor(page, centre.address, problems)

    yield open_browser
    problems += [f"foreign: {url}" for url in browsers.foreign]
    browsers.give_back()
    assert problems == []


def _complain(message: ConsoleMessage, problems: list[str]) -> None:
    """What the page's console calls an error; not that there is no network, which only a test takes away."""
    if message.type == "error" and "ERR_INTERNET_DISCONNECTED" not in message.text:
        problems.append(f"console: {message.text}")
