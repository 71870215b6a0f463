"""The auditor's own way out: Apprise addresses that share nothing with the alerts of orders."""

from __future__ import annotations

import asyncio

import apprise

from dispatch.core.errors import BadInput, Unavailable

PATIENCE = 20.0
"""Seconds that all services together may take."""


class Alarms:
    """Tells every address."""

    def __init__(self, addresses: str) -> None:
        """`addresses`, separated by spaces. Raises BadInput naming the place of one that cannot be used."""
        self._channel = apprise.Apprise()
        for place, address in enumerate(addresses.split(), 1):
            if not self._channel.add(address):  # not shown: addresses hold passwords
                raise BadInput(f"auditor_urls: address {place} cannot be used; expected scheme://…")

    async def tell(self, title: str, body: str, *, solved: bool) -> None:
        """Raises Unavailable where a service did not take it; nothing where there is no address."""
        if not self._channel:
            return
        try:
            async with asyncio.timeout(PATIENCE):
                taken = await self._channel.async_notify(
                    title=title,
                    body=body,
                    notify_type=apprise.NotifyType.SUCCESS if solved else apprise.NotifyType.FAILURE,
                )
        except TimeoutError:
            raise Unavailable(f"the auditor's alarm was not taken within {PATIENCE:g} s") from None
        if not taken:
            raise Unavailable("the auditor's alarm was not taken by every service")
