"""Nothing sticks out of a screen, small or large, and a language that was chosen stays. (What is left in no language: test_every_page.py.)"""

from __future__ import annotations

import pytest

from tests.browser.conftest import Visit
from tests.browser.served import Served

PAGES = {"holly": "/hotline", "dora": "/control-room", "carl": "/crew", "mona": "/manager", "ada": "/admin"}


WIDTHS = (3840, 1366, 768, 360)


@pytest.mark.parametrize("username", PAGES)
def test_nothing_sticks_out(visit: Visit, centre: Served, username: str) -> None:
    page = visit("en", width=WIDTHS[0], height=740).sign_in(username)
    page.wait_for_timeout(700)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 740})
        page.wait_for_timeout(200)
        out = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert out <= 0, width


def test_the_switch_is_remembered(visit: Visit, centre: Served) -> None:
    page = visit("en").sign_in("mona")
    page.click(".languages [hreflang='zh-CN']")
    page.goto(f"{centre.address}/manager")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
