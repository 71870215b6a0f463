"""Every page on a busy evening: nothing that axe calls serious, and no text that was left out of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, ViewportSize

from map_ui import languages
from map_ui.collect import texts
from tests.browser.busy_evening import PAGES, Evening, busy_evening
from tests.browser.conftest import forget, stay
from tests.dispatch.organisation import PASSWORD

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RUN_AXE = """async (only) => (await axe.run(document, { resultTypes: ['violations'], preload: false, ...(only ? { runOnly: only } : {}) })).violations
  .filter((one) => ['serious', 'critical'].includes(one.impact))
  .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target.join(' ')} ${node.any[0]?.message ?? ''}`))"""
COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules that another theme can break."""
LOOKS = [("en", ("light", "dark"), 1366), ("zh-CN", ("dark", "light"), 360)]
"""Each page is opened once a language, and looked at in the first theme, then in the other."""
SETTLED_MS = 400
CUT_OFF = """() => {
  const out = (one, of) => one.left < of.left - 1 || one.right > of.right + 1;
  const box = (one) => one.getBoundingClientRect();
  const scrolls = (one) => one.tagName !== 'MAIN' && (getComputedStyle(one).overflowX === 'auto' || scrolls(one.parentElement));
  return [
    ...[...document.querySelectorAll('nav [aria-current="page"]')].filter((one) => out(box(one), box(one.parentElement))),
    ...[...document.querySelectorAll('.listed .scroll')].filter((one) => one.scrollWidth > one.clientWidth + 1),
    ...[...document.querySelectorAll('main button, main .button')].filter((one) => !scrolls(one) && out(box(one), { left: 0, right: innerWidth })),
  ].map((one) => `cut off: ${one.className || one.tagName} ${one.innerText.slice(0, 40)}`);
}"""
"""What a narrow page does not show whole: the chosen page and section, lists, and buttons."""
WIDE: ViewportSize = {"width": 1366, "height": 768}


@pytest.fixture(scope="module")
def evening(chromium: Browser) -> Iterator[Evening]:
    """One busy evening that all of them look at."""
    with TemporaryDirectory() as folder, busy_evening(Path(folder)) as found:
        yield found


def visits(
    chromium: Browser, evening: Evening, words: Callable[[Route], None] | None = None, **look: Any
) -> Iterator[tuple[str, Page]]:
    """Every page, opened by who works with it."""
    address = evening.centre.address
    context: BrowserContext = chromium.new_context(bypass_csp=True, service_workers="block", **look)
    stays = stay(context, address)
    if words is not None:
        context.route("**/api/vocabulary", words)
    for username in PAGES:
        if username:
            body = {"username": username, "password": PASSWORD}
            assert context.request.post(f"{address}/api/session", data=body).ok
        page = context.new_page()
        for who, path in evening.pages():
            if who == username:
                page.goto(f"{address}{path}")
                page.wait_for_load_state("networkidle")
                page.wait_for_timeout(SETTLED_MS)
                yield path, page
        forget(stays, address)
    context.close()


NOT_CUT = """() => {
  const who = document.querySelector('.who');
  if (who) {
    who.textContent = 'Liu Jing 刘静';
    const demo = document.createElement('span');
    demo.className = 'chip quiet demo';
    demo.textContent = document.documentElement.lang === 'en' ? 'Demonstration' : '演示';
    document.getElementById('clock').before(demo);
  }
  const wide = document.documentElement.scrollWidth > innerWidth ? ['the page is wider than the screen'] : [];
  return [...wide, ...[...document.querySelectorAll('.who, .row .state, .row .seg, .row .figures-word, .cover li')]
    .filter((one) => one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight + 1)
    .map((one) => `${one.className} is cut: ${one.textContent}`)];
}"""
"""Words that somebody has to read whole, with the longest top bar."""


@pytest.mark.parametrize(("language", "themes", "width"), LOOKS)
def test_axe_finds_nothing_serious_on_any_page_and_nothing_is_cut_off(
    chromium: Browser, evening: Evening, language: str, themes: Any, width: int
) -> None:
    look = {"locale": language, "color_scheme": themes[0], "viewport": {"width": width, "height": 768}}
    found = []
    for path, page in visits(chromium, evening, **look):
        found += [f"{path} {one}" for one in page.evaluate(CUT_OFF)]
        page.evaluate(AXE)
        for theme, rules in zip(themes, (None, COLOURS), strict=True):
            page.emulate_media(color_scheme=theme)
            found += [f"{path} {theme} {one}" for one in page.evaluate(RUN_AXE, rules)]
        found += [f"{path} {one}" for one in page.evaluate(NOT_CUT)]
    assert found == []


VISIBLE_TEXTS = """() => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const of = walk.currentNode.parentElement;
    if (!of.closest('script,style,textarea,code,kbd,.leaflet-control-scale,[hreflang]')) found.push(walk.currentNode.data.trim());
  }
  const named = ['aria-label', 'title', 'placeholder', 'aria-valuetext'];
  for (const one of document.querySelectorAll(named.map((name) => `[${name}]`).join()))
    for (const name of named) if (one.hasAttribute(name)) found.push(one.getAttribute(name));
  return [document.title, ...found];
}"""
DATA = re.compile(
    "|".join(
        (
            "12 Harbour Road, staircase B, third floor", "88 Long Street of the Eastern Villages",
            "40 Far Lane, behind the old brewery and the railway bridge", "3 Harbour Lane", "9 Quay Street",
            "3 Hill Lane", "Transformer exchange", "Line work", r"PO-\d", "(7|11) Mill Way", "5 Station Square", "[12] Dock Street", "1 Lane", "the whole house is dark",
            "a child is on oxygen", "Chen Lan 陈岚", "rust", "Crew [EW][12]", r"W\d{4,8}(-\w+)?",
            "(east|west)-land", r"\b(?i:ada|carl|cleo|dora|holly|mona|wanda|wes|leader|east|west)\b",
            r"\b([EW][12]|N1|[dtpP]-\w+|[A-H]+)\b",
            "Dispatch45", "OsmAnd", "Traccar Client", "Asia/Shanghai", "jt808", "SMS", "GPS", "CSV",
            r"\b(k?V|k?m|p50|p9[05]|h|min)\b",
            r"device T1 · fixes \(.*\)", r"\$rubbish\*", "battery_pct", "ignition", "true", "host:1", "(reason )?checksum",
        )
    )
)  # fmt: skip
"""Names and codes of this evening, and units; everything else is text."""


def test_no_text_of_any_page_was_left_out_of_the_catalogue(
    chromium: Browser, evening: Evening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a language whose every text stands in brackets, no letters stand outside of them but names and codes."""
    pseudo = {text: f"⟦{text}⟧" for text in texts()}
    monkeypatch.setattr(languages, "catalogue", lambda language: pseudo)
    monkeypatch.setattr("map_ui.app.texts_of", lambda language, entry: pseudo)
    found = set()
    for path, page in visits(chromium, evening, _in_brackets, locale="en", viewport=WIDE):
        for text in page.evaluate(VISIBLE_TEXTS):
            if left := _outside(text):
                found.add(f"{path.split('?')[0]}: {left}")
    assert sorted(found) == []


def _outside(text: str) -> str:
    """What of a text stands in no brackets and is a word."""
    before = ""
    while before != text:
        before, text = text, re.sub(r"⟦[^⟦⟧]*⟧", " ", text)
    return " ".join(re.findall(r"[^\W\d_]{2,}[\w./@-]*", DATA.sub(" ", text)))


def _in_brackets(route: Route) -> None:
    """The words of the process, which the interface tells in each language."""
    route.fulfill(json=_bracketed(route.fetch().json()))


def _bracketed(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: f"⟦{one}⟧" if key == "en" and isinstance(one, str) else _bracketed(one)
            for key, one in value.items()
        }
    return [_bracketed(one) for one in value] if isinstance(value, list) else value
