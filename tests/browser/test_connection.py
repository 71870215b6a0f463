"""The control room when its connection is cut, dies silently or loses a message, and when the PC's clock is wrong."""

from __future__ import annotations

import re
import time
from datetime import datetime
from statistics import median

import pytest
from playwright.sync_api import Page, expect

from dispatch.core.types import Actor, Point
from dispatch.services import hotline
from dispatch.services.views import order_view
from tests.browser.conftest import Visit, Visitor
from tests.browser.served import Served
from tests.dispatch.organisation import EAST, PASSWORD

SAID_WITHIN = 2.0
BACK_WITHIN = 1.0
"""Seconds of the promise (docs/http-api.md, Live feed)."""
WATCH = """
globalThis.said = [];
addEventListener('DOMContentLoaded', () => {
  const chip = document.getElementById('connection'), banner = document.getElementById('banner');
  if (!chip || !banner) return;
  const note = () => said.push([realNow(), chip.textContent, !banner.hidden, document.querySelectorAll('.row').length]);
  new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['hidden'] });
});
"""
CLOCK = """
globalThis.wrongBy = WRONG;
globalThis.realNow = Date.now.bind(Date);
globalThis.Date = class extends Date {
  constructor(...given) { if (given.length) super(...given); else super(realNow() + wrongBy); }
  static now() { return realNow() + wrongBy; }
};
"""
SAID_AFTER_IT = """async (shell) => {
  const { notice } = await import(shell);
  for (let n = 0; n < 6; n++) notice(`missed ${n}`, 'bad', { label: 'again', stays: true, act: () => null });
  for (let n = 0; n < 6; n++) notice(`said ${n}`, 'good', n % 2 ? undefined : { label: 'Undo', seconds: 12, act: () => null });
}"""


def _control_room(visit: Visit, wrong_by_ms: int = 0) -> tuple[Visitor, Page]:
    visitor = visit()
    visitor.page.add_init_script(CLOCK.replace("WRONG", str(wrong_by_ms)) + WATCH)
    page = visitor.sign_in("dora")
    expect(page.locator("#connection")).to_contain_text("Live")
    return visitor, page


def _order(centre: Served, number: int) -> str:
    """A new order at the centre."""
    by = Actor("hotline", "holly")
    place = Point(EAST[0], EAST[1] + number / 200)
    call = hotline.Call("phone", f"{number} Long Street", "meter", "lv", place=place)
    order_id = centre.do(hotline.take_call(centre.place.context, call, by=by)).order_id
    centre.do(hotline.send(centre.place.context, order_id, by=by))
    centre.centre_receives(order_id)
    return str(order_id)


def _seconds_until(page: Page, since: float, holds: str, patience: float = 15.0) -> float:
    """Real seconds from `since` until the page was seen so by itself; `holds` speaks of text, banner and rows."""
    found = f"said.find(([at, text, banner, rows]) => at >= {since * 1000} && ({holds}))?.[0] ?? 0"
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if at := page.evaluate(found):
            return float(at) / 1000 - since
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {holds}; {page.evaluate('said.slice(-3)')}")


def _crews_in_memory(page: Page) -> list[str]:
    """The ids of all crews that the page can still reach, whoever holds them: after a collection."""
    devtools = page.context.new_cdp_session(page)
    plain = devtools.send("Runtime.evaluate", {"expression": "Object.prototype"})["result"]["objectId"]
    found = devtools.send("Runtime.queryObjects", {"prototypeObjectId": plain})["objects"]["objectId"]
    crews = "function () { return this.filter((o) => ['id', 'presence', 'stack'].every((k) => Object.hasOwn(o, k))).map((o) => o.id); }"
    asked = {"objectId": found, "functionDeclaration": crews, "returnByValue": True}
    return list(devtools.send("Runtime.callFunctionOn", asked)["result"]["value"])


def _forgive(visitor: Visitor) -> None:
    """The browser itself writes to the console that a connection failed."""
    visitor.problems[:] = [p for p in visitor.problems if "WebSocket connection" not in p]


@pytest.mark.parametrize("how", ["reset", "silent"])
def test_a_cut_is_said_within_two_seconds_and_everything_is_there_a_second_after_it_ends(
    visit: Visit, centre: Served, how: str
) -> None:
    """A reset tells it; a network that dies silently does not, and is noticed by its silence."""
    visitor, page = _control_room(visit)
    page.route("**/api/board", lambda route: route.fulfill(status=204))  # by which it helps itself after 6 s
    said, back = [], []
    for number in range(1, 4):
        cut = time.time()
        if how == "reset":
            centre.do(centre.line.cut())
        else:
            centre.line.silence()
        said.append(_seconds_until(page, cut, "banner"))
        _order(centre, number)
        page.wait_for_timeout(4_500)
        assert page.locator(".row").count() == number - 1
        returned = time.time()
        centre.do(centre.line.restore())
        back.append(_seconds_until(page, returned, f"text.includes('Live') && rows === {number}"))
        expect(page.locator("#banner")).to_be_hidden()
    assert max(said) <= SAID_WITHIN, said
    assert median(back) <= BACK_WITHIN, back
    _forgive(visitor)


def test_while_it_is_cut_the_picture_ages_and_the_countdowns_go_on_and_nothing_of_it_is_kept_after(
    visit: Visit, centre: Served
) -> None:
    visitor, page = _control_room(visit)
    _order(centre, 1)
    figures = page.locator(".row .figures")
    expect(figures).to_be_visible()
    centre.line.silence()
    banner = page.locator("#banner")
    expect(banner).to_contain_text(re.compile(r"\b[34] s old"))
    before = figures.inner_text()
    expect(banner).to_contain_text(re.compile(r"\b[67] s old"))
    assert 1 <= _seconds(before) - _seconds(figures.inner_text()) <= 5
    expect(page.locator("body")).to_have_class(re.compile(r"\baged\b"))
    centre.do(centre.line.restore())
    expect(banner).to_be_hidden(timeout=10_000)
    crews = _crews_in_memory(page)
    assert crews
    assert len(crews) == len(set(crews)), "the page keeps crews as they were before they were told anew"
    _forgive(visitor)


def test_the_end_of_a_session_is_no_cut_line_and_signing_in_anew_is_enough(
    visit: Visit, centre: Served
) -> None:
    visitor, page = _control_room(visit)
    page.context.request.delete(f"{centre.address}/api/session")
    banner = page.locator("#banner")
    expect(banner).to_contain_text("You are signed out", timeout=10_000)
    expect(banner).not_to_contain_text("comes back by itself")
    banner.get_by_role("link", name="Sign in").click()
    page.wait_for_load_state("networkidle")
    page.fill("#username", "dora")
    page.fill("#password", PASSWORD)
    page.click("#sign-in [type=submit]")
    expect(page.locator("#connection")).to_contain_text("Live")
    assert "/control-room" in page.url
    _forgive(visitor)
    visitor.problems[:] = [p for p in visitor.problems if "401" not in p]


TYPED = {
    "dora": ("#search", "harbour", "holly"), "holly": ("#description", "the pole burns", "dora"),
    "mona": ("#views [name=name]", "north in May", "dora"), "ada": ("#ask-name", "Managers on duty", "dora"),
}  # fmt: skip
"""By who works at a page: a field of it, what is typed there, and who signs in beside it."""


def test_whose_page_it_is_decides_whatever_happens_beside_it(visit: Visit, centre: Served) -> None:
    """Somebody else signs in in another window, then nobody is signed in: nothing typed is lost, nothing is done in another's name."""
    pages = {}
    for username, (field, text, _) in TYPED.items():
        pages[username] = page = (visitor := visit()).sign_in(username)
        page.wait_for_load_state("networkidle")
        if username == "ada":
            page.goto(f"{centre.address}/alerts")
            page.click("#add-recipient")
            page.select_option("#ask-whom", "role manager")
        if username == "mona":
            page.click("#views summary")
        page.fill(field, text)
    for username, page in pages.items():
        _sign_in_beside(page, centre, TYPED[username][2])
    for username, page in pages.items():
        expect(page.locator("#banner")).to_contain_text("is signed in here now", timeout=10_000)
        field, text, _ = TYPED[username]
        expect(page.locator(field)).to_have_value(text)
    _take_a_call(pages["holly"])
    expect(pages["holly"].locator("#call-problem")).to_contain_text("is signed in here now. Nothing was sent")
    pages["ada"].get_by_role("button", name="Save").click()
    expect(pages["ada"].locator("#notices, .problem").filter(has_text="Nothing was sent")).to_be_visible()
    for page in pages.values():
        page.context.request.delete(f"{centre.address}/api/session")
    for page in pages.values():
        expect(page.locator("#banner")).to_contain_text("You are signed out", timeout=10_000)
    for username, page in pages.items():
        _sign_in_beside(page, centre, username)
    for username, page in pages.items():
        expect(page.locator("#banner")).to_be_hidden(timeout=10_000)
        if username != "ada":  # her dialog was pressed
            field, text, _ = TYPED[username]
            expect(page.locator(field)).to_have_value(text)
    count = "SELECT (SELECT count(*) FROM contact) + (SELECT count(*) FROM alert_recipient)"
    assert centre.do(centre.place.store.read(lambda c: c.exec_driver_sql(count).scalar())) == 0
    _forgive(visitor)
    visitor.problems[:] = [p for p in visitor.problems if "401" not in p]


def _sign_in_beside(page: Page, centre: Served, username: str) -> None:
    """In another window of the same browser."""
    body = {"username": username, "password": PASSWORD}
    assert page.context.request.post(f"{centre.address}/api/session", data=body).ok
    page.evaluate("dispatchEvent(new Event('focus'))")  # and back to this one


def _take_a_call(page: Page) -> None:
    page.locator("#address").press_sequentially("12 har")
    page.keyboard.press("Alt+w")
    page.keyboard.press("Alt+Enter")


def test_a_lost_message_is_noticed_and_the_state_asked_for_anew(visit: Visit, centre: Served) -> None:
    _, page = _control_room(visit)
    for number in range(1, 3):
        centre.line.lose(b'"type":"changes"')
        _order(centre, number)
        expect(page.locator(".row")).to_have_count(number, timeout=5_000)
        assert centre.line.lost == number


@pytest.mark.parametrize("minutes", [10, -10])
def test_countdowns_are_right_on_a_pc_whose_clock_is_wrong(
    visit: Visit, centre: Served, minutes: int
) -> None:
    _, page = _control_room(visit, minutes * 60_000)
    order = centre.order(_order(centre, 1))
    context = centre.place.context
    deadline = order_view(order, context.processes.of(order), centre.place.clock.now()).deadline
    figures = page.locator(".row .figures")
    expect(figures).to_be_visible()
    assert abs(_seconds(figures.inner_text()) - _left(centre, deadline)) <= 2
    page.evaluate("wrongBy = -wrongBy")  # somebody sets it, to wrong again
    page.wait_for_timeout(2_500)
    assert abs(_seconds(figures.inner_text()) - _left(centre, deadline)) <= 2


def test_a_vehicle_that_is_not_heard_of_any_more_fades(visit: Visit, centre: Served) -> None:
    _, page = _control_room(visit)
    page.evaluate("dispatch45Map.setZoom(11, { animate: false })")  # no names, which do not fade
    strongest = """() => {
      const canvas = document.querySelector('.live-canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let most = 0;
      for (let i = 3; i < data.length; i += 4) most = Math.max(most, data[i]);
      return most;
    }"""
    for crew, lon in (("E1", 120.04), ("E2", 120.06)):
        centre.place.put_fix(crew, 30.05, lon)
    page.wait_for_timeout(2_000)
    assert page.evaluate(strongest) == 255
    centre.place.clock.advance(400)
    page.wait_for_timeout(2_500)
    assert 0 < page.evaluate(strongest) < 220


def _left(centre: Served, deadline: datetime) -> float:
    return (deadline - centre.place.clock.now()).total_seconds()


def _seconds(figures: str) -> int:
    minutes, seconds = figures.split(":")
    return int(minutes) * 60 + int(seconds)


def test_a_session_that_ends_while_a_call_is_typed_takes_nothing_of_it(visit: Visit, centre: Served) -> None:
    visitor = visit()
    page = visitor.sign_in("holly")
    page.fill("#description", "the pole burns")
    page.context.request.delete(f"{centre.address}/api/session")
    banner = page.locator("#banner")
    expect(banner).to_contain_text("You are signed out", timeout=10_000)
    expect(page.locator("#description")).to_have_value("the pole burns")
    with page.context.expect_page() as opened:
        banner.get_by_role("link", name="Sign in").click()
    beside = opened.value
    beside.wait_for_load_state("networkidle")
    beside.fill("#username", "holly")
    beside.fill("#password", PASSWORD)
    beside.click("#sign-in [type=submit]")
    beside.wait_for_url(lambda url: "/sign-in" not in url)
    expect(banner).to_be_hidden(timeout=10_000)
    expect(page.locator("#description")).to_have_value("the pole burns")
    visitor.problems[:] = [p for p in visitor.problems if "401" not in p]


def test_what_somebody_has_to_answer_stays_at_the_edge_until_then(visit: Visit) -> None:
    """However much is said after it: it may be the only copy of a call."""
    page = visit("en").sign_in("holly")
    page.wait_for_timeout(300)
    script = page.locator("script[type=module]").get_attribute("src")
    assert script is not None
    page.clock.install()
    page.evaluate(SAID_AFTER_IT, script.replace("hotline.js", "shell.js"))
    page.clock.fast_forward("10:00")
    expect(page.locator("#notices .notice")).to_have_text([f"▲ missed {n}again✕" for n in range(6)])
    page.locator("#notices").get_by_role("button", name="again").first.click()
    expect(page.locator("#notices .notice")).to_have_count(5)
