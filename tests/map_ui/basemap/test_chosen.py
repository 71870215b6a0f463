"""Which base map a page gets, what its policy then allows, and who is handed the file."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from dispatch.core.errors import BadInput
from dispatch.settings import Settings
from map_ui.basemap.chosen import FILE, Basemap, choose
from tests.map_ui.test_pages import PATHS, Client, _client

TILES = "https://tiles.utility.example:8443/map/{z}/{x}/{y}.png"
MAPS = ("/control-room", "/hotline", "/manager", "/orders", "/admin/territories")


def _page(client: Client, path: str) -> Any:
    answer = client.get("/orders/W1" if path == "/orders" else path)
    assert answer.status_code == 200
    return answer


def _told(html: str) -> dict[str, Any] | None:
    found = re.search(r"dispatch45Basemap = (\{.*?\});", html)
    return json.loads(found[1]) if found else None


def _file(folder: Path, content: bytes = b"PMTiles" + bytes(range(256)) * 8) -> Path:
    (folder / FILE).write_bytes(content)
    return folder


@pytest.mark.parametrize("path", PATHS)
def test_the_policy_names_the_utilitys_host_on_pages_with_a_map_and_nothing_more(path: str) -> None:
    plain = _page(_client(PATHS[path]), path).headers["content-security-policy"]
    assert "img-src 'self' data:;" in plain
    tiles = choose(TILES, "gcj02", "© the utility", Path("var"))
    answer = _page(_client(PATHS[path], basemap=tiles), path)
    policy = answer.headers["content-security-policy"]
    if path not in MAPS:
        assert "tiles.utility.example" not in policy + answer.text
        return
    assert "img-src 'self' data: https://tiles.utility.example:8443;" in policy
    assert policy.count("tiles.utility.example") == 1, "pictures only"
    assert _told(answer.text) == {
        "kind": "xyz",
        "url": TILES,
        "datum": "gcj02",
        "attribution": "© the utility",
    }


def test_tiles_of_this_very_host_need_no_leave() -> None:
    answer = _page(
        _client("dispatcher", basemap=choose("/tiles/{z}/{x}/{-y}.png", "wgs84", "", Path("var"))),
        "/control-room",
    )
    assert "img-src 'self' data:;" in answer.headers["content-security-policy"]


def test_an_attribution_is_text() -> None:
    html = _page(
        _client("dispatcher", basemap=choose(TILES, "wgs84", "</script><b>", Path("var"))), "/control-room"
    ).text
    assert "</script><b>" not in html
    assert (_told(html) or {})["attribution"] == "</script><b>"


def test_a_file_is_shown_from_the_page_after_it_was_built_and_brings_what_draws_it(tmp_path: Path) -> None:
    client = _client("dispatcher", basemap=choose("", "wgs84", "", tmp_path))
    before = _page(client, "/control-room").text
    assert (_told(before) or {})["kind"] == "none"
    assert "protomaps" not in before
    _file(tmp_path)
    first = _told(_page(client, "/control-room").text)
    assert first is not None
    assert first["kind"] == "pmtiles"
    assert "protomaps-leaflet.js" in _page(client, "/control-room").text
    _file(tmp_path, b"PMTiles of the next year")
    second = _told(_page(client, "/control-room").text)
    assert second is not None
    assert first["url"] != second["url"], "what a browser kept of the old one is not asked for again"


def test_the_bytes_that_are_asked_for(tmp_path: Path) -> None:
    choice = choose("", "wgs84", "", _file(tmp_path))
    client, url, whole = _client("hotline", basemap=choice), choice.now().url, (tmp_path / FILE).read_bytes()
    part = client.get(url, headers={"range": "bytes=7-106"})
    assert (part.status_code, part.content) == (206, whole[7:107])
    assert part.headers["content-range"] == f"bytes 7-106/{len(whole)}"
    assert part.headers["etag"]
    assert "private" in part.headers["cache-control"]
    assert "content-encoding" not in part.headers
    same = client.get(url, headers={"range": "bytes=0-6", "if-range": part.headers["etag"]})
    assert (same.status_code, same.content) == (206, b"PMTiles")
    changed = client.get(url, headers={"range": "bytes=0-6", "if-range": '"of another file"'})
    assert (changed.status_code, changed.content) == (200, whole)
    assert client.get(url, headers={"range": f"bytes={len(whole)}-"}).status_code == 416


def test_the_file_is_for_people_who_are_signed_in(tmp_path: Path) -> None:
    choice = choose("", "wgs84", "", _file(tmp_path))
    url = choice.now().url
    for client in (_client(basemap=choice), _client("dispatcher", must_change=True, basemap=choice)):
        answer = client.get(url, headers={"range": "bytes=0-6"})
        assert (answer.status_code, answer.content) == (401, b"")
    assert _client("dispatcher").get(url).status_code == 404
    (tmp_path / FILE).unlink()
    assert _client("dispatcher", basemap=choice).get(url).status_code == 404
    assert choice.now() == Basemap()


@pytest.mark.parametrize(
    ("setting", "datum", "said"),
    [
        ("https://a.example/{z}/{x}.png", "wgs84", "{y}"), ("https://{s}.example/{z}/{x}/{y}.png", "wgs84", "expected"),
        ("ftp://a.example/{z}/{x}/{y}", "wgs84", "https://host"), ("//a.example/{z}/{x}/{y}", "wgs84", "https://host"),
        ("https://u:p@a.example/{z}/{x}/{y}", "wgs84", "password"), ("https://a.example;script-src/{z}/{x}/{y}", "wgs84", "host"),
        ("https://*.example/{z}/{x}/{y}", "wgs84", "host"), ("https://a.example x/{z}/{x}/{y}", "wgs84", "host"),
        ("osm", "wgs84", "DISPATCH45_BASEMAP="),
        (TILES, "bd09", "DISPATCH45_BASEMAP_DATUM"), ("", "gcj02", "DISPATCH45_BASEMAP_DATUM"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_used_is_refused_at_the_start(setting: str, datum: str, said: str) -> None:
    with pytest.raises(BadInput, match=re.escape(said)):
        Settings(basemap=setting, basemap_datum=datum)


def test_none_is_none_even_beside_a_file(tmp_path: Path) -> None:
    assert choose("none", "wgs84", "", _file(tmp_path)).now() == Basemap()
    other = tmp_path / "other.pmtiles"
    os.link(tmp_path / FILE, other)
    assert choose(str(other), "wgs84", "", tmp_path / "elsewhere").now().kind == "pmtiles"


def test_a_file_that_is_not_there_stops_nothing(tmp_path: Path) -> None:
    lost = Settings(basemap=str(tmp_path / "lost.pmtiles"))
    assert choose(lost.basemap, lost.basemap_datum, "", tmp_path).now() == Basemap()
    for good in (TILES, "/tiles/{z}/{x}/{-y}.png", "http://[::1]:80/{z}/{x}/{y}"):
        assert choose(Settings(basemap=good).basemap, "wgs84", "", tmp_path).now().url == good
