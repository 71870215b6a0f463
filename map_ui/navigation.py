"""Maps that the crew's "Navigate" can open: the address, and the coordinates that the map wants. A person follows it; no page asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict


class Navigation(TypedDict):
    """`link` has `{lat}`, `{lon}` and `{name}`; `datum` says which coordinates those are."""

    link: str
    datum: Literal["wgs84", "gcj02", "bd09"]


MAPS: Mapping[str, Navigation] = {
    "geo": {"link": "geo:{lat},{lon}?q={lat},{lon}({name})", "datum": "wgs84"},
    "amap": {
        "link": "https://uri.amap.com/navigation?to={lon},{lat},{name}&mode=car&coordinate=gaode&callnative=1",
        "datum": "gcj02",
    },
    "baidu": {
        "link": "baidumap://map/direction?destination=name:{name}|latlng:{lat},{lon}&coord_type=bd09ll"
        "&mode=driving&src=dispatch45",
        "datum": "bd09",
    },
    "google": {
        "link": "https://www.google.com/maps/dir/?api=1&destination={lat},{lon}&travelmode=driving",
        "datum": "wgs84",
    },
}
"""By the setting `navigation`. geo: RFC 5870, whatever map the phone has."""
