"""Maps built by folium, without its CDN and within our content security policy.

folium draws up the page parts (links, styles, html, script); here they are taken apart again: every link is
rewritten from the vendor table (an unknown one raises), styles and scripts get the page's nonce, and folium's
viewport line is dropped, because it forbids zooming. What moves on the map is drawn by static/js/live_layer.js.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import folium
from branca.element import CssLink, Element, Figure, JavascriptLink
from folium.plugins import HeatMap
from markupsafe import Markup, escape

from map_ui.basemap.chosen import NOTHING, Basemap
from map_ui.layers import BaseLayer, HeatHandle, MapHandle, VectorBaseLayer
from map_ui.vendor import local

_LEAFLET = "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet"
HEAT = {"radius": 18, "blur": 14, "min_opacity": 0.35, "max_zoom": 13}
_VIEWPORT = re.compile(r"<meta name=\"viewport\".*?/>", re.DOTALL)
_OPENING = re.compile(r"<(style|script)>")


class PageMap(folium.Map):
    """folium's map with Leaflet alone: no jQuery, Bootstrap or icon fonts.

    Tuples, because folium's own `add_js_link` changes a list that all maps share.
    """

    default_js: ClassVar[Sequence[tuple[str, str]]] = (("leaflet", f"{_LEAFLET}.js"),)  # type: ignore[misc,assignment]
    default_css: ClassVar[Sequence[tuple[str, str]]] = (("leaflet_css", f"{_LEAFLET}.css"),)  # type: ignore[misc,assignment]


@dataclass(frozen=True, slots=True)
class MapParts:
    """A map ready for a template: `head` and `script` go where they say, `body` is the map's own element."""

    head: Markup
    body: Markup
    script: Markup


class PageFigure(Figure):
    """A figure that hands out its parts instead of a whole document."""

    def parts(self, nonce: str, static: str) -> MapParts:
        """Render all children, then rewrite. `static` is the address of our static files."""
        for child in self._children.values():
            child.render()
        head = "\n".join(_head_part(one, nonce, static) for one in self.header._children.values())
        script = f'<script nonce="{escape(nonce)}">{self.script.render()}</script>'
        return MapParts(Markup(head), Markup(self.html.render()), Markup(script))  # noqa: S704


def _head_part(part: Element, nonce: str, static: str) -> str:
    quoted = escape(nonce)
    if isinstance(part, JavascriptLink):
        return f'<script nonce="{quoted}" src="{static}/{local(part.url)}"></script>'
    if isinstance(part, CssLink):
        return f'<link rel="stylesheet" href="{static}/{local(part.url)}">'
    text = _VIEWPORT.sub("", part.render())
    if "http-equiv" in text:
        return ""
    return _OPENING.sub(lambda found: f'<{found[1]} nonce="{quoted}">', text)


def page_map(
    *,
    lat: float,
    lon: float,
    zoom: int,
    bounds: Sequence[Sequence[float]] | None,
    nonce: str,
    static: str,
    basemap: Basemap = NOTHING,
    heat: bool = False,
) -> MapParts:
    """A page's map: the base map if there is one; territories, orders and vehicles are our own layers. `heat`: with a
    heat layer, which the page fills."""
    figure, drawn = plain_map(lat=lat, lon=lon, zoom=zoom, bounds=bounds, basemap=basemap)
    if heat:
        layer = HeatMap([], **HEAT)  # type: ignore[no-untyped-call]
        layer.add_child(HeatHandle())
        drawn.add_child(layer)
    return figure.parts(nonce, static)


def plain_map(
    *,
    lat: float,
    lon: float,
    zoom: int,
    bounds: Sequence[Sequence[float]] | None,
    basemap: Basemap = NOTHING,
) -> tuple[PageFigure, PageMap]:
    """A map in a figure of its own; the page's modules find it by its handle, and draw the base map that it names."""
    figure = PageFigure()
    drawn = PageMap(
        location=[lat, lon],
        tiles=None,
        zoom_start=zoom,
        min_zoom=9,
        max_zoom=18,
        control_scale=True,
        zoom_control="topright",
        zoom_snap=0.25,
        zoom_delta=0.5,
        prefer_canvas=True,
        attribution_control=False,
    )
    figure.add_child(drawn)
    if bounds:
        drawn.fit_bounds(bounds)
    drawn.add_child(MapHandle())
    layer = VectorBaseLayer if basemap.kind == "pmtiles" else BaseLayer
    drawn.add_child(layer(asdict(basemap)))
    return figure, drawn


def bounds_of(territories: Mapping[str, Any], centre_id: str | None) -> list[list[float]] | None:
    """South-west and north-east corner (lat, lon) of a centre's territories, or of all; None where there are none."""
    features = territories.get("features", [])
    own = [f for f in features if f["properties"].get("centre_id") == centre_id] or features
    places = [place for f in own for place in _places(f["geometry"]["coordinates"])]
    if not places:
        return None
    lons, lats = zip(*places, strict=True)
    return [[min(lats), min(lons)], [max(lats), max(lons)]]


def _places(coordinates: Any) -> list[tuple[float, float]]:
    if coordinates and isinstance(coordinates[0], (int, float)):
        return [(coordinates[0], coordinates[1])]
    return [place for part in coordinates for place in _places(part)]
