"""A hotline evening by keyboard alone, and an incident at the control room."""

from __future__ import annotations

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, Route, expect

from dispatch.adapters.sql import outages
from dispatch.core.outage import PlannedOutage
from dispatch.services import chases, dispatcher
from tests.browser.conftest import Visit
from tests.browser.reported import DORA, HOLLY, at_centre, drive, take
from tests.browser.served import Served


def _plan(centre: Served, name: str = "PO-1", hours: float = 2.0) -> None:
    now = centre.place.clock.now()
    one = PlannedOutage(
        name, now - timedelta(hours=1), now + timedelta(hours=hours), "line work", addresses=("3 Hill Lane",)
    )
    centre.do(centre.place.store.write(lambda c: outages.put(c, [one])))


def _type_address(page: Page, text: str) -> None:
    expect(page.locator("#address")).to_be_focused()
    page.keyboard.type(text)
    expect(page.locator("#addresses [role=option]").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#customer_phone")).to_be_focused()


def test_an_evening_at_the_hotline_without_touching_the_mouse(visit: Visit, centre: Served) -> None:
    _plan(centre)
    page = visit().sign_in("holly")

    _type_address(page, "12 har")  # the first caller gives no number
    expect(page.locator("#placed")).to_contain_text("East · Urban")
    page.keyboard.press("Alt+Enter")
    expect(page.locator("#call-problem")).to_contain_text("Ask for the telephone number")
    page.keyboard.press("Alt+w")
    page.keyboard.press("Alt+Enter")
    row = page.locator(".desk-row").first
    expect(row).to_contain_text("number withheld")
    order_id = str(row.get_attribute("data-order"))
    page.keyboard.press("Alt+s")
    expect(page.locator(".desk-row")).to_have_count(0)
    centre.centre_receives(order_id)

    _type_address(page, "12 har")  # a neighbour: it is known, and the call joins
    page.keyboard.type("13800001111")
    expect(page.locator(f'[data-repeat="{order_id}"]')).to_contain_text("is choosing a crew")
    expect(page.locator(".known.chosen")).to_contain_text("The call joins this order")
    page.keyboard.press("Alt+Enter")
    expect(page.locator("#notices")).to_contain_text("joined the open order")

    page.keyboard.type("somewhere else")  # the same telephone again: shown before a second order is made
    expect(page.locator("#placed")).to_contain_text("No address is like that")
    page.keyboard.press("Tab")
    page.keyboard.type("138 0000 1111")
    expect(page.locator(f'[data-repeat="{order_id}"]')).to_contain_text("same telephone")
    page.keyboard.press("Alt+Enter")
    expect(page.locator("#call-problem")).to_contain_text("Alt+J joins")
    page.keyboard.press("Alt+p")  # the caller only wanted to know
    expect(page.locator("#address")).to_have_value("")

    _type_address(page, "3 hill")  # a planned outage: told, no order
    page.keyboard.type("13900002222")
    expect(page.locator('.known[data-outage="PO-1"]')).to_contain_text("line work")
    page.keyboard.press("Alt+a")  # (the addresses of this small city lie on one spot)
    page.keyboard.press("Alt+Enter")
    expect(page.locator("#call-problem")).to_contain_text("planned outage")
    page.keyboard.press("Alt+o")
    expect(page.locator("#notices")).to_contain_text("planned outage, no order")

    page.keyboard.press("Alt+m")  # the last one knows no address: the cross on the map
    expect(page.locator(".folium-map")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#address")).not_to_have_value("")
    expect(page.locator("#placed")).to_contain_text(re.compile(r"(East|West) · Urban · Place:"))
    page.keyboard.press("Alt+n")
    expect(page.locator("#address")).to_have_value("")

    contacts = centre.do(
        centre.place.store.read(
            lambda c: [tuple(r) for r in c.exec_driver_sql("SELECT outcome, phone FROM contact ORDER BY at")]
        )
    )
    assert contacts == [
        ("new", ""), ("joined", "13800001111"), ("progress", ""), ("planned_outage", "13900002222"),
    ]  # fmt: skip


def test_a_wire_is_down_after_the_answer_to_told_was_lost(visit: Visit, centre: Served) -> None:
    _plan(centre)
    visitor = visit()
    page = visitor.sign_in("holly")

    def lose(route: Route) -> None:
        route.fetch()  # the centre keeps the call, and nobody hears of it
        route.abort()

    page.route("**/api/calls", lose, times=1)
    _type_address(page, "3 hill")
    page.keyboard.type("13900002222")
    expect(page.locator('.known[data-outage="PO-1"]')).to_be_visible()
    page.keyboard.press("Alt+o")
    expect(page.locator("#call-problem")).to_contain_text("cannot be reached")
    page.keyboard.press("Alt+i")
    page.keyboard.press("Alt+Enter")
    expect(page.locator("#call-problem")).to_contain_text("without an order")
    page.keyboard.press("Alt+Enter")
    expect(page.locator(".desk-row")).to_have_count(1)
    visitor.problems.clear()


def test_a_call_that_is_cleared_while_it_is_taken_is_taken_or_said(visit: Visit, centre: Served) -> None:
    visitor = visit()
    page = visitor.sign_in("holly")
    rows, notices = page.locator(".desk-row"), page.locator("#notices")

    def end(address: str) -> None:
        page.fill("#address", address)
        page.keyboard.press("Alt+w")
        page.keyboard.press("Alt+Enter")

    page.route("**/api/calls/look", lambda route: (page.wait_for_timeout(800), route.continue_()))
    end("1 Far Lane")
    page.keyboard.press("Alt+n")  # the next caller speaks before the centre has looked
    page.fill("#description", "a child is on oxygen")
    expect(rows).to_contain_text("1 Far Lane")
    expect(page.locator("#description")).to_have_value("a child is on oxygen")
    expect(page.locator("#call-problem")).to_be_hidden()
    page.unroute("**/api/calls/look")
    page.route("**/api/calls", lambda route: (page.wait_for_timeout(1_500), route.abort()), times=1)
    with page.expect_request("**/api/calls"):
        end("2 Quay Street")
    page.keyboard.press("Alt+n")
    end("3 Mill Way")  # while the one before is still under way
    expect(notices).to_contain_text("2 Quay Street: The centre cannot be reached")
    expect(rows.filter(has_text="3 Mill Way")).to_be_visible()
    for _ in range(5):
        page.keyboard.press("Alt+s")  # says that there is nothing; what can still be done is not pushed out
    page.get_by_role("button", name="Take it once more").click()
    expect(rows.filter(has_text="2 Quay Street")).to_be_visible()
    expect(rows).to_have_count(3)
    page.set_viewport_size({"width": 1366, "height": 480})
    for text in ("one", "another", "a third"):
        page.evaluate(SAY, text)
    rows.last.get_by_role("button", name="Cancel the order").click(timeout=4_000)  # out from under them
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1366, "height": 768})
    page.fill("#address", "3 Mill Way")
    expect(page.locator("[data-repeat]")).to_be_visible()
    page.route("**/progress", lambda route: (page.wait_for_timeout(400), route.abort()), times=1)
    page.keyboard.press("Alt+p")
    page.keyboard.press("Alt+n")
    expect(notices).to_contain_text("cannot be reached")
    expect(page.locator("#call-problem")).to_be_hidden()
    visitor.problems.clear()


SAY = """async (text) => {
  const { notice } = await import(document.querySelector('link[href*="base.css"]').href.replace('css/base.css', 'js/shell.js'));
  notice(text, 'bad');
}"""


def _fill(page: Page, **values: str) -> None:
    """A dialog of the administrator, by its fields' names."""
    for name, value in values.items():
        page.locator(f"#ask-{name}").fill(value)
    page.locator("dialog [type=submit]").click()


def test_an_outage_is_planned_extended_and_ended_while_the_hotline_looks_on(
    visit: Visit, centre: Served
) -> None:
    centre.place.context.zone = ZoneInfo("Asia/Shanghai")  # as the pages'
    now = centre.place.clock.now().astimezone(centre.place.context.zone)
    begin, end, later = (f"{now + timedelta(hours=n):%Y-%m-%dT%H:%M}" for n in (-1, 2, 5))
    visitors = visit(), visit(), visit()
    page, first, second = (v.sign_in(name) for v, name in zip(visitors, ("holly", "ada", "ada"), strict=True))
    page.click('[data-pile="outages"]')
    first.goto(f"{centre.address}/admin/outages")
    expect(first.locator("#admin .empty")).to_contain_text("No outage is planned")
    first.click("#add-outage")
    _fill(first, **{"from": end, "to": begin}, reason="line work")
    expect(first.locator("#ask-problem")).to_contain_text("It ends before it begins")
    expect(first.locator("#ask-to")).to_be_focused()
    _fill(first, **{"from": begin, "to": end})
    expect(first.locator("dialog [role=alert]")).to_contain_text("Say where")
    expect(first.locator("#ask-territory")).to_be_focused()
    expect(first.locator("#ask-territory")).to_have_accessible_description(
        "Say where: a territory, addresses or an area."
    )
    first.evaluate(SAY, "the centre cannot be reached")
    first.get_by_role("dialog").get_by_role("button", name="Close").click()  # above the dialog, and in it
    _fill(first, **{"from": end, "to": begin}, addresses="3 Hill Lane\n4 Hill Lane")
    expect(first.locator("#ask-problem")).to_contain_text("It ends before it begins")
    expect(first.locator("#ask-addresses")).to_have_value(
        "3 Hill Lane\n4 Hill Lane"
    )  # nothing is typed twice
    _fill(first, **{"from": begin, "to": end})
    row = first.locator("#admin tbody tr")
    expect(row).to_contain_text("under way")
    expect(first.locator("#outage-count")).to_have_text("1 outage")
    expect(first.locator(".listed[aria-live]")).to_have_count(0)  # else every row is read out at each letter
    with first.expect_response("**/planned-outages?*"):
        first.get_by_role("button", name="Change").press("Enter")
        first.keyboard.press("Escape")
    first.wait_for_timeout(100)
    expect(first.get_by_role("button", name="Change")).to_be_focused()
    shown = page.locator(".desk-row[data-outage]")
    expect(shown).to_contain_text("line work")
    second.goto(f"{centre.address}/admin/outages")
    second.get_by_role("button", name="Change").click()
    first.get_by_role("button", name="Extend").click()
    _fill(first, to=later)
    expect(row).to_contain_text(later[-5:])
    expect(shown).to_contain_text(later[-5:])
    _fill(second, reason="a new cable")
    expect(second.locator(".notice.bad")).to_contain_text("ada changed this at")
    expect(second.locator("#admin tbody tr")).to_contain_text(later[-5:])
    page.click("#address")
    _type_address(page, "3 hill")
    page.keyboard.type("13900002222")
    expect(page.locator(".known[data-outage]")).to_have_count(1)
    _plan(centre, "PO-7")  # who is on the line is told what is, not what was: nobody types anything
    expect(page.locator('.known[data-outage="PO-7"]')).to_be_visible(timeout=10_000)
    _plan(centre, "PO-7", hours=-0.5)
    expect(page.locator(".known[data-outage]")).to_have_count(1, timeout=10_000)
    page.route("**/api/planned-outages", lambda route: route.abort())
    first.get_by_role("button", name="End now").click()
    first.locator("dialog [type=submit]").click()
    expect(first.locator("#admin .empty")).to_be_visible()
    page.keyboard.press("Alt+o")
    expect(page.locator("#call-problem")).to_contain_text("No planned outage runs at this place now")
    expect(page.locator(".known")).to_have_count(0)
    page.unroute("**/api/planned-outages")
    page.keyboard.press("Alt+Enter")
    expect(page.locator(".desk-row")).to_have_count(1)
    expect(shown).to_have_count(0)
    first.locator("#outage-state").select_option("over")
    expect(row.last).to_contain_text("line work")
    first.fill("#outage-search", "nowhere")
    expect(first.locator("#admin .empty")).to_contain_text("No outage is like that")
    for visitor in visitors:
        visitor.problems.clear()  # the browser itself writes a 400 and a 409 to the console


def test_what_was_decided_about_one_place_is_asked_again_about_another(visit: Visit, centre: Served) -> None:
    first, other = at_centre(centre, "12 Harbour Road", 0), at_centre(centre, "9 Mill Street", 3_000)
    page = visit().sign_in("holly")
    _type_address(page, "12 har")
    page.keyboard.press("Alt+w")
    expect(page.locator(f'.known.chosen[data-repeat="{first}"]')).to_be_visible()
    page.keyboard.press("Alt+a")  # another fault, she says
    expect(page.locator('[data-deed="apart"]')).to_have_attribute("aria-pressed", "true")
    page.fill("#address", "9 Mill Street")  # no: he lives there
    expect(page.locator(f'[data-repeat="{other}"]')).to_be_visible()
    expect(page.locator('[data-deed="apart"]')).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#known")).to_contain_text("decide again")
    page.keyboard.press("Alt+Enter")
    expect(page.locator("#call-problem")).to_contain_text("It may be known already")
    page.keyboard.press("Alt+j")
    expect(page.locator(f'.known.chosen[data-repeat="{other}"]')).to_be_visible()
    expect(page.locator("#known")).not_to_contain_text("decide again")


def test_progress_that_is_told_once_is_logged_once(visit: Visit, centre: Served) -> None:
    at_centre(centre, "12 Harbour Road", 0)
    page = visit().sign_in("holly")
    page.route("**/progress", lambda route: (page.wait_for_timeout(400), route.continue_()))
    _type_address(page, "12 har")
    expect(page.locator(".known.chosen")).to_be_visible()
    page.keyboard.press("Alt+p")
    page.keyboard.press("Alt+p")
    expect(page.locator("#address")).to_have_value("")
    page.locator('[data-pile="running"]').click()
    page.get_by_role("button", name="Told the progress").dblclick()
    page.wait_for_timeout(1_500)
    logged = centre.do(
        centre.place.store.read(
            lambda c: c.exec_driver_sql("SELECT count(*) FROM contact WHERE outcome = 'progress'").scalar()
        )
    )
    assert logged == 2, "once by the form, once at the desk"

    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.route("**/api/calls", lambda route: (page.wait_for_timeout(700), route.continue_()))
    page.focus("#address")
    _type_address(page, "3 hill")
    page.keyboard.press("Alt+w")
    expect(page.locator('[data-deed="apart"]')).to_be_visible()
    page.keyboard.press("Alt+a")
    page.keyboard.press("Alt+Enter")
    page.keyboard.press("Alt+Enter")
    page.keyboard.press("Alt+n")  # the next caller speaks already
    page.fill("#description", "a child is on oxygen")
    expect(page.locator("#notices")).to_contain_text("is taken")
    expect(page.locator("#description")).to_have_value("a child is on oxygen")
    assert asked.count(f"{centre.address}/api/calls") == 1, "pressed twice, taken once"


def test_orders_of_one_fault_become_one_row_and_are_parted_again(visit: Visit, centre: Served) -> None:
    first = at_centre(centre, "12 Harbour Road", 0)
    centre.place.clock.advance(1)  # else the same moment, and the board may begin with either
    second = at_centre(centre, "20 Harbour Road", 300)
    page = visit().sign_in("dora")
    expect(page.locator(".row")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"#row-{first}")).to_have_attribute("aria-selected", "true")
    join = page.locator(f'[data-join="{second}"]')
    join.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".row")).to_have_count(1)
    expect(page.locator(".row")).to_contain_text("Incident: 2 orders")
    expect(page.locator(".notice.bad")).to_have_count(0)
    centre.do(dispatcher.dispatch(centre.place.context, first, crew_id="E1", by=DORA))
    assert centre.order(second).crew_id == "E1"
    page.locator(f'[data-part="{second}"]').click()
    expect(page.locator(".row")).to_have_count(2)
    assert centre.order(second).state == "at_centre"
    far = at_centre(centre, "9 Mill Street", 4_000)
    drive(centre, far, "E2", then=("arrive",))
    page.locator(f"#row-{far}").click()
    expect(page.locator("#panel-order .doubts")).to_contain_text(
        re.compile(r"pressed at .* km from the fault")
    )
    recall = page.locator('#panel-order [data-step="recall"]')
    recall.focus()
    centre.do(chases.expedite(centre.place.context, far, by=HOLLY))
    expect(page.locator(f"#row-{far}")).to_contain_text("Priority 1")
    expect(recall).to_be_focused()  # the panel was drawn anew
    centre.do(dispatcher.recall(centre.place.context, far, reason="other", by=DORA))
    expect(page.locator(f"#row-{far} .state")).to_have_text("At the centre")
    expect(page.locator("#panel-order .doubts")).to_be_empty()  # no crew says any more that it is there
    page.locator(f"#row-{second}").click()
    expect(page.locator("#panel-order .doubts")).to_be_empty()
    page.locator(f"#row-{first}").click()
    facts = page.locator("#panel-order .facts")
    expect(facts).to_contain_text("chosen by Dispatcher dora")
    chosen = {"crew_id": "E2", "eta_seconds": 754, "chance_to_keep": 0.934, "behind": 0}
    why = {"chosen": chosen, "source": "roads"}
    centre.do(
        dispatcher.dispatch(centre.place.context, second, crew_id="E2", by=dispatcher.SYSTEM, explanation=why)
    )
    page.locator(f"#row-{second}").click()
    expect(facts).to_contain_text("by the automatic · arrival in 12:34 · 93 % in time · free at once")
    page.keyboard.press("r")
    reasons = page.locator("dialog [name=reason] option")
    expect(reasons).to_contain_text(
        ["Choose", "Vehicle", "nearer crew", "did not answer", "Duplicate", "withdrew", "Other"]
    )


def test_a_caller_is_called_again_later_and_then_given_up(visit: Visit, centre: Served) -> None:
    order_id = at_centre(centre, "12 Harbour Road", 0)
    take(centre, "12 Harbour Road", 0, "+861054321")  # a neighbour
    drive(centre, order_id)
    page = visit().sign_in("holly")
    page.locator('[data-pile="call_backs"]').click()
    expect(page.locator('[data-pile="call_backs"]')).to_be_focused()
    for phone in ("+861012345", "+861054321"):
        line = page.locator(f'.callers [data-phone="{phone}"]')
        line.get_by_role("button", name="Not reached", exact=True).click()
        page.locator("dialog [type=submit]").click()
        expect(line).to_contain_text("not reached 1 time · again at")
        not_reached = line.get_by_role("button", name="Not reached", exact=True)
        not_reached.focus()
        take(centre, f"{phone[-1]} Far Lane", 9_000 + int(phone[-1]) * 3_000)
        expect(page.locator('[data-pile="unroutable"] b')).to_have_text("1" if phone[-1] == "5" else "2")
        expect(not_reached).to_be_focused()
        page.keyboard.press("Enter")
        page.select_option("dialog select", "up")
        page.locator("dialog [type=submit]").click()
    expect(page.locator('[data-pile="call_backs"] b')).to_have_text("0")
    page.locator('[data-pile="unroutable"]').click()
    row = page.locator(".desk-row").first
    cancel = row.get_by_role("button", name="Cancel the order")
    cancel.focus()
    take(centre, "7 Far Lane", 30_000)
    expect(page.locator(".desk-row")).to_have_count(3)
    expect(cancel).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_contain_text(f"Cancel {row.get_attribute('data-order')}?")
