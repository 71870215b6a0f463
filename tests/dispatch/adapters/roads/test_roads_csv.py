from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dispatch.adapters.roads.csv import has_roads, load_roads
from dispatch.adapters.roads.speeds import load_speeds
from dispatch.core.errors import BadInput
from dispatch.core.travel import RoadTravel
from dispatch.core.types import Point

NODES = "node_id,lat,lon,component\na,36.0,101.0,0\nb,36.0,101.01,0\nc,36.01,101.01,0\n"
EDGES = (
    "edge_id,u,v,length_m,polyline_lonlat,speed_kmh,oneway\n"
    "0,a,b,900,101.0 36.0;101.01 36.0,36,0\n"
    "1,b,c,1112,101.01 36.0;101.01 36.01,,\n"
)


def write(folder: Path, nodes: str = NODES, edges: str = EDGES, prefix: str = "") -> Path:
    (folder / f"{prefix}road_nodes.csv").write_text(nodes, encoding="utf-8")
    (folder / f"{prefix}road_edges.csv").write_text(edges, encoding="utf-8")
    return folder


@pytest.mark.parametrize("prefix", ["", "north_"])
def test_a_folder_is_read_with_or_without_a_prefix(tmp_path: Path, prefix: str) -> None:
    assert not has_roads(tmp_path)
    graph = load_roads(write(tmp_path, prefix=prefix))
    assert has_roads(tmp_path)
    assert (graph.nodes, graph.edges) == (3, 2)
    travel = RoadTravel(graph, load_speeds("UTC"))
    at = datetime(2026, 1, 1, 4, tzinfo=UTC)
    assert travel.seconds([Point(36, 101)], [Point(36, 101.01)], at)[0, 0] == pytest.approx(72, abs=0.1)


@pytest.mark.parametrize(
    ("nodes", "edges", "said"),
    [
        (NODES.replace("36.0,101.0,", "x,101.0,"), EDGES, r"road_nodes.csv line 2, column lat: .*'x'"),
        (NODES.replace("101.01", "nan", 1), EDGES, "road_nodes.csv line 3, column lon"),
        (NODES.replace("c,", "a,"), EDGES, "road_nodes.csv line 4, column node_id"),
        (NODES, EDGES.replace("0,a,b", "0,a,q"), "road_edges.csv line 2, column v: .*'q'"),
        (NODES, EDGES.replace("900", "-1"), "road_edges.csv line 2, column length_m"),
        (NODES, EDGES.replace(";101.01 36.01", ""), "road_edges.csv line 3, column polyline_lonlat"),
        (NODES, EDGES.replace("101.01 36.01", "36.01"), "road_edges.csv line 3, column polyline_lonlat"),
        (NODES, EDGES.replace(",36,0", ",0,0"), "road_edges.csv line 2, column speed_kmh"),
        (NODES, EDGES.replace(",36,0", ",36,yes"), "road_edges.csv line 2, column oneway"),
        (NODES.replace("node_id", "id"), EDGES, "line 1: no column node_id"),
        (NODES, EDGES.splitlines()[0], "no edges"),
    ],
)
def test_a_malformed_row_names_file_line_and_column(
    tmp_path: Path, nodes: str, edges: str, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        load_roads(write(tmp_path, nodes, edges))


def test_a_missing_or_doubtful_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"road_nodes\.csv, found none"):
        load_roads(tmp_path)
    write(write(tmp_path, prefix="a_"), prefix="b_")
    with pytest.raises(BadInput, match=r"a_road_nodes\.csv, b_road_nodes\.csv"):
        load_roads(tmp_path)


def test_the_shipped_speeds_are_slower_at_rush_hour(tmp_path: Path) -> None:
    table = load_speeds("Asia/Shanghai")
    assert table.at(datetime(2026, 1, 5, 0, tzinfo=UTC)) < table.at(datetime(2026, 1, 5, 20, tzinfo=UTC))
    with pytest.raises(BadInput, match=r"none\.toml"):
        load_speeds("UTC", tmp_path / "none.toml")
