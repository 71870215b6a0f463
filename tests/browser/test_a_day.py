"""One order through the pages, by the people whose pages they are."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from dispatch.core.types import Actor
from dispatch.services.chases import expedite
from dispatch.services.dispatcher import dispatch
from tests.browser.conftest import Visit
from tests.browser.served import Served

HOME = {
    "holly": "/hotline",
    "dora": "/control-room",
    "carl": "/crew",
    "mona": "/manager",
    "ada": "/admin",
}


def _take_call(page: Page, centre: Served) -> str:
    """By keyboard: address from the gazetteer, then the rest."""
    expect(page.locator("#address")).to_be_focused()
    page.keyboard.type("12 Har")
    expect(page.locator("#addresses [role=option]").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.select_option("#fault_type", "meter")
    page.fill("#customer_phone", "+861012345")
    page.keyboard.press("Alt+Enter")
    row = page.locator(".desk-row").first
    expect(row).to_contain_text("12 Harbour Road")
    return str(row.get_attribute("data-order"))


def _send(page: Page, centre: Served, order_id: str) -> None:
    page.keyboard.press("Alt+s")
    expect(page.locator(f'.desk-row[data-order="{order_id}"]')).to_have_count(0)
    centre.centre_receives(order_id)


@pytest.mark.parametrize("username", HOME)
def test_everybody_lands_on_the_page_of_the_role(visit: Visit, username: str) -> None:
    page = visit().sign_in(username)
    expect(page).to_have_url(re.compile(rf"{HOME[username]}(\?|$)"))
    page.wait_for_timeout(800)


def test_a_wrong_password_is_told(visit: Visit, centre: Served) -> None:
    visitor = visit()
    visitor.page.goto(f"{centre.address}/sign-in")
    visitor.page.fill("#username", "dora")
    visitor.page.fill("#password", "wrong")
    visitor.page.click("#sign-in [type=submit]")
    expect(visitor.page.locator("#problem")).to_have_text("User name or password is wrong.")
    visitor.problems.clear()  # the browser itself writes a 401 to the console


def test_a_call_goes_to_a_crew_by_keyboard_and_is_acknowledged(visit: Visit, centre: Served) -> None:
    hotline = visit().sign_in("holly")
    order_id = _take_call(hotline, centre)
    dispatcher = visit().sign_in("dora")
    expect(dispatcher.locator("#connection")).to_contain_text("Live")
    _send(hotline, centre, order_id)

    expect(dispatcher.locator(".row .state")).to_have_text("At the centre")
    dispatcher.keyboard.press("b")
    dispatcher.keyboard.press("ArrowDown")
    dispatcher.keyboard.press("d")
    expect(dispatcher.locator(".candidate")).to_have_count(2)
    dispatcher.keyboard.press("Enter")
    expect(dispatcher.locator(".row .state")).to_have_text("Dispatched")
    crew = centre.order(order_id).crew_id

    phone = visit(width=360, height=740).sign_in({"E1": "carl", "E2": "cleo"}[crew])
    button = phone.locator('[data-step="acknowledge"]')
    expect(button).to_be_visible()
    expect(dispatcher.locator(".row .state")).to_have_text("Delivered")
    _until(phone, lambda: button.evaluate("(it) => it.getBoundingClientRect().height") >= 64)
    button.click()
    expect(dispatcher.locator(".row .state")).to_have_text("Acknowledged")
    for step, state in (("depart", "en_route"), ("arrive", "on_scene"), ("restore", "restored")):
        phone.locator(f'[data-step="{step}"]').click()
        if step == "restore":
            phone.locator("dialog [type=submit]").click()
        _until(phone, lambda state=state: centre.order(order_id).state == state)
    phone.select_option('[name="cause_code"]', index=1)
    phone.select_option('[name="equipment"]', index=1)
    phone.fill('[name="cause"]', "a burnt meter")
    phone.fill('[name="work_done"]', "replaced it")
    phone.locator(".record [type=submit]").click()
    _until(phone, lambda: centre.order(order_id).state == "recorded")

    hotline.locator('[data-pile="call_backs"]').click()
    hotline.get_by_role("button", name="Satisfied", exact=True).click()
    hotline.locator("dialog [type=submit]").click()
    hotline.locator('[data-pile="to_close"]').click()
    hotline.get_by_role("button", name="Close the order").click()
    _until(hotline, lambda: centre.order(order_id).state == "closed")

    centre.measure()
    manager = visit().sign_in("mona")
    manager.goto(f"{centre.address}/manager?from=2026-03-01&to=2026-03-03")
    expect(manager.locator(".figure").first).to_contain_text("100 %")
    manager.goto(f"{centre.address}/orders/{order_id}")
    expect(manager.locator(".intervals")).to_be_visible()


def test_a_finger_on_a_button_keeps_it_where_it_is(visit: Visit, centre: Served) -> None:
    """What the centre says meanwhile is shown when the finger is lifted, and the press counts."""
    hotline = visit().sign_in("holly")
    order_id = _take_call(hotline, centre)
    _send(hotline, centre, order_id)
    centre.do(dispatch(centre.place.context, order_id, crew_id="E1", by=Actor("dispatcher", "dora")))
    phone = visit(width=360, height=740).sign_in("carl")
    expect(phone.locator('[data-step="acknowledge"]')).to_be_visible()
    _until(phone, lambda: centre.order(order_id).state == "delivered")
    phone.wait_for_timeout(3500)  # and the page knows it
    phone.locator('[data-step="acknowledge"]').hover()
    phone.mouse.down()
    centre.do(expedite(centre.place.context, order_id, by=Actor("hotline", "holly")))
    phone.wait_for_timeout(3500)  # the page has asked the centre in between
    phone.mouse.up()
    _until(phone, lambda: centre.order(order_id).state == "acknowledged")


MOVES = """async () => {
  const { notUnderAFinger } = await import(document.querySelector('script[type=module]').src.replace('crew.js', 'finger.js'));
  globalThis.pressed = [];
  const all = document.body.appendChild(document.createElement('div'));
  all.style.cssText = 'position: fixed; inset: 0; z-index: 99';
  const draw = notUnderAFinger((...names) => all.replaceChildren(...names.map((name) => Object.assign(document.createElement('button'), {
    textContent: name, style: 'display: block; width: 100%; height: 100px', onclick: () => { pressed.push(name); },
  }))));
  draw('accept', 'reject');
  addEventListener('pointerdown', () => draw('reject', 'accept'));
}"""


def test_a_touch_presses_what_it_was_put_on(visit: Visit) -> None:
    """Its click comes after it was lifted, and what came meanwhile would be under it."""
    phone = visit(width=360, height=740, touch=True).sign_in("carl")
    phone.evaluate(MOVES)
    finger = phone.context.new_cdp_session(phone)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": 50, "y": 50}]})
    phone.wait_for_timeout(100)
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    phone.wait_for_function("pressed.length > 0")
    assert phone.evaluate("pressed") == ["accept"]


def test_the_first_order_opens_by_keys_from_the_moment_the_page_shows(visit: Visit, centre: Served) -> None:
    hotline = visit().sign_in("holly")
    _send(hotline, centre, _take_call(hotline, centre))
    page = visit().sign_in("dora")
    expect(page.locator(".row")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".row")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.locator("#panel-order .actions button").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#board")).to_be_focused()


def test_what_is_pressed_without_a_network_is_sent_when_there_is_one(visit: Visit, centre: Served) -> None:
    hotline = visit().sign_in("holly")
    order_id = _take_call(hotline, centre)
    _send(hotline, centre, order_id)
    dispatcher = visit().sign_in("dora")
    dispatcher.locator(".row").first.click()
    dispatcher.keyboard.press("d")
    dispatcher.locator(".candidate").first.click()
    _until(dispatcher, lambda: centre.order(order_id).crew_id != "")
    visitor = visit(width=360, height=740)
    phone = visitor.sign_in({"E1": "carl", "E2": "cleo"}[centre.order(order_id).crew_id])
    expect(phone.locator('[data-step="acknowledge"]')).to_be_visible()
    _until(phone, lambda: centre.order(order_id).state == "delivered")
    phone.context.set_offline(True)
    phone.locator('[data-step="acknowledge"]').click()
    expect(phone.locator('[data-step="depart"]')).to_be_visible()
    phone.locator('[data-step="depart"]').click()
    expect(phone.locator("#banner")).to_contain_text("No connection")
    assert centre.order(order_id).state == "delivered"
    phone.context.set_offline(False)
    _until(phone, lambda: centre.order(order_id).state == "en_route")
    assert [e.kind for e in centre.order(order_id).history].count("acknowledge") == 1


def test_the_crews_page_opens_without_a_network(visit: Visit, centre: Served) -> None:
    visitor = visit(width=360, height=740)
    phone = visitor.sign_in("carl")
    expect(phone.locator("#presence")).to_be_visible()
    phone.evaluate("navigator.serviceWorker.ready.then(() => null)")
    _until(phone, lambda: phone.evaluate("caches.match('/crew').then(Boolean)"))
    phone.context.set_offline(True)
    phone.reload()
    expect(phone.locator("h1")).to_have_text("Crew E1")
    expect(phone.locator("#banner")).to_contain_text("No connection")
    phone.context.set_offline(False)


def test_a_cut_feed_is_said_and_comes_back(visit: Visit, centre: Served) -> None:
    visitor = visit()
    page = visitor.sign_in("dora")
    expect(page.locator("#connection")).to_contain_text("Live")
    centre.cut_live_feed()
    expect(page.locator("#banner")).to_be_visible(timeout=3000)
    expect(page.locator("#connection")).to_contain_text("Cut")
    centre.restore_live_feed()
    expect(page.locator("#connection")).to_contain_text("Live", timeout=15_000)
    expect(page.locator("#banner")).to_be_hidden()
    visitor.problems[:] = [p for p in visitor.problems if "WebSocket connection" not in p]


def _until(page: Page, holds: object, patience: int = 10_000) -> None:
    """Wait for something that no page shows."""
    assert callable(holds)
    for _ in range(patience // 100):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not happen")
