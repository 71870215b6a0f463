"""What the HTTP interface is given by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from dispatch.adapters.channels.phone_rest import RestPhone
from dispatch.adapters.http.sign_in import Attempts
from dispatch.adapters.redis.device_window import DeviceWindow, OneDevice
from dispatch.adapters.sql.administration import SqlAdministration
from dispatch.adapters.sql.views import Views
from dispatch.messages import Position
from dispatch.services.call_desk import Desk, Gazetteer
from dispatch.services.context import Context
from dispatch.services.people import People
from dispatch.services.photos import Photos
from dispatch.services.positions import Near, Tracks
from dispatch.services.review import Histories
from dispatch.services.review_letters import SavedViews
from dispatch.services.shortage import Shortages
from dispatch.services.tickets import Tickets


class Devices(Protocol):
    """How the devices are, as the gateways tell it. Raises Unavailable."""

    async def all(self) -> DeviceWindow:
        """All of them, and who is not known."""
        ...

    async def one(self, device: str) -> OneDevice:
        """One with its last frames."""
        ...


class PhonePositions(Protocol):
    """Takes what a crew's page says of where it is, as a gateway takes a device's positions."""

    async def append(self, positions: Sequence[Position]) -> None:
        """Durable when it returns. Raises Unavailable."""
        ...


@dataclass(frozen=True)
class HttpServices:
    """One installation's HTTP interface. `roads` gives simplified road lines as a GeoJSON FeatureCollection."""

    context: Context
    views: Views
    histories: Histories
    people: People
    tickets: Tickets
    administration: SqlAdministration
    tracks: Tracks
    near: Near
    devices: Devices
    shortages: Shortages
    saved: SavedViews
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
    photos: Photos | None = None
    """Where the crews' photos are; None: none are taken."""
    phone_positions: PhonePositions | None = None
    """Where the crew's page puts its positions; None: none are taken."""
    origins: frozenset[str] = frozenset()
    """Further origins that pages may come from, as `https://host`; its own is always one."""
    attempts: Attempts = field(default_factory=Attempts)
