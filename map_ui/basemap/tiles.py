"""Things cut into vector tiles. Pieces wait in a file until all are cut, so that a large extract needs no large memory."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import mapbox_vector_tile  # type: ignore[import-untyped]
import numpy as np
import shapely
from mapbox_vector_tile.encoder import on_invalid_geometry_make_valid  # type: ignore[import-untyped]
from numpy.typing import NDArray
from pmtiles.tile import zxy_to_tileid
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from map_ui.basemap.extract import Box, Thing
from map_ui.basemap.kinds import FIRST_ZOOM, LAST_ZOOM, LAYERS

EXTENT = 4096
"""Steps of a tile's grid."""
MARGIN = 96
"""Steps that a tile knows beyond its edge: the width of the widest line, so that none is cut."""
BATCH = 5_000
_LIMIT = 85.0511
_OPTIONS = {
    "extents": EXTENT,
    "y_coord_down": True,
    "on_invalid_geometry": on_invalid_geometry_make_valid,
}


def world(places: NDArray[Any]) -> NDArray[Any]:
    """Web Mercator, the whole world from 0 to 1, y down: of columns lon, lat in degrees."""
    sine = np.sin(np.radians(np.clip(places[:, 1], -_LIMIT, _LIMIT)))
    y = 0.5 - np.log((1 + sine) / (1 - sine)) / (4 * math.pi)
    return np.column_stack((places[:, 0] / 360 + 0.5, y))


class Pieces:
    """Pieces by tile, in a database file of its own that is thrown away afterwards."""

    def __init__(self, scratch: Path, box: Box | None) -> None:
        self._sql = sqlite3.connect(scratch / "pieces.sqlite")
        self._sql.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536;"
            "CREATE TABLE piece(tile INTEGER, number INTEGER, layer INTEGER, properties TEXT, shape BLOB,"
            " PRIMARY KEY(tile, number)) WITHOUT ROWID"
        )
        self._waiting: list[tuple[int, int, int, str, bytes]] = []
        self._number = 0
        self._within = None if box is None else shapely.box(*box)
        self.bounds: Box | None = box

    def close(self) -> None:
        """Let go of the file."""
        self._sql.close()

    def put(self, thing: Thing) -> None:
        """Cut one thing into the tiles of all zooms at which it is shown."""
        if self._within is not None and not thing.shape.intersects(self._within):
            return
        if self._within is None:
            self._widen(thing.shape)
        whole = shapely.transform(thing.shape, world)
        said = json.dumps(thing.properties, ensure_ascii=False, separators=(",", ":"))
        layer = LAYERS.index(thing.shown.layer)
        for zoom in range(max(thing.shown.zoom, FIRST_ZOOM), LAST_ZOOM + 1):
            for x, y, shape in cut(whole, zoom):
                self._number += 1
                row = (zxy_to_tileid(zoom, x, y), self._number, layer, said, shapely.to_wkb(shape))
                self._waiting.append(row)
        if len(self._waiting) >= BATCH:
            self._keep()

    def count(self) -> int:
        """Tiles that have something in them."""
        self._keep()
        found: int = self._sql.execute("SELECT COUNT(DISTINCT tile) FROM piece").fetchone()[0]
        return found

    def tiles(self) -> Iterator[tuple[int, bytes]]:
        """Each tile's number and content, in the order in which they are stored."""
        self._keep()
        rows = self._sql.execute("SELECT tile, layer, properties, shape FROM piece ORDER BY tile, number")
        for tile, pieces in groupby(rows, key=lambda row: int(row[0])):
            layers: dict[int, list[dict[str, Any]]] = {}
            for _, layer, said, shape in pieces:
                one = {"geometry": shapely.from_wkb(shape), "properties": json.loads(said)}
                layers.setdefault(layer, []).append(one)
            content = [{"name": LAYERS[layer], "features": found} for layer, found in sorted(layers.items())]
            yield tile, mapbox_vector_tile.encode(content, default_options=_OPTIONS)

    def _widen(self, shape: BaseGeometry) -> None:
        west, south, east, north = shape.bounds
        at = self.bounds or (west, south, east, north)
        self.bounds = (min(at[0], west), min(at[1], south), max(at[2], east), max(at[3], north))

    def _keep(self) -> None:
        with self._sql:
            self._sql.executemany("INSERT INTO piece VALUES (?,?,?,?,?)", self._waiting)
        self._waiting.clear()


def cut(whole: BaseGeometry, zoom: int) -> Iterator[tuple[int, int, BaseGeometry]]:
    """What of a shape (world from 0 to 1) lies in which tile: x, y, and the piece on the tile's grid.

    Details finer than half a step on the screen are left out before the last zoom, and areas smaller than that.
    """
    size = EXTENT * 2**zoom
    shape = shapely.transform(whole, lambda places: places * size)
    if zoom < LAST_ZOOM and shapely.get_dimensions(shape) > 0:
        shape = shape.simplify(EXTENT / 512)
        if _too_small(shape):
            return
    west, north, east, south = (int(v // EXTENT) for v in _with_margin(shape.bounds))
    last = 2**zoom - 1
    for x in range(max(west, 0), min(east, last) + 1):
        left = x * EXTENT
        strip = shape
        if west != east:
            strip = _clipped(shape, left, north * EXTENT, left + EXTENT, (south + 1) * EXTENT)
        for y in range(max(north, 0), min(south, last) + 1):
            top = y * EXTENT
            piece = _clipped(strip, left, top, left + EXTENT, top + EXTENT)
            if not piece.is_empty:
                yield x, y, affinity.translate(piece, -left, -top)


def _clipped(shape: BaseGeometry, left: float, top: float, right: float, bottom: float) -> BaseGeometry:
    return shapely.clip_by_rect(shape, left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN)


def _with_margin(bounds: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = bounds
    return left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN


def _too_small(shape: BaseGeometry) -> bool:
    """An area of less than four pixels of a tile that is shown 256 pixels wide."""
    pixel = EXTENT / 256
    return bool(shapely.get_dimensions(shape) == 2 and shape.area < 4 * pixel * pixel) or shape.is_empty
