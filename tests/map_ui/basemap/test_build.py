"""`dispatch45 basemap build`: what the file holds, and what becomes of files that are none."""

from __future__ import annotations

import csv
import gzip
import os
from itertools import islice
from pathlib import Path
from typing import Any

import click
import mapbox_vector_tile
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pmtiles.reader import MemorySource, Reader, all_tiles
from shapely import box
from shapely.geometry import shape

from dispatch.cli import Commands
from map_ui.basemap.build import basemap
from map_ui.basemap.kinds import KEYS, LAYERS, shown_area, shown_line, shown_point
from map_ui.basemap.tiles import EXTENT, MARGIN, cut
from tests.map_ui.basemap.town import BRIDGE, Sheet, town

DATA = os.environ.get("DISPATCH45_TEST_DATA", "")


class Main(Commands):
    """`dispatch45`, with this command even before the package is installed anew."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return basemap if cmd_name == "basemap" else None


def _build(extract: Path, folder: Path) -> Any:
    return CliRunner().invoke(Main("dispatch45"), ["basemap", "build", str(extract), "--data", str(folder)])


def _tile(reader: Reader, zoom: int, place: tuple[float, float]) -> tuple[dict[str, Any], float, float]:
    """The content of the tile where a place is, and the place on its grid (y down)."""
    from math import asinh, pi, radians, tan

    x = (place[0] / 360 + 0.5) * 2**zoom
    y = (0.5 - asinh(tan(radians(place[1]))) / (2 * pi)) * 2**zoom
    packed = reader.get(zoom, int(x), int(y))
    assert packed is not None
    content = mapbox_vector_tile.decode(gzip.decompress(packed), default_options={"y_coord_down": True})
    return content, x % 1 * EXTENT, y % 1 * EXTENT


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    done = _build(town().write(tmp_path / "town.osm.pbf"), tmp_path)
    assert done.exit_code == 0, done.output
    return Reader(MemorySource((tmp_path / "basemap.pmtiles").read_bytes()))


def test_the_bridge_is_where_it_is(reader: Reader) -> None:
    for zoom, apart in ((9, 20), (12, 3), (15, 2)):
        content, x, y = _tile(reader, zoom, BRIDGE)
        for layer, name in (("roads", "Bridge Street"), ("water", "Slow River")):
            found = [f for f in content[layer]["features"] if f["properties"].get("name") == name]
            assert found, (zoom, layer)
            near = box(x - apart, y - apart, x + apart, y + apart)
            assert any(shape(f["geometry"]).intersects(near) for f in found), (zoom, layer)


def test_the_file_says_what_it_is(reader: Reader) -> None:
    header = reader.header()
    assert (header["min_lon_e7"], header["max_lat_e7"]) == (1_199_000_000, 301_000_000)
    assert (header["min_zoom"], header["max_zoom"]) == (5, 15)
    assert header["clustered"]
    assert "OpenStreetMap" in reader.metadata()["attribution"]


def test_every_layer_is_there_and_nothing_that_is_cut_off(reader: Reader) -> None:
    seen: dict[str, set[str]] = {}
    for (zoom, _, _), packed in all_tiles(reader.get_bytes):
        content = mapbox_vector_tile.decode(gzip.decompress(packed))
        for layer, found in content.items():
            for feature in found["features"]:
                seen.setdefault(layer, set()).add(feature["properties"].get("name", ""))
            assert zoom >= 14 or layer != "buildings"
    assert set(seen) == set(LAYERS)
    assert "Lost Road" not in seen["roads"], "a road without its nodes is left out, and stops nothing"
    assert "Great Park" in seen["landuse"]


def test_a_park_has_its_hole(reader: Reader) -> None:
    content, x, y = _tile(reader, 14, (119.938, 30.063))
    at = box(x - 1, y - 1, x + 1, y + 1)
    parks = [shape(f["geometry"]) for f in content["landuse"]["features"]]
    assert not any(park.intersects(at) for park in parks)
    assert any(shape(f["geometry"]).intersects(at) for f in content["water"]["features"])


def test_a_file_that_is_none_is_refused_and_the_map_of_before_stays(tmp_path: Path) -> None:
    (tmp_path / "basemap.pmtiles").write_bytes(b"the one of before")
    whole = town().write(tmp_path / "town.osm.pbf").read_bytes()
    for name, content, said in (
        ("letter.osm.pbf", b"Dear customer, " * 100, "letter.osm.pbf"),
        ("half.osm.pbf", whole[: len(whole) // 2], "half.osm.pbf"),
        (
            "empty.osm.pbf",
            Sheet().write(tmp_path / "x.osm.pbf").read_bytes(),
            "nothing that a base map shows",
        ),
    ):
        (tmp_path / name).write_bytes(content)
        done = _build(tmp_path / name, tmp_path)
        assert done.exit_code == 2, (name, done.output)
        assert said in done.output
        assert "Traceback" not in done.output
    assert (tmp_path / "basemap.pmtiles").read_bytes() == b"the one of before"
    assert not list(tmp_path.glob(".basemap-*"))
    assert _build(tmp_path / "town.osm.pbf", tmp_path / "nowhere").exit_code == 2


def test_an_extract_without_a_box_has_that_of_its_things(tmp_path: Path) -> None:
    assert _build(town().write(tmp_path / "town.osm.pbf", box=False), tmp_path).exit_code == 0
    header = Reader(MemorySource((tmp_path / "basemap.pmtiles").read_bytes())).header()
    assert (header["min_lon_e7"], header["max_lon_e7"]) == (1_199_000_000, 1_201_000_000)


@given(
    st.tuples(st.floats(0, 0.9), st.floats(0.1, 0.9)), st.floats(1e-7, 0.05), st.integers(5, 9)
)  # fmt: skip
def test_the_pieces_are_the_whole(corner: tuple[float, float], size: float, zoom: int) -> None:
    whole = box(*corner, corner[0] + size, corner[1] + size)
    area = 0.0
    for x, y, piece in cut(whole, zoom):
        assert 0 <= x < 2**zoom
        assert 0 <= y < 2**zoom
        left, top, right, bottom = piece.bounds
        assert -MARGIN <= left <= right <= EXTENT + MARGIN
        assert -MARGIN <= top <= bottom <= EXTENT + MARGIN
        area += piece.intersection(box(0, 0, EXTENT, EXTENT)).area
    expected = whole.area * (EXTENT * 2**zoom) ** 2
    assert area == pytest.approx(expected, rel=1e-3) or expected <= 1025


@given(
    st.dictionaries(
        st.sampled_from([*KEYS, "name"]), st.sampled_from(["yes", "no", "water", "motorway_link", "x"])
    )
)
def test_any_tags_are_shown_or_not(tags: dict[str, str]) -> None:
    for look in (shown_line, shown_area, shown_point):
        found = look(tags)
        assert found is None or (found.layer in LAYERS and found.zoom <= 15)


@pytest.mark.skipif(not DATA, reason="DISPATCH45_TEST_DATA names no folder with real roads")
def test_the_roads_of_a_real_city(tmp_path: Path) -> None:
    sheet = Sheet()
    with (Path(DATA) / "common" / "sf_road_edges.csv").open(encoding="utf-8", newline="") as lines:
        for row in islice(csv.DictReader(lines), 2_000):
            pairs = [pair.split() for pair in row["polyline_lonlat"].split(";")]
            sheet.way(*((float(lon), float(lat)) for lon, lat in pairs), highway="residential")
    done = _build(sheet.write(tmp_path / "city.osm.pbf", box=False), tmp_path)
    assert done.exit_code == 0, done.output
    reader = Reader(MemorySource((tmp_path / "basemap.pmtiles").read_bytes()))
    content, x, y = _tile(reader, 15, (-122.445867, 37.756936))
    near = box(x - 2, y - 2, x + 2, y + 2)
    assert any(shape(f["geometry"]).intersects(near) for f in content["roads"]["features"])
