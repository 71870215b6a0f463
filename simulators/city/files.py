"""A whole city as files; the same seed writes the same bytes."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from dispatch.core.territory import Territories, territories_to_geojson
from simulators.city.gazetteer import gazetteer
from simulators.city.land import territories
from simulators.city.network import Network, build
from simulators.city.organisation import organisation
from simulators.city.plane import lonlat
from simulators.city.streets import draw

SEED = 45


def write_city(folder: Path, seed: int = SEED) -> None:
    """Write road_nodes.csv, road_edges.csv, territories.geojson, gazetteer.csv and organisation.json.

    The folder is made where it is missing; files of these names are replaced. About 20 x 16 km, WGS-84.
    """
    rng = np.random.default_rng(seed)
    network = build(draw(rng), rng)
    land = Territories(territories(rng))
    addresses = gazetteer(network, rng)
    staff = organisation(network, land, rng)
    folder.mkdir(parents=True, exist_ok=True)
    _write_roads(folder, network)
    _write_json(folder / "territories.geojson", territories_to_geojson(land))
    rows = [(one.en, one.zh, one.point.lat, one.point.lon) for one in addresses]
    _write_csv(folder / "gazetteer.csv", ("address", "address_zh", "lat", "lon"), rows)
    _write_json(folder / "organisation.json", staff)


def _write_roads(folder: Path, network: Network) -> None:
    nodes = lonlat(network.nodes)
    rows = [(number, lat, lon, 0) for number, (lon, lat) in enumerate(nodes.tolist())]
    _write_csv(folder / "road_nodes.csv", ("node_id", "lat", "lon", "component"), rows)
    columns = ("edge_id", "u", "v", "length_m", "polyline_lonlat", "speed_kmh", "oneway")
    edges = [
        (
            number,
            one.u,
            one.v,
            round(one.length_m, 1),
            ";".join(f"{lon:.6f} {lat:.6f}" for lon, lat in lonlat(one.xy).tolist()),
            one.street.kmh,
            int(one.street.oneway),
        )
        for number, one in enumerate(network.edges)
    ]
    _write_csv(folder / "road_edges.csv", columns, edges)


def _write_csv(file: Path, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
