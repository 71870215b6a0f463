"""What the pages need of the program: who is asking, and how the map is set up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from map_ui.basemap.chosen import NO_BASEMAP, Choice


class Person(Protocol):
    """Somebody who is signed in."""

    @property
    def username(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def centre_id(self) -> str | None: ...
    @property
    def crew_id(self) -> str | None: ...
    @property
    def must_change(self) -> bool:
        """Whether nothing is open to this person before an own password is chosen."""
        ...


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """A sign-in of the demonstration, offered on the sign-in page."""

    role: str
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class PageServices:
    """Handed to `mount`. Everything else the pages get in the browser, from the API."""

    person_of: Callable[[Request], Awaitable[Person | None]]
    live_origin: Callable[[Request], str]
    """`ws://host:port` of the live feed as the asking browser reaches it; see `same_host`."""
    territories: Callable[[], Mapping[str, Any]]
    """A GeoJSON feature collection; its extent is what a map shows first."""
    has_order: Callable[[str], Awaitable[bool]]
    """Whether there is an order of this number."""
    report: Callable[[Request, str], Awaitable[Response]] | None = None
    """The manager's report as one file, for a request's days and filter, in a language."""
    live_address: str = ""
    """Where a proxy puts the live feed, in place of `live_origin`; empty: no proxy."""
    lat: float = 35.0
    lon: float = 105.0
    zoom: int = 5
    """Where a map starts that has no territories."""
    basemap: Choice = NO_BASEMAP
    """What lies under everything on a map."""
    timezone: str = "Asia/Shanghai"
    tracking_port: int = 0
    """Port that phones report their position to (OsmAnd's way); 0: pages do not speak of it."""
    navigation: str = "geo"
    """What the crew's "Navigate" opens: geo, amap, baidu or google."""
    demo: bool = False
    demo_accounts: tuple[DemoAccount, ...] = ()


def same_host(port: int) -> Callable[[Request], str]:
    """The live feed on the host that the page came from, at `port`."""

    def origin(request: Request) -> str:
        scheme = "wss" if request.url.scheme == "https" else "ws"
        host = request.url.hostname or "127.0.0.1"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    return origin
