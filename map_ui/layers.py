"""Our own parts of a folium map."""

from __future__ import annotations

from branca.element import MacroElement
from folium.template import Template


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
