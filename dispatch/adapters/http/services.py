"""What the HTTP interface is given by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from dispatch.adapters.channels.phone_rest import RestPhone
from dispatch.adapters.http.sign_in import Attempts
from dispatch.adapters.redis.device_window import DeviceWindow, OneDevice
from dispatch.adapters.sql.views import Views
from dispatch.core.compliance import Measured
from dispatch.services.call_desk import Desk, Gazetteer
from dispatch.services.context import Context
from dispatch.services.people import People, Person
from dispatch.services.positions import Near, Tracks
from dispatch.services.shortage import Shortages
from dispatch.services.tickets import Tickets


class Administration(Protocol):
    """The organisation and its territories, read and replaced as a whole; the context follows."""

    def document(self) -> dict[str, Any]:
        """The organisation as a file that `replace` takes."""
        ...

    async def replace(self, document: Mapping[str, Any], *, by: Person) -> None:
        """Put a whole organisation in place. Raises BadInput naming what is wrong."""
        ...

    async def replace_territories(self, geojson: Mapping[str, Any], *, by: Person) -> None:
        """Put all territories in place. Raises BadInput naming the feature."""
        ...

    async def audit(self, before: int) -> list[dict[str, Any]]:
        """A page of the audit trail, the newest first; `before`: the lowest id of the page before, 0: none."""
        ...


class Histories(Protocol):
    """Measured orders of a period, for the manager."""

    async def measured(self, first: date, last: date) -> list[Measured]:
        """Orders reported on the local days `first` to `last`, both included."""
        ...


class Devices(Protocol):
    """How the devices are, as the gateways tell it. Raises Unavailable."""

    async def all(self) -> DeviceWindow:
        """All of them, and who is not known."""
        ...

    async def one(self, device: str) -> OneDevice:
        """One with its last frames."""
        ...


@dataclass(frozen=True)
class HttpServices:
    """One installation's HTTP interface. `roads` gives simplified road lines as a GeoJSON FeatureCollection."""

    context: Context
    views: Views
    histories: Histories
    people: People
    tickets: Tickets
    administration: Administration
    tracks: Tracks
    near: Near
    devices: Devices
    shortages: Shortages
    gazetteer: Gazetteer
    call_desk: Desk
    health: Callable[[], Awaitable[Mapping[str, Any]]]
    secret: str
    """Of the telephone exchange's callbacks."""
    live_port: int
    live_url: str = ""
    """Where a proxy puts the live feed; empty: the page's host with `live_port`."""
    roads: Callable[[], Mapping[str, Any]] = dict
    provider_token: str = ""
    """With which a telephone provider signs; empty: there is none, and nothing is taken from one."""
    desk: RestPhone | None = None
    """The telephone, which has the words of a call, and is told what a provider told us."""
    public_url: str = ""
    """Where the provider finds us, without a slash at the end."""
    origins: frozenset[str] = frozenset()
    """Further origins that pages may come from, as `https://host`; its own is always one."""
    attempts: Attempts = field(default_factory=Attempts)
