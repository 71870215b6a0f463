"""Storm evenings at the control room: what others do meanwhile through the interface, and what one does with a mouse."""

from __future__ import annotations

from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visit
from tests.browser.served import Served
from tests.dispatch.organisation import PASSWORD


class Evening:
    """What other people do meanwhile, through the interface."""

    def __init__(self, centre: Served) -> None:
        self.centre = centre
        self.clients: dict[str, httpx.Client] = {}

    def post(self, who: str, path: str, body: Any = None) -> Any:
        if who not in self.clients:
            client = httpx.Client(base_url=self.centre.address, trust_env=False)
            client.post("/api/session", json={"username": who, "password": PASSWORD}).raise_for_status()
            self.clients[who] = client
        answer = self.clients[who].post(path, json=body or {})
        assert answer.status_code < 300, answer.text
        return answer.json()

    def close(self) -> None:
        """They go home."""
        for client in self.clients.values():
            client.close()

    def order(self, place: tuple[float, float], address: str) -> str:
        body = {
            "channel": "phone", "address": address, "lat": place[0], "lon": place[1], "fault_type": "meter",
            "voltage": "lv", "customer_name": "Li", "customer_phone": "+861012345", "description": "",
        }  # fmt: skip
        order_id = str(self.post("holly", "/api/calls", body)["order_id"])
        self.post("holly", f"/api/orders/{order_id}/send")
        self.centre.centre_receives(order_id)
        return order_id

    def aboard(self, *order_ids: str, crew: str = "E1", member: str = "carl") -> None:
        for order_id in order_ids:
            generation = self.post("dora", f"/api/orders/{order_id}/dispatch", {"crew_id": crew})[
                "generation"
            ]
            self.post(member, f"/api/crew/orders/{order_id}/acknowledge", {"generation": generation})

    def stack(self, crew: str = "E1") -> list[str]:
        board = self.clients["dora"].get("/api/board").json()
        return [s["order_id"] for c in board["crews"] if c["id"] == crew for s in c["stack"]]


def control_room(visit: Visit, username: str = "dora") -> Page:
    page = visit().sign_in(username)
    page.wait_for_load_state("networkidle")
    if "/control-room" not in page.url:
        page.locator('.pages [href="/control-room"]').click()
    expect(page.locator("#connection")).to_contain_text("Live")
    return page


def hold_over(page: Page, order_id: str, target: str) -> None:
    row, there = page.locator(f"#row-{order_id}").bounding_box(), None
    assert row is not None
    page.mouse.move(row["x"] + 200, row["y"] + 14)
    page.mouse.down()
    page.mouse.move(row["x"] + 240, row["y"] + 30, steps=4)
    there = page.locator(target).first.bounding_box()
    assert there is not None
    page.mouse.move(there["x"] + 60, there["y"] + 10, steps=6)


def until(page: Page, holds: Any) -> None:
    for _ in range(100):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not happen")


UNCOVERED = """(one) => { const { left, top, bottom } = one.getBoundingClientRect();
  return [top + 3, bottom - 3].every((y) => one.contains(document.elementFromPoint(left + 60, y))); }"""
HALF_A_MINUTE = "((now) => { performance.now = () => now() + 31000; })(performance.now.bind(performance))"


def left_open(page: Page, chosen: Locator) -> None:
    """A list of crews on a low window: the chosen one (second) and its effects are seen, and it is looked at again by itself."""
    page.set_viewport_size({"width": 1366, "height": 640})
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".candidates .verdict")).to_be_in_viewport(ratio=1)
    assert chosen.evaluate(UNCOVERED), "its effects cover no crew"
    with page.expect_request("**/candidates"):
        page.evaluate(HALF_A_MINUTE)
    expect(chosen).to_have_attribute("data-crew", "E2")
    expect(page.locator(".ranked")).to_be_focused()
