"""Alerts sound on every role's page until somebody acknowledges them; recipients are kept in the pages."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dispatch.adapters.channels.alerts import AppriseAlerts
from dispatch.core.outgoing import Outgoing, alert
from dispatch.services import clocks, delivery
from dispatch.services.ports import Changes
from dispatch.services.ways_out import Ports
from tests.browser.conftest import Visit
from tests.browser.served import Served
from tests.browser.storm_evening import Evening, control_room

COUNT_TONES = """
window.tones = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) { window.tones += 1; return start.apply(this, when); };
"""
PRESSED_AGAIN = """() => {
  const strip = document.getElementById('alert-strip'), read = strip.querySelector('strong').textContent;
  new MutationObserver((_, watch) => {
    if (strip.querySelector('strong')?.textContent === read) return;
    watch.disconnect();
    setTimeout(() => dispatchEvent(new KeyboardEvent('keydown', { key: 'q' })), 150);
  }).observe(strip, { childList: true, subtree: true });
}"""
"""Another `q`, 150 ms after the next alert has taken the place of the one that was read."""
LONGER_THAN_A_PAUSE = 8_000
"""Milliseconds: alerts sound every six seconds, every four on a crew's phone."""


def raise_alert(centre: Served, role: str, code: str = "promise_missed", **facts: Any) -> None:
    """As a decision of the centre does."""
    context = centre.place.context
    told: Outgoing = alert(
        key=f"test/{code}", role=role, code=code, due=context.clock.now(), centre_id="east", **facts
    )
    centre.do(context.store.transact(lambda _, now: Changes(None, outgoing=(told,))))


def listening(visit: Visit, username: str) -> Page:
    """Signed in, with tones counted, after the first touch that browsers ask for."""
    visitor = visit()
    visitor.page.add_init_script(COUNT_TONES)
    page = visitor.sign_in(username)
    page.locator("#clock").click()
    page.wait_for_timeout(500)
    return page


def tones(page: Page) -> int:
    return int(page.evaluate("window.tones"))


def wait_for_tones(page: Page, number: int) -> None:
    """So many; asked from outside, as the pages' policy lets no text be run."""
    for _ in range(60):
        if tones(page) >= number:
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"{tones(page)} tones, expected {number}")


@pytest.mark.parametrize(
    ("username", "role", "facts", "other"),
    [
        ("dora", "dispatcher", {}, "dora"), ("holly", "hotline", {}, "holly"), ("mona", "manager", {}, "ada"),
        ("ada", "manager", {}, "mona"),
        ("carl", "crew", {"crew_id": "E1", "code": "away_refused"}, "carl"),
    ],
)  # fmt: skip
def test_an_alert_sounds_until_somebody_acknowledges_it_on_another_screen(
    visit: Visit, centre: Served, username: str, role: str, facts: dict[str, str], other: str
) -> None:
    page = listening(visit, username)
    assert tones(page) == 0
    raise_alert(centre, role, **facts)
    wait_for_tones(page, 1)
    page.wait_for_timeout(1_500)
    wait_for_tones(page, tones(page) + 1)
    elsewhere = visit().sign_in(other)
    name = "Understood" if role == "crew" else "Acknowledge"
    if role == "crew":
        elsewhere.locator("#conflicts summary").click()
    elsewhere.get_by_role("button", name=name, exact=True).first.click()
    strip = page.locator("#conflicts .conflict" if role == "crew" else "#alert-strip")
    expect(strip).to_be_hidden(timeout=10_000) if role != "crew" else expect(strip).to_have_count(
        0, timeout=10_000
    )
    page.wait_for_timeout(300)
    quiet = tones(page)
    page.wait_for_timeout(LONGER_THAN_A_PAUSE)
    assert tones(page) == quiet
    if username == "mona":  # a page without the live feed says, too, that it would not be heard
        page.context.set_offline(True)
        expect(page.locator("#banner")).to_contain_text("alerts are not heard here", timeout=15_000)
        page.context.set_offline(False)
        expect(page.locator("#banner")).to_be_hidden(timeout=10_000)


def test_one_long_press_acknowledges_one_alert_and_none_slips_under_it(visit: Visit, centre: Served) -> None:
    visitor = visit()
    page = visitor.sign_in("dora")
    expect(page.locator("#connection")).to_contain_text("Live")
    strip = page.locator("#alert-strip")
    raise_alert(centre, "dispatcher", "repeat_call")
    expect(strip.locator(".sign")).to_have_text("○ Information")
    raise_alert(centre, "dispatcher", "promise_missed")
    expect(strip.locator(".sign")).to_have_text("▲ Critical")
    expect(strip.locator("strong")).to_have_text(
        "The promise is missed"
    )  # what is more urgent takes its place
    read = strip.locator("strong").inner_text()
    raise_alert(centre, "dispatcher", "unroutable")
    expect(strip).to_contain_text("2 more")
    assert strip.locator("strong").inner_text() == read, "what matters less does not take its place"
    for _ in range(12):  # held down
        page.keyboard.down("q")
        page.wait_for_timeout(60)
    page.keyboard.up("q")
    expect(strip).to_contain_text("1 more")
    page.wait_for_timeout(1_000)
    expect(strip).to_contain_text("1 more")
    page.evaluate(PRESSED_AGAIN)
    page.keyboard.press("q")
    expect(strip).not_to_contain_text("1 more")
    page.wait_for_timeout(1_000)
    expect(strip).to_be_visible()
    rows = centre.do(
        centre.place.store.read(
            lambda c: [
                tuple(r) for r in c.exec_driver_sql("SELECT code FROM alert WHERE acknowledged_by <> ''")
            ]
        )
    )
    assert len(rows) == 2
    assert rows[0] == ("promise_missed",)


@pytest.fixture
def evening(centre: Served) -> Iterator[Evening]:
    found = Evening(centre)
    yield found
    found.close()


NOBODY = ("unanswered_hand", "unanswered_centre")


def test_what_is_true_no_more_falls_silent_and_what_says_the_same_is_one_line(
    visit: Visit, centre: Served, evening: Evening
) -> None:
    page = control_room(visit)
    strip = page.locator("#alert-strip")
    order_id = evening.order((30.05, 120.05), "12 Harbour Road")
    other = evening.order((30.07, 120.05), "9 Mill Way")
    generation = evening.post("dora", f"/api/orders/{order_id}/dispatch", {"crew_id": "E1"})["generation"]
    evening.post("dora", f"/api/orders/{other}/dispatch", {"crew_id": "E2"})
    centre.place.clock.advance(300)
    centre.do(clocks.fire_due(centre.place.context))
    expect(strip).to_contain_text(f"The crew does not answer{order_id}", timeout=10_000)
    for code in NOBODY:
        raise_alert(centre, "dispatcher", code, order_id=order_id)
    expect(strip).to_contain_text(f"{order_id}: 3 alerts")
    evening.post("carl", f"/api/crew/orders/{order_id}/acknowledge", {"generation": generation})
    expect(strip).to_contain_text(f"The crew does not answer{other}", timeout=5_000)  # true still
    page.click("#tab-alerts")
    over = page.locator("#alert-list .done", has_text="The crew does not answer")
    expect(over).to_have_count(1)
    expect(over).to_contain_text("Over: Acknowledge (Crew E1)")
    page.locator("#alert-list .open", has_text=order_id).first.get_by_role(
        "button", name="Acknowledge 2"
    ).click()
    expect(page.locator("#alert-list .open", has_text=order_id)).to_have_count(0)
    expect(strip).to_contain_text(other)
    page.wait_for_timeout(500)  # nobody reads it faster
    page.keyboard.press("q")
    expect(strip).to_contain_text("A segment is overdue")
    phone = visit(width=360, height=740).sign_in("cleo")
    raise_alert(centre, "crew", "order_cancel", order_id="W9", crew_id="E2")
    raise_alert(centre, "crew", "order_reject", order_id="W8", crew_id="E2")
    line = phone.locator("#conflicts summary")
    expect(line).to_contain_text("2 alerts", timeout=10_000)
    box, first = line.bounding_box(), phone.locator("#stack .card").first.bounding_box()
    assert box is not None
    assert first is not None
    assert first["y"] - box["y"] < 100, "the first order is right below"
    line.click()
    expect(phone.get_by_role("button", name="Understood", exact=True)).to_have_count(2)
    phone.get_by_role("button", name="Understood", exact=True).first.click()
    expect(phone.get_by_role("button", name="Understood", exact=True)).to_have_count(1)
    expect(line).to_contain_text("An order was cancelled")


class _Taken(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500 if "broken" in self.path else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def hook() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Taken)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


async def _work(centre: Served) -> None:
    """What the worker's two lanes do."""
    ports = Ports(None, None, None, AppriseAlerts())  # type: ignore[arg-type]
    for _ in range(2):
        await delivery.deliver_due(centre.place.context, ports, delivery.ALERTS)
        await delivery.deliver_due(centre.place.context, ports, delivery.MESSAGES)
        await asyncio.sleep(0.05)


def _channel(page: Page, label: str, url: str) -> None:
    page.get_by_role("button", name="Add a channel").click()
    page.fill("#ask-label", label)
    page.fill("#ask-url", url)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("rowheader", name=label)).to_be_visible()


def test_an_administrator_adds_a_recipient_tests_a_channel_and_removes_it(
    visit: Visit, centre: Served, hook: int
) -> None:
    page = visit().sign_in("ada")
    page.goto(f"{centre.address}/alerts")
    page.click("#add-recipient")
    page.fill("#ask-name", "Managers on duty")
    page.select_option("#ask-whom", "role manager")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Managers on duty")).to_be_visible()
    _channel(page, "chat", f"json://u:topsecret@127.0.0.1:{hook}/sesame")
    assert "topsecret" not in page.content()
    assert "sesame" not in page.content()
    page.get_by_role("button", name="Test").click()
    expect(page.get_by_text("Sending…")).to_be_visible()
    centre.do(_work(centre))
    expect(page.get_by_text("The service took it.")).to_be_visible(timeout=10_000)
    page.get_by_role("row", name="chat").get_by_role("button", name="Change").click()
    page.fill("#ask-url", f"json://127.0.0.1:{hook}/broken")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("channel changed")).to_be_visible()
    page.get_by_role("button", name="Test").click()
    expect(page.get_by_text("Sending…")).to_be_visible()
    centre.do(_work(centre))
    expect(page.get_by_text("error=500")).to_be_visible(timeout=10_000)
    page.get_by_role("row", name="chat").get_by_role("button", name="Remove").click()
    page.locator("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("No channel yet")).to_be_visible()
    expect(page.get_by_text("channel removed")).to_be_visible()


def test_what_was_given_up_is_seen_in_the_control_room_and_dismissed(
    visit: Visit, centre: Served, hook: int
) -> None:
    admin = visit().sign_in("ada")
    admin.goto(f"{centre.address}/alerts")
    admin.click("#add-recipient")
    admin.fill("#ask-name", "East")
    admin.select_option("#ask-whom", "role dispatcher")
    admin.get_by_role("button", name="Save").click()
    _channel(admin, "chat", f"json://127.0.0.1:{hook}/broken")
    raise_alert(centre, "dispatcher")
    for _ in range(13):
        centre.do(_work(centre))
        centre.place.clock.advance(90)
    page = visit("zh-CN").sign_in("dora")
    expect(page.locator("#undelivered-count")).to_have_text("未送达:1")
    page.click("#tab-alerts")
    expect(page.locator("#undelivered")).to_contain_text("error=500")
    expect(page.locator("#undelivered")).to_contain_text("East · chat")
    page.get_by_role("button", name="不再处理").click()
    page.locator("dialog").get_by_role("button", name="不再处理").click()
    expect(page.locator("#undelivered")).to_be_hidden()
