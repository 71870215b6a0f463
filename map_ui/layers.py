"""Our own parts of a folium map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from branca.element import MacroElement
from folium.elements import JSCSSMixin
from folium.template import Template

_PROTOMAPS = "https://unpkg.com/protomaps-leaflet@5.1.0/dist/protomaps-leaflet.js"


class MapHandle(MacroElement):
    """Hands the Leaflet map that folium made to the page's modules, as `globalThis.dispatch45Map`."""

    _template = Template(
        "{% macro script(this, kwargs) %}globalThis.dispatch45Map = {{ this._parent.get_name() }};{% endmacro %}"
    )

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "MapHandle"


class HeatHandle(MacroElement):
    """Hands a heat layer that folium made to the page's modules, as `globalThis.dispatch45Heat`."""

    _template = Template(
        "{% macro script(this, kwargs) %}globalThis.dispatch45Heat = {{ this._parent.get_name() }};{% endmacro %}"
    )

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "HeatHandle"


class LandNames(MacroElement):
    """Names on the land. `names`: latitude, longitude, and the name as HTML."""

    _template = Template(
        """{% macro script(this, kwargs) %}{{ this.names|tojson }}.forEach(([lat, lon, html]) => L.marker([lat, lon], {
          icon: L.divIcon({ html, className: 'land-name', iconSize: [160, 16] }), interactive: false, keyboard: false,
        }).addTo({{ this._parent.get_name() }}));{% endmacro %}"""
    )

    def __init__(self, names: Sequence[tuple[float, float, str]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "LandNames"
        self.names = names


class BaseLayer(JSCSSMixin, MacroElement):
    """Tells the page's modules which base map to draw, as `globalThis.dispatch45Basemap`."""

    default_js: ClassVar[Sequence[tuple[str, str]]] = ()  # type: ignore[misc,assignment]
    _template = Template(
        "{% macro script(this, kwargs) %}globalThis.dispatch45Basemap = {{ this.told|tojson }};{% endmacro %}"
    )

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "BaseLayer"
        self.told = told


class VectorBaseLayer(BaseLayer):
    """The same, with what draws vector tiles."""

    default_js: ClassVar[Sequence[tuple[str, str]]] = (("protomaps", _PROTOMAPS),)  # type: ignore[misc]
