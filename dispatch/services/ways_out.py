"""The ways out of the centre. They say what they can prove: an exchange that takes a call has not reached anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dispatch.messages import Desired


@dataclass(frozen=True)
class Ports:
    """The ways out of the centre, as the outbox worker uses them."""

    devices: Devices
    link: CentreLink
    phone: Phone | None
    """None: no telephone exchange is configured; every attempt says so."""
    alerts: Alerts


class Devices(Protocol):
    """The way to the devices (D4)."""

    async def write_desired(self, desired: Desired) -> None:
        """Make this what should be on the device, unless a newer revision is there. Raises Unavailable."""
        ...


class CentreLink(Protocol):
    """The way from the hotline to a repair centre's inbox."""

    async def deliver(self, centre_id: str, order_id: str, send: int, tries: int) -> None:
        """Append to the centre's inbox; its receipt comes back by itself. `tries` counts this one. Raises Unavailable."""
        ...


class Phone(Protocol):
    """A telephone exchange. Taking a call proves nothing; reports of what happened come back later."""

    async def ring(self, call_id: str, number: str, language: str, prompt: str) -> None:
        """Start a call, or find that it was started. Raises Unavailable; NotPlaced where it certainly does not begin."""
        ...

    async def hang_up(self, call_id: str) -> None:
        """End a call if it is live."""
        ...


class Alerts(Protocol):
    """Alerts outside the pages: e-mail, webhook, chat."""

    async def send(self, url: str, title: str, body: str) -> str:
        """Hand a text to the service of an address; what it said, in words. It proves that the service took it,
        not that anybody read it. Raises Unavailable, whose text holds no secret."""
        ...
