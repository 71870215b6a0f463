"""The auditor's own way out: Apprise addresses that share nothing with the alerts of orders."""

from __future__ import annotations

import asyncio

import apprise

from dispatch.core.errors import BadInput, Unavailable

PATIENCE = 20.0
"""Seconds that a service may take."""


class Alarm:
    """One address."""

    def __init__(self, address: str, place: int) -> None:
        """`place`: what it is called, since addresses hold passwords. Raises BadInput where it cannot be used."""
        self.place = place
        self._channel = apprise.Apprise()
        if not self._channel.add(address):
            raise BadInput(f"auditor_urls: address {place} cannot be used; expected scheme://…")

    async def tell(self, title: str, body: str, *, solved: bool) -> None:
        """Raises Unavailable where the service did not take it."""
        try:
            async with asyncio.timeout(PATIENCE):
                taken = await self._channel.async_notify(
                    title=title,
                    body=body,
                    notify_type=apprise.NotifyType.SUCCESS if solved else apprise.NotifyType.FAILURE,
                )
        except TimeoutError:
            raise Unavailable(f"alarm address {self.place}: not taken within {PATIENCE:g} s") from None
        if not taken:
            raise Unavailable(f"alarm address {self.place}: the service did not take it")


def alarms(addresses: str) -> list[Alarm]:
    """Each of these addresses, separated by spaces. Raises BadInput naming the place of one that cannot be used."""
    return [Alarm(address, place) for place, address in enumerate(addresses.split(), 1)]
