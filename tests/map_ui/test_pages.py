"""The pages as they are served: who gets which, in both languages, under a strict policy."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from dispatch.adapters.http import errors
from dispatch.core.errors import BadInput, Forbidden, Unavailable
from dispatch.services.people import Person
from dispatch.settings import NAVIGATION, Settings
from map_ui.app import ADMIN_SECTIONS, ALLOWED, HOME, DemoAccount, PageServices, mount, same_host
from map_ui.assets import ADDRESS, modules_of
from map_ui.collect import texts
from map_ui.languages import texts_of
from map_ui.navigation import MAPS
from map_ui.vendor import STATIC
from tests.dispatch.organisation import TERRITORIES

PATHS = {
    **{path: sorted(roles)[0] for path, roles in ALLOWED.items()},
    "/orders": "manager",
    **{f"/admin/{section}": "admin" for section in ADMIN_SECTIONS},
}


class Client:
    """A browser without scripts; it keeps its cookies."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self._cookies = httpx.Cookies()

    def come_from(self, address: str) -> None:
        """From another machine's address."""
        self._transport.client = (address, 50_000)

    def get(self, path: Any, **how: Any) -> httpx.Response:
        """One request, no redirect followed."""
        return asyncio.run(self._get(path, how))

    async def _get(self, path: Any, how: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=self._transport,
            base_url="http://centre.test:8045",
            cookies=self._cookies,
            trust_env=False,
        ) as client:
            answer = await client.get(path, **how)
            self._cookies = client.cookies
            return answer


def _client(role: str = "", centre_id: str = "", *, must_change: bool = False, **more: Any) -> Client:
    return Client(_app(role, centre_id, must_change=must_change, **more))


def _app(role: str = "", centre_id: str = "", *, must_change: bool = False, **more: Any) -> FastAPI:
    async def person_of(request: Request) -> Person | None:
        who = Person("anna", "Anna <b>", role, centre_id, "", must_change=must_change)  # type: ignore[arg-type]
        return who if role else None

    async def has_order(order_id: str) -> bool:
        return order_id != "W404"

    app = FastAPI()
    errors.install(app)
    settings = {"live_origin": same_host(8046), "territories": lambda: TERRITORIES, **more}
    mount(app, PageServices(person_of=person_of, has_order=has_order, **settings))
    return app


@pytest.mark.parametrize(
    ("address", "headers", "shown"),
    [
        ("127.0.0.1", {}, True), ("::1", {}, True), ("::ffff:127.0.0.1", {}, True), ("10.0.0.7", {}, False),
        ("2001:db8::7", {}, False), ("127.0.0.1", {"X-Forwarded-For": "10.0.0.7"}, False),
    ],
)  # fmt: skip
def test_the_demonstrations_passwords_are_shown_at_this_machine_only(
    address: str, headers: dict[str, str], shown: bool
) -> None:
    client = _client(demo=True, demo_accounts=(DemoAccount("manager", "mona", "the password"),))
    client.come_from(address)
    html = client.get("/sign-in", headers=headers).text
    assert ("the password" in html) == ("mona" in html) == shown


def _get(client: Client, path: str, language: str = "en") -> str:
    answer = client.get("/orders/W1" if path == "/orders" else path, params={"lang": language})
    assert answer.status_code == 200, (path, answer.text)
    return answer.text


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_served_in_both_languages(path: str, language: str) -> None:
    html = _get(_client(PATHS[path]), path, language)
    assert f'<html lang="{language}">' in html
    assert ("退出" in html) == (language == "zh-CN")


def test_the_language_comes_from_the_query_then_the_cookie_then_the_browser() -> None:
    client = _client()

    def language(**how: Any) -> str:
        found = re.search(r'<html lang="([^"]+)"', client.get("/sign-in", **how).text)
        assert found
        return found[1]

    assert language(headers={"accept-language": "en-GB,en;q=0.8"}) == "en"
    assert language(headers={"accept-language": "zh-TW,zh;q=0.9,en;q=0.5"}) == "zh-CN"
    assert language(headers={"accept-language": "fr"}) == "zh-CN"
    assert language(params={"lang": "en"}) == "en"
    assert language(headers={"accept-language": "zh"}) == "en", "the cookie of the request before"
    assert language(params={"lang": "tlh"}) == "en"


@pytest.mark.parametrize("path", PATHS)
def test_strangers_are_sent_to_sign_in(path: str) -> None:
    answer = _client().get("/orders/W1" if path == "/orders" else path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=")


def test_a_letters_link_keeps_its_days_and_filter_through_the_sign_in() -> None:
    wanted = "/manager?from=2026-03-02&to=2026-03-08&cause=a%26b%20%2B%20c"
    for asked in (wanted, wanted.replace("/manager", "/manager/report.html")):
        answer = _client().get(asked)
        address = httpx.URL(answer.headers["location"])
        assert (address.path, address.params["next"]) == ("/sign-in", wanted)


@pytest.mark.parametrize("role", HOME)
def test_everybody_gets_the_own_page_and_nobody_anothers(role: str) -> None:
    client = _client(role)
    assert client.get("/").headers["location"] == HOME[role]
    for path, roles in ALLOWED.items():
        answer = client.get("/orders/W1" if path == "/orders" else path)
        assert (answer.status_code == 200) == (role in roles), path


@pytest.mark.parametrize("path", PATHS)
def test_the_policy_names_the_nonce_of_every_inline_part(path: str) -> None:
    client = _client(PATHS[path])
    answer = client.get("/orders/W1" if path == "/orders" else path)
    policy = answer.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce
    assert "connect-src 'self' ws://centre.test:8046;" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    for tag in re.findall(r"<(?:script|style)[^>]*>", answer.text):
        assert f'nonce="{nonce[1]}"' in tag or 'type="application/json"' in tag, tag
    assert " style=" not in answer.text
    assert not re.search(r"\son\w+=", answer.text)
    assert client.get(answer.url).headers["content-security-policy"] != policy, "a nonce is used once"


@pytest.mark.parametrize("path", PATHS)
def test_no_page_names_another_host(path: str) -> None:
    html = _get(_client(PATHS[path]), path)
    assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+", html) == []
    for address in re.findall(r'(?:src|href)="([^"]+)"', html):
        assert address.startswith(("/", "?", "#")), address


def test_no_asset_of_ours_names_another_host() -> None:
    for file in [*STATIC.glob("js/**/*.js"), *STATIC.glob("css/*.css"), *STATIC.glob("icons/*.svg")]:
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert re.findall(r"https?://(?!\$\{)[\w.-]+", text) == [], file.name
        assert not re.search(r"@import|url\(\s*['\"]?(?!data:)", text), file.name


def test_every_linked_file_is_there_and_may_be_kept() -> None:
    client = _client("dispatcher")
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', client.get("/control-room").text):
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("path", PATHS)
def test_who_has_still_to_choose_a_password_gets_that_page_only(path: str) -> None:
    client = _client(PATHS[path], must_change=True)
    answer = client.get("/orders/W1" if path == "/orders" else path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/password")
    assert client.get("/password").status_code == 200
    assert client.get("/setup").status_code == 303


def test_the_one_file_report_is_for_whoever_sees_the_desk() -> None:
    async def report(request: Request, language: str) -> Response:
        return Response("all figures")

    def asked(role: str, *, must_change: bool = False) -> httpx.Response:
        return _client(role, must_change=must_change, report=report).get("/manager/report.html")

    assert asked("manager").text == "all figures"
    assert asked("manager", must_change=True).headers["location"] == "/password"
    assert (
        asked("dispatcher").headers["location"] == asked("").headers["location"] == "/sign-in?next=/manager"
    )


def test_the_first_steps_are_for_nobody_yet_and_for_administrators() -> None:
    assert _client().get("/setup").status_code == 200
    assert _client("admin").get("/setup").status_code == 200
    assert _client("manager").get("/setup").headers["location"] == "/manager"
    assert _client().get("/password").headers["location"] == "/sign-in?next=/password"


def test_only_the_territories_bring_a_map() -> None:
    client = _client("admin")
    for section in ADMIN_SECTIONS:
        assert ("folium-map" in client.get(f"/admin/{section}").text) == (section == "territories")


BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("language", "title", "back"),
    [("en", "nothing at this address", "To my page"), ("zh-CN", "没有内容", "回到我的页面")],
)
def test_a_wrong_address_is_a_page_to_a_person_and_json_to_a_program(
    language: str, title: str, back: str
) -> None:
    client = _client("manager")
    for path in ("/nothing/here", "/api/nothing", "/%3Cscript%3E"):
        page = client.get(path, params={"lang": language}, headers=BROWSER)
        assert (page.status_code, f'lang="{language}"' in page.text) == (404, True)
        assert title in page.text
        assert back in page.text
        assert "<script>" not in page.text
    for accept in ("application/json", "*/*"):
        answer = client.get("/nothing/here", headers={"accept": accept})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_an_order_that_there_is_not_says_so() -> None:
    page = _client("manager").get("/orders/W404", params={"lang": "en"}, headers=BROWSER)
    assert page.status_code == 404
    assert "There is no order W404" in page.text
    assert _client().get("/orders/W404", headers=BROWSER).status_code == 303, "strangers learn nothing"
    assert _client("crew").get("/orders/W404", headers=BROWSER).status_code == 303


def test_what_is_refused_or_broken_is_a_page_and_betrays_nothing() -> None:
    async def secret_forgotten(request: Request, language: str) -> Response:
        raise problem

    said: dict[type[Exception], tuple[int, str, str]] = {
        Forbidden: (403, "This is not open to you", "To my page"),
        Unavailable: (503, "The centre cannot answer now", "Try again"),
        BadInput: (400, "This cannot be shown", "To my page"),
        RuntimeError: (500, "Something is broken here", "Try again"),
    }
    for kind, (status, title, way) in said.items():
        problem = kind("the secret")
        client = _client("manager", report=secret_forgotten)
        page = client.get("/manager/report.html?lang=en&x=%22%3E%3Cb%3E", headers=BROWSER)
        assert (page.status_code, title in page.text, way in page.text) == (status, True, True)
        for betrayed in ("secret", "Traceback", "RuntimeError", '"><b>'):
            assert betrayed not in page.text
        assert client.get("/manager/report.html").json()["error"]["code"]


def test_a_page_is_there_when_nobody_can_say_who_asks() -> None:
    async def broken(request: Request) -> Person | None:
        raise Unavailable("the database is away")

    app = FastAPI()
    errors.install(app)
    mount(app, PageServices(broken, same_host(8046), dict, has_order=broken))  # type: ignore[arg-type,return-value]
    page = Client(app).get("/manager", params={"lang": "en"}, headers=BROWSER)
    assert page.status_code == 503
    assert 'href="/manager?lang=en"' in page.text


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    async def throttled(request: Request, language: str) -> Response:
        raise errors.TooMany("the secret", retry_after_s=17)

    client = _client("manager", report=throttled)
    for headers in (BROWSER, {}):
        said = client.get("/manager/report.html?lang=en", headers=headers)
        assert (said.status_code, said.headers["retry-after"]) == (429, "17")
    assert "Too many requests" in client.get("/manager/report.html?lang=en", headers=BROWSER).text


def test_names_are_text() -> None:
    html = _client("manager").get("/manager").text
    assert "Anna <b>" not in html
    assert "Anna &lt;b&gt;" in html


def test_an_order_id_that_is_none_reaches_no_script() -> None:
    html = _client("manager").get("/orders/%3Cscript%3E").text
    assert "<script>" not in html
    assert '"orderId":""' in html


def test_the_worker_keeps_the_shell_and_nothing_of_the_api() -> None:
    client = _client("crew")
    answer = client.get("/sw.js")
    assert answer.headers["service-worker-allowed"] == "/crew"
    kept = re.findall(r'"(/static/[^"]+)"', answer.text)
    assert f"{ADDRESS}/js/crew.js" in kept
    assert {f"{ADDRESS}/{name}" for name in modules_of("js/crew.js")} <= set(kept)
    for address in kept:
        assert client.get(address).status_code == 200, address


@pytest.mark.parametrize("name", NAVIGATION)
def test_the_crew_navigates_with_the_map_of_the_settings(name: str) -> None:
    html = _client("crew", navigation=name).get("/crew").text
    data = json.loads(re.findall(r'id="page-data">(.*?)</script>', html)[0])
    assert data["navigation"] == MAPS[name]
    assert "{lat}" in data["navigation"]["link"]
    assert set(MAPS) == set(NAVIGATION)


def test_a_map_that_nobody_knows_is_refused_at_the_start() -> None:
    with pytest.raises(BadInput, match="DISPATCH45_NAVIGATION"):
        Settings(navigation="atlas")


def test_the_crews_page_is_small() -> None:
    """50 kB pressed, all modules that it loads; the page itself, with its texts, in both languages, 12 kB."""
    modules = modules_of("js/crew.js")
    assert "js/outbox_store.js" in modules
    assert "js/control_room.js" not in modules
    sizes = {name: len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in modules}
    assert sum(sizes.values()) <= 50_000, sizes
    for language in ("zh-CN", "en"):
        page = _client("crew").get("/crew", params={"lang": language})
        assert page.headers["content-encoding"] == "gzip"
        assert len(gzip.compress(page.content)) <= 12_000
        assert set(re.findall(r'modulepreload" href="[^"]*/(js/[^"]+)"', page.text)) == set(modules)


def test_the_crews_page_has_every_text_that_its_modules_show() -> None:
    """It is sent those of its own modules only."""
    sent = texts_of("zh-CN", "js/crew.js")
    mine = {
        text
        for text, files in texts().items()
        if {f"static/{m}" for m in modules_of("js/crew.js")} & set(files)
    }
    assert mine == set(sent)
    assert len(sent) < len(texts_of("zh-CN", ""))


@pytest.mark.parametrize("name", ["js/crew.js", "css/base.css", "icons/icon.svg"])
def test_files_are_pressed_for_whoever_takes_that(name: str) -> None:
    client = _client("crew")
    pressed = client.get(f"{ADDRESS}/{name}", headers={"accept-encoding": "gzip"})
    plain = client.get(f"{ADDRESS}/{name}", headers={"accept-encoding": "identity"})
    assert pressed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert pressed.content == plain.content == (STATIC / name).read_bytes()
    assert pressed.headers["content-type"] == plain.headers["content-type"]
    assert pressed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


def test_the_manifest_lets_the_page_be_installed() -> None:
    client = _client("crew")
    found = client.get("/crew.webmanifest").json()
    assert found["start_url"] == found["scope"] == "/crew"
    assert {one["sizes"] for one in found["icons"]} == {"192x192", "512x512"}
    for icon in found["icons"]:
        assert client.get(icon["src"]).headers["content-type"] == "image/png"


def test_a_feed_behind_a_proxy_is_named_by_its_host_alone() -> None:
    client = _client("dispatcher", live_address="wss://feed.example/live")
    policy = client.get("/control-room").headers["content-security-policy"]
    assert "connect-src 'self' wss://feed.example;" in policy
