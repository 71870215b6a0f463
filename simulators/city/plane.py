"""The city's own plane: x metres east and y metres north of its middle, and back to WGS-84."""

from __future__ import annotations

from math import cos, radians

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Polygon, box

from dispatch.core.types import EARTH_RADIUS, Point

MIDDLE = Point(38.2, 104.6)
"""Nothing like this city stands there."""
HALF_WIDTH, HALF_HEIGHT = 10_000.0, 8_000.0
LAND = box(-HALF_WIDTH, -HALF_HEIGHT, HALF_WIDTH, HALF_HEIGHT)

_METRES_A_DEGREE = radians(1) * EARTH_RADIUS
_SCALE = np.array([_METRES_A_DEGREE * cos(radians(MIDDLE.lat)), _METRES_A_DEGREE])
DECIMALS = 6
"""Of degrees in every file: 0.1 m."""

Floats = NDArray[np.float64]


def lonlat(xy: Floats) -> Floats:
    """(lon, lat) degrees of plane coordinates, both of shape (n, 2), rounded as in the files."""
    degrees = np.asarray(xy, dtype=np.float64) / _SCALE + np.array([MIDDLE.lon, MIDDLE.lat])
    return np.asarray(np.round(degrees, DECIMALS), dtype=np.float64)


def place(x: float, y: float) -> Point:
    """One place in WGS-84."""
    lon, lat = lonlat(np.array([[x, y]]))[0]
    return Point(float(lat), float(lon))


def ground(polygon: Polygon) -> Polygon:
    """A polygon of the plane in degrees."""
    return Polygon(lonlat(np.asarray(polygon.exterior.coords)))
