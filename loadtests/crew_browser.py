"""A crew's phone in a real browser: sequences of faults by touch, and how soon the page is there and answers a touch."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from playwright.sync_api import APIRequestContext, Browser, BrowserContext, Error, Page, Playwright, Route

from loadtests.processes import Failed

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
STEPS = ("acknowledge", "depart", "arrive", "restore")
PATIENCE_MS = 20_000
NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 94_000}
"""1.6 Mb/s down, 0.75 up, in bytes a second; milliseconds there and back."""
SLOWER = 4
SKEW = "const real = Date.now; Date.now = () => real() + ({skew});"
SEEN = """
window.lcp = 0; window.taps = []; window.first = 0;
new MutationObserver((_, self) => { if (document.querySelector('[data-step]')) { window.first = performance.now(); self.disconnect(); } }).observe(document, { childList: true, subtree: true });
new PerformanceObserver((list) => { for (const one of list.getEntries()) window.lcp = one.startTime; }).observe({ type: 'largest-contentful-paint', buffered: true });
addEventListener('click', (event) => {
  const step = event.target.closest?.('[data-step]')?.dataset.step;
  if (!step) return;
  const watch = new MutationObserver(() => {
    if (document.querySelector(`[data-step="${step}"]`)) return;
    watch.disconnect();
    requestAnimationFrame(() => setTimeout(() => window.taps.push(performance.now() - event.timeStamp)));
  });
  watch.observe(document.body, { childList: true, subtree: true });
}, true);
"""


@contextmanager
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """The browser of the system."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise Failed("no Chromium on this machine (Debian: the package chromium)")
    browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
    try:
        yield browser
    finally:
        browser.close()


def signed_in(playwright: Playwright, base: str, username: str, password: str) -> APIRequestContext:
    """Somebody who uses the interface without a page."""
    api = playwright.request.new_context(base_url=base)
    answer = api.post("/api/session", data={"username": username, "password": password})
    if not answer.ok:
        raise Failed(f"{username} cannot sign in: {answer.status} {answer.text()}")
    return api


def phone(browser: Browser, api: APIRequestContext) -> BrowserContext:
    """A phone's browser, signed in as the person of `api`."""
    return browser.new_context(
        storage_state=api.storage_state(), viewport={"width": 360, "height": 740}, locale="en"
    )


class Trouble:
    """What the network does to presses; seeded."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.calm = False
        self.counts: Counter[str] = Counter()

    def meet(self, route: Route) -> None:
        """One request to the crew's interface."""
        mood = 1.0 if self.calm or route.request.method == "GET" else self.dice.random()
        with suppress(Error):  # its page was killed meanwhile
            if mood < 0.2:
                self.counts["lost requests"] += 1
                route.abort()
            elif mood < 0.45:
                self.counts["lost answers"] += 1
                route.fetch()
                route.abort()
            elif mood < 0.6:
                self.counts["doubled requests"] += 1
                route.fetch()
                route.fulfill(response=route.fetch())
            else:
                route.continue_()


def sequence(context: BrowserContext, base: str, trouble: Trouble) -> None:
    """All buttons of the one order aboard, then its fault record; ends when the phone has nothing more to send."""
    dice = trouble.dice
    context.route("**/api/crew/orders/**", trouble.meet)
    page = _open(context, base, trouble)
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    for step in STEPS:
        context.set_offline(dice.random() < 0.4)
        page.locator(f'[data-step="{step}"]').first.click(timeout=PATIENCE_MS)
        _confirm(page, step)
        if (
            dice.random() < 0.3
        ):  # killed at the touch: kept or not, the page says which when it is there again
            page = _killed(page, context, base, trouble)
            _touch_again(page, step)
        page.locator(f'[data-step="{step}"]').wait_for(state="detached", timeout=PATIENCE_MS)
        if dice.random() < 0.3:
            page = _killed(page, context, base, trouble)
    _record(page, dice)
    if dice.random() < 0.5:
        page = _killed(page, context, base, trouble)
    trouble.calm = True
    context.set_offline(False)
    page.locator(".record").wait_for(state="detached", timeout=PATIENCE_MS)
    _until_nothing_waits(page)
    page.close()


def _record(page: Page, dice: random.Random) -> None:
    page.locator(".record [name=cause_code]").select_option("tree", timeout=PATIENCE_MS)
    page.locator(".record [name=equipment]").select_option("fuse")
    page.locator(".record [name=work_done]").fill(f"cut the branch {dice.randrange(1000)}")
    page.locator(".record [type=submit]").click()
    page.locator(".record").wait_for(state="detached", timeout=PATIENCE_MS)


def _open(context: BrowserContext, base: str, trouble: Trouble) -> Page:
    page = context.new_page()
    skew = trouble.dice.choice((0, 0, trouble.dice.randrange(-10_800_000, 10_800_000)))
    trouble.counts["wrong clocks"] += skew != 0
    page.add_init_script(SKEW.replace("{skew}", str(skew)))
    page.goto(f"{base}/crew")
    page.locator("#presence").wait_for(timeout=PATIENCE_MS)
    return page


def _killed(page: Page, context: BrowserContext, base: str, trouble: Trouble) -> Page:
    trouble.counts["pages killed"] += 1
    page.close()
    return _open(context, base, trouble)


def _touch_again(page: Page, step: str) -> None:
    """As a person does who sees the button still."""
    page.wait_for_timeout(400)
    button = page.locator(f'[data-step="{step}"]').first
    if button.count():
        with suppress(Error):
            button.click(timeout=2_000)
            _confirm(page, step)


def _confirm(page: Page, step: str) -> None:
    """Restored is asked first."""
    if step == "restore":
        page.locator("dialog [type=submit]").click(timeout=2_000)


def _until_nothing_waits(page: Page) -> None:
    kept = """() => new Promise((resolve) => { const o = indexedDB.open('dispatch45'); o.onsuccess = () => {
      const all = o.result.transaction('presses').objectStore('presses').getAll(); all.onsuccess = () => { o.result.close(); resolve(all.result.length); }; }; })"""
    for _ in range(PATIENCE_MS // 200):
        if page.evaluate(kept) == 0:
            return
        page.wait_for_timeout(200)
    raise Failed("the phone still has presses to send")


def speed(context: BrowserContext, base: str) -> tuple[float, float, float, float]:
    """Milliseconds to the largest paint of a first visit, to its first order, to the largest paint with the shell kept, and
    from a touch to its confirmation."""
    first = _slow(context)
    first.goto(f"{base}/crew")
    lcp = _largest(first)
    order = float(first.evaluate("window.first"))
    first.evaluate("navigator.serviceWorker.ready.then(() => null)")
    first.wait_for_timeout(1_500)
    first.locator("[data-step]").first.click()
    first.wait_for_timeout(1_500)
    tap = float(max(first.evaluate("window.taps")))
    first.close()
    again = _slow(context)
    again.goto(f"{base}/crew")
    kept = _largest(again)
    again.close()
    return lcp, order, kept, tap


def _slow(context: BrowserContext) -> Page:
    page = context.new_page()
    page.add_init_script(SEEN)
    devtools: Any = context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", NETWORK)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return page


def _largest(page: Page) -> float:
    """The largest paint, once the first order stands there."""
    page.locator("[data-step]").first.wait_for(timeout=PATIENCE_MS)
    page.wait_for_timeout(1_000)
    return float(page.evaluate("window.lcp"))
