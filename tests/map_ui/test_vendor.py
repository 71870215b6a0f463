"""Other people's files are the ones that were published, and folium's are ours."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import folium.plugins
import pytest
from branca.element import JavascriptLink

from map_ui.maps import PageFigure, PageMap, bounds_of, page_map
from map_ui.vendor import LOCK, STATIC, UnknownVendorAddress, differences, libraries, local
from tests.dispatch.organisation import TERRITORIES


def test_the_folder_is_what_the_lock_says() -> None:
    assert differences() == []


def test_every_library_has_a_version_and_a_licence_with_its_text() -> None:
    for one in libraries():
        assert one.version
        assert one.licence
        assert any(path.endswith("LICENSE") for path in one.files)


def test_a_changed_a_missing_and_a_foreign_file_are_found(tmp_path: Path) -> None:
    folder = copytree(LOCK.parent, tmp_path / "vendor")
    (folder / "leaflet" / "leaflet.js").write_text("changed", encoding="utf-8")
    (folder / "leaflet" / "leaflet.css").unlink()
    (folder / "stranger.js").touch()
    assert differences(folder / LOCK.name) == [
        "leaflet/leaflet.css: locked, but not here",
        "stranger.js: here, but not locked",
        "leaflet/leaflet.js: changed",
    ]


def test_what_folium_asks_for_is_here() -> None:
    for _, url in (*PageMap.default_js, *PageMap.default_css):
        assert (STATIC / local(url)).is_file()


def test_an_address_that_is_not_vendored_stops_the_page() -> None:
    figure = PageFigure()
    drawn = PageMap(location=[30, 120], tiles=None)
    figure.add_child(drawn)
    figure.header.add_child(JavascriptLink("https://elsewhere.example/x.js"), name="x")
    with pytest.raises(UnknownVendorAddress, match=r"elsewhere\.example"):
        figure.parts("n", "/static")


def test_a_layer_of_folium_that_brings_its_own_links_stops_the_page() -> None:
    figure = PageFigure()
    drawn = PageMap(location=[30, 120], tiles=None)
    figure.add_child(drawn)
    drawn.add_child(folium.plugins.Fullscreen())
    with pytest.raises(UnknownVendorAddress):
        figure.parts("n", "/static")


def test_the_lists_that_all_maps_share_stay_as_they_were() -> None:
    before = (list(folium.Map.default_js), list(folium.Map.default_css))
    page_map(lat=30, lon=120, zoom=9, bounds=None, nonce="n", static="/static")
    assert (list(folium.Map.default_js), list(folium.Map.default_css)) == before
    with pytest.raises(AttributeError):
        PageMap(location=[30, 120], tiles=None).add_js_link("more", "https://elsewhere.example/x.js")


def test_a_map_forbids_no_zooming_and_has_no_tiles() -> None:
    parts = page_map(lat=30, lon=120, zoom=9, bounds=None, nonce="n", static="/static")
    whole = f"{parts.head}{parts.body}{parts.script}"
    assert "user-scalable" not in whole
    assert "tileLayer" not in whole
    assert "http" not in whole


def test_a_map_shows_the_own_land_first() -> None:
    assert bounds_of(TERRITORIES, "west") == [[30.0, 119.9], [30.1, 120.0]]
    assert bounds_of(TERRITORIES, "") == [[30.0, 119.9], [30.1, 120.1]]
    assert bounds_of({"features": []}, "west") is None
