"""An order that nobody knows the place of: sent to a crew all the same, then found, at the hotline and in the control room."""

from __future__ import annotations

from dataclasses import replace

from playwright.sync_api import expect

from dispatch.services import hotline
from tests.browser.conftest import Visit
from tests.browser.reported import HOLLY
from tests.browser.served import Served
from tests.browser.storm_evening import until
from tests.dispatch.organisation import EAST


def test_the_hotline_gives_the_place_afterwards_and_the_crew_can_navigate(
    visit: Visit, centre: Served
) -> None:
    context = centre.place.context
    call = hotline.Call("phone", "behind the old mill", "no_supply", "lv", customer_phone="+861012345")
    order_id = str(centre.do(hotline.take_call(context, call, by=HOLLY)).order_id)
    centre.do(hotline.send(context, order_id, by=HOLLY))
    centre.do(
        hotline.route(
            context, order_id, centre_id="east", trade="service", area_class="rural", by=HOLLY
        )
    )  # fmt: skip
    centre.centre_receives(order_id)
    room = visit().sign_in("dora")
    expect(room.locator(f"#row-{order_id}")).to_be_visible()
    room.keyboard.press("ArrowDown")
    room.keyboard.press("Enter")
    expect(room.locator("#panel-order .order-head")).to_contain_text("no place")
    room.keyboard.press("d")
    expect(room.locator(".candidates")).to_contain_text("Arrival unknown: the order has no place.")
    expect(room.locator(".candidate")).to_have_count(2)
    expect(room.locator(".ranked")).to_be_focused()  # Enter would send it, though the button had the focus
    expect(room.locator(".candidate .eta")).to_have_count(0)
    expect(room.locator(".candidates .effects.unsure .verdict")).to_have_text(
        "? Cannot be said: an order has no place"
    )
    room.keyboard.press("p")  # the place first; then not, and back to the crews
    expect(room.locator("#new-address")).to_be_focused()
    room.keyboard.press("Escape")
    expect(room.locator(".candidates .verdict")).to_be_visible()
    expect(room.locator(".ranked")).to_be_focused()
    room.keyboard.press("Enter")
    expect(room.locator("#notices")).to_contain_text(f"{order_id} goes to")
    crew_id = centre.order(order_id).crew_id
    phone = visit(width=360, height=740).sign_in({"E1": "carl", "E2": "cleo"}[crew_id])
    expect(phone.get_by_role("article")).to_contain_text("behind the old mill")
    expect(phone.get_by_role("link", name="Navigate")).to_have_count(0)

    desk = visit().sign_in("holly")
    desk.locator('[data-pile="running"]').click()
    row = desk.locator(f'.desk-row[data-order="{order_id}"]')
    expect(row).to_contain_text("no place")
    row.locator('[data-step="place"]').focus()
    desk.keyboard.press("Enter")
    expect(desk.locator("#new-address")).to_be_focused()
    expect(desk.locator("#new-placed")).to_contain_text("No address is like that")
    desk.keyboard.press("Alt+Enter")
    expect(desk.locator(".place-box .problem")).to_contain_text("Choose an address")
    desk.keyboard.press("Control+a")
    desk.keyboard.type("12 har")
    expect(desk.locator("#new-addresses [role=option]").first).to_be_visible()
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("Enter")
    expect(desk.locator(".place-box [type=submit]")).to_be_focused()
    desk.keyboard.press("Enter")
    expect(desk.locator("#notices")).to_contain_text("The promise stays the one of the call: Rural")
    expect(row).not_to_contain_text("no place")
    expect(desk.locator(".place-box")).to_have_count(0)
    expect(phone.get_by_role("article")).to_contain_text("12 Harbour Road")
    expect(phone.get_by_role("link", name="Navigate")).to_be_visible()
    expect(phone.locator("body")).to_contain_text("The place of an order was corrected")

    taken = centre.do(hotline.take_call(context, replace(call, address="the mill again"), by=HOLLY))
    expect(desk.locator('[data-pile="unroutable"] b')).to_have_text("1")
    expect(desk.locator('[data-pile="to_send"] b')).to_have_text("0")  # it is counted once
    desk.locator('[data-pile="unroutable"]').click()  # nobody is responsible: the rules are, by its place
    whose = desk.locator(f'.desk-row[data-order="{taken.order_id}"]').get_by_role("button", name="Decide who")
    whose.press("Enter")
    expect(desk.locator("#ask-centre_id")).to_be_focused()
    desk.keyboard.press("Enter")  # pressed twice: nobody has chosen whose it is
    expect(desk.locator("dialog")).to_have_count(1)
    assert centre.order(taken.order_id).centre_id == ""
    desk.keyboard.press("Escape")
    desk.locator(f'.desk-row[data-order="{taken.order_id}"] [data-step="place"]').click()
    desk.keyboard.press("Control+a")
    desk.keyboard.type("12 har")
    expect(desk.locator("#new-addresses [role=option]").first).to_be_visible()
    desk.keyboard.press("Enter")
    desk.keyboard.press("Alt+Enter")
    expect(desk.locator("#notices")).to_contain_text("Responsible: East")
    expect(desk.locator(f'.desk-row[data-order="{taken.order_id}"]')).to_contain_text("12 Harbour Road")
    desk.keyboard.press("Alt+s")
    expect(desk.locator(f'.desk-row[data-order="{taken.order_id}"]')).to_have_count(0)
    assert centre.order(taken.order_id).state == "sent"

    expect(room.locator("#panel-order h2")).to_have_text("12 Harbour Road")
    room.locator("#board").focus()
    room.keyboard.press("p")  # and once more, on the map by keys
    expect(room.locator("#new-address")).to_be_focused()
    room.keyboard.press("Alt+m")
    room.keyboard.press("ArrowUp")
    until(room, lambda: room.evaluate("globalThis.dispatch45Map.getCenter().lat") > EAST[0] + 0.0005)
    room.keyboard.press("Enter")
    expect(room.locator(".place-box [type=submit]")).to_be_focused()
    room.keyboard.press("Enter")
    expect(room.locator(".place-box")).to_have_count(0)
    for confirmed, address in ((False, "12 Harbour Road"), (True, "the mill gate")):
        room.keyboard.press("p")  # what is typed may be a search that found nothing
        room.keyboard.type("the mill gate")
        room.keyboard.press("Alt+m")
        room.keyboard.press("Enter")
        expect(room.locator(".place-box .typed")).to_contain_text("The address will be: 12 Harbour Road")
        if confirmed:
            room.get_by_label("“the mill gate” is the address").press("Space")
            expect(room.locator(".place-box .typed")).to_contain_text("will be: the mill gate")
        room.keyboard.press("Alt+Enter")
        expect(room.locator(".place-box")).to_have_count(0)
        expect(room.locator("#panel-order h2")).to_have_text(address)
    room.goto(f"{centre.address}/orders/{order_id}")
    expect(room.locator("#story")).to_contain_text("Place given or corrected")
    expect(room.locator("#story")).to_contain_text("before: behind the old mill (no place)")
    assert [e.kind for e in centre.order(order_id).history].count("locate") == 4
