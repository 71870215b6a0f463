"""A utility is set up from nothing; and an administrator's day: land, lists, the process, two at one thing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FilePayload, Page, Route, expect
from sqlmodel import SQLModel

from dispatch.adapters.sql import history
from dispatch.adapters.sql.first_run import offer
from dispatch.adapters.sql.sqlite import SqliteStore, open_engine
from dispatch.clock import VirtualClock
from dispatch.core.territory import Territories
from dispatch.core.types import Actor, Point
from dispatch.services import hotline
from dispatch.services.ports import Directory
from map_ui.app import ADMIN_SECTIONS
from tests.browser.conftest import Visit, Visitor
from tests.browser.served import Served, served
from tests.dispatch.organisation import START, Installation, context_of, shipped_processes

OWN = "lanterns over water"


@pytest.fixture
def centre(
    chromium: Browser, tmp_path: Path, door: socket.socket, request: pytest.FixtureRequest
) -> Iterator[Served]:
    """The small organisation; or, where a test asks for `token`, nothing at all."""
    if "token" not in request.fixturenames:
        with served(tmp_path, door) as found:
            yield found
        return
    engine = open_engine(tmp_path / "dispatch.db", durable=False)
    SQLModel.metadata.create_all(engine)
    history.METADATA.create_all(engine)
    clock = VirtualClock(START)
    store = SqliteStore(engine, shipped_processes(), clock)
    context = context_of(store, Directory(), clock)
    context.territories = Territories(())
    found = Served(Installation(store, context, clock, tmp_path), door)
    found.start()
    yield found
    found.stop()
    store.close()


@pytest.fixture
def token(centre: Served) -> str:
    """What the start of an empty installation prints."""
    return centre.do(centre.place.store.write(offer))


def fill(page: Page, **values: str) -> None:
    """A dialog, by its fields' names; then Enter."""
    for name, value in values.items():
        box = page.locator(f"#ask-{name}")
        if box.evaluate("e => e.tagName") == "SELECT":
            box.select_option(value)
        else:
            box.fill(value)
    page.locator("dialog input:not([type=hidden])").last.press("Enter")


def done(page: Page, step: str) -> None:
    expect(page.locator(f'li[data-step="{step}"].done')).to_be_visible()


def said_password(page: Page) -> str:
    text = page.locator("dialog .secret").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_have_count(0)
    return text


def begin(page: Page, token: str, address: str) -> None:
    page.goto(f"{address}/setup#{token}")
    expect(page.locator("#username")).to_be_focused()
    for name, value in (("username", "boss"), ("name", "Boss"), ("password", OWN), ("again", OWN)):
        page.fill(f"#{name}", value)
    page.keyboard.press("Enter")
    expect(page.locator('li[data-step="centre"]')).to_be_visible()


def sign_in(visitor: Visitor, username: str, password: str) -> Page:
    page = visitor.page
    page.goto(f"{visitor.address}/sign-in")
    page.fill("#username", username)
    page.fill("#password", password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/sign-in" not in url)
    return page


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_utility_is_set_up_from_nothing_by_keyboard(
    visit: Visit, centre: Served, token: str, language: str
) -> None:
    visitor = visit(language)
    page = visitor.page
    page.goto(f"{centre.address}/sign-in")
    page.wait_for_url("**/setup")
    page.goto("about:blank")
    begin(page, token, centre.address)
    page.keyboard.press("Enter")
    fill(page, id="north", name="North", name_zh="北", duty_phone="+861000001", lat="31.2", lon="121.4")
    done(page, "centre")

    page = sign_in(visit(language), "boss", OWN)
    page.goto(f"{centre.address}/setup")
    done(page, "centre")
    expect(page.locator('li[data-step="department"] button')).to_be_focused()
    page.keyboard.press("Enter")
    fill(page, id="d1", name="Dept", trade="service", name1="A", phone1="+861", name2="B", phone2="+862")
    done(page, "department")
    page.keyboard.press("Enter")
    fill(page, id="land", name="Land", km="12")
    done(page, "territory")
    page.keyboard.press("Enter")
    fill(page, id="C1", name="Crew 1", duty_phone="+863")
    done(page, "crew")
    page.locator('li[data-step="vehicle"] button').press("Enter")
    fill(page, id="013800138000", label="P-1")
    done(page, "vehicle")
    passwords = {}
    for step, username in (("hotline", "holly"), ("dispatcher", "dora"), ("crew_member", "carl")):
        page.locator(f'li[data-step="{step}"] button').press("Enter")
        fill(page, username=username, name=username.title())
        passwords[username] = said_password(page)
        done(page, step)
    expect(page.locator("#setup .ready")).to_be_visible()
    page.click("#to-admin")
    page.wait_for_url("**/admin")

    call = hotline.Call("phone", "1 Road", "meter", "lv", place=Point(31.25, 121.45), customer_phone="+861")
    taken = centre.do(hotline.take_call(centre.place.context, call, by=Actor("hotline", "holly")))
    assert taken.unroutable == "", "the first call finds its centre"

    page = sign_in(visit(language), "dora", passwords["dora"])
    page.wait_for_url("**/password")
    page.goto(f"{centre.address}/control-room")
    page.wait_for_url("**/password")
    for name, value in (("old", passwords["dora"]), ("fresh", OWN), ("again", OWN)):
        page.fill(f"#{name}", value)
    page.keyboard.press("Enter")
    page.wait_for_url("**/control-room*")


def test_a_wrong_token_begins_nothing(visit: Visit, centre: Served, token: str) -> None:
    visitor = visit()
    page = visitor.page
    page.goto(f"{centre.address}/setup#another")
    for name, value in (("username", "boss"), ("name", "Boss"), ("password", OWN), ("again", OWN)):
        page.fill(f"#{name}", value)
    page.keyboard.press("Enter")
    expect(page.locator(".problem")).to_have_text("This is not the token of the last start.")
    visitor.problems.clear()  # the browser itself writes a 403 to the console


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("width", [360, 1366])
def test_every_section_fits_and_is_in_its_language(
    visit: Visit, centre: Served, language: str, width: int
) -> None:
    page = visit(language, width=width, height=740).sign_in("ada")
    for section in ("", *(f"/{one}" for one in ADMIN_SECTIONS)):
        page.goto(f"{centre.address}/admin{section}")
        expect(page.locator("#admin .empty", has_text="…")).to_have_count(0)
        expect(page.locator("#admin > *").first).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, section
        assert page.locator("h1").inner_text() == ("Administration" if language == "en" else "系统管理")


def _row(page: Page, text: str) -> Any:
    return page.locator("tr", has_text=text)


def test_two_administrators_at_one_crew_the_second_is_told(visit: Visit, centre: Served) -> None:
    first, visitor = visit().sign_in("ada"), visit()
    second = visitor.sign_in("ada")
    for page in (first, second):
        page.goto(f"{centre.address}/admin/organisation")
        _row(page, "Crew E1").get_by_role("button", name="Change: E1").click()
    fill(first, name="Crew one")
    expect(_row(first, "Crew one")).to_be_visible()
    fill(second, name="Crew uno")
    expect(second.locator(".notice.bad")).to_contain_text("ada changed this at")
    expect(_row(second, "Crew one")).to_be_visible()
    visitor.problems.clear()  # the browser itself writes a 409 to the console
    first.goto(f"{centre.address}/admin/trail")
    expect(_row(first, "changed a crew")).to_contain_text("name: Crew E1 → Crew one")


def test_a_territory_is_drawn_checked_and_put_in_force(visit: Visit, centre: Served) -> None:
    page = visit().sign_in("ada")
    page.goto(f"{centre.address}/admin/territories")
    names = page.locator(".land-name span")
    expect(names).to_have_count(2)
    seen = "all => all.filter((one) => one.checkVisibility({ visibilityProperty: true })).length"
    assert names.evaluate_all(seen) == 2
    view = page.evaluate("[dispatch45Map.getCenter(), dispatch45Map.getZoom()]")
    page.evaluate("dispatch45Map.setZoom(3, { animate: false })")
    assert names.evaluate_all(seen) == 1, "from afar they would cover one another"
    page.evaluate("([at, zoom]) => { dispatch45Map.setView(at, zoom, { animate: false }); }", view)
    assert names.evaluate_all(seen) == 2
    page.click("#draw")
    box = page.locator(".land-map").bounding_box()
    assert box
    for x, y in ((0.35, 0.3), (0.65, 0.3), (0.65, 0.7), (0.35, 0.7)):
        page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
    page.keyboard.press("Enter")
    fill(page, id="middle", name="Middle")
    page.click("#check-land")
    expect(page.locator("#findings")).to_contain_text("Overlap of")
    expect(page.locator(".handle.corner")).to_have_count(4)
    page.locator(".handle.corner").first.press("Delete")
    expect(page.locator(".handle.corner")).to_have_count(3)
    page.click("#save-land")
    page.locator("dialog [type=submit]").click()
    expect(page.locator(".notice")).to_contain_text("in force")
    assert [one.id for one in centre.place.context.territories] == ["east-land", "west-land", "middle"]


def test_a_fault_in_the_process_is_shown_where_it_is_and_a_better_one_put_in_force(
    visit: Visit, centre: Served
) -> None:
    visitor = visit()
    page = visitor.sign_in("ada")
    page.goto(f"{centre.address}/admin/process")
    text = page.locator("#definition").input_value()
    page.fill("#definition", text.replace('limit = "28m"', 'limit = "28 minutes"'))
    page.click("#check")
    line = text[: text.index('limit = "28m"')].count("\n") + 1
    expect(page.locator("#weighed h2")).to_contain_text(f"Line {line}, column")
    selected = page.evaluate(
        "(() => { const e = document.getElementById('definition'); return e.value.slice(e.selectionStart, e.selectionEnd); })()"
    )
    assert selected == 'limit = "28 minutes"'
    visitor.problems.clear()  # the browser itself writes a 400 to the console
    page.fill("#definition", text.replace('limit = "28m"', 'limit = "27m"'))
    page.click("#raise")
    page.click("#check")
    expect(page.locator("#weighed")).to_contain_text("28 min becomes 27 min")
    page.click("#adopt")
    page.locator("dialog [type=submit]").click()
    expect(page.locator(".notice")).to_contain_text("in force")
    assert centre.place.context.processes.current.endswith("@3")


def test_a_list_is_looked_at_before_it_is_imported(visit: Visit, centre: Served) -> None:
    page = visit().sign_in("ada")
    page.goto(f"{centre.address}/admin/lists")
    good = "username,name,role,centre_id\nnina,Nina,dispatcher,west\n"
    for text in (good + "nils,Nils,king,\n", good):
        file = FilePayload(name="people.csv", mimeType="text/csv", buffer=text.encode())
        page.set_input_files("#list-file", files=[file])
        if "king" in text:
            expect(page.locator("#import-result tbody tr")).to_contain_text("3")
    page.click("#import")
    page.locator("dialog [type=submit]").click()
    expect(page.locator("dialog .secret")).to_contain_text("nina")
    page.goto(f"{centre.address}/admin/lists?list=planned-outages")
    good = "from,to,reason,territory\n2100-03-02 08:00,2100-03-02 09:00,cable,east-land\n"
    for text in (good.replace("2100-03-02 09", "2100-03-02 07"), good):
        file = FilePayload(name="outages.csv", mimeType="text/csv", buffer=text.encode())
        page.set_input_files("#list-file", files=[file])
        if text != good:
            cells = page.locator("#import-result tbody tr").locator("th, td")
            expect(cells).to_have_text(["2", "2", "to", "is not after the begin: 2100-03-02 07:00"])
    page.click("#import")
    page.locator("dialog [type=submit]").click()
    expect(page.locator(".notice")).to_contain_text("imported")
    page.goto(f"{centre.address}/admin/outages")
    expect(page.locator("#admin tbody tr")).to_contain_text("2100-03-02 08:00")
    page.get_by_role("button", name="Call off").click()
    page.locator("dialog [type=submit]").click()
    expect(page.locator("#admin .empty")).to_be_visible()


def test_the_passwords_of_a_list_of_many_people_are_waited_for(visit: Visit, centre: Served) -> None:
    page = visit().sign_in("ada")
    page.add_init_script(
        "const real = AbortSignal.timeout; AbortSignal.timeout = (ms) => real.call(AbortSignal, ms / 20);"
    )  # the page's patience, twenty times as fast
    page.goto(f"{centre.address}/admin/lists")
    text = "username,name,role,centre_id\nnina,Nina,dispatcher,west\n"
    page.set_input_files(
        "#list-file", files=[FilePayload(name="p.csv", mimeType="text/csv", buffer=text.encode())]
    )
    page.click("#import")

    def slowly(route: Route) -> None:
        answer = route.fetch()
        page.wait_for_timeout(1500)  # half a minute
        route.fulfill(response=answer)

    page.route("**/api/admin/lists/people", slowly)
    page.locator("dialog [type=submit]").click()
    expect(page.locator("#importing")).to_contain_text("leave this page open")
    expect(page.locator("dialog .secret")).to_contain_text("nina")
