"""A crew's night shift with a bad network, by touch, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from dispatch.core.types import Actor
from dispatch.services import crew as duty
from dispatch.services.photos import PHOTO
from loadtests.crew_browser import STEPS, Trouble, sequence
from map_ui.vendor import STATIC
from tests.browser.conftest import Visit, Visitor
from tests.browser.served import Served
from tests.dispatch.organisation import EAST, PASSWORD

PHONE = {"width": 360, "height": 740}


class Desk:
    """Hotline and dispatcher, without pages."""

    def __init__(self, visitor: Visitor) -> None:
        self._ask = visitor.page.context.request
        self._address = visitor.address

    def as_(self, username: str) -> Desk:
        answer = self._ask.post(
            f"{self._address}/api/session", data={"username": username, "password": PASSWORD}
        )
        assert answer.ok
        return self

    def post(self, path: str, **data: object) -> dict[str, object]:
        answer = self._ask.post(f"{self._address}{path}", data=data)
        assert answer.ok, answer.text()
        found: dict[str, object] = answer.json()
        return found

    def order(self) -> str:
        """A new order on E1's phone."""
        self.as_("holly")
        call = self.post(
            "/api/calls", channel="phone", address="12 Harbour Road", lat=EAST[0], lon=EAST[1], fault_type="meter",
            voltage="lv", customer_name="Li", customer_phone="+861012345", description="no power",
        )  # fmt: skip
        order_id = str(call["order_id"])
        self.post(f"/api/orders/{order_id}/send")
        self.as_("dora").post(f"/api/orders/{order_id}/dispatch", crew_id="E1")
        return order_id


def _touch(page: Page, *steps: str) -> None:
    for step in steps:
        page.locator(f'[data-step="{step}"]').first.click()
        if step == "restore":
            page.locator("dialog [type=submit]").click()
        expect(page.locator(f'[data-step="{step}"]')).to_have_count(0)


def _until(page: Page, holds: object) -> None:
    assert callable(holds)
    for _ in range(100):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not happen")


def _without_a_network(visitor: Visitor, centre: Served, order_id: str) -> Page:
    """Carl's phone has shown the order, and the page is kept; then the network goes."""
    phone = visitor.sign_in("carl")
    phone.evaluate("navigator.serviceWorker.ready.then(() => null)")
    _until(phone, lambda: centre.order(order_id).state == "delivered")
    phone.context.set_offline(True)
    return phone


def test_a_night_shift_with_a_bad_network(visit: Visit, centre: Served) -> None:
    """Pages are killed, requests and answers lost and doubled, the clock is wrong: every step is there once."""
    desk, visitor = Desk(visit()), visit(**PHONE)
    order_id = desk.order()
    visitor.sign_in("carl").close()
    trouble = Trouble(45)
    sequence(visitor.page.context, centre.address, trouble)
    kinds = [e.kind for e in centre.order(order_id).history]
    assert [kinds.count(step) for step in (*STEPS, "record")] == [1] * 5
    assert sum(trouble.counts.values()) > 3
    visitor.problems[:] = []


def test_the_centre_decided_otherwise_meanwhile(visit: Visit, centre: Served) -> None:
    desk, visitor = Desk(visit()), visit(**PHONE)
    order_id = desk.order()
    phone = visitor.sign_in("carl")
    _touch(phone, "acknowledge")
    _until(phone, lambda: centre.order(order_id).state == "acknowledged")
    phone.context.set_offline(True)
    _touch(phone, "depart", "arrive")
    desk.post(f"/api/orders/{order_id}/recall", reason="nearer_crew")
    phone.context.set_offline(False)
    conflict = phone.locator(".conflict", has_text="was not taken")
    expect(conflict).to_have_count(2, timeout=10_000)
    expect(conflict.first).to_contain_text("At the centre")
    phone.reload()
    expect(conflict).to_have_count(2)
    conflict.first.get_by_role("button", name="Understood").click()
    expect(conflict).to_have_count(1)
    visitor.problems[:] = [p for p in visitor.problems if "409" not in p]


def test_what_positions_took_first_stands_and_what_was_pressed_after_it_goes_on(
    visit: Visit, centre: Served
) -> None:
    desk, visitor = Desk(visit()), visit(**PHONE)
    order_id = desk.order()
    phone = visitor.sign_in("carl")
    _touch(phone, "acknowledge", "depart")
    phone.context.set_offline(True)
    _touch(phone, "arrive", "restore")
    expect(phone.locator("#stack .empty")).to_contain_text("1 fault record still to be written")
    phone.locator("[name=cause_code]").select_option("overload")
    phone.locator("[name=equipment]").select_option("fuse")
    phone.locator("[name=work_done]").fill("a new fuse")
    phone.locator(".record [type=submit]").click()
    expect(phone.locator(".record")).to_have_count(0)
    expect(phone.locator(".kept")).to_have_text("12 Harbour RoadFault record not sent yet")
    draft = f"JSON.parse(localStorage.getItem('dispatch45/record/{order_id}'))?.work_done"
    assert phone.evaluate(draft) == "a new fuse", "until the centre has it"
    crew = centre.place.context.directory.crews["E1"]
    gps = duty.step(
        centre.place.context, order_id, "arrive", crew=crew, by=Actor("device", "t-E1"), data={"via": "gps"}
    )
    centre.do(gps)
    phone.context.set_offline(False)
    _until(phone, lambda: centre.order(order_id).state == "recorded")
    _until(phone, lambda: phone.evaluate(draft) is None)
    expect(phone.locator(".notice")).to_contain_text("The centre has the fault record: 12 Harbour Road")
    expect(phone.locator(".kept, .conflict")).to_have_count(0)
    (arrived,) = [e for e in centre.order(order_id).history if e.kind == "arrive"]
    assert arrived.data["via"] == "gps"
    visitor.problems[:] = [p for p in visitor.problems if "409" not in p]


def test_photos_and_a_record_that_survives_its_page(visit: Visit, centre: Served) -> None:
    desk, visitor = Desk(visit()), visit(**PHONE)
    order_id = desk.order()
    phone = visitor.sign_in("carl")
    _touch(phone, "acknowledge", "depart", "arrive")
    phone.set_input_files(".card [type=file]", STATIC / "icons" / "icon-512.png")
    _until(phone, lambda: any(e.kind == PHOTO for e in centre.order(order_id).history))
    (photo,) = [e for e in centre.order(order_id).history if e.kind == PHOTO]
    assert photo.data["kind"] == "image/jpeg"
    expect(phone.locator(".links label")).to_contain_text("(1)")
    _touch(phone, "restore")
    phone.locator("[name=work_done]").fill("a new fuse")
    phone.locator("[name=equipment]").select_option("fuse")
    phone.context.set_offline(True)
    phone.set_input_files(".record [type=file]", STATIC / "icons" / "icon-192.png")
    expect(phone.locator(".record label.button")).to_have_text("Photo (2) not sent yet")
    expect(phone.locator("[name=work_done]")).to_have_value("a new fuse")
    phone.context.set_offline(False)
    expect(phone.locator(".record label.button")).to_have_text("Photo (2)", timeout=10_000)
    phone.reload()
    expect(phone.locator("[name=work_done]")).to_have_value("a new fuse")
    expect(phone.locator("[name=equipment]")).to_have_value("fuse")
    phone.locator("[name=cause_code]").select_option("overload")
    phone.locator(".record [type=submit]").click()
    _until(phone, lambda: centre.order(order_id).record is not None)
    record = centre.order(order_id).record
    assert (record["cause_code"], record["equipment"], record["cause"]) == ("overload", "fuse", "Overload")


@pytest.mark.parametrize("between_ms", [0, 150, 300])
def test_gloves_touch_twice(visit: Visit, centre: Served, between_ms: int) -> None:
    """The second touch meets the next step's button, which stands at the same place: it is no press of that."""
    desk, visitor = Desk(visit()), visit(touch=True, **PHONE)
    order_id = desk.order()
    phone = visitor.sign_in("carl")
    expect(phone.locator(".card .state")).to_have_text("Delivered", timeout=10_000)
    x, y = _middle(phone, "acknowledge")
    phone.touchscreen.tap(x, y)
    phone.wait_for_timeout(between_ms)
    phone.touchscreen.tap(x, y)
    _until(phone, lambda: centre.order(order_id).state == "acknowledged")
    phone.wait_for_timeout(1_200)
    assert centre.order(order_id).state == "acknowledged"
    expect(phone.locator(".conflict")).to_have_count(0)
    phone.locator('[data-step="depart"]').tap()
    _until(phone, lambda: centre.order(order_id).state == "en_route")


def test_restored_is_asked_first(visit: Visit, centre: Served) -> None:
    desk, visitor = Desk(visit()), visit(touch=True, **PHONE)
    order_id = desk.order()
    phone = visitor.sign_in("carl")
    _touch(phone, "acknowledge", "depart", "arrive")
    phone.locator('[data-step="restore"]').tap()
    expect(phone.locator("dialog")).to_contain_text("12 Harbour Road")
    _double(phone, phone.get_by_role("button", name="Back"))
    expect(phone.locator("dialog")).to_be_visible()
    expect(phone.locator("dialog [type=submit]")).to_be_focused()
    phone.get_by_role("button", name="Back").tap()
    expect(phone.locator("dialog")).to_have_count(0)
    _until(phone, lambda: centre.order(order_id).state == "on_scene")
    phone.wait_for_timeout(500)
    assert centre.order(order_id).state == "on_scene"
    phone.locator('[data-step="restore"]').tap()
    confirm = phone.locator("dialog [type=submit]")
    _double(phone, confirm)
    expect(phone.locator("dialog")).to_be_visible()
    assert centre.order(order_id).state == "on_scene", (
        "a glove touches twice, and the dialog came up under it"
    )
    confirm.tap()
    _until(phone, lambda: centre.order(order_id).state == "restored")


def _double(page: Page, under: Locator) -> None:
    """The second touch of a glove, wherever the finger is."""
    page.wait_for_timeout(150)
    page.touchscreen.tap(*_middle_of(under))
    page.wait_for_timeout(200)


def _middle(page: Page, step: str) -> tuple[float, float]:
    """Of a step's button, when it has stood still."""
    before, button = None, page.locator(f'[data-step="{step}"]')
    for _ in range(30):
        now = _middle_of(button)
        if now == before:
            return now
        before = now
        page.wait_for_timeout(300)
    raise AssertionError("it does not stand still")


def _middle_of(one: Locator) -> tuple[float, float]:
    box = one.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_button_that_was_taken_does_not_come_back(visit: Visit, centre: Served) -> None:
    """Neither until the next look, nor where the page is killed right after the centre took it, and there is no network."""
    desk, visitor = Desk(visit()), visit(**PHONE)
    order_id = desk.order()
    phone = visitor.sign_in("carl")
    phone.evaluate("navigator.serviceWorker.ready.then(() => null)")
    phone.locator('[data-step="acknowledge"]').click()
    _until(phone, lambda: centre.order(order_id).state == "acknowledged")
    phone.wait_for_timeout(150)
    phone.context.set_offline(True)
    phone.reload()
    expect(phone.locator('[data-step="depart"]')).to_be_visible()
    expect(phone.locator('[data-step="acknowledge"]')).to_have_count(0)


def test_big_buttons_and_the_way_there(visit: Visit, centre: Served) -> None:
    desk, visitor = Desk(visit()), visit(**PHONE)
    desk.order()
    phone = visitor.sign_in("carl")
    asked: list[str] = []
    phone.on("request", lambda one: asked.append(one.url.removeprefix(centre.address)))
    phone.reload()
    expect(phone.locator('[data-step="acknowledge"]')).to_be_visible()
    ahead = "Array.from(document.querySelectorAll('link[rel=preload]'), (one) => one.getAttribute('href'))"
    assert phone.evaluate(ahead) == ["/api/vocabulary"], "nothing that tells the time"
    assert asked.count("/api/vocabulary") == 1, "what was asked for ahead is what the page uses"
    buttons = phone.locator("main button:visible, main .button:visible, main summary")
    small = "all => all.filter((one) => one.getBoundingClientRect().height < 64).map((one) => one.innerText)"
    _until(phone, lambda: buttons.count() > 3)
    assert buttons.evaluate_all(small) == []
    assert re.match(
        r"geo:30\.05\d*,120\.05", phone.get_by_role("link", name="Navigate").get_attribute("href") or ""
    )
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_phone_that_slept_without_a_network_says_when_it_was_touched(visit: Visit, centre: Served) -> None:
    """The monotonic clock stands still meanwhile, the phone's own goes on."""
    desk, visitor = Desk(visit()), visit(**PHONE)
    desk.order()
    phone = visitor.sign_in("carl")
    expect(phone.locator('[data-step="acknowledge"]')).to_be_visible()
    phone.context.set_offline(True)
    _touch(phone, "acknowledge")
    phone.evaluate("const real = Date.now; Date.now = () => real() + 1_800_000")
    _touch(phone, "depart")
    kept = """() => new Promise((resolve) => { const o = indexedDB.open('dispatch45'); o.onsuccess = () => {
      const all = o.result.transaction('presses').objectStore('presses').getAll();
      all.onsuccess = () => { o.result.close(); resolve(all.result.filter((one) => one.press.at).map((one) => Date.parse(one.press.at))); }; }; })"""
    accepted, departed = phone.evaluate(kept)
    assert 1_800_000 <= departed - accepted < 1_830_000


def test_a_phone_that_is_handed_on_sends_nothing_under_anothers_name(visit: Visit, centre: Served) -> None:
    """Carl's session ends, his page is kept, Cleo of another crew signs in: she gets her page, he keeps his press."""
    desk, visitor = Desk(visit()), visit(**PHONE)
    order_id = desk.order()
    phone = _without_a_network(visitor, centre, order_id)
    phone.reload()
    _touch(phone, "acknowledge")
    Desk(visitor).as_("cleo")
    phone.context.set_offline(False)
    expect(phone.locator("#crew-head h1")).to_have_text("Crew E2", timeout=10_000)
    expect(phone.locator("[data-step]")).to_have_count(0)
    phone.wait_for_timeout(500)
    assert centre.order(order_id).state == "delivered"
    Desk(visitor).as_("carl")
    expect(phone.locator("#crew-head h1")).to_have_text("Crew E1", timeout=10_000)
    _until(phone, lambda: centre.order(order_id).state == "acknowledged")
    expect(phone.locator(".conflict")).to_have_count(0)
    visitor.problems[:] = [p for p in visitor.problems if "401" not in p]


def test_who_signs_in_gets_no_page_that_was_kept_for_another(visit: Visit, centre: Served) -> None:
    phone = visit(**PHONE).sign_in("carl")
    phone.evaluate("navigator.serviceWorker.ready.then(() => null)")
    kept = "Promise.resolve(caches.match('/crew')).then((found) => Boolean(found))"
    _until(phone, lambda: phone.evaluate(kept))
    phone.context.clear_cookies()
    phone.goto(f"{centre.address}/sign-in?next=/password")
    phone.fill("#username", "cleo")
    phone.fill("#password", PASSWORD)
    phone.click("#sign-in [type=submit]")
    phone.wait_for_url(re.compile(r"^http://[^/]+/password$"))
    assert not phone.evaluate(kept)


def test_nobody_is_signed_out_by_a_touch_or_without_a_network(visit: Visit, centre: Served) -> None:
    desk, visitor = Desk(visit()), visit(**PHONE)
    order_id = desk.order()
    phone = _without_a_network(visitor, centre, order_id)
    _touch(phone, "acknowledge")
    phone.locator("#sign-out").click()
    expect(phone.locator("dialog")).to_contain_text("1 press waits to be sent.")
    phone.locator("dialog").get_by_role("button", name="Back").click()
    phone.locator("#sign-out").click()
    phone.locator("dialog [type=submit]").click()
    expect(phone.locator(".notice.bad")).to_contain_text("You are still signed in.")
    phone.reload()
    expect(phone.locator('[data-step="depart"]')).to_be_visible()
    phone.context.set_offline(False)
    _until(phone, lambda: centre.order(order_id).state == "acknowledged")
    phone.locator("#sign-out").click()
    phone.locator("dialog [type=submit]").click()
    phone.wait_for_url(f"{centre.address}/sign-in")
    assert (
        phone.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('dispatch45/stack')).length")
        == 0
    )


def test_a_network_that_wants_to_be_signed_in_to_takes_no_press(visit: Visit, centre: Served) -> None:
    desk, visitor = Desk(visit()), visit(**PHONE)
    order_id = desk.order()
    phone = visitor.sign_in("carl")
    page = "<html>Welcome to the free network of Harbour Road</html>"
    phone.route(
        "**/api/crew/orders/*/acknowledge",
        lambda route: route.fulfill(status=200, content_type="text/html", body=page),
    )
    _touch(phone, "acknowledge")
    expect(phone.locator(".card .chip")).to_have_text("not sent yet")
    phone.wait_for_timeout(500)
    expect(phone.locator(".card .chip")).to_have_text("not sent yet")
    phone.unroute_all()
    _until(phone, lambda: centre.order(order_id).state == "acknowledged")


def test_messages_are_kept_without_a_network(visit: Visit, centre: Served) -> None:
    visitor = visit(**PHONE)
    phone = visitor.sign_in("carl")
    expect(phone.locator("#presence")).to_be_visible()
    expect(phone.locator("#to-record")).to_be_hidden()
    phone.locator("#messages summary").click()
    phone.context.set_offline(True)
    phone.fill("#message-text", "need a bucket truck")
    phone.locator("#message-box [type=submit]").click()
    expect(phone.locator(".thread .mine")).to_contain_text("not sent yet")
    expect(phone.locator("#message-text")).to_have_value("")
    phone.context.set_offline(False)
    expect(phone.locator(".thread .mine", has_text="not sent yet")).to_have_count(0, timeout=10_000)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_it_can_be_installed(visit: Visit, centre: Served, language: str) -> None:
    """Chromium's own judgement of manifest, icons and service worker."""
    visitor = visit(language=language, **PHONE)
    phone = visitor.sign_in("carl")
    phone.evaluate("navigator.serviceWorker.ready.then(() => null)")
    devtools = phone.context.new_cdp_session(phone)
    assert devtools.send("Page.getInstallabilityErrors")["installabilityErrors"] in (
        [], [{"errorId": "in-incognito", "errorArguments": []}]
    )  # fmt: skip
    assert devtools.send("Page.getAppManifest")["errors"] == []
