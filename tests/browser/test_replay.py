"""An order is lived again: its way, its events and its clocks on one slider."""

from __future__ import annotations

from playwright.sync_api import expect

from dispatch.services import dispatcher
from tests.browser.conftest import Visit
from tests.browser.reported import DORA, at_centre, drive
from tests.browser.served import Served


def test_an_order_is_replayed_by_keyboard_with_its_way_and_clocks(visit: Visit, centre: Served) -> None:
    order_id = at_centre(centre, "12 Harbour Road", 0)
    drive(centre, order_id)
    visitor = visit()
    page = visitor.sign_in("dora")
    page.goto(f"{centre.address}/orders/{order_id}#replay")
    slider = page.locator("#replay-slider")
    expect(slider).to_be_focused()
    expect(page.locator("#replay-feed")).to_contain_text("Call taken")
    expect(page.locator("#replay-where")).to_contain_text("not been seen yet")
    while "Depart" not in page.locator("#replay-feed .now").inner_text():
        page.keyboard.press("PageDown")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#replay-segment")).to_contain_text("1:00 / 28:00")
    expect(page.locator("#replay-where")).to_contain_text("Vehicle: 30.0")  # the way has come
    first = page.locator("#replay-where").inner_text()
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator("#replay-where").inner_text() != first
    assert "Depart" in str(slider.get_attribute("aria-valuetext"))
    page.select_option("#replay-speed", "120")
    slider.focus()
    page.keyboard.press("Space")
    expect(page.locator("#replay-play")).to_contain_text("Pause")
    expect(page.locator("#replay-left")).to_contain_text("✓", timeout=15_000)
    page.keyboard.press("Home")
    expect(page.locator("#replay-play")).to_contain_text("Play")
    page.keyboard.press("End")
    expect(page.locator("#replay-feed .now")).to_contain_text("Restore")

    hotline_page = visit().sign_in("holly")  # she sees no tracks: only where the vehicle was at each event
    hotline_page.goto(f"{centre.address}/orders/{order_id}")
    expect(hotline_page.locator("#replay-controls")).to_contain_text("for the repair centre")


def test_a_chosen_vehicle_shows_where_it_has_been(visit: Visit, centre: Served) -> None:
    order_id = at_centre(centre, "12 Harbour Road", 0)
    drive(centre, order_id, then=("arrive",))
    page = visit().sign_in("dora")
    page.locator("#tab-crews").click()
    page.locator('#panel-crews [data-act="map"][data-of="E1"]').click()
    note = page.locator(".trail-note")
    expect(note).to_contain_text("Crew E1: the way of the last 30 minutes")
    page.emulate_media(forced_colors="active")
    expect(page.locator("#crew-E2 .status-mark")).to_have_css("background-color", "rgb(31, 157, 97)")
    page.emulate_media(forced_colors="none")
    way = page.locator("path.trail")
    assert "L" in str(way.get_attribute("d"))
    page.locator('#panel-crews [data-act="map"][data-of="E2"]').click()
    expect(note).to_contain_text("Crew E2: no positions in the last 30 minutes")
    assert "L" not in str(way.get_attribute("d"))
    page.locator(".row").first.click()
    expect(note).to_contain_text("Crew E1: the way")
    page.locator("#tab-crews").click()
    page.locator('#panel-crews [data-act="map"][data-of="E2"]').click()
    expect(note).to_contain_text("Crew E2")
    centre.do(dispatcher.recall(centre.place.context, order_id, reason="other", by=DORA))
    expect(page.locator(f"#row-{order_id} .state")).to_have_text("At the centre")
    expect(note).to_be_visible()  # what becomes of an order takes no chosen vehicle away
