"""A storm evening at the control room: crews chosen with their price in view, by mouse and by keys, by two people at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from playwright.sync_api import Page, expect

from dispatch.services import crew as duty
from tests.browser.conftest import Visit, Visitor
from tests.browser.served import Served
from tests.browser.storm_evening import Evening, control_room, hold_over, left_open, until

NEAR, FAR, MID, LOW = (30.051, 120.052), (30.08, 120.09), (30.06, 120.03), (30.02, 120.02)


@pytest.fixture
def evening(centre: Served) -> Iterator[Evening]:
    found = Evening(centre)
    yield found
    found.close()


def test_an_order_is_dragged_to_a_crew_with_its_price_in_view_and_taken_back(
    visit: Visit, centre: Served, evening: Evening
) -> None:
    order = evening.order(NEAR, "12 Harbour Road")
    visitor = visit()
    page = control_room(lambda: visitor)
    hold_over(page, order, '[data-crew="E1"]')
    expect(page.locator(".ghost .verdict")).to_contain_text("No other order becomes late")
    assert centre.order(order).crew_id == "", "nothing is decided before the drop"
    page.mouse.up()
    expect(page.locator(f"#row-{order} .state")).to_have_text("Dispatched")
    assert centre.order(order).crew_id == "E1"
    page.route("**/recall", lambda route: route.abort(), times=1)
    page.locator(".notice .undo").click()
    expect(page.locator(".notice.bad")).to_contain_text("cannot be reached")
    page.keyboard.press("u")  # once more
    expect(page.locator(f"#row-{order} .state")).to_have_text("At the centre")
    assert centre.order(order).last("recall").by.id == "dora"
    expect(page.locator(f"#row-{order}")).to_contain_text("Recall pending on 1 device")
    page.locator('[data-filter="recalling"]').click()
    expect(page.locator(".row")).to_have_count(1)
    visitor.problems[:] = [p for p in visitor.problems if "ERR_FAILED" not in p]


def test_an_order_is_dragged_to_a_vehicle_on_the_map(visit: Visit, centre: Served, evening: Evening) -> None:
    order = evening.order(LOW, "88 Long Street")
    page = control_room(visit)
    page.wait_for_timeout(1500)  # the vehicles are drawn
    where = page.evaluate("globalThis.dispatch45Map.latLngToContainerPoint([30.05, 120.06])")
    pane, row = page.locator(".map-pane").bounding_box(), page.locator(f"#row-{order}").bounding_box()
    assert pane is not None
    assert row is not None
    page.mouse.move(row["x"] + 200, row["y"] + 14)
    page.mouse.down()
    page.mouse.move(pane["x"] + where["x"], pane["y"] + where["y"], steps=8)
    expect(page.locator(".ghost")).to_contain_text("Crew E2")
    page.mouse.up()
    until(page, lambda: centre.order(order).crew_id == "E2")


def test_a_drag_that_is_broken_off_sends_nothing(visit: Visit, centre: Served, evening: Evening) -> None:
    order = evening.order(NEAR, "12 Harbour Road")
    page = control_room(visit)
    hold_over(page, order, '[data-crew="E1"]')
    page.keyboard.press("Escape")
    page.mouse.up()
    page.wait_for_timeout(500)
    assert centre.order(order).crew_id == ""
    expect(page.locator(".ghost")).to_be_hidden()


def test_a_drop_that_makes_others_late_asks_first(visit: Visit, centre: Served, evening: Evening) -> None:
    first, second = evening.order(NEAR, "12 Harbour Road"), evening.order(FAR, "3 Hill Lane")
    evening.aboard(first)
    page = control_room(visit)
    page.locator("#tab-crews").click()
    hold_over(page, second, '[data-crew="E1"] [data-place="1"]')
    expect(page.locator(".ghost .verdict")).to_contain_text("1 other order becomes late")
    page.mouse.up()
    expect(page.locator("dialog")).to_contain_text("12 Harbour Road")
    page.keyboard.press("Escape")
    assert centre.order(second).crew_id == ""
    hold_over(page, second, '[data-crew="E1"] [data-place="1"]')
    page.mouse.up()
    page.get_by_role("button", name="Send all the same").click()
    until(page, lambda: evening.stack() == [second, first])


def test_the_same_by_keys_with_the_place_in_the_sequence(
    visit: Visit, centre: Served, evening: Evening
) -> None:
    first, second = evening.order(NEAR, "12 Harbour Road"), evening.order(FAR, "3 Hill Lane")
    evening.aboard(first)
    evening.post("dora", "/api/crews/E2/away", {"minutes": 30})
    page = control_room(visit)
    page.keyboard.press("/")
    page.keyboard.type("Hill")
    page.keyboard.press("Enter")
    page.keyboard.press("d")
    expect(page.locator(".candidate")).to_have_count(1)
    expect(page.locator(".candidates")).to_contain_text("Place 2 of 2")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".candidates")).to_contain_text("Place 1 of 2")
    expect(page.locator(".candidates .verdict")).to_contain_text("becomes late")
    page.keyboard.press("Enter")
    expect(page.locator("dialog [type=submit]")).to_be_focused()
    page.keyboard.press("Enter")
    until(page, lambda: evening.stack() == [second, first])
    expect(page.locator(".notice .undo")).to_be_visible()
    page.keyboard.press("u")
    until(page, lambda: evening.stack() == [first])
    expect(page.locator('#panel-order [data-step="dispatch"]')).to_be_visible()  # the page knows it, too
    page.keyboard.press("d")
    expect(page.locator(".candidates")).to_contain_text("Place 2 of 2")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".candidates")).to_contain_text("Place 1 of 2")
    page.locator(".ranked").hover()  # the list stands still then, what Enter means is said all the same
    evening.post("carl", f"/api/crew/orders/{first}/depart", {"generation": 1})
    expect(page.locator(".candidates")).to_contain_text("Place 2 of 2")  # no place in another sequence


def test_the_crew_that_is_chosen_stays_chosen_whatever_happens_to_the_order(
    visit: Visit, centre: Served, evening: Evening
) -> None:
    """Its chain rings, its customer chases it, crews drive: the list is ranked anew, and Enter means the same crew."""
    order = evening.order((30.05, 120.041), "12 Harbour Road")
    visitor = visit()
    page = control_room(lambda: visitor)
    page.locator(f"#row-{order}").click()
    page.keyboard.press("d")
    chosen = page.locator('.candidate[aria-selected="true"]')
    expect(page.locator(".candidate")).to_have_count(2)
    expect(chosen).to_have_attribute("data-crew", "E1")
    page.keyboard.press("ArrowDown")
    expect(chosen).to_have_attribute("data-crew", "E2")
    expect(chosen.locator(".rank")).to_have_text("2")
    left_open(page, chosen)
    evening.post("holly", f"/api/orders/{order}/expedite", {"text": "it sparks"})
    expect(page.locator(f"#row-{order}")).to_contain_text("Priority 1")
    page.wait_for_timeout(500)
    expect(chosen).to_have_attribute("data-crew", "E2")
    centre.place.put_fix("E1", 30.05, 120.09)
    centre.place.put_fix("E2", 30.05, 120.042)
    evening.post("holly", f"/api/orders/{order}/expedite", {"text": "it burns"})
    expect(chosen.locator(".rank")).to_have_text("1")
    expect(chosen).to_have_attribute("data-crew", "E2")
    expect(page.locator(".ranked")).to_be_focused()
    page.route("**/candidates", lambda route: route.abort(), times=1)  # asked again
    evening.post("dora", "/api/crews/E2/away", {"minutes": 30})
    expect(page.locator(".candidates")).to_contain_text("cannot take it any more: choose another")
    expect(chosen).to_have_count(0)
    page.keyboard.press("Enter")
    evening.post("dora", "/api/crews/E2/standby")
    expect(page.locator(".candidate")).to_have_count(2)
    assert centre.order(order).crew_id == "", "Enter means nobody"
    page.locator('.candidate[data-crew="E2"]').click()
    until(page, lambda: centre.order(order).crew_id == "E2")
    visitor.problems[:] = [p for p in visitor.problems if "ERR_FAILED" not in p]


def test_what_is_typed_into_the_search_stays_there_while_crews_are_ranked(
    visit: Visit, centre: Served, evening: Evening
) -> None:
    order = evening.order(NEAR, "12 Harbour Road")
    page = control_room(visit)
    page.locator(f"#row-{order}").click()
    page.keyboard.press("d")
    expect(page.locator(".candidate")).to_have_count(2)
    page.keyboard.press("/")
    evening.post("holly", f"/api/orders/{order}/expedite", {"text": "it sparks"})
    expect(page.locator(f"#row-{order}")).to_contain_text("Priority 1")
    page.wait_for_timeout(500)
    page.keyboard.type("harbour")
    expect(page.locator("#search")).to_have_value("harbour")
    assert not centre.order(order).in_centre_hands, "no letter was a shortcut"


def _reassigned(page: Page, centre: Served, order: str, crew: str) -> None:
    page.locator(f"#row-{order}").click()
    page.keyboard.press("x")
    assert len(page.locator("#panel-order .big.figures").inner_text()) < 9, (
        "it counts on from the server's time"
    )
    page.locator(f'.candidate[data-crew="{crew}"]').click()
    page.locator("dialog select").select_option("nearer_crew")
    page.locator("dialog [type=submit]").click()
    until(page, lambda: centre.order(order).crew_id == crew)


def test_a_reassignment_that_is_undone_goes_back_to_the_crew_that_had_it(
    visit: Visit, centre: Served, evening: Evening
) -> None:
    first, second = evening.order(NEAR, "12 Harbour Road"), evening.order(FAR, "3 Hill Lane")
    evening.aboard(first, second)
    visitor = visit()
    page = control_room(lambda: visitor)
    _reassigned(page, centre, first, "E2")
    for path in ("preview", "reassign"):
        page.route(f"**/{path}", lambda route: route.abort(), times=1)
        with page.expect_event("requestfailed"):
            page.keyboard.press("u")
        failed = page.locator(".notice.bad", has_text="cannot be reached")
        expect(failed).to_have_count(1)  # the second takes the first one's place
    page.keyboard.press("u")  # once more
    until(page, lambda: centre.order(first).crew_id == "E1")
    assert evening.stack() == [first, second]
    assert evening.stack("E2") == []
    visitor.problems[:] = [p for p in visitor.problems if "ERR_FAILED" not in p]


def test_where_the_former_crew_cannot_have_it_the_dispatcher_decides_what_undoing_means(
    visit: Visit, centre: Served, evening: Evening
) -> None:
    order = evening.order(NEAR, "12 Harbour Road")
    evening.aboard(order)
    page = control_room(visit)
    _reassigned(page, centre, order, "E2")
    evening.post("ada", "/api/crews/E1/away", {"minutes": 30})
    page.locator(".notice .undo").click()
    expect(page.locator("dialog")).to_contain_text("cannot go to Crew E1")
    assert centre.order(order).crew_id == "E2", "it is with somebody until that is decided"
    page.get_by_role("button", name="Recall", exact=True).last.click()
    until(page, lambda: centre.order(order).crew_id == "")


def test_the_age_of_a_position_in_the_list_of_crews_goes_on_and_begins_anew(
    visit: Visit, centre: Served, evening: Evening
) -> None:
    """Also of a crew that no map of this screen shows."""
    page = control_room(visit)
    expect(page.locator(".crews > li")).to_have_count(0)  # of thousands, none before somebody looks
    page.locator("#tab-crews").click()
    expect(page.locator("#panel-crews canvas")).to_have_count(0)
    position = page.locator('[data-fix="E1"]')
    centre.place.clock.advance(90)
    expect(position).to_have_text(re.compile(r"position (9\d|1\d\d) s old"))
    centre.place.put_fix("E1", 30.05, 120.04)
    expect(position).to_have_text(re.compile(r"position \d s old"))
    page.evaluate("dispatch45Map.setView([31, 121], 14, { animate: false })")
    centre.place.clock.advance(90)
    expect(position).to_have_text(re.compile(r"position (9\d|1\d\d) s old"))
    centre.place.put_fix("E1", 30.09, 120.12)
    expect(position).to_have_text(re.compile(r"position \d s old"), timeout=8_000)
    page.locator("#crew-E1 button.link").first.click()
    until(page, lambda: abs(page.evaluate("dispatch45Map.getCenter().lng") - 120.12) < 0.001)


def test_a_stack_is_put_in_another_sequence_by_keys_and_the_phone_follows(
    visit: Visit, centre: Served, evening: Evening
) -> None:
    first, second = evening.order(NEAR, "12 Harbour Road"), evening.order(FAR, "3 Hill Lane")
    evening.aboard(first, second)
    phone = visit(width=360, height=740).sign_in("carl")
    expect(phone.get_by_role("article").first).to_contain_text("12 Harbour Road")
    page = control_room(visit)
    page.keyboard.press("c")
    page.locator(f"#stack-{second}").focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("dialog .effects")).to_contain_text("3 Hill Lane")
    page.get_by_role("button", name="Change the sequence").click()
    until(page, lambda: evening.stack() == [second, first])
    expect(page.locator('[data-crew="E1"] .aboard li').first).to_contain_text("3 Hill Lane")
    expect(phone.get_by_role("article").first).to_contain_text("3 Hill Lane")


def test_of_two_dispatchers_one_wins_and_the_other_sees_why_at_once(
    visit: Visit, centre: Served, evening: Evening
) -> None:
    order = evening.order(NEAR, "12 Harbour Road")
    dora, ada = control_room(visit), control_room(visit, "ada")
    ada.locator(f"#row-{order}").click()
    ada.keyboard.press("d")
    expect(ada.locator(".candidate").first).to_be_visible()
    dora.locator(f"#row-{order}").click()
    dora.keyboard.press("d")
    expect(dora.locator(".candidate").first).to_be_visible()
    dora.keyboard.press("Enter")
    expect(dora.locator(f"#row-{order} .state")).to_have_text("Dispatched")
    said = ada.locator(".notice.bad")
    expect(said).to_contain_text("Somebody was first: Dispatcher dora", timeout=1000)
    expect(said).to_contain_text(f"Crew {centre.order(order).crew_id}")
    expect(ada.locator(".candidates")).to_have_count(0)
    assert [e.kind for e in centre.order(order).history].count("dispatch") == 1
    ada.keyboard.press("r")
    crew = centre.place.context.directory.crews[centre.order(order).crew_id]
    centre.do(duty.step(centre.place.context, order, "acknowledge", crew=crew))
    expect(ada.locator(f"#row-{order} .state")).to_have_text("Acknowledged")
    ada.locator("#ask-reason").select_option("other")
    ada.locator("dialog [type=submit]").click()  # a crew that goes on is nobody who was first
    expect(dora.locator(f"#row-{order} .state")).to_have_text("At the centre")


def test_who_acts_on_what_a_cut_feed_still_shows_is_told_too(
    visit: Visit, centre: Served, evening: Evening
) -> None:
    order = evening.order(NEAR, "12 Harbour Road")
    visitor: Visitor = visit()
    page = visitor.sign_in("dora")
    expect(page.locator("#connection")).to_contain_text("Live")
    page.locator(f"#row-{order}").click()
    page.keyboard.press("d")
    expect(page.locator(".candidate").first).to_be_visible()
    centre.cut_live_feed()
    evening.post("ada", f"/api/orders/{order}/dispatch", {"crew_id": "E2"})
    page.locator('.candidate[data-crew="E1"]').click()
    expect(page.locator(".notice.bad")).to_contain_text("Somebody was first: Dispatcher ada", timeout=1000)
    assert centre.order(order).crew_id == "E2"
    centre.restore_live_feed()
    expect(page.locator("#connection")).to_contain_text("Live", timeout=15_000)
    visitor.problems[:] = [p for p in visitor.problems if "WebSocket" not in p and "409" not in p]


def test_what_a_crew_rejected_is_a_queue_and_says_who_and_why(
    visit: Visit, centre: Served, evening: Evening
) -> None:
    order, other = evening.order(NEAR, "12 Harbour Road"), evening.order(FAR, "3 Hill Lane")
    evening.aboard(order)
    evening.post("carl", f"/api/crew/orders/{order}/reject", {"generation": 1, "reason": "vehicle_breakdown"})
    page = control_room(visit)
    expect(page.locator(".row")).to_have_count(2)
    page.locator('[data-filter="rejected"]').click()
    expect(page.locator(".row")).to_have_count(1)
    expect(page.locator(f"#row-{order}")).to_contain_text("Rejected by Crew E1: Vehicle breakdown")
    page.keyboard.press("1")
    expect(page.locator(f"#row-{other}")).to_be_visible()
    page.keyboard.press("6")
    expect(page.locator(".row")).to_have_count(0)
    board = evening.clients["dora"].get("/api/board").json()
    last = max(datetime.fromisoformat(one["deadline"]) for one in board["orders"])
    centre.place.clock.advance((last - centre.place.clock.now()).total_seconds() - 4)
    page.wait_for_timeout(2_000)  # what else time changes has come by now
    expect(page.locator(".row")).to_have_count(0)
    expect(page.locator(".row")).to_have_count(2)  # late by time alone
    expect(page.locator('[data-filter="late"] b')).to_have_text("2")


def test_a_crew_asks_to_be_away_and_the_dispatcher_grants_it(
    visit: Visit, centre: Served, evening: Evening
) -> None:
    evening.post("cleo", "/api/crew/away", {"minutes": 30})
    visitor = visit(width=360, height=740)
    phone = visitor.sign_in("carl")
    phone.locator("#presence").click()
    phone.locator("dialog [type=submit]").click()
    phone.get_by_role("button", name="Ask the centre").click()
    expect(phone.locator("#crew-head")).to_contain_text("The centre is asked")
    page = control_room(visit)
    expect(page.locator("#asked-count")).to_have_text("1")
    page.locator("#tab-crews").click()
    page.get_by_role("button", name="Grant").click()
    page.locator("dialog [type=submit]").click()
    expect(page.locator(".asking")).to_have_count(0)
    expect(page.locator("#crew-E1")).to_contain_text("Away")
    expect(phone.locator("#presence")).to_contain_text("Back on standby")
    row, dialog = page.locator("#crew-E1"), page.locator("dialog[open]")
    row.get_by_role("button", name="Standby").press("Enter")
    expect(row.get_by_role("button", name="Away")).to_be_visible()
    expect(row.locator('[data-act="map"]')).to_be_focused()  # the next Enter chooses no order
    for button in ("Away", "Write to"):
        row.get_by_role("button", name=button).press("Enter")
        expect(dialog).to_be_visible()
        evening.post("dora", f"/api/crews/E2/{'standby' if button == 'Away' else 'away'}", {"minutes": 30})
        expect(page.locator("#crew-E2")).to_contain_text("Standby" if button == "Away" else "Away")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(row.get_by_role("button", name=button)).to_be_focused()  # drawn anew meanwhile
    evening.post("carl", "/api/crew/away", {"minutes": 30, "ask": True})
    page.get_by_role("button", name="Refuse").click()
    expect(page.locator(".asking")).to_have_count(0)
    expect(row).to_contain_text("Standby")
    visitor.problems[:] = [p for p in visitor.problems if "409" not in p]


def test_where_no_crew_is_free_it_is_said_beside_the_title(
    visit: Visit, centre: Served, evening: Evening
) -> None:
    evening.aboard(evening.order(NEAR, "12 Harbour Road"))
    evening.aboard(evening.order(FAR, "3 Hill Lane"), crew="E2", member="cleo")
    page = control_room(visit)
    expect(page.locator("#scarce")).to_be_hidden()
    evening.order(MID, "5 Station Square")
    expect(page.locator("#scarce")).to_contain_text("No free crew")


def test_an_empty_board_says_so_at_its_top_and_help_lists_every_key(visit: Visit, centre: Served) -> None:
    page = control_room(visit)
    head, said = page.locator(".board-head").bounding_box(), page.locator("#board-empty").bounding_box()
    assert head is not None
    assert said is not None
    assert said["y"] - (head["y"] + head["height"]) < 40
    page.keyboard.press("?")
    expect(page.locator("#key-help")).to_contain_text("in the stack of a crew: earlier, later")
    page.keyboard.press("?")
    expect(page.locator("#key-help")).to_have_count(0)
