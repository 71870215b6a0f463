"""The hotline's desk and a crew's phone when the centre falls silent: nobody hangs up, nothing is answered."""

from __future__ import annotations

import logging

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.served import Served

log = logging.getLogger(__name__)
DESK_WITHIN, PHONE_WITHIN = 2.0, 5.0
"""Seconds from the cut until a page says it (docs/hotline.md)."""
NOISE = 0.3
"""Of a busy machine's browser: timers and painting."""
CUT, SLOW = "No connection to the centre.", "The centre answers slowly"
WATCH = """
globalThis.said = [];
addEventListener('DOMContentLoaded', () => {
  const banner = document.getElementById('banner');
  if (!banner) return;
  const note = () => said.push([performance.now(), banner.hidden ? '' : banner.textContent]);
  new MutationObserver(note).observe(banner, { subtree: true, childList: true, characterData: true, attributes: true });
});
"""
SINCE = "(since) => said.filter(([at]) => at >= since)"


def _watched(page: Page) -> Page:
    """It writes down what its banner says, and when, by its own clock."""
    page.add_init_script(WATCH)
    return page


def _said_after(page: Page, cut: float) -> float:
    """Seconds from `cut` (ms of the page's clock) until it said so."""
    expect(page.locator("#banner").filter(visible=True)).to_contain_text(CUT, timeout=15_000)
    at = next(at for at, text in page.evaluate(SINCE, cut) if text.startswith(CUT))
    return float(at - cut) / 1000


def test_a_silent_centre_is_said_at_the_desk_within_two_seconds_and_on_the_phone_within_five(
    visit: Visit, centre: Served
) -> None:
    """Each page in turn is cut off right after an answer: its worst moment. Then the line is only slow."""
    people = visit(), visit(width=360, height=740)
    desk, phone = (
        _watched(one.page) and one.sign_in(who) for one, who in zip(people, ("holly", "carl"), strict=True)
    )
    expect(phone.locator("#presence")).to_be_visible()
    took = []
    for page, path in ((desk, "**/api/clock"), (phone, "**/api/crew/stack")):
        with page.expect_response(path):
            pass
        cut = page.evaluate("performance.now()")
        centre.fall_silent()
        took.append(_said_after(page, cut))
        centre.answer()
        expect(page.locator("#banner")).to_be_hidden(timeout=10_000)
    log.info("seconds from the cut until the desk and the phone say it: %s", took)
    assert took[0] <= DESK_WITHIN + NOISE, took
    assert took[1] <= PHONE_WITHIN + NOISE, took

    centre.answer(after=2.5)
    expect(desk.locator("#banner")).to_contain_text(SLOW, timeout=10_000)
    slow = desk.evaluate("performance.now()")
    desk.wait_for_timeout(6_000)
    assert desk.evaluate(SINCE, slow) == [], "a slow line is no cut, and no news every second either"
    centre.fall_silent()
    expect(desk.locator("#banner")).to_contain_text(CUT, timeout=10_000)
