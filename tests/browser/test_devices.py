"""The pages of device technicians, in both languages, at desk and phone size."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.served import Served

WORDS = {
    "en": ("online", "Not known here", "▲ rejected", "Position"),
    "zh-CN": ("在线", "未知设备", "▲ 已拒收", "定位"),
}


def fits(page: Page, width: int) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth") <= width)


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("language", WORDS)
def test_an_administrator_finds_a_device_and_reads_its_frames(
    centre: Served, visit: Visit, language: str, width: int
) -> None:
    online, unknown, rejected, position = WORDS[language]
    device = centre.place.context.directory.crews["E1"].devices[0].id
    centre.devices.put(device, rejected=3)
    page = visit(language, width=width).sign_in("ada")
    page.goto(f"{centre.address}/devices")
    row = page.get_by_role("row").filter(has_text=device)
    expect(row).to_contain_text(online)
    expect(page.locator("#devices")).to_contain_text(unknown)
    page.fill("#search", "nothing is called so")
    expect(row).to_have_count(0)
    page.fill("#search", device)
    assert fits(page, width)
    row.get_by_role("link").click()
    frames = page.locator(".frame")
    expect(frames).to_have_count(3)
    expect(frames.first).to_contain_text(rejected)
    expect(frames.first).to_contain_text("$rubbish*")
    expect(frames.last).to_contain_text(f"{position}device T1 · fixes (time ")
    assert fits(page, width)
    assert centre.devices.looked[0] == device


def test_a_crew_is_sent_to_its_own_page(centre: Served, visit: Visit) -> None:
    page = visit().sign_in("carl")
    page.goto(f"{centre.address}/devices")
    assert page.url.endswith("/crew")
