"""Nothing on a Chinese page is left in English, and nothing sticks out of a small screen."""

from __future__ import annotations

import pytest

from map_ui.collect import texts
from map_ui.languages import catalogue
from tests.browser.conftest import Visit
from tests.browser.served import Served

TEXT_NODES = """() => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) if (!walk.currentNode.parentElement.closest('script,style')) found.push(walk.currentNode.data.trim());
  for (const e of document.querySelectorAll('[aria-label],[title],[placeholder]'))
    for (const a of ['aria-label', 'title', 'placeholder']) if (e.hasAttribute(a)) found.push(e.getAttribute(a));
  return found;
}"""
PAGES = {"holly": "/hotline", "dora": "/control-room", "carl": "/crew", "mona": "/manager", "ada": "/admin"}


@pytest.mark.parametrize("username", PAGES)
def test_a_chinese_page_shows_no_source_text(visit: Visit, centre: Served, username: str) -> None:
    source = {text for text in texts() if catalogue("zh-CN").get(text) != text and len(text) > 1}
    page = visit("zh-CN").sign_in(username)
    page.wait_for_timeout(1500)
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert sorted(set(page.evaluate(TEXT_NODES)) & source) == []


@pytest.mark.parametrize("width", [360, 768, 1366, 3840])
@pytest.mark.parametrize("username", PAGES)
def test_nothing_sticks_out(visit: Visit, centre: Served, username: str, width: int) -> None:
    page = visit("en", width=width, height=740).sign_in(username)
    page.wait_for_timeout(700)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_the_switch_is_remembered(visit: Visit, centre: Served) -> None:
    page = visit("en").sign_in("mona")
    page.click(".languages [hreflang='zh-CN']")
    page.goto(f"{centre.address}/manager")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
