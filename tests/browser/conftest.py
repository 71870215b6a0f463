"""Chromium, where it is installed, on a running installation. Every request that leaves it is refused and noted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, sync_playwright

from tests.browser.served import HOST, Served, served
from tests.dispatch.organisation import PASSWORD

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser of the system. No longer than a module: Playwright's event loop would be in the way of others."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: the package chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def centre(chromium: Browser, tmp_path: Path) -> Iterator[Served]:
    """A running installation, nothing reported yet."""
    with served(tmp_path) as found:
        yield found


@pytest.fixture
def visit(chromium: Browser, centre: Served) -> Iterator[Visit]:
    """Opens browsers; at the end none may have complained or asked another host."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_browser(
        language: str = "en", width: int = 1366, height: int = 768, touch: bool = False
    ) -> Visitor:
        context = chromium.new_context(
            locale=language, viewport={"width": width, "height": height}, has_touch=touch
        )
        contexts.append(context)
        context.route("**/*", lambda route: _only_ours(route, problems))
        page = context.new_page()
        page.on("console", lambda m: _complain(m, problems))
        page.on("pageerror", lambda e: problems.append(f"error: {e}"))
        return Visitor(page, centre.address, problems)

    yield open_browser
    for context in contexts:
        context.close()
    assert problems == []


def _complain(message: ConsoleMessage, problems: list[str]) -> None:
    """What the page's console calls an error; not that there is no network, which only a test takes away."""
    if message.type == "error" and "ERR_INTERNET_DISCONNECTED" not in message.text:
        problems.append(f"console: {message.text}")


def _only_ours(route: Route, problems: list[str]) -> None:
    if urlsplit(route.request.url).hostname == HOST:
        route.fallback()
    else:
        problems.append(f"foreign: {route.request.url}")
        route.abort()
